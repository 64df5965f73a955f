package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

const insertSession = `INSERT INTO session
	(sid, user_id, secret_hash, prev_hash, prev_auth_time, rotated_at, confirmed, created_at, auth_time,
	last_seen_at, expires_at, networks, device, revoked_at, revoke_reason, amr, acr, kind, parent, client, jar,
	sudo_until, bind_kind, bind_key, bound_at, agent, rotated_from, rotated_agent)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28)`

// evictSessions ends the live sessions of a user and of a kind but the $4 seen last.
const evictSessions = `UPDATE session SET revoked_at = $3, revoke_reason = 'evicted', jar = NULL WHERE sid IN (
	SELECT sid FROM session WHERE user_id = $1 AND kind = $6 AND revoked_at = 0 AND expires_at > $2
	ORDER BY last_seen_at DESC, created_at DESC, sid DESC LIMIT $5 OFFSET $4) RETURNING sid`

// CreateSession implements session.Store. Each evicted session has an event
// session.revoked of its own in the trail. A taken sid or secret is ErrConflict.
func (db *DB) CreateSession(ctx context.Context, r session.Record, max int, ev audit.Event) error {
	args, err := sessionArgs(r)
	if err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	return db.change(ctx, "create session", func(t *transaction) error { return t.insertSession(r, args, max, ev) })
}

// addSession stores a session within a transaction.
func (t *transaction) addSession(r session.Record, max int, ev audit.Event) error {
	args, err := sessionArgs(r)
	if err != nil {
		return err
	}
	return t.insertSession(r, args, max, ev)
}

func (t *transaction) insertSession(r session.Record, args []any, max int, ev audit.Event) error {
	if max > 0 {
		if err := t.evict(r, max, ev); err != nil {
			return err
		}
	}
	if _, err := t.exec(insertSession, args...); err != nil {
		return t.conflict(err)
	}
	t.record(ev)
	t.announce(change.Session, r.SID)
	return nil
}

func (t *transaction) evict(r session.Record, max int, ev audit.Event) error {
	created := micros(r.CreatedAt)
	sids, err := t.ids(evictSessions, r.User, created, created, max-1, int64(math.MaxInt64), kindOf(r))
	if err != nil {
		return err
	}
	for _, sid := range sids {
		t.record(audit.Event{
			At: ev.At, Event: audit.SessionRevoked, Subject: r.User, Actor: "system", SID: sid,
			Network: ev.Network, RequestID: ev.RequestID, Detail: "reason=evicted by=" + r.SID,
		})
	}
	t.announce(change.Session, sids...)
	return t.endChildren(sids, "evicted", created, ev)
}

// orNull is b at rest; nothing is NULL.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// kindOf is the kind of a session at rest.
func kindOf(r session.Record) string {
	if r.Kind == "" {
		return string(session.Login)
	}
	return string(r.Kind)
}

// conflict turns a taken secret or sid into what the session layer declared.
func (t *transaction) conflict(err error) error {
	if t.db.duplicate(err) {
		return session.ErrConflict
	}
	return err
}

func sessionArgs(r session.Record) ([]any, error) {
	if r.SID == "" || r.User == "" || r.SecretHash == [32]byte{} {
		return nil, errors.New("session without sid, user or secret (fill all three)")
	}
	if err := exact("session", r.SID, r.User, string(r.Kind), r.Parent, r.Client); err != nil {
		return nil, err
	}
	if _, err := moment(r.CreatedAt); err != nil {
		return nil, err
	}
	networks, err := encodeList("networks", r.Networks)
	if err != nil {
		return nil, err
	}
	amr, err := encodeList("amr", r.AMR)
	if err != nil {
		return nil, err
	}
	if r.RotatedAt.IsZero() {
		r.RotatedAt = r.CreatedAt
	}
	return []any{
		r.SID, r.User, encodeHash(r.SecretHash), encodeHash(r.PrevHash), micros(r.PrevAuthTime), micros(r.RotatedAt),
		flag(r.Confirmed), micros(r.CreatedAt), micros(r.AuthTime), micros(r.LastSeenAt), micros(r.ExpiresAt),
		networks, text(r.Device), micros(r.RevokedAt), text(r.RevokeReason), amr, text(r.ACR),
		kindOf(r), r.Parent, r.Client, orNull(r.Jar), micros(r.SudoUntil), string(r.BindKind), orNull(r.BindKey), micros(r.BoundAt), text(r.Agent), text(r.RotatedBy.Network), text(r.RotatedBy.Agent),
	}, nil
}

