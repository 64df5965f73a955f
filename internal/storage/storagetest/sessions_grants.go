package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// grantOf is a live grant session that came from a login session.
func grantOf(sid, parent, user string) session.Record {
	r := ses(sid, user, 0)
	r.Kind, r.Parent, r.Client, r.ExpiresAt = session.Grant, parent, "mobile", t0.Add(720*time.Hour)
	return r
}

// A mark that was made before a rotation moves the clock and nothing else.
func sessionLateMark(t *testing.T, open Open) {
	db, _ := open(t)
	ok(t, db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)))
	ok(t, db.RotateSession(t.Context(), "a", hash("a"), hash("b"), rotator, t0, t0.Add(time.Minute), nil))
	want := must(db.SessionBySID(t.Context(), "a"))(t)
	ok(t, db.TouchSession(t.Context(), "a", hash("a"), t0.Add(time.Hour), []string{"198.51.100.0/24"}, true))
	want.LastSeenAt = t0.Add(time.Hour)
	equal(t, must(db.SessionBySID(t.Context(), "a"))(t), want)
	ok(t, db.TouchSession(t.Context(), "a", hash("b"), t0, []string{"198.51.100.0/24"}, true))
	want.Networks, want.Confirmed = []string{"198.51.100.0/24"}, true
	equal(t, must(db.SessionBySID(t.Context(), "a"))(t), want)
}

// Logout, revocation and eviction of a login end its grants; its natural end does not.
func sessionChildren(t *testing.T, open Open) {
	for _, c := range []struct {
		name, reason, events, feed string
		end                        func(t *testing.T, s session.Store) error
		ended                      bool
	}{
		{"logout", "logout", "login.ok token.issued logout token.revoked", "session:a session:g session:a session:g", func(t *testing.T, s session.Store) error {
			_, err := s.RevokeSession(t.Context(), "a", session.ReasonLogout, t0, event(audit.Logout))
			return err
		}, true},
		{"idle", "", "login.ok token.issued session.expired", "session:a session:g session:a", func(t *testing.T, s session.Store) error {
			_, err := s.RevokeSession(t.Context(), "a", session.ReasonIdle, t0, event(audit.SessionExpired))
			return err
		}, false},
		{"absolute end", "", "login.ok token.issued session.expired", "session:a session:g session:a", func(t *testing.T, s session.Store) error {
			_, err := s.RevokeSession(t.Context(), "a", session.ReasonExpired, t0, event(audit.SessionExpired))
			return err
		}, false},
		{"evicted", "evicted", "login.ok token.issued session.revoked token.revoked login.ok", "session:a session:g session:a session:g session:b", func(t *testing.T, s session.Store) error {
			return s.CreateSession(t.Context(), ses("b", "usr_1", 0), 1, event(audit.LoginOK))
		}, true},
		{"whole person", "password", "login.ok token.issued session.revoked", "session:a session:g session:a session:g", func(t *testing.T, s session.Store) error {
			_, err := s.RevokeUserSessions(t.Context(), "usr_1", "", "password", t0, event(audit.SessionRevoked))
			return err
		}, true},
		{"person but this login", "others", "login.ok token.issued session.revoked", "session:a session:g session:g", func(t *testing.T, s session.Store) error {
			_, err := s.RevokeUserSessions(t.Context(), "usr_1", "a", "others", t0, event(audit.SessionRevoked))
			return err
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, _ := open(t)
			ok(t, db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)),
				db.CreateSession(t.Context(), grantOf("g", "a", "usr_1"), 0, event(audit.TokenIssued)), c.end(t, db))
			if r := must(db.SessionBySID(t.Context(), "g"))(t); r.RevokedAt.IsZero() == c.ended || r.RevokeReason != c.reason {
				t.Errorf("the grant: %q at %v", r.RevokeReason, r.RevokedAt)
			}
			wantTrail(t, db, c.feed, c.events)
		})
	}
}

// A grant reads as written, is found by its sid only, and has limits of its own.
func sessionGrants(t *testing.T, open Open) {
	db, _ := open(t)
	g := grantOf("g", "a", "usr_1")
	ok(t, db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)),
		db.CreateSession(t.Context(), g, 0, event(audit.TokenIssued)))
	equal(t, must(db.SessionBySID(t.Context(), "g"))(t), g)
	if r, err := db.SessionBySecret(t.Context(), g.SecretHash); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("found by a secret: %+v, %v", r, err)
	}
	ok(t, db.CreateSession(t.Context(), ses("b", "usr_1", 0), 2, event(audit.LoginOK))) // two logins: the grant does not count
	if live := must(db.Sessions(t.Context(), "usr_1", t0, 9))(t); len(live) != 3 {
		t.Errorf("live: %+v", live)
	}
	if !must(db.RevokeSession(t.Context(), "g", "revoked", t0, event(audit.TokenRevoked)))(t) {
		t.Error("the grant was not alive")
	}
	if r := must(db.SessionBySID(t.Context(), "a"))(t); !r.RevokedAt.IsZero() {
		t.Error("ending the grant ended the login")
	}
	wantTrail(t, db, "session:a session:g session:b session:g", "login.ok token.issued login.ok token.revoked")
}
