package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

func keyCommand(env *environment) *cobra.Command {
	return group("key", "Manage API keys", keyCreate(env), keyList(env), keyShow(env), keyRotate(env), keyRevoke(env), keyAcceptRestored(env), keyImport(env))
}

// keyView is an API key for a person or a program to read; the key itself is not in it.
type keyView struct {
	ID              string   `json:"id"`
	Owner           string   `json:"owner"`
	Roles           []string `json:"roles"`
	Scopes          []string `json:"scopes"`
	Networks        []string `json:"networks"`
	Limit           *string  `json:"limit"`
	Environment     string   `json:"environment"`
	CreatedAt       *string  `json:"created_at"`
	ExpiresAt       *string  `json:"expires_at"`
	LastUsedAt      *string  `json:"last_used_at"`
	LastUsedNetwork *string  `json:"last_used_network"`
	RevokedAt       *string  `json:"revoked_at"`
	HeldAt          *string  `json:"held_at"` // refused since then, until a person decides
	Replaces        *string  `json:"replaces"`
	Note            *string  `json:"note"`
	Canary          bool     `json:"canary"`
	Weak            bool     `json:"weak"` // made elsewhere
}

// predecessor is the key that another one replaced, and whether somebody still uses it.
type predecessor struct {
	ID              string  `json:"id"`
	EndsAt          *string `json:"ends_at"`
	LastUsedAt      *string `json:"last_used_at"`
	LastUsedNetwork *string `json:"last_used_network"`
	StillUsed       bool    `json:"still_used"` // after there was a new one
}

func viewKey(r apikey.Record, names map[string]string) keyView {
	networks := []string{}
	for _, n := range r.Networks {
		networks = append(networks, n.String())
	}
	return keyView{
		ID: r.ID, Owner: names[r.Owner], Roles: list(r.Roles), Scopes: list(r.Scopes), Networks: networks,
		Limit: orNil(r.Limit), Environment: r.Env, CreatedAt: stampOrNil(r.CreatedAt), ExpiresAt: stampOrNil(r.ExpiresAt),
		LastUsedAt: stampOrNil(r.LastUsedAt), LastUsedNetwork: orNil(r.LastUsedNetwork),
		RevokedAt: stampOrNil(r.RevokedAt), HeldAt: stampOrNil(r.HeldAt), Replaces: orNil(r.Replaces),
		Note: orNil(r.Note), Canary: r.Canary, Weak: r.Foreign,
	}
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// keyService opens what makes keys.
func (o *opened) keyService(ctx context.Context) (*apikey.Service, error) {
	master, err := openMaster(ctx, o.config)
	if err != nil {
		return nil, err
	}
	peppers, err := secret.LoadRing(ctx, o.store, master, secret.PurposePepper, nil)
	if err != nil {
		return nil, err
	}
	return &apikey.Service{Store: o.store, Peppers: peppers, MaxLifetime: o.config.Keys.MaxTTL}, nil
}

func keyCreate(env *environment) *cobra.Command {
	var wish keyWish
	var canary bool
	var seal sealing
	c := &cobra.Command{
		Use:   "create " + wishUse + " [--canary] [--seal-to age1...]",
		Short: "Make an API key; it is printed once", Args: exactly(0),
		Example: "  sanmon key create --owner service:importer --role writer --network 203.0.113.0/24 --limit 10/m",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := wish.check(); err != nil {
				return err
			}
			if err := seal.prepare(); err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				spec, err := wish.spec(c, o)
				if err != nil {
					return err
				}
				spec.Canary = canary
				return env.createKey(ctx, o, wish.owner, spec, &seal)
			})
		},
	}
	wish.flags(c)
	c.Flags().BoolVar(&canary, "canary", false, "make a key that is never valid and raises an alarm when it is used")
	seal.flag(c)
	return env.withJSON(c)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (e *environment) createKey(ctx context.Context, o *opened, owner string, spec apikey.Spec, seal *sealing) error {
	service, err := o.keyService(ctx)
	if err != nil {
		return err
	}
	if err := service.Check(spec, time.Now()); err != nil { // before a service is made for it
		return err
	}
	r, err := o.ownerOrNew(ctx, owner, spec)
	if err != nil {
		return err
	}
	spec.Owner = r.ID
	record, key, err := service.Create(ctx, spec, "cli", time.Now())
	if err != nil {
		return err
	}
	if len(spec.Roles)+len(spec.Scopes) == 0 && !spec.Canary {
		_, _ = fmt.Fprintf(e.stderr, "note: the key grants nothing, and opens only routes without require (give it --role or --scope, and end this one: sanmon key revoke %s)\n", record.ID)
	}
	return e.issued(ctx, service, record, key, seal)
}

// ownerOrNew finds the owner; a service is made by its first key and takes that key's
// roles.
func (o *opened) ownerOrNew(ctx context.Context, owner string, spec apikey.Spec) (principal.Record, error) {
	name, isService := strings.CutPrefix(owner, servicePrefix)
	if !isService {
		return o.user(ctx, owner)
	}
	r, err := o.store.PrincipalByName(ctx, principal.Service, name)
	if !errors.Is(err, principal.ErrNotFound) {
		return r, err
	}
	if err := serviceName(name); err != nil {
		return r, err
	}
	r = principal.Record{ID: secret.NewID("svc_"), Kind: principal.Service, Name: name, Roles: spec.Roles, CreatedAt: time.Now()}
	return r, o.store.CreatePrincipal(ctx, r, byCLI(audit.ServiceRoles, "created; roles="+strings.Join(spec.Roles, ",")))
}

