package storagetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// fam is a live grant whose family has the sid for an id.
func fam(sid, parent string) refresh.Family {
	f := refresh.Family{SID: sid, Parent: parent, User: "usr_1", Client: "mobile", Scope: []string{"notes:read"}, Audience: "https://api.example.com",
		Key: hash("key"), AuthTime: t0, AMR: []string{"pwd", "otp"}, ACR: "aal2", Device: "Pixel", Agent: "other/android", Networks: []string{"203.0.113.0/24"},
		CreatedAt: t0, ExpiresAt: t0.Add(720 * time.Hour), IdleExpiresAt: t0.Add(336 * time.Hour),
		RotatedAt: t0, RotatedFrom: "203.0.113.0/24", RotatedAgent: "blink/android", Confirmed: true}
	copy(f.ID[:], sid)
	return f
}

// tried is a presentation of a generation of fam a minute after t0.
func tried(f refresh.Family, gen int64) refresh.Attempt {
	return refresh.Attempt{Family: f.ID, Gen: gen, Client: f.Client, Key: f.Key, Network: f.RotatedFrom, Agent: f.Agent, At: t0.Add(time.Minute),
		Idle: 336 * time.Hour, Race: 10 * time.Second, Redeliver: time.Minute, Cap: 64, RequestID: "req"}
}

