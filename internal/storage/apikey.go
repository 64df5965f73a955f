package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

const keyColumns = `id, owner, env, roles, scopes, networks, rate, pepper, mac, created_at, expires_at, revoked_at,
	replaces, last_used_at, last_used_network, until, bound, kind, note, held_at`

func keyArgs(r apikey.Record) ([]any, error) {
	if r.ID == "" || r.Owner == "" || r.MAC == [32]byte{} {
		return nil, errors.New("key without id, owner or MAC (fill all three)")
	}
	if r.Canary && r.Foreign {
		return nil, errors.New("a key of elsewhere can be no canary")
	}
	if err := exact("key", r.ID, r.Owner, r.Env, r.Limit, r.Replaces); err != nil {
		return nil, err
	}
	if _, err := moment(r.CreatedAt); err != nil {
		return nil, err
	}
	prefixes := make([]string, len(r.Networks))
	for i, p := range r.Networks {
		if !p.IsValid() {
			return nil, fmt.Errorf("network %d of the key is no prefix (an empty list means any network)", i)
		}
		prefixes[i] = p.String()
	}
	var lists [3]string
	var bad [3]error
	lists[0], bad[0] = encodeList("roles", r.Roles)
	lists[1], bad[1] = encodeList("scopes", r.Scopes)
	lists[2], bad[2] = encodeList("networks", prefixes)
	return []any{
		r.ID, r.Owner, r.Env, lists[0], lists[1], lists[2], r.Limit, int64(r.Pepper), encodeHash(r.MAC),
		micros(r.CreatedAt), micros(r.ExpiresAt), micros(r.RevokedAt), r.Replaces,
		micros(r.LastUsedAt), text(r.LastUsedNetwork), micros(r.Until), flag(r.Bound), flag(r.Canary) + 2*flag(r.Foreign), text(r.Note), micros(r.HeldAt),
	}, errors.Join(bad[:]...)
}

func scanKey(row scanner) (r apikey.Record, err error) {
	var roles, scopes, networks string
	var mac []byte
	var created, expires, revoked, used, until, bound, kind, held int64
	err = row.Scan(&r.ID, &r.Owner, &r.Env, &roles, &scopes, &networks, &r.Limit, &r.Pepper, &mac, &created,
		&expires, &revoked, &r.Replaces, &used, &r.LastUsedNetwork, &until, &bound, &kind, &r.Note, &held)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.ExpiresAt, r.RevokedAt, r.LastUsedAt = at(created), at(expires), at(revoked), at(used)
	r.Until, r.Bound, r.Canary, r.Foreign, r.HeldAt = at(until), bound == 1, kind == 1, kind == 2, at(held)
	var bad [4]error
	r.MAC, bad[0] = decodeHash("key MAC", mac)
	r.Roles, bad[1] = decodeList("roles", roles)
	r.Scopes, bad[2] = decodeList("scopes", scopes)
	r.Networks, bad[3] = decodePrefixes(networks)
	return r, errors.Join(bad[:]...)
}

// decodePrefixes never drops an entry that it cannot read: an empty list would mean
// any network.
func decodePrefixes(s string) ([]netip.Prefix, error) {
	list, err := decodeList("networks", s)
	if err != nil || list == nil {
		return nil, err
	}
	prefixes := make([]netip.Prefix, len(list))
	for i, entry := range list {
		if prefixes[i], err = netip.ParsePrefix(entry); err != nil {
			return nil, fmt.Errorf("decode stored networks: %w (the row was changed by other means)", err)
		}
	}
	return prefixes, nil
}

const keyByID = `SELECT ` + keyColumns + ` FROM api_key WHERE id = $1`

// KeyByID implements apikey.Store.
func (db *DB) KeyByID(ctx context.Context, id string) (apikey.Record, error) {
	if !holdable(id) {
		return apikey.Record{}, fmt.Errorf("find key: %w", apikey.ErrNotFound)
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	r, err := scanKey(db.row(ctx, keyByID, id))
	if errors.Is(err, sql.ErrNoRows) {
		err = apikey.ErrNotFound
	}
	if err != nil {
		return apikey.Record{}, db.failure("find key", err)
	}
	return r, nil
}

// keyPageSize is how many keys are read at once: short statements leave the
// write-ahead log of SQLite free to shrink, and keep within the time limit of a call.
const keyPageSize = 2000

const keyPage = `SELECT ` + keyColumns + ` FROM api_key WHERE id > $1 ORDER BY id LIMIT $2`

// EachKey implements apikey.Store. It reads page by page, so it may miss a key that
// is created meanwhile: whoever loads an index asks LastChange first and follows the
// feed from there.
func (db *DB) EachKey(ctx context.Context, yield func(apikey.Record) error) error {
	for after := ""; ; {
		page, err := db.keysAfter(ctx, after)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := yield(r); err != nil {
				return err
			}
		}
		if len(page) < keyPageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func (db *DB) keysAfter(ctx context.Context, after string) ([]apikey.Record, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	page, err := list(ctx, db, scanKey, keyPage, after, keyPageSize)
	return page, db.failure("read keys", err)
}
