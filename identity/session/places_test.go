package session

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
)

// told collects what Options.Crowded is told.
func told(all *[]Crowd) func(principal.Record, Meta, Crowd) {
	return func(user principal.Record, m Meta, c Crowd) {
		if user.ID != alice.ID || m.From != home {
			panic("told of somebody else")
		}
		*all = append(*all, c)
	}
}

func TestDeny(t *testing.T) {
	var crowds []Crowd
	w := newWorld(t, Options{MaxPerUser: 2, AtMax: Deny, Crowded: told(&crowds)})
	first, sid := w.begin(t0)
	second, _ := w.begin(t0)
	at := t0.Add(time.Minute)
	_, _, err := w.Begin(bg, alice, Meta{From: home}, at)
	no := refusal.From(err)
	if no == nil || no.Code != refusal.PermissionMissing || !errors.Is(err, ErrFull) || no.Detail == "" {
		t.Fatalf("a third session: %v", err)
	}
	if len(crowds) != 1 || crowds[0] != (Crowd{Live: 2, Max: 2, Refused: true, At: at}) || w.Counts()["full"] != 1 || w.store.count(audit.SessionLimit) != 1 || len(w.store.all()) != 2 {
		t.Errorf("told %+v, counted %d, %d events, %d rows", crowds, w.Counts()["full"], w.store.count(audit.SessionLimit), len(w.store.all()))
	}
	w.want(first, at, "")
	w.want(second, at, "")
	if _, _, err := w.Begin(bg, bob, Meta{From: home}, at); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if _, r := w.stepUp(second, alice, at); r.SID == sid || len(w.store.all()) != 3 {
		t.Errorf("a step-up took another place: %s, %d rows", r.SID, len(w.store.all()))
	}
	if _, err := w.End(bg, sid, ReasonLogout, Meta{}, at); err != nil {
		t.Fatal(err)
	}
	third, _ := w.begin(at)
	w.want(third, at, "")
}

// Sessions that nobody has used for Idle keep nobody out.
func TestDenyForgetsTheIdle(t *testing.T) {
	w := newWorld(t, Options{MaxPerUser: 1, AtMax: Deny, Idle: 10 * time.Minute})
	w.begin(t0)
	if _, _, err := w.Begin(bg, alice, Meta{From: home}, t0.Add(10*time.Minute-time.Microsecond)); !errors.Is(err, ErrFull) {
		t.Errorf("a microsecond before it is idle: %v", err)
	}
	w.begin(t0.Add(10 * time.Minute))
}

// Who signs in where somebody else is signed in ends that session only if there is a place.
func TestDenyEndsNobodyElse(t *testing.T) {
	w := newWorld(t, Options{MaxPerUser: 1, AtMax: Deny})
	v, r, err := w.Begin(bg, bob, Meta{From: home}, t0)
	if err != nil {
		t.Fatal(err)
	}
	_, mine := w.begin(t0)
	if _, _, err := w.StepUp(bg, string(v.Expose()), alice, Meta{From: home}, t0); !errors.Is(err, ErrFull) || !w.store.row(r.SID).RevokedAt.IsZero() {
		t.Fatalf("%v; the other session ended at %v", err, w.store.row(r.SID).RevokedAt)
	}
	w.want(string(v.Expose()), t0, "")
	if _, err := w.End(bg, mine, ReasonLogout, Meta{}, t0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.StepUp(bg, string(v.Expose()), alice, Meta{From: home}, t0); err != nil || w.store.row(r.SID).RevokeReason != ReasonReplaced {
		t.Fatalf("%v; the other session: %q", err, w.store.row(r.SID).RevokeReason)
	}
	w.want(string(v.Expose()), t0, refusal.LoginRequired)
}

// A browser that lost the key of its session takes its own place, and nobody else's.
func TestDenyAndALostKey(t *testing.T) {
	w := newBindWorld(t, Options{MaxPerUser: 1, AtMax: Deny})
	cookie, sid := w.begin(t0)
	if err := w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{}, t0); err != nil {
		t.Fatal(err)
	}
	at := t0.Add(time.Minute)
	if _, _, err := w.StepUp(bg, cookie, bob, Meta{From: home}, at); err != nil || !w.store.row(sid).RevokedAt.IsZero() {
		t.Errorf("somebody else with the cookie alone: %v, ended at %v", err, w.store.row(sid).RevokedAt)
	}
	if _, r := w.stepUp(cookie, alice, at); r.SID == sid || w.store.row(sid).RevokeReason != ReasonReplaced {
		t.Errorf("%s, the former %q", r.SID, w.store.row(sid).RevokeReason)
	}
}

func TestNotify(t *testing.T) {
	var crowds []Crowd
	w := newWorld(t, Options{MaxPerUser: 1, AtMax: Notify, Crowded: told(&crowds)})
	first, _ := w.begin(t0)
	if len(crowds) != 0 {
		t.Errorf("told of the first: %+v", crowds)
	}
	second, _ := w.begin(t0)
	w.want(first, t0, "")
	w.want(second, t0, "")
	if len(crowds) != 1 || crowds[0] != (Crowd{Live: 2, Max: 1, At: t0}) || w.store.count(audit.SessionLimit) != 1 {
		t.Errorf("told %+v, %d events", crowds, w.store.count(audit.SessionLimit))
	}
}

// A policy without a bound refuses nobody; one that nobody knows is none.
func TestAtMaxIsChecked(t *testing.T) {
	w := newWorld(t, Options{AtMax: Deny})
	for range 3 {
		w.begin(t0)
	}
	if _, err := New(newFakeStore(), &people{}, Options{AtMax: "refuse"}); err == nil {
		t.Error("an unknown policy was taken")
	}
	w.store.fail(errDown)
	if err := w.Configure(Options{MaxPerUser: 1, AtMax: Deny}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Begin(bg, alice, Meta{From: home}, t0); refusal.From(err).Code != refusal.Busy {
		t.Errorf("without a store: %v", err)
	}
}
