package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/session"
)

func sessionCreate(t *testing.T, open Open) {
	db, _ := open(t)
	r := ses("ses_1", "usr_1", time.Minute)
	r.PrevHash, r.PrevAuthTime, r.Confirmed = hash("before"), t0.Add(-time.Hour), true
	r.AMR, r.ACR, r.Agent, r.RotatedBy = []string{"pwd", "otp"}, "aal2", "blink/windows", session.Place{Network: "203.0.113.0/24", Agent: "gecko/linux"}
	ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
	equal(t, must(db.SessionBySID(t.Context(), "ses_1"))(t), r)
	wantTrail(t, db, "session:ses_1", "login.ok")

	plain := session.Record{SID: "ses_2", User: "usr_1", SecretHash: hash("2"), CreatedAt: t0}
	ok(t, db.CreateSession(t.Context(), plain, 0, event(audit.LoginOK)))
	plain.RotatedAt, plain.Kind = t0, session.Login // "CreatedAt at first", "Login where empty"
	equal(t, must(db.SessionBySID(t.Context(), "ses_2"))(t), plain)

	taken := ses("ses_3", "usr_2", 0)
	taken.SecretHash = r.SecretHash
	for what, bad := range map[string]session.Record{"sid": ses("ses_1", "usr_2", 0), "secret": taken} {
		if err := db.CreateSession(t.Context(), bad, 0, event(audit.LoginOK)); !errors.Is(err, session.ErrConflict) {
			t.Errorf("taken %s: %v", what, err)
		}
	}
	for what, bad := range map[string]session.Record{
		"sid": {User: "u", SecretHash: hash("x"), CreatedAt: t0}, "user": {SID: "s", SecretHash: hash("x"), CreatedAt: t0},
		"secret": {SID: "s", User: "u", CreatedAt: t0}, "time": {SID: "s", User: "u", SecretHash: hash("x")},
	} {
		if err := db.CreateSession(t.Context(), bad, 0, event(audit.LoginOK)); err == nil {
			t.Errorf("no %s: stored", what)
		}
	}
	wantTrail(t, db, "session:ses_1 session:ses_2", "login.ok login.ok")
}

func sessionFind(t *testing.T, open Open) {
	db, _ := open(t)
	r := ses("ses_1", "usr_1", 0)
	r.PrevHash = hash("before")
	ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
	ok(t, db.CreateSession(t.Context(), ses("ses_2", "usr_1", 0), 0, event(audit.LoginOK)))
	equal(t, must(db.SessionBySecret(t.Context(), hash("ses_1")))(t), r)
	equal(t, must(db.SessionBySecret(t.Context(), hash("before")))(t), r)
	must(db.RevokeSession(t.Context(), "ses_1", "logout", t0, event(audit.Logout)))(t)
	if got := must(db.SessionBySecret(t.Context(), hash("ses_1")))(t); !got.RevokedAt.Equal(t0) || got.RevokeReason != "logout" {
		t.Fatalf("revoked session reads as %+v", got)
	}
	for what, h := range map[string][32]byte{"unknown": hash("nobody"), "zero": {}} {
		if r, err := db.SessionBySecret(t.Context(), h); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s secret: %+v, %v", what, r, err)
		}
	}
	for _, sid := range []string{"", "ses_", "SES_1", "ses_1 ", "ses_1\x00", "\xff"} {
		if _, err := db.SessionBySID(t.Context(), sid); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("sid %q: %v", sid, err)
		}
	}
}

func sessionEvict(t *testing.T, open Open) {
	db, _ := open(t)
	create := func(r session.Record, max int) {
		t.Helper()
		ok(t, db.CreateSession(t.Context(), r, max, event(audit.LoginOK)))
	}
	expired := ses("old", "usr_1", time.Hour)
	expired.ExpiresAt = t0
	create(expired, 0)
	create(ses("other", "usr_2", -time.Hour), 0)
	for i, sid := range []string{"b", "a", "c"} { // seen in the order of creation
		create(ses(sid, "usr_1", time.Duration(i)*time.Minute), 0)
	}
	create(ses("d", "usr_1", 9*time.Minute), 2) // four, two may stay: b and a go
	wantTrail(t, db, "session:old session:other session:b session:a session:c session:b session:a session:d",
		"login.ok login.ok login.ok login.ok login.ok session.revoked session.revoked login.ok")
	for sid, reason := range map[string]string{"a": "evicted", "b": "evicted", "c": "", "d": "", "old": "", "other": ""} {
		if r := must(db.SessionBySID(t.Context(), sid))(t); r.RevokeReason != reason || r.RevokedAt.IsZero() != (reason == "") {
			t.Errorf("%s: %q at %s, want %q", sid, r.RevokeReason, r.RevokedAt, reason)
		}
	}
	create(ses("e", "usr_1", 0), 1)
	if live := must(db.Sessions(t.Context(), "usr_1", t0, 9))(t); len(live) != 1 || live[0].SID != "e" {
		t.Fatalf("live: %+v", live)
	}
	for _, ev := range must(db.Events(t.Context(), 5, 2))(t) {
		if ev.Subject != "usr_1" || ev.SID != "a" && ev.SID != "b" || ev.Detail != "reason=evicted by=d" {
			t.Errorf("event of the eviction: %+v", ev)
		}
	}
}

