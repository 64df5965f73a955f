package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

const insertPrincipal = `INSERT INTO principal (id, kind, name, password, roles, disabled, version, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// CreatePrincipal implements principal.Store. A taken id is ErrExists too.
func (db *DB) CreatePrincipal(ctx context.Context, r principal.Record, ev audit.Event) error {
	args, err := principalArgs(r)
	if err != nil {
		return fmt.Errorf("create principal: %w", err)
	}
	return db.change(ctx, "create principal", func(t *transaction) error {
		_, err := t.exec(insertPrincipal, args...)
		if t.db.duplicate(err) {
			return principal.ErrExists
		}
		t.recordPrincipal(r.ID, ev)
		return err
	})
}

func principalArgs(r principal.Record) ([]any, error) {
	if r.ID == "" || r.Name == "" || (r.Kind != principal.User && r.Kind != principal.Service) {
		return nil, fmt.Errorf("principal without id, name or known kind (kind is %q)", r.Kind)
	}
	if err := exact("principal", r.ID, r.Name); err != nil {
		return nil, err
	}
	if !holdable(string(r.Password.Expose())) {
		return nil, errUnfitHash
	}
	roles, err := encodeList("roles", r.Roles)
	if err != nil {
		return nil, err
	}
	return []any{r.ID, string(r.Kind), r.Name, string(r.Password.Expose()), roles, flag(r.Disabled),
		max(r.Version, 1), micros(r.CreatedAt)}, nil
}

// errUnfitHash does not quote the hash.
var errUnfitHash = errors.New("password hash holds NUL or invalid UTF-8 or is too long (pass a PHC string)")

// recordPrincipal writes the event and announces the principal.
func (t *transaction) recordPrincipal(id string, ev audit.Event) {
	if ev.Subject == "" {
		ev.Subject = id
	}
	t.record(ev)
	t.announce(change.Principal, id)
}

const principalColumns = `id, kind, name, password, roles, disabled, version, created_at`

func scanPrincipal(row scanner) (r principal.Record, err error) {
	var password, roles string
	var disabled, created int64
	if err = row.Scan(&r.ID, &r.Kind, &r.Name, &password, &roles, &disabled, &r.Version, &created); err != nil {
		return r, err
	}
	if password != "" {
		r.Password = secret.NewString(password)
	}
	r.Disabled, r.CreatedAt = disabled != 0, at(created)
	r.Roles, err = decodeList("roles", roles)
	return r, err
}

const principalByID = `SELECT ` + principalColumns + ` FROM principal WHERE id = $1`

// PrincipalByID implements principal.Store.
func (db *DB) PrincipalByID(ctx context.Context, id string) (principal.Record, error) {
	return db.onePrincipal(ctx, principalByID, id)
}

const principalByName = `SELECT ` + principalColumns + ` FROM principal WHERE kind = $1 AND name = $2`

// PrincipalByName implements principal.Store.
func (db *DB) PrincipalByName(ctx context.Context, kind principal.Kind, name string) (principal.Record, error) {
	return db.onePrincipal(ctx, principalByName, string(kind), name)
}

func (db *DB) onePrincipal(ctx context.Context, query string, keys ...string) (principal.Record, error) {
	args := make([]any, len(keys))
	for i, key := range keys {
		if !holdable(key) {
			return principal.Record{}, fmt.Errorf("find principal: %w", principal.ErrNotFound)
		}
		args[i] = key
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	r, err := scanPrincipal(db.row(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = principal.ErrNotFound
	}
	if err != nil {
		return principal.Record{}, db.failure("find principal", err)
	}
	return r, nil
}

// principals is ordered by the bytes of the name; the column has the collation.
const principals = `SELECT ` + principalColumns + ` FROM principal WHERE kind = $1 ORDER BY name`

// Principals implements principal.Store.
func (db *DB) Principals(ctx context.Context, kind principal.Kind) ([]principal.Record, error) {
	if !holdable(string(kind)) {
		return nil, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, scanPrincipal, principals, string(kind))
	return all, db.failure("list principals", err)
}
