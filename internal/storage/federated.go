package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/principal"
)

var _ federation.Store = (*DB)(nil)

const federatedUser = `SELECT user_id FROM federated WHERE issuer = $1 AND subject = $2`

// FederatedUser implements federation.Store.
func (db *DB) FederatedUser(ctx context.Context, issuer, subject string) (user string, err error) {
	if !holdable(issuer) || !holdable(subject) {
		return "", fmt.Errorf("find link to a provider: %w", federation.ErrNotFound)
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	err = db.row(ctx, federatedUser, issuer, subject).Scan(&user)
	if errors.Is(err, sql.ErrNoRows) {
		err = federation.ErrNotFound
	}
	return user, db.failure("find link to a provider", err)
}

const insertFederated = `INSERT INTO federated (issuer, subject, user_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, subject) DO NOTHING`

const userExists = `SELECT COUNT(*) FROM principal WHERE id = $1 AND kind = 'user'`

// LinkFederated implements federation.Store.
func (db *DB) LinkFederated(ctx context.Context, l federation.Link, ev audit.Event) error {
	created, err := linkArgs(l)
	if err != nil {
		return fmt.Errorf("link to a provider: %w", err)
	}
	return db.change(ctx, "link to a provider", func(t *transaction) error {
		var n int
		if err := t.row(userExists, l.User).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return principal.ErrNotFound
		}
		t.record(ev)
		return t.federate(l, created)
	})
}

func (t *transaction) federate(l federation.Link, created int64) error {
	n, err := t.exec(insertFederated, l.Issuer, l.Subject, l.User, created)
	if err == nil && n == 0 {
		err = federation.ErrExists
	}
	return err
}

// CreateFederated implements federation.Store.
func (db *DB) CreateFederated(ctx context.Context, r principal.Record, l federation.Link, added, linked audit.Event) error {
	created, err1 := linkArgs(l)
	args, err2 := principalArgs(r)
	err := errors.Join(err1, err2)
	if err == nil && r.ID != l.User {
		err = fmt.Errorf("the link is of %q (link the one that is made)", l.User)
	}
	if err != nil {
		return fmt.Errorf("create principal of a provider: %w", err)
	}
	return db.change(ctx, "create principal of a provider", func(t *transaction) error {
		_, err := t.exec(insertPrincipal, args...)
		if t.db.duplicate(err) {
			return principal.ErrExists
		}
		if err != nil {
			return err
		}
		t.recordPrincipal(r.ID, added)
		t.record(linked)
		return t.federate(l, created)
	})
}

const federatedOf = `SELECT issuer, subject, user_id, created_at FROM federated WHERE user_id = $1 ORDER BY issuer, subject`

// FederatedOf implements federation.Store.
func (db *DB) FederatedOf(ctx context.Context, user string) ([]federation.Link, error) {
	if !holdable(user) {
		return nil, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanFederated, federatedOf, user)
	return all, db.failure("list links to providers", err)
}

const dropFederated = `DELETE FROM federated WHERE issuer = $1 AND subject = $2 AND user_id = $3`

func (t *transaction) unlink(l federation.Link) error {
	n, err := t.exec(dropFederated, l.Issuer, l.Subject, l.User)
	if err == nil && n == 0 {
		err = federation.ErrNotFound
	}
	return err
}

// UnlinkFederated implements federation.Store.
func (db *DB) UnlinkFederated(ctx context.Context, l federation.Link, at time.Time, ev audit.Event) error {
	when, err := moment(at)
	if err != nil || !holdable(l.Issuer) || !holdable(l.Subject) || !holdable(l.User) {
		return fmt.Errorf("unlink from a provider: %w", errors.Join(err, federation.ErrNotFound))
	}
	return db.change(ctx, "unlink from a provider", func(t *transaction) error {
		if err := t.unlink(l); err != nil {
			return err
		}
		t.record(ev)
		_, err := t.endSessions(l.User, "", "unlinked", when)
		return err
	})
}

const hasPassword = `SELECT COUNT(*) FROM principal WHERE id = $1 AND password <> ''`

// UnlinkOwn implements federation.Store. Changes wait for each other, so that what is read
// here is what is left.
func (db *DB) UnlinkOwn(ctx context.Context, l federation.Link, o federation.Offered, except string, at time.Time, ev audit.Event) error {
	when, err := moment(at)
	if err != nil || !holdable(l.Issuer) || !holdable(l.Subject) || !holdable(l.User) || !holdable(except) {
		return fmt.Errorf("unlink from a provider: %w", errors.Join(err, federation.ErrNotFound))
	}
	return db.change(ctx, "unlink from a provider", func(t *transaction) error {
		if err := t.unlink(l); err != nil {
			return err
		}
		if err := t.canSignIn(l.User, o); err != nil {
			return err
		}
		t.record(ev)
		_, err := t.endSessions(l.User, except, "unlinked", when)
		return err
	})
}

// canSignIn is federation.ErrLast for who has no way to sign in.
func (t *transaction) canSignIn(user string, o federation.Offered) error {
	var passwords, passkeys int
	err := errors.Join(t.row(hasPassword, user).Scan(&passwords), t.row(countPasskeys, user).Scan(&passkeys))
	if err != nil {
		return err
	}
	rows, err := t.rows(federatedOf, user)
	if err != nil {
		return err
	}
	links, err := collect(rows, scanFederated)
	if err == nil && !o.Enough(passwords > 0, passkeys, links) {
		err = federation.ErrLast
	}
	return err
}

func scanFederated(row scanner) (l federation.Link, err error) {
	var created int64
	err = row.Scan(&l.Issuer, &l.Subject, &l.User, &created)
	l.CreatedAt = at(created)
	return l, err
}

// linkArgs judges a link and returns its time.
func linkArgs(l federation.Link) (created int64, err error) {
	if l.Issuer == "" || l.Subject == "" || l.User == "" {
		return 0, errors.New("a link without issuer, subject or user (fill them)")
	}
	if err := exact("link", l.Issuer, l.Subject, l.User); err != nil {
		return 0, err
	}
	return moment(l.CreatedAt)
}
