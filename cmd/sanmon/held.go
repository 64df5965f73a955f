package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
)

// holder keeps the secrets that parts of the server ask for now and then: of the mail
// server, of providers, of receivers. Each is followed from its first use on, so that a
// source which is down for a while takes nothing away. One that a new configuration names
// as before goes on; the others are forgotten.
type holder struct {
	keeper *source.Keeper
	logger *slog.Logger

	mu   sync.Mutex
	all  map[held]*heldSecret
	used map[held]bool // by the configuration that is compiled
}

// held is a setting and its reference.
type held struct{ name, ref string }

// heldSecret is one that is followed from its first use on.
type heldSecret struct {
	held
	keeper *source.Keeper
	first  sync.Mutex
	live   *source.Live                             // guarded by first
	feeds  atomic.Pointer[func(secret.Value) error] // takes another value, or refuses it; nil: everything is taken
}

func newHolder(v *live) *holder {
	return &holder{keeper: v.keeper, logger: v.logger, all: map[held]*heldSecret{}, used: map[held]bool{}}
}

// begin forgets what earlier configurations used, for settle to tell.
func (h *holder) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.used)
}

// hold returns the secret of a setting, the same one for as long as its reference stays.
func (h *holder) hold(name, ref string) *heldSecret {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := held{name, ref}
	h.used[key] = true
	if h.all[key] == nil {
		h.all[key] = &heldSecret{held: key, keeper: h.keeper}
	}
	return h.all[key]
}

// settle stops following what the configuration in force does not name.
func (h *holder) settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, s := range h.all {
		if !h.used[key] {
			s.forget()
			delete(h.all, key)
		}
	}
}

// try reads all of them, and says which cannot be read. The server starts nevertheless: they
// are not what it protects with, and are read again when they are needed.
func (h *holder) try(ctx context.Context) error {
	h.mu.Lock()
	var all []*heldSecret
	for key, s := range h.all {
		if key.ref != "" {
			all = append(all, s)
		}
	}
	h.mu.Unlock()
	for _, s := range all {
		if _, err := s.value(ctx); err != nil && ctx.Err() == nil {
			h.logger.Error("a secret cannot be read; what needs it does not work until it can", "setting", s.name, "error", err)
		}
	}
	return nil
}

func (s *heldSecret) follow(ctx context.Context) (*source.Live, error) {
	s.first.Lock()
	defer s.first.Unlock()
	if s.live == nil {
		l, err := s.keeper.Watch(ctx, source.Watched{Name: s.name, Ref: s.ref, Check: s.feed})
		if err != nil {
			return nil, err
		}
		s.live = l
	}
	return s.live, nil
}

// feed gives another value to who uses it, before it counts.
func (s *heldSecret) feed(_ context.Context, v secret.Value) error {
	if use := s.feeds.Load(); use != nil {
		return (*use)(v)
	}
	return nil
}

// read gives the value of a secret to use, and each later one too, while the configuration
// that named it is in force.
func (h *holder) read(ctx context.Context, name, ref string, use func(secret.Value) error) error {
	s := h.hold(name, ref)
	v, err := s.value(ctx)
	if err != nil {
		return err
	}
	if err := use(v); err != nil {
		return err
	}
	s.feeds.Store(&use)
	return nil
}

func (s *heldSecret) forget() {
	s.first.Lock()
	defer s.first.Unlock()
	if s.live != nil {
		s.keeper.Forget(s.live)
	}
}

// value is the last good value.
func (s *heldSecret) value(ctx context.Context) (secret.Value, error) {
	l, err := s.follow(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	return l.Value()
}

// refused reads the secret anew after somebody refused it, and says whether there is another.
// It is not paced as those are that a loop asks for: a person waits for the sign-in.
func (s *heldSecret) refused(ctx context.Context) bool {
	l, err := s.follow(ctx)
	if err != nil {
		return false
	}
	changed, err := l.Refresh(ctx)
	return err == nil && changed
}

// heldRefs are the references of a configuration that are held: what check tries.
func heldRefs(c *config.Config) map[string]string {
	refs := map[string]string{"login.smtp.password": c.Login.SMTP.Password, "leaks.github.token": c.Leaks.GitHub.Token}
	for _, o := range c.Login.OIDC {
		refs[oidcSecret(o.Name)] = o.ClientSecret
	}
	return refs
}

func oidcSecret(provider string) string { return "login.oidc[" + provider + "].client_secret" }
