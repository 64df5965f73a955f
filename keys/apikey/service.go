package apikey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/secret"
)

// The windows of keys.
const (
	DefaultLifetime = 90 * 24 * time.Hour
	MaxOverlap      = 7 * 24 * time.Hour // of an old key with the one that replaces it
)

// Service makes, rotates and revokes keys. Its fields are set before use. It is safe
// for concurrent use.
type Service struct {
	Store   Store
	Peppers *secret.Ring // of secret.PurposePepper
	// Index, when set, is told of each change at once, so that this node does not wait
	// for the feed.
	Index *Index
	// MaxLifetime bounds how long a new key may live; 0: no bound, and keys that never
	// expire are allowed where they are asked for.
	MaxLifetime time.Duration
}

// Create makes a key and returns it, for the only time. actor is who asked for it: a
// principal id, or "cli".
func (s *Service) Create(ctx context.Context, spec Spec, actor string, now time.Time) (Record, secret.Value, error) {
	r, err := spec.record(s.MaxLifetime, now)
	if err != nil {
		return Record{}, secret.Value{}, fmt.Errorf("create API key: %w", err)
	}
	key, err := s.issue(&r)
	if err != nil {
		return Record{}, secret.Value{}, fmt.Errorf("create API key: %w", err)
	}
	if err := s.Store.CreateKey(ctx, r, time.Time{}, event(audit.KeyCreated, &r, actor, now, describe(&r))); err != nil {
		return Record{}, secret.Value{}, fmt.Errorf("create API key: %w", err)
	}
	s.apply(ctx, r.ID)
	return r, key, nil
}

// Check judges the terms that Create and Import would refuse, for an owner who is not there yet.
func (s *Service) Check(spec Spec, now time.Time) error {
	spec.Owner = "any"
	if _, err := spec.record(s.MaxLifetime, now); err != nil {
		return fmt.Errorf("API key: %w", err)
	}
	return nil
}

// Rotate makes a key on the terms of another, which ends after overlap (0: now, at
// most MaxOverlap) or at its own expiry, whichever comes first. The new key lives as
// long as the old one was made to live. The old key must be alive.
func (s *Service) Rotate(ctx context.Context, id string, overlap time.Duration, actor string, now time.Time) (Record, secret.Value, error) {
	r, key, err := s.rotate(ctx, id, overlap, actor, now)
	if err != nil {
		return Record{}, secret.Value{}, fmt.Errorf("rotate API key %q: %w", id, err)
	}
	s.apply(ctx, id)
	s.apply(ctx, r.ID)
	return r, key, nil
}

func (s *Service) rotate(ctx context.Context, id string, overlap time.Duration, actor string, now time.Time) (Record, secret.Value, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return Record{}, secret.Value{}, fmt.Errorf("overlap %v is out of range (0 to 7d)", overlap)
	}
	old, err := s.find(ctx, id)
	if err != nil {
		return Record{}, secret.Value{}, err
	}
	r, err := successor(&old, s.MaxLifetime, now)
	if err != nil {
		return Record{}, secret.Value{}, err
	}
	key, err := s.issue(&r)
	if err != nil {
		return Record{}, secret.Value{}, err
	}
	detail := fmt.Sprintf("new=%s replaces=%s overlap=%s", r.ID, old.ID, overlap)
	if err := s.Store.CreateKey(ctx, r, now.Add(overlap), event(audit.KeyRotated, &r, actor, now, detail)); err != nil {
		return Record{}, secret.Value{}, err
	}
	return r, key, nil
}

// Revoke ends a key at once; false when it was revoked already.
func (s *Service) Revoke(ctx context.Context, id, actor string, now time.Time) (bool, error) {
	old, err := s.find(ctx, id)
	if err != nil {
		return false, fmt.Errorf("revoke API key %q: %w", id, err)
	}
	return s.revoke(ctx, &old, now, event(audit.KeyRevoked, &old, actor, now, ""))
}

func (s *Service) revoke(ctx context.Context, r *Record, now time.Time, evs ...audit.Event) (bool, error) {
	done, err := s.Store.RevokeKey(ctx, r.ID, now, evs...)
	if err != nil {
		return false, fmt.Errorf("revoke API key %s: %w", r.ID, err)
	}
	s.apply(ctx, r.ID)
	return done, nil
}

// issue gives r an id, a key and the key's MAC.
func (s *Service) issue(r *Record) (secret.Value, error) {
	id, key, err := Generate(Env(r.Env))
	if err != nil {
		return secret.Value{}, err
	}
	m := macs{peppers: s.Peppers}
	version, ok := m.current()
	if !ok {
		return secret.Value{}, noPepper()
	}
	r.ID, r.Pepper, r.Until, r.Bound = id.String(), version, r.ExpiresAt, true
	t := tieOf(r)
	if r.MAC, ok = m.sum(version, string(key.Expose()), &t); !ok {
		return secret.Value{}, dropped(version)
	}
	return key, nil
}

func noPepper() error {
	return errors.New("the store has no pepper (start the server once, or run: sanmon init)")
}

// dropped says that a pepper ended while a key was made with it.
func dropped(version int) error {
	return fmt.Errorf("pepper %d was dropped meanwhile (try again)", version)
}

func (s *Service) find(ctx context.Context, id string) (Record, error) {
	if _, err := ParseID(id); err != nil {
		return Record{}, err
	}
	return s.Store.KeyByID(ctx, id)
}

func (s *Service) apply(ctx context.Context, id string) {
	if s.Index != nil {
		// The change is made: the request that made it may have ended already.
		s.Index.Apply(context.WithoutCancel(ctx), change.Change{Kind: change.Key, ID: id})
	}
}

func event(name audit.Name, r *Record, actor string, now time.Time, detail string) audit.Event {
	return audit.Event{At: now, Event: name, Subject: r.Owner, Actor: actor, KeyID: r.ID, Detail: detail}
}

// describe writes a key's terms for the trail.
func describe(r *Record) string {
	words := []string{"env=" + r.Env, "roles=" + strings.Join(r.Roles, ","), "scopes=" + strings.Join(r.Scopes, ",")}
	for _, p := range r.Networks {
		words = append(words, "network="+p.String())
	}
	if r.Limit != "" {
		words = append(words, "limit="+r.Limit)
	}
	if r.Foreign {
		words = append(words, "imported=true")
	}
	if r.Canary {
		words = append(words, "canary=true")
	}
	if r.ExpiresAt.IsZero() {
		return strings.Join(append(words, "expires=never"), " ")
	}
	return strings.Join(append(words, "expires="+r.ExpiresAt.UTC().Format(time.RFC3339)), " ")
}