// rotator is who asks for a rotation.
var rotator = session.Place{Network: "203.0.113.0/24", Agent: "gecko/linux"}

func sessionRotate(t *testing.T, open Open) {
	db, _ := open(t)
	r := ses("ses_1", "usr_1", time.Minute)
	r.Confirmed = true
	ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
	ok(t, db.CreateSession(t.Context(), ses("ses_2", "usr_1", 0), 0, event(audit.LoginOK)))
	at := t0.Add(time.Hour)
	up := &session.Raised{Networks: []string{"203.0.113.0/24"}, AMR: []string{"pwd", "otp"}, ACR: "aal2", Agent: "gecko/linux", SudoUntil: at.Add(time.Minute), Event: event(audit.LoginOK)}
	ok(t, db.RotateSession(t.Context(), "ses_1", hash("ses_1"), hash("next"), rotator, at, at, up))
	want := r
	want.Networks, want.AMR, want.ACR, want.Agent, want.SudoUntil = up.Networks, up.AMR, up.ACR, up.Agent, up.SudoUntil
	want.SecretHash, want.PrevHash, want.PrevAuthTime = hash("next"), hash("ses_1"), t0
	want.AuthTime, want.RotatedAt, want.LastSeenAt, want.Confirmed, want.RotatedBy = at, at, at, false, rotator
	equal(t, must(db.SessionBySID(t.Context(), "ses_1"))(t), want)
	ok(t, db.RotateSession(t.Context(), "ses_1", hash("next"), hash("third"), rotator, at, at, nil))
	wantTrail(t, db, "session:ses_1 session:ses_2 session:ses_1 session:ses_1", "login.ok login.ok login.ok")
	if _, err := db.SessionBySecret(t.Context(), hash("ses_1")); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("the secret before the last is known: %v", err)
	}

	must(db.RevokeSession(t.Context(), "ses_2", "logout", at, event(audit.Logout)))(t)
	for what, c := range map[string]struct {
		sid      string
		from, to [32]byte
		at       time.Time
	}{
		"previous":     {"ses_1", hash("next"), hash("x"), at},
		"wrong":        {"ses_1", hash("no"), hash("x"), at},
		"zero":         {"ses_1", [32]byte{}, hash("x"), at},
		"revoked":      {"ses_2", hash("ses_2"), hash("x"), at},
		"expired":      {"ses_1", hash("third"), hash("x"), r.ExpiresAt},
		"unknown":      {"ses_9", hash("third"), hash("x"), at},
		"odd":          {"ses_1\x00", hash("third"), hash("x"), at},
		"taken secret": {"ses_1", hash("third"), hash("ses_2"), at},
	} {
		if err := db.RotateSession(t.Context(), c.sid, c.from, c.to, rotator, at, c.at, up); !errors.Is(err, session.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, to := range map[string][32]byte{"empty": {}, "same": hash("third")} {
		if err := db.RotateSession(t.Context(), "ses_1", hash("third"), to, rotator, at, at, nil); err == nil {
			t.Errorf("%s new secret: taken", what)
		}
	}
	wantTrail(t, db, "session:ses_1 session:ses_2 session:ses_1 session:ses_1 session:ses_2", "login.ok login.ok login.ok logout")
}

func sessionTouch(t *testing.T, open Open) {
	db, _ := open(t)
	want := ses("ses_1", "usr_1", time.Minute)
	ok(t, db.CreateSession(t.Context(), want, 0, event(audit.LoginOK)))
	want.LastSeenAt, want.Networks, want.Confirmed = t0.Add(time.Hour), []string{"198.51.100.0/24", "2001:db8::/48"}, true
	ok(t, db.TouchSession(t.Context(), "ses_1", hash("ses_1"), want.LastSeenAt, want.Networks, true))
	equal(t, must(db.SessionBySID(t.Context(), "ses_1"))(t), want)
	want.Networks = nil
	ok(t, db.TouchSession(t.Context(), "ses_1", hash("ses_1"), t0, nil, false)) // late mark: neither backwards nor unconfirmed
	equal(t, must(db.SessionBySID(t.Context(), "ses_1"))(t), want)
	if err := db.TouchSession(t.Context(), "ses_2", hash("ses_2"), t0, nil, false); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	wantTrail(t, db, "session:ses_1", "login.ok")
}

func sessionRevoke(t *testing.T, open Open) {
	db, _ := open(t)
	ok(t, db.CreateSession(t.Context(), ses("ses_1", "usr_1", 0), 0, event(audit.LoginOK)))
	revoke := func(sid string) bool {
		t.Helper()
		return must(db.RevokeSession(t.Context(), sid, "logout", t0.Add(time.Second), event(audit.Logout)))(t)
	}
	if !revoke("ses_1") || revoke("ses_1") || revoke("ses_9") || revoke("\x00") {
		t.Error("a session ends exactly once")
	}
	r := must(db.SessionBySID(t.Context(), "ses_1"))(t)
	if !r.RevokedAt.Equal(t0.Add(time.Second)) || r.RevokeReason != "logout" {
		t.Errorf("%+v", r)
	}
	if _, err := db.RevokeSession(t.Context(), "ses_1", "logout", time.Time{}, event(audit.Logout)); err == nil {
		t.Error("revoked at no time")
	}
	wantTrail(t, db, "session:ses_1 session:ses_1", "login.ok logout")
}

func sessionRevokeUser(t *testing.T, open Open) {
	db, _ := open(t)
	for _, sid := range []string{"a", "b", "c"} {
		ok(t, db.CreateSession(t.Context(), ses(sid, "usr_1", 0), 0, event(audit.LoginOK)))
	}
	ok(t, db.CreateSession(t.Context(), ses("d", "usr_2", 0), 0, event(audit.LoginOK)))
	end := func(user, except string, at time.Time) []string {
		t.Helper()
		return must(db.RevokeUserSessions(t.Context(), user, except, "others", at, event(audit.SessionRevoked)))(t)
	}
	if got := end("usr_1", "b", t0); len(got) != 2 || got[0]+got[1] != "ac" && got[0]+got[1] != "ca" {
		t.Fatalf("ended %q", got)
	}
	if got := end("usr_1", "b", t0); len(got) != 0 {
		t.Fatalf("ended again: %q", got)
	}
	if got := end("usr_2", "", t0.Add(25*time.Hour)); len(got) != 0 {
		t.Fatalf("ended expired ones: %q", got)
	}
	if got := end("usr_1", "", t0); len(got) != 1 || got[0] != "b" {
		t.Fatalf("ended %q", got)
	}
	if _, events := trail(t, db); events != "login.ok login.ok login.ok login.ok session.revoked session.revoked" {
		t.Errorf("trail %q", events)
	}
}

func sessionList(t *testing.T, open Open) {
	db, _ := open(t)
	for i, sid := range []string{"a", "b", "c", "d"} {
		r := ses(sid, "usr_1", 0)
		r.CreatedAt = t0.Add(time.Duration(i) * time.Second)
		if sid == "d" {
			r.User, r.ExpiresAt = "usr_2", t0.Add(time.Hour)
		}
		ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
	}
	must(db.RevokeSession(t.Context(), "b", "logout", t0, event(audit.Logout)))(t)
	for _, c := range []struct {
		user  string
		now   time.Time
		limit int
		want  string
	}{
		{"usr_1", t0, 9, "ca"}, {"usr_2", t0, 9, "d"}, {"", t0, 9, "dca"}, {"", t0, 2, "dc"}, {"", t0, 0, ""}, {"", t0, -1, ""},
		{"usr_2", t0.Add(time.Hour), 9, ""}, {"", t0.Add(time.Hour), 9, "ca"}, {"usr_9", t0, 9, ""}, {"usr\x00", t0, 9, ""},
	} {
		got := ""
		for _, r := range must(db.Sessions(t.Context(), c.user, c.now, c.limit))(t) {
			got += r.SID
		}
		if got != c.want {
			t.Errorf("user %q at %s, limit %d: %q, want %q", c.user, c.now, c.limit, got, c.want)
		}
	}
}
