package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/keys/limit/valkey"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
)

// live are the secrets of a running server, which are read again while it runs.
type live struct {
	keeper *source.Keeper
	logger *slog.Logger

	mu     sync.Mutex // guards master
	master *masterSet
}

func newLive(c *config.Config, logger *slog.Logger) *live {
	return &live{logger: logger, keeper: &source.Keeper{Resolver: resolver(c), Interval: c.Secrets.Interval, MaxAge: c.Secrets.MaxAge, Logger: logger}}
}

// openStore is openStore with a password that is tried with a connection before it counts.
func (v *live) openStore(ctx context.Context, c *config.Config) (*storage.DB, error) {
	if c.Store.Password == "" {
		return openStore(ctx, c)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	password, err := v.keeper.Watch(ctx, source.Watched{
		Name: "store.password", Ref: c.Store.Password,
		Check: func(ctx context.Context, p secret.Value) error { return postgres.Try(ctx, c.Store.Address, p) },
	})
	if err != nil {
		return nil, err
	}
	return postgres.OpenWith(ctx, c.Store.Address, postgres.Password{Now: password.Value, Refused: password.Again}, postgres.Options{})
}

// limiter gives the shared limiter a password that may change.
func (v *live) limiter(ctx context.Context, c *config.Config, shared *valkey.Limiter) error {
	if shared == nil || c.Limiter.Password == "" {
		return nil
	}
	password, err := v.keeper.Watch(ctx, source.Watched{Name: "limiter.password", Ref: c.Limiter.Password, Check: func(ctx context.Context, p secret.Value) error {
		o, err := limiterOptions(c, p, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		l, err := valkey.New(o)
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
		return l.Probe(ctx)
	}})
	if err != nil {
		return err
	}
	shared.UsePassword(valkey.Password{Now: password.Value, Refused: password.Again})
	return nil
}

// metricsToken is who may read the metrics; nil: everybody on the admin listener.
func (v *live) metricsToken(ctx context.Context, c *config.Config) (func() (secret.Value, error), error) {
	if c.Metrics.Token == "" {
		return nil, nil
	}
	token, err := v.keeper.Watch(ctx, source.Watched{Name: "metrics.token", Ref: c.Metrics.Token})
	if err != nil {
		return nil, err
	}
	return token.Value, nil
}

// followMaster reads the references of the master key from now on, instead of those before.
// A value that does not open what is stored never counts.
func (v *live) followMaster(ctx context.Context, c *config.Config, store *storage.DB, master *secret.Master) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	set := &masterSet{live: v, store: store, master: master}
	for i, ref := range append([]string{c.MasterKey}, c.MasterOthers...) {
		l, err := v.keeper.Watch(ctx, source.Watched{
			Name: "master_key", Ref: ref, Master: true,
			Check:   func(ctx context.Context, value secret.Value) error { return set.check(ctx, i, value) },
			Changed: func(value secret.Value) { set.changed(i, value) },
		})
		if err != nil {
			v.keeper.Forget(set.keys...)
			return err
		}
		set.keys = append(set.keys, l)
	}
	if v.master != nil {
		v.keeper.Forget(v.master.keys...)
	}
	v.master = set
	return nil
}

// masterSet are the master keys of one configuration: what seals first.
type masterSet struct {
	live   *live
	store  *storage.DB
	master *secret.Master
	keys   []*source.Live // guarded by live.mu
}

// compose makes a master of the values that are held, with another one in one place.
func (s *masterSet) compose(at int, value secret.Value) (*secret.Master, error) {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	if s.live.master != s {
		return nil, errors.New("another master_key is in force by now")
	}
	keys := make([]secret.Value, len(s.keys))
	for i, l := range s.keys {
		from := l.Held()
		if i == at {
			from = value
		}
		key, err := source.DecodeMaster(from)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	return secret.NewMaster(keys[0], keys[1:]...)
}

func (s *masterSet) check(ctx context.Context, at int, value secret.Value) error {
	candidate, err := s.compose(at, value)
	if err != nil {
		return err
	}
	return fits(ctx, candidate, s.store)
}

func (s *masterSet) changed(at int, value secret.Value) {
	fresh, err := s.compose(at, value)
	if err != nil {
		return // check has just done the same: it was replaced in between
	}
	s.master.Use(fresh)
	s.live.logger.Info("the master key has changed", "seals", fresh.IDs()[0], "opens", strings.Join(fresh.IDs(), " "))
}

// fits refuses a master key that does not open everything that is stored.
func fits(ctx context.Context, master *secret.Master, store *storage.DB) error {
	if err := master.Fits(ctx, store, purposes); err != nil {
		return err
	}
	v, err := masterViewOf(ctx, store, master)
	if err != nil {
		return err
	}
	if foreign := v.foreign(); len(foreign) > 0 {
		return fmt.Errorf("it does not open everything that is stored: sealed are %s (keep that key as master_key.previous, and run: sanmon keyset rotate --master)", strings.Join(foreign, ", "))
	}
	return nil
}

// changeMaster makes another master_key of the configuration ready. use puts it in force.
func (n *node) changeMaster(ctx context.Context, c *config.Config) (use func() error, err error) {
	candidate, err := openMaster(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := fits(ctx, candidate, n.layers.store); err != nil {
		return nil, fmt.Errorf("master_key: %w", err)
	}
	return func() error {
		if err := n.live.followMaster(ctx, c, n.layers.store, n.layers.master); err != nil {
			return err
		}
		n.layers.master.Use(candidate)
		n.logger.Info("the master key has changed", "seals", candidate.IDs()[0], "opens", strings.Join(candidate.IDs(), " "))
		return nil
	}, nil
}

// hangup reads every secret again on SIGHUP, until ctx ends.
func (n *node) hangup(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			if err := n.live.keeper.Refresh(ctx); err != nil {
				n.logger.Warn("SIGHUP: not every secret could be read again; the last good values stay in use", "error", err)
				continue
			}
			n.logger.Info("SIGHUP: every secret was read again")
		}
	}
}

// warnForeign says at the start what the master key does not open.
func (n *node) warnForeign(ctx context.Context) error {
	if err := fits(ctx, n.layers.master, n.layers.store); err != nil && ctx.Err() == nil {
		n.logger.Error("master_key does not fit the store", "error", err)
	}
	return nil
}
