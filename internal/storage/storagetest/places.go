package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// placesSuite is about how many sessions a person may have where nobody is put out for a
// further one.
func placesSuite() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"places/deny": placesDeny, "places/notify": placesNotify, "places/dead": placesDead, "places/former": placesFormer,
		"places/refused": placesRefused, "race/places": racePlaces, "race/former": raceFormer,
	}
}

// placesOf are n places under a policy, in which a session is idle after an hour.
func placesOf(n int, at session.AtMax) session.Places {
	return session.Places{Max: n, AtMax: at, Idle: time.Hour}
}

// live is how many sessions of a person and kind there are.
func live(t *testing.T, s session.Store, user string, at time.Time) (n int) {
	t.Helper()
	for _, r := range must(s.Sessions(t.Context(), user, at, 999))(t) {
		if r.Kind == session.Login {
			n++
		}
	}
	return n
}

// The bound is of one person and of logins; a place that becomes free is free.
func placesDeny(t *testing.T, open Open) {
	db, _ := open(t)
	deny := placesOf(2, session.Deny)
	admit := func(sid, user string, want int, full bool) {
		t.Helper()
		n, err := db.AdmitSession(t.Context(), ses(sid, user, 0), deny, event(audit.LoginOK))
		if n != want || errors.Is(err, session.ErrFull) != full || (err == nil) == full {
			t.Errorf("%s: %d live, %v; want %d, full %v", sid, n, err, want, full)
		}
	}
	ok(t, db.CreateSession(t.Context(), grantOf("g", "", "usr_1"), 0, event(audit.TokenIssued)))
	admit("a", "usr_1", 1, false)
	admit("b", "usr_1", 2, false)
	admit("c", "usr_1", 2, true)
	admit("d", "usr_2", 1, false)
	if _, err := db.SessionBySID(t.Context(), "c"); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the refused session: %v", err)
	}
	must(db.RevokeSession(t.Context(), "a", session.ReasonLogout, t0, event(audit.Logout)))(t)
	admit("c", "usr_1", 2, false)
	admit("e", "usr_1", 2, true)
	must(db.RevokeUserSessions(t.Context(), "usr_1", "", "password", t0, event(audit.SessionRevoked)))(t)
	admit("e", "usr_1", 1, false)
	if _, events := trail(t, db); events != "token.issued login.ok login.ok session.limit login.ok logout login.ok session.limit session.revoked login.ok" {
		t.Errorf("trail %q", events)
	}
	ev := must(db.Events(t.Context(), 3, 1))(t)[0]
	if ev.Subject != "usr_1" || ev.SID != "" || ev.Detail != "at_max=deny live=2 max=2" {
		t.Errorf("the event: %+v", ev)
	}
}

func placesNotify(t *testing.T, open Open) {
	db, _ := open(t)
	for i, sid := range []string{"a", "b", "c"} {
		if n, err := db.AdmitSession(t.Context(), ses(sid, "usr_1", 0), placesOf(1, session.Notify), event(audit.LoginOK)); n != i+1 || err != nil {
			t.Errorf("%s: %d live, %v", sid, n, err)
		}
	}
	wantTrail(t, db, "session:a session:b session:c", "login.ok login.ok session.limit login.ok session.limit")
	ev := must(db.Events(t.Context(), 2, 1))(t)[0]
	if ev.Subject != "usr_1" || ev.SID != "b" || ev.Detail != "at_max=notify live=2 max=1" {
		t.Errorf("the event: %+v", ev)
	}
}

// A session whose time is over takes no place, although nobody has written it down, and none
// that was counted as over is used again.
func placesDead(t *testing.T, open Open) {
	for _, at := range []session.AtMax{session.Deny, session.Notify} {
		db, _ := open(t)
		over := ses("over", "usr_1", 0)
		over.ExpiresAt = t0.Add(time.Hour)
		ok(t, db.CreateSession(t.Context(), over, 0, event(audit.LoginOK)), db.CreateSession(t.Context(), ses("paused", "usr_1", 0), 0, event(audit.LoginOK)),
			db.CreateSession(t.Context(), grantOf("g", "paused", "usr_1"), 0, event(audit.TokenIssued)),
			db.CreateSession(t.Context(), ses("seen", "usr_1", time.Microsecond), 0, event(audit.LoginOK)))
		next := ses("next", "usr_1", time.Hour)
		next.CreatedAt = t0.Add(time.Hour) // the very moment at which "over" and "paused" end
		if n, err := db.AdmitSession(t.Context(), next, placesOf(2, at), event(audit.LoginOK)); n != 2 || err != nil {
			t.Fatalf("%s: %d live, %v", at, n, err)
		}
		for sid, reason := range map[string]string{"over": "", "paused": session.ReasonIdle, "seen": "", "next": "", "g": ""} {
			if r := must(db.SessionBySID(t.Context(), sid))(t); r.RevokeReason != reason || r.RevokedAt.IsZero() != (reason == "") {
				t.Errorf("%s: %s ended with %q at %v", at, sid, r.RevokeReason, r.RevokedAt)
			}
		}
		wantTrail(t, db, "session:over session:paused session:g session:seen session:paused session:next", "login.ok login.ok token.issued login.ok session.expired login.ok")
	}
}

