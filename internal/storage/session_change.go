package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// rotateSession reads the old values on its right-hand sides: SQL evaluates them all
// before it assigns any.
const rotateSession = `UPDATE session SET prev_hash = secret_hash, prev_auth_time = auth_time,
	secret_hash = $3, auth_time = $4, rotated_at = $5, rotated_from = $6, rotated_agent = $7,
	last_seen_at = $5, confirmed = 0
	WHERE sid = $1 AND secret_hash = $2 AND revoked_at = 0 AND expires_at > $5`

// RotateSession implements session.Store.
func (db *DB) RotateSession(ctx context.Context, sid string, from, to [32]byte, by session.Place, authTime, at time.Time, up *session.Raised) error {
	when, err := moment(at)
	if err == nil && (to == [32]byte{} || from == to) {
		err = errors.New("the new secret is empty or the old one (make 256 random bits)")
	}
	if err == nil && !holdable(sid) {
		err = session.ErrConflict
	}
	if err != nil {
		return fmt.Errorf("rotate session: %w", err)
	}
	return db.change(ctx, "rotate session", func(t *transaction) error {
		n, err := t.exec(rotateSession, sid, from[:], to[:], micros(authTime), when, text(by.Network), text(by.Agent))
		if err != nil {
			return t.conflict(err)
		}
		if n != 1 {
			return session.ErrConflict
		}
		if up != nil {
			if err := t.raise(sid, up); err != nil {
				return err
			}
		}
		t.announce(change.Session, sid)
		return nil
	})
}

// touchSession goes forward only: marks may arrive late and out of order.
const touchSession = `UPDATE session SET
	last_seen_at = CASE WHEN last_seen_at < $2 THEN $2 ELSE last_seen_at END,
	networks = CASE WHEN secret_hash = $5 THEN $3 ELSE networks END,
	confirmed = CASE WHEN confirmed = 0 AND secret_hash = $5 THEN $4 ELSE confirmed END
	WHERE sid = $1`

// TouchSession implements session.Store. Only a rotation makes a session
// unconfirmed again: a late mark of another node does not. ErrNotFound when there
// is no such session.
func (db *DB) TouchSession(ctx context.Context, sid string, secret [32]byte, at time.Time, networks []string, confirmed bool) error {
	encoded, err := encodeList("networks", networks)
	if err == nil && !holdable(sid) {
		err = session.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("touch session: %w", err)
	}
	n, err := db.exec(ctx, touchSession, sid, micros(at), encoded, flag(confirmed), secret[:])
	if err == nil && n == 0 {
		err = session.ErrNotFound
	}
	return db.failure("touch session", err)
}

const revokeSession = `UPDATE session SET revoked_at = $2, revoke_reason = $3, jar = NULL WHERE sid = $1 AND revoked_at = 0
	RETURNING user_id`

// RevokeSession implements session.Store. An expired session that was not revoked
// is ended like a live one. An event without a subject gets whose session it was.
func (db *DB) RevokeSession(ctx context.Context, sid, reason string, at time.Time, ev audit.Event) (bool, error) {
	when, err := moment(at)
	if err != nil {
		return false, fmt.Errorf("revoke session: %w", err)
	}
	if !holdable(sid) {
		return false, nil
	}
	ended := false
	err = db.change(ctx, "revoke session", func(t *transaction) error {
		users, err := t.ids(revokeSession, sid, when, text(reason))
		if err != nil {
			return err
		}
		if ended = len(users) == 1; !ended {
			return errUnchanged
		}
		if ev.Subject == "" {
			ev.Subject = users[0]
		}
		t.record(ev)
		t.announce(change.Session, sid)
		if reason == session.ReasonIdle || reason == session.ReasonExpired {
			return nil
		}
		return t.endChildren([]string{sid}, reason, when, ev)
	})
	return ended && err == nil, err
}

const endChildren = `UPDATE session SET revoked_at = $2, revoke_reason = $3
	WHERE parent = $1 AND parent <> '' AND revoked_at = 0 RETURNING sid, user_id`

// endChildren ends the grants that came from sessions that end. Each has an event of
// its own, because its sid is what tokens name.
func (t *transaction) endChildren(parents []string, reason string, when int64, because audit.Event) error {
	for _, parent := range parents {
		rows, err := t.rows(endChildren, parent, when, text(reason))
		if err != nil {
			return err
		}
		children, err := collect(rows, func(row scanner) (c [2]string, err error) { return c, row.Scan(&c[0], &c[1]) })
		if err != nil {
			return err
		}
		for _, c := range children {
			ev := because
			ev.Event, ev.SID, ev.Subject, ev.Detail = audit.TokenRevoked, c[0], c[1], "reason="+text(reason)+" parent="+parent
			t.record(ev)
			t.announce(change.Session, c[0])
		}
	}
	return nil
}

const revokeUserSessions = `UPDATE session SET revoked_at = $3, revoke_reason = $4, jar = NULL
	WHERE user_id = $1 AND sid <> $2 AND revoked_at = 0 AND expires_at > $3 RETURNING sid`

// RevokeUserSessions implements session.Store. When there is nothing to end,
// nothing is written.
func (db *DB) RevokeUserSessions(ctx context.Context, user, except, reason string, at time.Time, ev audit.Event) ([]string, error) {
	when, err := moment(at)
	if err == nil {
		err = exact("session", user, except)
	}
	if err != nil {
		return nil, fmt.Errorf("revoke sessions of a user: %w", err)
	}
	var ended []string
	err = db.change(ctx, "revoke sessions of a user", func(t *transaction) error {
		if ended, err = t.endSessions(user, except, reason, when); err != nil {
			return err
		}
		if len(ended) == 0 {
			return errUnchanged
		}
		t.record(ev)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// endSessions revokes the live sessions of a user and announces each.
func (t *transaction) endSessions(user, except, reason string, when int64) ([]string, error) {
	sids, err := t.ids(revokeUserSessions, user, except, when, text(reason))
	t.announce(change.Session, sids...)
	return sids, err
}
