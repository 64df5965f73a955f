package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// AdmitSession implements session.Store. The head row is taken before anything is counted, so
// nobody else makes or ends a session until the commit.
func (db *DB) AdmitSession(ctx context.Context, r session.Record, p session.Places, ev audit.Event) (int, error) {
	args, err := sessionArgs(r)
	if err == nil {
		err = fitPlaces(p)
	}
	if err != nil {
		return 0, fmt.Errorf("admit session: %w", err)
	}
	live, full := 0, false
	err = db.change(ctx, "admit session", func(t *transaction) (err error) {
		if live, err = t.others(r, p, ev); err != nil {
			return err
		}
		if full = p.AtMax == session.Deny && live >= p.Max; full {
			t.record(limitEvent(r, "", p, live, ev))
			return nil
		}
		if err := t.replace(p.Former, r, ev); err != nil {
			return err
		}
		if err := t.insertSession(r, args, 0, ev); err != nil {
			return err
		}
		if live++; live > p.Max {
			t.record(limitEvent(r, r.SID, p, live, ev))
		}
		return nil
	})
	if err == nil && full {
		return live, fmt.Errorf("admit session: %w", session.ErrFull)
	}
	return live, err
}

func fitPlaces(p session.Places) error {
	if p.Max <= 0 || p.Idle <= 0 || p.AtMax != session.Deny && p.AtMax != session.Notify {
		return fmt.Errorf("%d places, idle %v, policy %q (give a number and a time above 0, and deny or notify)", p.Max, p.Idle, p.AtMax)
	}
	if !holdable(p.Former) {
		return errors.New("the sid of the former session is not one of ours")
	}
	return nil
}

func limitEvent(r session.Record, sid string, p session.Places, live int, ev audit.Event) audit.Event {
	ev.Event, ev.Subject, ev.SID = audit.SessionLimit, r.User, sid
	ev.Detail = fmt.Sprintf("at_max=%s live=%d max=%d", p.AtMax, live, p.Max)
	return ev
}

const otherSessions = `SELECT count(*) FROM session
	WHERE user_id = $1 AND kind = $2 AND revoked_at = 0 AND expires_at > $3 AND sid <> $4`

// endIdle ends what nobody has asked for since $5.
const endIdle = `UPDATE session SET revoked_at = $3, revoke_reason = 'idle', jar = NULL
	WHERE user_id = $1 AND kind = $2 AND revoked_at = 0 AND expires_at > $3 AND sid <> $4 AND last_seen_at <= $5 RETURNING sid`

// others counts the live sessions beside r and the one that it replaces. Where they fill the
// places, those that have been idle for too long end: what is not counted must not be used
// again by a node that saw it later.
func (t *transaction) others(r session.Record, p session.Places, ev audit.Event) (int, error) {
	live, now := 0, micros(r.CreatedAt)
	if err := t.row(otherSessions, r.User, kindOf(r), now, p.Former).Scan(&live); err != nil || live < p.Max {
		return live, err
	}
	sids, err := t.ids(endIdle, r.User, kindOf(r), now, p.Former, micros(r.CreatedAt.Add(-p.Idle)))
	for _, sid := range sids {
		t.record(audit.Event{
			At: ev.At, Event: audit.SessionExpired, Subject: r.User, Actor: "system", SID: sid,
			RequestID: ev.RequestID, Detail: "reason=" + session.ReasonIdle,
		})
	}
	t.announce(change.Session, sids...)
	return live - len(sids), err
}

// replace ends the session of a browser that begins another one.
func (t *transaction) replace(former string, r session.Record, ev audit.Event) error {
	if former == "" {
		return nil
	}
	when := micros(r.CreatedAt)
	users, err := t.ids(revokeSession, former, when, session.ReasonReplaced)
	if err != nil || len(users) == 0 {
		return err
	}
	gone := ev
	gone.Event, gone.Subject, gone.SID, gone.Detail = audit.SessionRevoked, users[0], former, "reason="+session.ReasonReplaced
	t.record(gone)
	t.announce(change.Session, former)
	return t.endChildren([]string{former}, session.ReasonReplaced, when, gone)
}
