package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/internal/openapi"
)

const pinsOf = `SELECT state, source, at FROM openapi_document WHERE upstream = $1`

const insertPin = `INSERT INTO openapi_document (upstream, state, hash, source, at) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (upstream, state) DO NOTHING`

const replacePin = `INSERT INTO openapi_document (upstream, state, hash, source, at) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (upstream, state) DO UPDATE SET hash = excluded.hash, source = excluded.source, at = excluded.at
	WHERE openapi_document.hash <> excluded.hash`

const seenPin = `SELECT source FROM openapi_document WHERE upstream = $1 AND state = 'seen' AND hash = $2`

const dropSeen = `DELETE FROM openapi_document WHERE upstream = $1 AND state = 'seen'`

// Pins implements openapi.Store.
func (db *DB) Pins(ctx context.Context, upstream string) (approved, seen openapi.Pin, err error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	type pin struct {
		state  string
		source []byte
		at     int64
	}
	pins, err := list(ctx, db, func(row scanner) (p pin, err error) { return p, row.Scan(&p.state, &p.source, &p.at) }, pinsOf, upstream)
	for _, p := range pins {
		out := openapi.Pin{Upstream: upstream, Source: p.source, At: at(p.at)}
		if p.state == "approved" {
			approved = out
		} else {
			seen = out
		}
	}
	return approved, seen, db.failure("read pinned documents", err)
}

// PinFirst implements openapi.Store.
func (db *DB) PinFirst(ctx context.Context, p openapi.Pin, ev audit.Event) (done bool, err error) {
	return db.pin(ctx, "pin a document", insertPin, "approved", p, ev)
}

// PinSeen implements openapi.Store.
func (db *DB) PinSeen(ctx context.Context, p openapi.Pin, ev audit.Event) (done bool, err error) {
	return db.pin(ctx, "keep a changed document", replacePin, "seen", p, ev)
}

func (db *DB) pin(ctx context.Context, op, query, state string, p openapi.Pin, ev audit.Event) (done bool, err error) {
	if err := exact("upstream", p.Upstream); err != nil {
		return false, err
	}
	hash := p.Hash()
	err = db.change(ctx, op, func(t *transaction) error {
		n, err := t.exec(query, p.Upstream, state, hash[:], p.Source, micros(p.At))
		if err != nil {
			return err
		}
		if done = n == 1; !done {
			return errUnchanged
		}
		t.record(ev)
		t.announce(change.Document, p.Upstream)
		return nil
	})
	return done && err == nil, err
}

// PinApprove implements openapi.Store.
func (db *DB) PinApprove(ctx context.Context, upstream string, hash [32]byte, ev audit.Event) error {
	return db.change(ctx, "approve a document", func(t *transaction) error {
		var source []byte
		err := t.row(seenPin, upstream, hash[:]).Scan(&source)
		if errors.Is(err, sql.ErrNoRows) {
			return openapi.ErrNotSeen
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(replacePin, upstream, "approved", hash[:], source, micros(t.now)); err != nil {
			return err
		}
		if _, err := t.exec(dropSeen, upstream); err != nil {
			return err
		}
		t.record(ev)
		t.announce(change.Document, upstream)
		return nil
	})
}

const addRequest = `INSERT INTO unknown_request (method, path, count, first_seen, last_seen) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (method, path) DO UPDATE SET
	count = unknown_request.count + excluded.count,
	first_seen = CASE WHEN excluded.first_seen < unknown_request.first_seen THEN excluded.first_seen ELSE unknown_request.first_seen END,
	last_seen = CASE WHEN excluded.last_seen > unknown_request.last_seen THEN excluded.last_seen ELSE unknown_request.last_seen END`

// dropRequests keeps the $1 most frequent. Ranks by count, so that a scan of invented
// paths does not push out what clients really ask for.
const dropRequests = `DELETE FROM unknown_request WHERE (method, path) NOT IN (
	SELECT method, path FROM unknown_request ORDER BY count DESC, last_seen DESC, method, path LIMIT $1)`

const countRequests = `SELECT COUNT(*) FROM unknown_request`

const allRequests = `SELECT method, path, count, first_seen, last_seen FROM unknown_request ORDER BY count DESC, last_seen DESC, method, path LIMIT 1000`

// AddRequests implements openapi.RequestStore. Rows are written in the order of their
// keys, so that two nodes never wait for each other.
func (db *DB) AddRequests(ctx context.Context, all []openapi.Request) error {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b openapi.Request) int {
		return cmp.Or(cmp.Compare(a.Method, b.Method), cmp.Compare(a.Path, b.Path))
	})
	// In parts: nobody's revocation waits behind a thousand counts.
	for part := range slices.Chunk(all, requestsAtOnce) {
		if err := db.addRequests(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// requestsAtOnce is how many rows one transaction writes.
const requestsAtOnce = 100

func (db *DB) addRequests(ctx context.Context, part []openapi.Request) error {
	return db.touch(ctx, "note requests without a route", func(t *transaction) error {
		for _, r := range part {
			if _, err := t.exec(addRequest, text(r.Method), text(r.Path), r.Count, micros(r.First), micros(r.Last)); err != nil {
				return err
			}
		}
		var n int
		if err := t.row(countRequests).Scan(&n); err != nil || n <= openapi.MaxRequests {
			return err
		}
		_, err := t.exec(dropRequests, openapi.MaxRequests)
		return err
	})
}

// Requests implements openapi.RequestStore.
func (db *DB) Requests(ctx context.Context) ([]openapi.Request, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	all, err := list(ctx, db, func(row scanner) (r openapi.Request, err error) {
		var first, last int64
		err = row.Scan(&r.Method, &r.Path, &r.Count, &first, &last)
		r.First, r.Last = at(first), at(last)
		return r, err
	}, allRequests)
	return all, db.failure("read requests without a route", err)
}
