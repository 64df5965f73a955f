package apikey

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/secret"
)

// Reported says what a key was that somebody reported.
type Reported struct {
	Ours    bool   // it was issued here, alive or not
	Revoked bool   // it was alive until this report
	ID      string // public id of a key of ours
}

// Report ends a key that is where it does not belong: possession is the right to revoke, so
// that whoever finds a key can make it harmless. Expired keys and keys of another
// environment are revoked too. actor is who reported it, "holder" or the name of a service;
// detail says where it was found and holds no credential. Anonymous finders should get the
// same answer whatever came of it.
func (s *Service) Report(ctx context.Context, key secret.Value, actor, detail string, now time.Time) (Reported, error) {
	presented := string(key.Expose())
	r, err := s.presented(ctx, presented)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Reported{}, fmt.Errorf("revoke reported API key: %w", err)
	}
	if !s.genuine(&r, err == nil, presented) {
		return Reported{}, nil
	}
	done, err := s.revoke(ctx, &r, now,
		event(audit.KeyReported, &r, actor, now, detail), event(audit.KeyRevoked, &r, actor, now, detail))
	return Reported{Ours: true, Revoked: done, ID: r.ID}, err
}

// presented finds the record of a presented key, whatever its secret is; ErrNotFound.
func (s *Service) presented(ctx context.Context, presented string) (Record, error) {
	id, _, err := Parse(presented)
	if err != nil {
		return s.findForeign(ctx, presented)
	}
	return s.Store.KeyByID(ctx, id.String())
}

// genuine compares the MAC. A key that is not known costs the same.
func (s *Service) genuine(r *Record, known bool, presented string) bool {
	m := macs{peppers: s.Peppers}
	if !known {
		r.Pepper, _ = m.current()
		r.Bound = true
	}
	t := tieOf(r)
	sum, ok := m.sum(r.Pepper, presented, &t)
	same := subtle.ConstantTimeCompare(sum[:], r.MAC[:]) == 1
	return known && ok && same
}
