package storage

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/identity/refresh"
)

// rotateFamily is the rotation: the only statement that writes on the good path. It
// holds only for the generation that was presented, so of several callers one moves it;
// its conditions are those under which refresh.Attempt.Judge says Rotated.
const rotateFamily = `UPDATE refresh_family SET gen = gen + 1, rotated_at = $3, rotated_from = $7, rotated_agent = $8, confirmed = 0, redeliveries = 0,
	idle_expires_at = $4
	WHERE id = $1 AND gen = $2 AND client = $5 AND idle_expires_at > $3 AND (bind IS NULL OR bind = $6)
	AND EXISTS (SELECT 1 FROM session s WHERE s.sid = refresh_family.sid AND s.revoked_at = 0 AND s.expires_at > $3)`

// redeliverFamily counts an answer to the former generation. It holds only while the row
// is as it was judged.
const redeliverFamily = `UPDATE refresh_family SET redeliveries = redeliveries + 1, retry_at = $5
	WHERE id = $1 AND gen = $2 + 1 AND redeliveries = $3 AND confirmed = $4
	AND EXISTS (SELECT 1 FROM session s WHERE s.sid = refresh_family.sid AND s.revoked_at = 0 AND s.expires_at > $6)`

// noteFamily lets one refusal a minute and grant into the audit trail: a client that
// keeps asking must not fill it.
const noteFamily = `UPDATE refresh_family SET noted_at = $2 WHERE id = $1 AND (noted_at <= $3 OR noted_at > $2)`

const noteEvery = time.Minute

// RotateFamily implements refresh.Store. The good path takes no head row: nobody else
// needs to know of a rotation. What it does not move is looked at in a second
// transaction that takes the head row first, so that it waits for no row while others
// wait for it, and in which the rotation has its chance again.
func (db *DB) RotateFamily(ctx context.Context, a refresh.Attempt) (refresh.Result, error) {
	var r refresh.Result
	if !holdable(a.Client) || !holdable(a.Network) {
		return r, nil // nothing at rest has such a name
	}
	ctx, cancel := db.bound(ctx) // both transactions
	defer cancel()
	err := db.touch(ctx, "rotate a refresh token", func(t *transaction) (err error) {
		r, err = t.rotate(a)
		return err
	})
	if err == nil && r.Verdict == refresh.Unknown {
		err = db.change(ctx, "judge a refresh token", func(t *transaction) (err error) {
			r, err = t.judge(a)
			return err
		})
	}
	if err != nil {
		return refresh.Result{}, err
	}
	return r, nil
}

// rotate moves the generation; Unknown says that it did not.
func (t *transaction) rotate(a refresh.Attempt) (r refresh.Result, err error) {
	n, err := t.exec(rotateFamily, a.Family[:], a.Gen, micros(a.At), micros(a.At.Add(a.Idle)), a.Client, encodeHash(a.Key), a.Network, text(a.Agent))
	if err != nil || n == 0 {
		return r, cmp.Or(err, errUnchanged)
	}
	r.Verdict = refresh.Rotated
	r.Family, err = scanFamily(t.row(familyByID, a.Family[:]))
	if err == nil && !r.Family.RevokedAt.IsZero() { // PostgreSQL: ended between the two statements
		r.Verdict = refresh.Revoked
	}
	return r, err
}

// judge makes the verdict on a row true. Another node may move the row between the
// reading and the writing; then it is read again.
func (t *transaction) judge(a refresh.Attempt) (r refresh.Result, err error) {
	for range attempts {
		r = refresh.Result{}
		r.Family, err = scanFamily(t.row(familyByID, a.Family[:]))
		if errors.Is(err, sql.ErrNoRows) {
			return r, errUnchanged
		}
		if err != nil {
			return r, err
		}
		r.Verdict = a.Judge(r.Family)
		done, err := t.enact(a, &r)
		if err != nil || done {
			return r, err
		}
	}
	return r, errors.New("the family was moved by others every time it was read (try again)")
}

// enact writes what a verdict means; false when the row was moved meanwhile.
func (t *transaction) enact(a refresh.Attempt, r *refresh.Result) (bool, error) {
	var err error
	switch r.Verdict {
	case refresh.Rotated:
		*r, err = t.rotate(a)
		if errors.Is(err, errUnchanged) {
			return false, nil
		}
		return true, err
	case refresh.Redelivered, refresh.AccessOnly:
		return t.redeliver(a, r)
	case refresh.Theft:
		return true, t.end(a, r, refresh.ReasonReuse)
	case refresh.Ahead:
		return true, t.end(a, r, refresh.ReasonAhead)
	case refresh.Expired:
		return true, errUnchanged
	}
	n, err := t.exec(noteFamily, a.Family[:], micros(a.At), micros(a.At.Add(-noteEvery)))
	if err != nil || n == 0 {
		return true, cmp.Or(err, errUnchanged)
	}
	t.note(a, r)
	return true, nil
}

// note puts the event of a result into the trail.
func (t *transaction) note(a refresh.Attempt, r *refresh.Result) {
	r.Noted = true
	if ev, any := a.Event(*r); any {
		t.record(ev)
	}
}

func (t *transaction) redeliver(a refresh.Attempt, r *refresh.Result) (bool, error) {
	f := r.Family
	next, first := f.RetryAt, f.Redeliveries == 0
	if first {
		next, r.Often = a.Retried(f)
	}
	n, err := t.exec(redeliverFamily, a.Family[:], a.Gen, f.Redeliveries, flag(f.Confirmed), micros(next), micros(a.At))
	if err != nil || n == 0 {
		return false, err
	}
	if r.Family.Redeliveries++; first {
		t.note(a, r)
	}
	r.Family.RetryAt = next
	return true, nil
}

// end ends the grant. For theft its login ends too: whoever stole the one may have stolen
// it from there.
func (t *transaction) end(a refresh.Attempt, r *refresh.Result, reason string) error {
	t.note(a, r)
	ev, _ := a.Event(*r)
	var err error
	r.Ended, err = t.endGrant(r.Family, reason, a.At, ev, r.Verdict == refresh.Theft)
	return err
}