func serviceName(name string) error {
	if len(redact.Line([]byte(name))) != len(name) || apikey.Looks([]byte(name)) {
		return errors.New("that is a credential and no name (names are stored and shown; if others could see this command line, revoke it)")
	}
	ok := len(name) > 0 && len(name) <= 64
	for _, c := range name {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c))
	}
	if !ok {
		return fmt.Errorf("service name %q is not 1 to 64 letters, digits, \"-\", \"_\" and \".\"", name)
	}
	return nil
}

func keyList(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "list", Short: "List API keys, without the keys themselves", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				names, err := o.names(ctx)
				if err != nil {
					return err
				}
				views, rows := []keyView{}, [][]string{}
				err = o.store.EachKey(ctx, func(r apikey.Record) error {
					v := viewKey(r, names)
					views = append(views, v)
					rows = append(rows, []string{v.ID, v.Owner, strings.Join(v.Roles, ","), strings.Join(v.Scopes, ","), v.Environment, keyState(r, time.Now()), stamp(r.ExpiresAt), stamp(r.LastUsedAt)})
					return nil
				})
				if err != nil {
					return err
				}
				if env.json {
					return env.printJSON(views)
				}
				return env.printTable("ID OWNER ROLES SCOPES ENV STATE EXPIRES LAST-USED", rows)
			})
		},
	})
}

func keyState(r apikey.Record, now time.Time) string {
	switch {
	case !r.RevokedAt.IsZero():
		return "revoked"
	case r.Canary:
		return "canary"
	case r.Held():
		return "held"
	case r.Foreign && (r.ExpiresAt.IsZero() || now.Before(r.ExpiresAt)):
		return "active, weak"
	case !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt):
		return "expired"
	}
	return "active"
}

func keyShow(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "show ID", Short: "Show one API key, without the key itself", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.key(ctx, args[0])
				if err != nil {
					return err
				}
				names, err := o.names(ctx)
				if err != nil {
					return err
				}
				before, err := o.predecessor(ctx, r)
				if err != nil {
					return err
				}
				return env.printJSON(struct {
					keyView
					Predecessor *predecessor `json:"predecessor"`
				}{viewKey(r, names), before})
			})
		},
	})
}

// predecessor says whether the key before r is still in use; nil when there is none.
func (o *opened) predecessor(ctx context.Context, r apikey.Record) (*predecessor, error) {
	if r.Replaces == "" {
		return nil, nil
	}
	old, err := o.store.KeyByID(ctx, r.Replaces)
	if errors.Is(err, apikey.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ends := old.ExpiresAt
	if !old.RevokedAt.IsZero() {
		ends = old.RevokedAt
	}
	// Uses are kept by the minute.
	return &predecessor{old.ID, stampOrNil(ends), stampOrNil(old.LastUsedAt), orNil(old.LastUsedNetwork), old.LastUsedAt.After(r.CreatedAt.Truncate(time.Minute))}, nil
}

// key finds a key by its id; a whole key is refused before it ends up in a history.
func (o *opened) key(ctx context.Context, id string) (apikey.Record, error) {
	if apikey.Looks([]byte(id)) {
		return apikey.Record{}, hinted{errors.New("that is a key, not its id"), "the id is the 12 characters after smk_live_ or smk_test_; revoke the key if others could see this command line"}
	}
	r, err := o.store.KeyByID(ctx, id)
	if errors.Is(err, apikey.ErrNotFound) {
		return r, hinted{fmt.Errorf("there is no API key %q", id), "list them with: sanmon key list"}
	}
	return r, err
}

func keyRotate(env *environment) *cobra.Command {
	var overlap string
	var now bool
	var seal sealing
	c := &cobra.Command{
		Use: "rotate ID [--overlap 24h | --now] [--seal-to age1...]", Short: "Make a new key on the same terms; the old one ends after the overlap", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			if now && c.Flags().Changed("overlap") {
				return usageError{errors.New("--overlap and --now exclude each other")}
			}
			both, err := config.ParseDuration(overlap)
			if err != nil {
				return usageError{fmt.Errorf("--overlap %q is no time (write 24h)", overlap)}
			}
			if now {
				both = 0
			}
			if err := seal.prepare(); err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.key(ctx, args[0])
				if err != nil {
					return err
				}
				service, err := o.keyService(ctx)
				if err != nil {
					return err
				}
				fresh, key, err := service.Rotate(ctx, r.ID, both, "cli", time.Now())
				if err != nil {
					return err
				}
				return env.issued(ctx, service, fresh, key, &seal)
			})
		},
	}
	c.Flags().StringVar(&overlap, "overlap", "24h", "how long the old key still works, at most 7d")
	c.Flags().BoolVar(&now, "now", false, "end the old key at once")
	seal.flag(c)
	return env.withJSON(c)
}
