package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

var _ link.Store = (*DB)(nil)

const (
	insertLink = `INSERT INTO link (hash, kind, user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`
	// evictLinks keeps the newest; those of the same moment are told apart by their hash.
	evictLinks = `DELETE FROM link WHERE email = $1 AND kind = $2 AND hash NOT IN
		(SELECT hash FROM link WHERE email = $1 AND kind = $2 ORDER BY created_at DESC, hash LIMIT $3)`
)

// CreateLink implements link.Store.
func (db *DB) CreateLink(ctx context.Context, r link.Record, ev audit.Event) error {
	created, err1 := moment(r.CreatedAt)
	ends, err2 := moment(r.ExpiresAt)
	err := errors.Join(err1, err2, exact("link", string(r.Kind), r.User, r.Email))
	if err == nil && (r.Kind == "" || r.Email == "" || (r.User == "") != (r.Kind == link.Signup)) {
		err = errors.New("a link without kind, address or user, or for signing up with one (fill them)")
	}
	if err != nil {
		return fmt.Errorf("create link: %w", err)
	}
	return db.change(ctx, "create link", func(t *transaction) error {
		if _, err := t.exec(insertLink, r.Hash[:], string(r.Kind), r.User, r.Email, created, ends); err != nil {
			return err
		}
		t.record(ev)
		_, err := t.exec(evictLinks, r.Email, string(r.Kind), link.MaxOpen)
		return err
	})
}

const linkByHash = `SELECT hash, kind, user_id, email, created_at, expires_at FROM link WHERE hash = $1`

func scanLink(row scanner) (r link.Record, err error) {
	var hash []byte
	var created, ends int64
	if err = row.Scan(&hash, &r.Kind, &r.User, &r.Email, &created, &ends); err != nil {
		return r, err
	}
	copy(r.Hash[:], hash)
	r.CreatedAt, r.ExpiresAt = at(created), at(ends)
	return r, nil
}

// LinkByHash implements link.Store.
func (db *DB) LinkByHash(ctx context.Context, hash [32]byte) (link.Record, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	r, err := scanLink(db.row(ctx, linkByHash, hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		err = link.ErrNotFound
	}
	return r, db.failure("find link", err)
}

const (
	dropLink    = `DELETE FROM link WHERE hash = $1 AND expires_at > $2`
	dropLinksOf = `DELETE FROM link WHERE user_id = $1`
	dropSignups = `DELETE FROM link WHERE email = $1 AND kind = 'signup'`
)

// take uses a link up.
func (t *transaction) take(hash [32]byte, now int64) (link.Record, error) {
	r, err := scanLink(t.row(linkByHash, hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return r, link.ErrNotFound
	}
	if err != nil {
		return r, err
	}
	n, err := t.exec(dropLink, hash[:], now) // counts where two use it at the same time
	if err == nil && n == 0 {
		err = link.ErrNotFound
	}
	return r, err
}

// UseLink implements link.Store.
func (db *DB) UseLink(ctx context.Context, hash [32]byte, password secret.Value, now time.Time, ev audit.Event) (user string, err error) {
	when, err := moment(now)
	if err == nil && (password.Empty() || !holdable(string(password.Expose()))) {
		err = errUnfitHash
	}
	if err != nil {
		return "", fmt.Errorf("use link: %w", err)
	}
	err = db.change(ctx, "use link", func(t *transaction) error {
		r, err := t.take(hash, when)
		if err != nil {
			return err
		}
		if r.User == "" {
			return link.ErrNotFound
		}
		n, err := t.exec(setPassword, r.User, string(password.Expose()))
		if err == nil && n == 0 {
			err = link.ErrNotFound
		}
		if err != nil {
			return err
		}
		user = r.User
		ev.Subject = r.User
		if ev.Actor == "" {
			ev.Actor = r.User
		}
		t.recordPrincipal(r.User, ev)
		return t.passwordChanged(r.User, "", when)
	})
	return user, err
}

// UseSignup implements link.Store.
func (db *DB) UseSignup(ctx context.Context, hash [32]byte, p principal.Record, now time.Time, ev audit.Event) error {
	when, err := moment(now)
	args, err2 := principalArgs(p)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("use link: %w", err)
	}
	return db.change(ctx, "use link", func(t *transaction) error {
		r, err := t.take(hash, when)
		if err != nil {
			return err
		}
		if r.Kind != link.Signup || r.Email != p.Name {
			return link.ErrNotFound
		}
		if _, err := t.exec(dropSignups, r.Email); err != nil {
			return err
		}
		_, err = t.exec(insertPrincipal, args...)
		if t.db.duplicate(err) {
			return principal.ErrExists
		}
		t.recordPrincipal(p.ID, ev)
		return err
	})
}

// KeepLinks is how long a link is kept after its end, so that it can be said that it ended.
const KeepLinks = 7 * 24 * time.Hour

const pruneLinks = `DELETE FROM link WHERE hash IN (SELECT hash FROM link WHERE expires_at < $1 LIMIT $2)`
