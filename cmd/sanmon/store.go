package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/secret"
)

// openTimeout bounds opening a store, migrations included.
const openTimeout = 30 * time.Second

// openStore opens the configured store. "Only cmd knows a database."
func openStore(ctx context.Context, c *config.Config) (*storage.DB, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if c.Store.Driver == "sqlite" {
		return sqlite.Open(ctx, c.Store.Address, sqlite.Options{})
	}
	var password secret.Value
	if c.Store.Password != "" {
		var err error
		if password, err = resolver(c).Resolve(ctx, c.Store.Password); err != nil {
			return nil, fmt.Errorf("password of the store: %w", err)
		}
	}
	return postgres.Open(ctx, c.Store.Address, password, postgres.Options{})
}

// opened is an open configuration and store, for one command.
type opened struct {
	config *config.Config
	store  *storage.DB
}

// open reads the configuration and opens its store; close ends it.
func (e *environment) open(ctx context.Context) (*opened, error) {
	c, err := config.Load(e.config)
	if err != nil {
		return nil, e.configError(err)
	}
	store, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	return &opened{c, store}, nil
}

func (o *opened) close() { _ = o.store.Close() }

// configError adds what to do when there is no configuration.
func (e *environment) configError(err error) error {
	if _, stat := os.Stat(e.config); os.IsNotExist(stat) {
		return hinted{fmt.Errorf("no configuration at %s", e.config), "make one with: sanmon init   or name it with: -c FILE"}
	}
	return err
}

// byCLI is an audit event of a command.
func byCLI(name audit.Name, detail string) audit.Event {
	return audit.Event{At: time.Now(), Event: name, Actor: "cli", Detail: detail}
}

// user finds a user by e-mail address or id.
func (o *opened) user(ctx context.Context, name string) (principal.Record, error) {
	return o.principal(ctx, principal.User, name)
}

// service finds a service by name, with or without "service:".
func (o *opened) service(ctx context.Context, name string) (principal.Record, error) {
	return o.principal(ctx, principal.Service, name)
}

func (o *opened) principal(ctx context.Context, kind principal.Kind, name string) (principal.Record, error) {
	r, err := o.store.PrincipalByName(ctx, kind, canonicalName(kind, name))
	if errors.Is(err, principal.ErrNotFound) {
		r, err = o.store.PrincipalByID(ctx, name)
		if err == nil && r.Kind != kind {
			err = principal.ErrNotFound
		}
	}
	if errors.Is(err, principal.ErrNotFound) {
		return r, hinted{fmt.Errorf("there is no %s %q", kind, name), fmt.Sprintf("list them with: sanmon %s list", kind)}
	}
	return r, err
}

// canonicalName is how a principal's name is stored.
func canonicalName(kind principal.Kind, name string) string {
	if kind == principal.Service {
		return strings.TrimPrefix(name, servicePrefix)
	}
	return strings.ToLower(strings.TrimSpace(name))
}

// servicePrefix marks a service where users may stand too.
const servicePrefix = "service:"

// names maps principal ids to what people call them.
func (o *opened) names(ctx context.Context) (map[string]string, error) {
	users, err := o.store.Principals(ctx, principal.User)
	if err != nil {
		return nil, err
	}
	services, err := o.store.Principals(ctx, principal.Service)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(users)+len(services))
	for _, r := range users {
		names[r.ID] = r.Name
	}
	for _, r := range services {
		names[r.ID] = servicePrefix + r.Name
	}
	return names, nil
}

// knownRoles checks that the configuration has every role.
func (o *opened) knownRoles(roles []string) error { return knownRoles(o.config, roles) }

// knownRoles names the first role that the configuration does not have.
func knownRoles(c *config.Config, roles []string) error {
	for _, role := range roles {
		if _, ok := c.Roles[role]; !ok {
			return hinted{fmt.Errorf("there is no role %q in %s", role, c.Path), "roles are: " + or(strings.Join(slices.Sorted(maps.Keys(c.Roles)), ", "), "none")}
		}
	}
	return nil
}

// with opens the store, runs do and closes it again.
func (e *environment) with(ctx context.Context, do func(context.Context, *opened) error) error {
	o, err := e.open(ctx)
	if err != nil {
		return err
	}
	defer o.close()
	return do(ctx, o)
}