const sessionColumns = `sid, user_id, secret_hash, prev_hash, prev_auth_time, rotated_at, confirmed, created_at,
	auth_time, last_seen_at, expires_at, networks, device, revoked_at, revoke_reason, amr, acr, kind, parent, client, jar,
	sudo_until, bind_kind, bind_key, bound_at, agent, rotated_from, rotated_agent`

func scanSession(row scanner) (r session.Record, err error) {
	var hash, prev []byte
	var networks, amr string
	var prevAuth, rotated, confirmed, created, auth, seen, expires, revoked, sudo, bound int64
	err = row.Scan(&r.SID, &r.User, &hash, &prev, &prevAuth, &rotated, &confirmed, &created,
		&auth, &seen, &expires, &networks, &r.Device, &revoked, &r.RevokeReason, &amr, &r.ACR,
		&r.Kind, &r.Parent, &r.Client, &r.Jar, &sudo, &r.BindKind, &r.BindKey, &bound, &r.Agent, &r.RotatedBy.Network, &r.RotatedBy.Agent)
	if err != nil {
		return r, err
	}
	r.PrevAuthTime, r.RotatedAt, r.CreatedAt, r.AuthTime = at(prevAuth), at(rotated), at(created), at(auth)
	r.LastSeenAt, r.ExpiresAt, r.RevokedAt, r.Confirmed = at(seen), at(expires), at(revoked), confirmed != 0
	r.SudoUntil, r.BoundAt = at(sudo), at(bound)
	var bad [4]error
	r.SecretHash, bad[0] = decodeHash("session secret", hash)
	r.PrevHash, bad[1] = decodeHash("session secret", prev)
	r.Networks, bad[2] = decodeList("networks", networks)
	r.AMR, bad[3] = decodeList("amr", amr)
	return r, errors.Join(bad[:]...)
}

const sessionBySecret = `SELECT ` + sessionColumns + ` FROM session WHERE secret_hash = $1 AND kind <> 'grant'
	UNION ALL SELECT ` + sessionColumns + ` FROM session WHERE prev_hash = $1 LIMIT 1`

// SessionBySecret implements session.Store.
func (db *DB) SessionBySecret(ctx context.Context, hash [32]byte) (session.Record, error) {
	return db.oneSession(ctx, "find session by secret", sessionBySecret, hash[:])
}

const sessionBySID = `SELECT ` + sessionColumns + ` FROM session WHERE sid = $1`

// SessionBySID implements session.Store.
func (db *DB) SessionBySID(ctx context.Context, sid string) (session.Record, error) {
	if !holdable(sid) {
		return session.Record{}, fmt.Errorf("find session: %w", session.ErrNotFound)
	}
	return db.oneSession(ctx, "find session", sessionBySID, sid)
}

func (db *DB) oneSession(ctx context.Context, op, query string, key any) (session.Record, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	r, err := scanSession(db.row(ctx, query, key))
	if errors.Is(err, sql.ErrNoRows) {
		err = session.ErrNotFound
	}
	if err != nil {
		return session.Record{}, db.failure(op, err)
	}
	return r, nil
}

const (
	liveSessions = `SELECT ` + sessionColumns + ` FROM session WHERE revoked_at = 0 AND expires_at > $1
		ORDER BY created_at DESC, sid LIMIT $2`
	liveUserSessions = `SELECT ` + sessionColumns + ` FROM session WHERE user_id = $3 AND revoked_at = 0 AND expires_at > $1
		ORDER BY created_at DESC, sid LIMIT $2`
)

// Sessions implements session.Store.
func (db *DB) Sessions(ctx context.Context, user string, now time.Time, limit int) ([]session.Record, error) {
	if !holdable(user) {
		return nil, nil
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	query, args := liveSessions, []any{micros(now), max(limit, 0)}
	if user != "" {
		query, args = liveUserSessions, append(args, user)
	}
	all, err := list(ctx, db, scanSession, query, args...)
	return all, db.failure("list sessions", err)
}