// Who comes with a session gives its place back, if there is one for the new one.
func placesFormer(t *testing.T, open Open) {
	db, _ := open(t)
	for _, r := range []session.Record{ses("a", "usr_1", 0), ses("b", "usr_2", 0), grantOf("g", "b", "usr_2")} {
		ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
	}
	in := func(former string) session.Places {
		p := placesOf(1, session.Deny)
		p.Former = former
		return p
	}
	if _, err := db.AdmitSession(t.Context(), ses("c", "usr_1", 0), in("b"), event(audit.LoginOK)); !errors.Is(err, session.ErrFull) {
		t.Fatalf("in the place of somebody else: %v", err)
	}
	if r := must(db.SessionBySID(t.Context(), "b"))(t); !r.RevokedAt.IsZero() {
		t.Error("a refused login has ended somebody's session")
	}
	if n, err := db.AdmitSession(t.Context(), ses("c", "usr_1", 0), in("a"), event(audit.LoginOK)); n != 1 || err != nil {
		t.Fatalf("in the place of one's own: %d live, %v", n, err)
	}
	if n, err := db.AdmitSession(t.Context(), ses("d", "usr_3", 0), in("b"), event(audit.LoginOK)); n != 1 || err != nil {
		t.Fatalf("in the place of somebody else: %d live, %v", n, err)
	}
	wantTrail(t, db, "session:a session:b session:g session:a session:c session:b session:g session:d",
		"login.ok login.ok login.ok session.limit session.revoked login.ok session.revoked token.revoked login.ok")
	if ev := must(db.Events(t.Context(), 6, 1))(t)[0]; ev.Subject != "usr_2" || ev.SID != "b" || ev.Detail != "reason=replaced" {
		t.Errorf("the end of somebody else's: %+v", ev)
	}
}

func placesRefused(t *testing.T, open Open) {
	db, _ := open(t)
	odd := placesOf(1, session.Deny)
	odd.Former = "\x00"
	for _, p := range []session.Places{{}, placesOf(0, session.Deny), placesOf(1, session.EvictOldest), placesOf(1, ""), {Max: 1, AtMax: session.Deny}, odd} {
		if _, err := db.AdmitSession(t.Context(), ses("a", "usr_1", 0), p, event(audit.LoginOK)); err == nil || errors.Is(err, session.ErrFull) {
			t.Errorf("%+v: %v", p, err)
		}
	}
	ok(t, db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)))
	if _, err := db.AdmitSession(t.Context(), ses("a", "usr_2", 0), placesOf(1, session.Deny), event(audit.LoginOK)); !errors.Is(err, session.ErrConflict) {
		t.Errorf("a taken sid: %v", err)
	}
	wantTrail(t, db, "session:a", "login.ok")
}

// racePlaces: however many come at once, the bound holds, and whoever was refused is in the trail.
func racePlaces(t *testing.T, open Open) {
	db, _ := open(t)
	for round := range 3 {
		user := fmt.Sprint("usr_", round)
		won := together(t, 24, func(i int) (bool, error) {
			n, err := db.AdmitSession(t.Context(), ses(fmt.Sprint(user, "-", i), user, 0), placesOf(3, session.Deny), event(audit.LoginOK))
			if errors.Is(err, session.ErrFull) && n == 3 {
				return false, nil
			}
			return err == nil, err
		})
		if n := live(t, db, user, t0); won != 3 || n != 3 {
			t.Errorf("%d of 24 got a session, %d live, want 3", won, n)
		}
	}
	counts := map[audit.Name]int{}
	for _, ev := range must(db.Events(t.Context(), 0, 999))(t) {
		counts[ev.Event]++
	}
	if counts[audit.LoginOK] != 9 || counts[audit.SessionLimit] != 63 {
		t.Errorf("trail: %v", counts)
	}
}

// raceFormer: one place is given back once.
func raceFormer(t *testing.T, open Open) {
	db, _ := open(t)
	ok(t, db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)))
	p := placesOf(1, session.Deny)
	p.Former = "a"
	won := together(t, 12, func(i int) (bool, error) {
		_, err := db.AdmitSession(t.Context(), ses(fmt.Sprint("s", i), "usr_1", 0), p, event(audit.LoginOK))
		if errors.Is(err, session.ErrFull) {
			return false, nil
		}
		return err == nil, err
	})
	if n := live(t, db, "usr_1", t0); won != 1 || n != 1 {
		t.Errorf("%d of 12 took the place, %d live", won, n)
	}
}