func grantCreate(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	f := fam("g", "a")
	equal(t, must(db.CreateGrant(t.Context(), f, 0, event(audit.TokenIssued)))(t), f)
	equal(t, must(db.FamilyByID(t.Context(), f.ID))(t), f)
	r := must(db.SessionBySID(t.Context(), "g"))(t)
	if r.Kind != session.Grant || r.Parent != "a" || r.Client != "mobile" || r.User != "usr_1" || r.ACR != "aal2" || !r.ExpiresAt.Equal(f.ExpiresAt) {
		t.Errorf("its session: %+v", r)
	}
	if _, err := db.FamilyByID(t.Context(), [16]byte{9}); !errors.Is(err, refresh.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	plain := fam("h", "a")
	plain.AMR, plain.ACR, plain.Key = nil, "", [32]byte{}
	got := must(db.CreateGrant(t.Context(), plain, 0, event(audit.TokenIssued)))(t)
	login := must(db.SessionBySID(t.Context(), "a"))(t)
	plain.AMR, plain.ACR = login.AMR, login.ACR
	equal(t, got, plain)
	equal(t, must(db.FamilyByID(t.Context(), plain.ID))(t), plain)
}

// Nothing begins without somebody behind it.
func grantOrigin(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	ok(t, db.CreateSession(t.Context(), ses("gone", "usr_1", 0), 0, event(audit.LoginOK)),
		db.CreateSession(t.Context(), ses("other", "usr_2", 0), 0, event(audit.LoginOK)))
	must(db.RevokeSession(t.Context(), "gone", "logout", t0, event(audit.Logout)))(t)
	must(db.CreateGrant(t.Context(), fam("g", "a"), 0, event(audit.TokenIssued)))(t)
	before, _ := trail(t, db)
	late := fam("x", "a")
	late.CreatedAt = t0.Add(24 * time.Hour)
	for name, f := range map[string]refresh.Family{
		"ended": fam("x", "gone"), "another's": fam("x", "other"), "unknown": fam("x", "nobody"), "a grant": fam("x", "g"),
		"expired": late, "odd": fam("x", "a\x00"),
	} {
		if _, err := db.CreateGrant(t.Context(), f, 0, event(audit.TokenIssued)); !errors.Is(err, refresh.ErrParent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, f := range map[string]refresh.Family{"no id": {SID: "x", User: "usr_1", Client: "c", CreatedAt: t0}, "taken": fam("g", "a"),
		"no client": {ID: [16]byte{1}, SID: "x", User: "usr_1", CreatedAt: t0}, "no sid": {ID: [16]byte{1}, User: "usr_1", Client: "c", CreatedAt: t0}} {
		if _, err := db.CreateGrant(t.Context(), f, 0, event(audit.TokenIssued)); err == nil {
			t.Errorf("%s: stored", name)
		}
	}
	if after, _ := trail(t, db); after != before {
		t.Errorf("written all the same: %q", after)
	}
	must(db.CreateGrant(t.Context(), fam("alone", ""), 0, event(audit.TokenIssued)))(t)
	ok(t, db.SetDisabled(t.Context(), "usr_1", true, t0, event(audit.UserDisabled)))
	if _, err := db.CreateGrant(t.Context(), fam("x", ""), 0, event(audit.TokenIssued)); !errors.Is(err, refresh.ErrParent) {
		t.Errorf("disabled: %v", err)
	}
}

// The grants seen longest ago make room; logins are not counted.
func grantEvict(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	for i := range 4 {
		f := fam(fmt.Sprint("g", i), "a")
		f.CreatedAt = t0.Add(time.Duration(i) * time.Second)
		must(db.CreateGrant(t.Context(), f, 2, event(audit.TokenIssued)))(t)
	}
	for sid, ended := range map[string]bool{"g0": true, "g1": true, "g2": false, "g3": false, "a": false} {
		if r := must(db.SessionBySID(t.Context(), sid))(t); r.RevokedAt.IsZero() == ended {
			t.Errorf("%s ended is %v", sid, !ended)
		}
	}
}

// What a rotation writes, and that a generation counts one retry of the one before.
func grantRotate(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	want := must(db.CreateGrant(t.Context(), fam("g", "a"), 0, event(audit.TokenIssued)))(t)
	before, _ := trail(t, db)
	a := tried(want, 0)
	a.Network, a.Agent = "198.51.100.0/24", "webkit/ios"
	r := must(db.RotateFamily(t.Context(), a))(t)
	want.Gen, want.RotatedAt, want.RotatedFrom, want.RotatedAgent, want.Confirmed, want.IdleExpiresAt = 1, a.At, a.Network, a.Agent, false, a.At.Add(a.Idle)
	equal(t, r, refresh.Result{Verdict: refresh.Rotated, Family: want})
	equal(t, must(db.FamilyByID(t.Context(), want.ID))(t), want)
	if after, _ := trail(t, db); after != before {
		t.Errorf("a rotation is in the feed: %q", after)
	}
	for i := 1; i <= 2; i++ {
		r = must(db.RotateFamily(t.Context(), a))(t)
		want.Redeliveries, want.RetryAt = i, a.At.Add(8*time.Hour)
		equal(t, r, refresh.Result{Verdict: refresh.Redelivered, Family: want, Noted: i == 1})
	}
	ok(t, db.ConfirmFamilies(t.Context(), []refresh.Mark{{SID: "g", Gen: 0}, {SID: "g", Gen: 2}, {SID: "nobody", Gen: 1}, {SID: "\x00", Gen: 1}}))
	equal(t, must(db.FamilyByID(t.Context(), want.ID))(t), want)
	ok(t, db.ConfirmFamilies(t.Context(), []refresh.Mark{{SID: "nobody", Gen: 1}, {SID: "g", Gen: 1}}))
	want.Confirmed, want.Redeliveries = true, 3
	equal(t, must(db.RotateFamily(t.Context(), a))(t), refresh.Result{Verdict: refresh.AccessOnly, Family: want})
	if _, events := trail(t, db); strings.Count(events, "refresh.retried") != 1 {
		t.Errorf("one event a window: %q", events)
	}
	if r := must(db.RotateFamily(t.Context(), refresh.Attempt{Family: [16]byte{9}, Client: "mobile", At: t0}))(t); r.Verdict != refresh.Unknown {
		t.Errorf("unknown: %+v", r)
	}
	if r := must(db.RotateFamily(t.Context(), refresh.Attempt{Family: want.ID, Client: "m\x00", At: t0}))(t); r.Verdict != refresh.Unknown {
		t.Errorf("odd: %+v", r)
	}
}

// Theft ends the grant, the login and its other grants, and nobody else's.
func grantTheft(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	f := must(db.CreateGrant(t.Context(), fam("g", "a"), 0, event(audit.TokenIssued)))(t)
	must(db.CreateGrant(t.Context(), fam("h", "a"), 0, event(audit.TokenIssued)))(t)
	must(db.CreateGrant(t.Context(), fam("i", "b"), 0, event(audit.TokenIssued)))(t)
	must(db.RotateFamily(t.Context(), tried(f, 0)))(t)
	must(db.RotateFamily(t.Context(), tried(f, 1)))(t)
	feed, events := trail(t, db)
	r := must(db.RotateFamily(t.Context(), tried(f, 0)))(t)
	if r.Verdict != refresh.Theft || strings.Join(r.Ended, " ") != "g a h" || !r.Noted {
		t.Errorf("%+v", r)
	}
	wantTrail(t, db, feed+" session:g session:a session:h", events+" refresh.reuse session.revoked token.revoked")
	for sid, reason := range map[string]string{"g": "reuse", "a": "reuse", "h": "reuse", "b": "", "i": ""} {
		if r := must(db.SessionBySID(t.Context(), sid))(t); r.RevokeReason != reason {
			t.Errorf("%s: %q", sid, r.RevokeReason)
		}
	}
	for range 3 { // refusals go into the trail once a minute
		if r := must(db.RotateFamily(t.Context(), tried(f, 2)))(t); r.Verdict != refresh.Revoked || len(r.Ended) != 0 {
			t.Errorf("%+v", r)
		}
	}
	later := tried(f, 2)
	later.At = later.At.Add(time.Minute)
	must(db.RotateFamily(t.Context(), later))(t)
	if _, got := trail(t, db); got != events+" refresh.reuse session.revoked token.revoked refresh.refused refresh.refused" {
		t.Errorf("trail %q", got)
	}
}

// A code is good once; what it gave ends with the second time.
func codeRedeem(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	want := refresh.Code{User: "usr_1", SID: "a", Client: "mobile", RedirectURI: "com.example.app:/cb", Scope: []string{"notes:read"}, Audience: "aud",
		Challenge: "c", Nonce: "n", Key: hash("key"), AuthTime: t0, CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
	ok(t, db.CreateCode(t.Context(), hash("code"), want))
	if err := db.CreateCode(t.Context(), hash("code"), want); err == nil {
		t.Error("stored twice")
	}
	asked := 0
	x := refresh.Redemption{At: t0.Add(time.Second),
		Admit: func(c refresh.Code) (refresh.Family, audit.Event, error) {
			asked++
			want.UsedAt = t0.Add(time.Second)
			equal(t, c, want)
			return fam("g", "a"), event(audit.TokenIssued), nil
		},
		Replayed: func(c refresh.Code) audit.Event {
			ev := event(audit.TokenRevoked)
			ev.SID = c.Granted
			return ev
		}}
	r := must(db.RedeemCode(t.Context(), hash("code"), x))(t)
	want.Granted = "g"
	equal(t, r, refresh.Redeemed{Code: want, Family: fam("g", "a")})
	feed, events := trail(t, db)
	x.At = t0.Add(time.Hour)
	r = must(db.RedeemCode(t.Context(), hash("code"), x))(t)
	equal(t, r, refresh.Redeemed{Code: want, Replay: true, Ended: []string{"g"}})
	equal(t, must(db.RedeemCode(t.Context(), hash("code"), x))(t), refresh.Redeemed{Code: want, Replay: true})
	wantTrail(t, db, feed+" session:g", events+" token.revoked")
	if _, err := db.RedeemCode(t.Context(), hash("guess"), x); !errors.Is(err, refresh.ErrNotFound) || asked != 1 {
		t.Errorf("unknown: %v, asked %d times", err, asked)
	}

	ok(t, db.CreateCode(t.Context(), hash("refused"), want)) // a no uses it up
	no := errors.New("no")
	x.Admit = func(refresh.Code) (refresh.Family, audit.Event, error) { return refresh.Family{}, audit.Event{}, no }
	if _, err := db.RedeemCode(t.Context(), hash("fresh"), x); !errors.Is(err, refresh.ErrNotFound) {
		t.Errorf("%v", err)
	}
	fresh := want
	fresh.UsedAt, fresh.Granted = time.Time{}, ""
	ok(t, db.CreateCode(t.Context(), hash("fresh"), fresh))
	if _, err := db.RedeemCode(t.Context(), hash("fresh"), x); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	if r := must(db.RedeemCode(t.Context(), hash("fresh"), x))(t); !r.Replay || len(r.Ended) != 0 {
		t.Errorf("%+v", r)
	}
}

// A family goes with its session, codes a day after their end.
func grantMaintain(t *testing.T, open Open) {
	db, outside := open(t)
	seed(t, db)
	now := time.Now()
	old, young := fam("old", "a"), fam("young", "a")
	old.ExpiresAt, young.ExpiresAt = now.Add(-storageKeep), now.Add(time.Hour)
	must(db.CreateGrant(t.Context(), old, 0, event(audit.TokenIssued)))(t)
	must(db.CreateGrant(t.Context(), young, 0, event(audit.TokenIssued)))(t)
	c := refresh.Code{User: "usr_1", Client: "mobile", Challenge: "c", CreatedAt: t0, ExpiresAt: now.Add(-25 * time.Hour)}
	ok(t, db.CreateCode(t.Context(), hash("old"), c))
	c.ExpiresAt = now.Add(-23 * time.Hour)
	ok(t, db.CreateCode(t.Context(), hash("young"), c), db.Maintain(t.Context()))
	if _, err := db.FamilyByID(t.Context(), old.ID); !errors.Is(err, refresh.ErrNotFound) {
		t.Errorf("old: %v", err)
	}
	must(db.FamilyByID(t.Context(), young.ID))(t)
	ok(t, outside("DELETE FROM session WHERE sid = 'young'"))
	for name, want := range map[string]error{"old": refresh.ErrNotFound, "young": nil} {
		x := refresh.Redemption{At: now, Admit: func(refresh.Code) (refresh.Family, audit.Event, error) {
			return refresh.Family{}, audit.Event{}, refresh.ErrProof
		}, Replayed: func(refresh.Code) audit.Event { return event(audit.TokenRevoked) }}
		if _, err := db.RedeemCode(t.Context(), hash(name), x); errors.Is(err, refresh.ErrNotFound) != (want != nil) {
			t.Errorf("code %s: %v", name, err)
		}
	}
}

// A grant that was not used for too long is ended by maintenance, told to everybody.
func grantIdle(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	now := time.Now()
	idle, used := fam("idle", "a"), fam("used", "a")
	for _, f := range []*refresh.Family{&idle, &used} {
		f.ExpiresAt, f.IdleExpiresAt = now.Add(time.Hour), now.Add(time.Hour)
	}
	idle.IdleExpiresAt = now.Add(-time.Second)
	must(db.CreateGrant(t.Context(), idle, 0, event(audit.TokenIssued)))(t)
	must(db.CreateGrant(t.Context(), used, 0, event(audit.TokenIssued)))(t)
	feed, events := trail(t, db)
	ok(t, db.Maintain(t.Context()), db.Maintain(t.Context()))
	wantTrail(t, db, feed+" session:idle", events+" session.expired")
	for sid, reason := range map[string]string{"idle": "idle", "used": "", "a": ""} {
		if r := must(db.SessionBySID(t.Context(), sid))(t); r.RevokeReason != reason {
			t.Errorf("%s: %q", sid, r.RevokeReason)
		}
	}
	a := tried(idle, 0)
	a.At = now
	if r := must(db.RotateFamily(t.Context(), a))(t); r.Verdict != refresh.Expired {
		t.Errorf("%+v", r)
	}
}

// storageKeep is more than ended sessions are kept.
const storageKeep = 8 * 24 * time.Hour

// Of many that present one generation one moves it, whatever else happens.
func raceGrant(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	f := must(db.CreateGrant(t.Context(), fam("g", "a"), 0, event(audit.TokenIssued)))(t)
	for gen := range int64(20) {
		won := together(t, 8, func(int) (bool, error) {
			r, err := db.RotateFamily(t.Context(), tried(f, gen))
			if err == nil && r.Verdict != refresh.Rotated && r.Verdict != refresh.Redelivered || r.Family.Gen != gen+1 {
				return false, fmt.Errorf("%v, generation %d, %w", r.Verdict, r.Family.Gen, err)
			}
			return r.Verdict == refresh.Rotated, err
		})
		if won != 1 {
			t.Fatalf("%d of 8 moved the generation", won)
		}
	}
	if got := must(db.FamilyByID(t.Context(), f.ID))(t); got.Gen != 20 || got.Redeliveries != 7 {
		t.Errorf("%+v", got)
	}
}
