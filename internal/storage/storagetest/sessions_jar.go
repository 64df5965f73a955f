package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/session"
)

// A jar reads as written, is replaced only from what it was, and goes with its session.
func sessionJar(t *testing.T, open Open) {
	db, _ := open(t)
	r := ses("a", "app:shop", 0)
	r.Kind, r.Jar, r.SudoUntil, r.BindKind, r.BindKey, r.BoundAt = session.App, []byte("one"), t0.Add(time.Minute), session.DBSC, []byte{4, 1}, t0.Add(time.Second)
	ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
	ok(t, db.CreateSession(t.Context(), ses("b", "usr_1", 0), 0, event(audit.LoginOK)))
	equal(t, must(db.SessionBySID(t.Context(), "a"))(t), r)
	equal(t, must(db.SessionBySecret(t.Context(), r.SecretHash))(t), r)

	ok(t, db.ReplaceJar(t.Context(), "a", []byte("one"), []byte("two")))
	ok(t, db.ReplaceJar(t.Context(), "b", nil, []byte("first")))
	for what, c := range map[string]struct {
		sid  string
		from []byte
	}{"stale": {"a", []byte("one")}, "nothing": {"a", nil}, "something": {"b", []byte("two")}, "unknown": {"c", nil}, "odd": {"a\x00", []byte("two")}} {
		if err := db.ReplaceJar(t.Context(), c.sid, c.from, []byte("three")); !errors.Is(err, session.ErrConflict) {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.Jar = []byte("two")
	equal(t, must(db.SessionBySID(t.Context(), "a"))(t), r)
	ok(t, db.ReplaceJar(t.Context(), "a", r.Jar, nil))
	ok(t, db.ReplaceJar(t.Context(), "a", nil, r.Jar))
	wantTrail(t, db, "session:a session:b session:a session:b session:a session:a", "login.ok login.ok")
}

// Whatever ends a session deletes what backends know its person by.
func sessionJarEnds(t *testing.T, open Open) {
	for name, end := range map[string]func(t *testing.T, s session.Store) error{
		"revoked": func(t *testing.T, s session.Store) error {
			_, err := s.RevokeSession(t.Context(), "a", session.ReasonLogout, t0, event(audit.Logout))
			return err
		},
		"person": func(t *testing.T, s session.Store) error {
			_, err := s.RevokeUserSessions(t.Context(), "usr_1", "", "password", t0, event(audit.SessionRevoked))
			return err
		},
		"evicted": func(t *testing.T, s session.Store) error {
			return s.CreateSession(t.Context(), ses("b", "usr_1", 0), 1, event(audit.LoginOK))
		},
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t)
			r := ses("a", "usr_1", 0)
			r.Jar = []byte("sealed")
			ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)), end(t, db))
			if got := must(db.SessionBySID(t.Context(), "a"))(t); got.RevokedAt.IsZero() || got.Jar != nil {
				t.Errorf("revoked at %v, jar %q", got.RevokedAt, got.Jar)
			}
			if err := db.ReplaceJar(t.Context(), "a", nil, []byte("late")); !errors.Is(err, session.ErrConflict) {
				t.Errorf("a jar for a dead session: %v", err)
			}
		})
	}
}

// A session is bound once, while it lives.
func sessionBind(t *testing.T, open Open) {
	db, _ := open(t)
	r := ses("a", "usr_1", 0)
	ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)), db.CreateSession(t.Context(), ses("dead", "usr_2", 0), 0, event(audit.LoginOK)))
	must(db.RevokeSession(t.Context(), "dead", session.ReasonLogout, t0, event(audit.Logout)))(t)
	ok(t, db.BindSession(t.Context(), "a", session.DBSC, []byte{4, 7}, t0.Add(time.Second), event(audit.SessionBound)))
	r.BindKind, r.BindKey, r.BoundAt = session.DBSC, []byte{4, 7}, t0.Add(time.Second)
	equal(t, must(db.SessionBySID(t.Context(), "a"))(t), r)
	for _, sid := range []string{"a", "dead", "unknown", "\x00"} {
		if err := db.BindSession(t.Context(), sid, session.DBSC, []byte{4, 8}, t0, event(audit.SessionBound)); !errors.Is(err, session.ErrConflict) {
			t.Errorf("%q: %v", sid, err)
		}
	}
	if err := db.BindSession(t.Context(), "a", "", nil, t0, event(audit.SessionBound)); err == nil {
		t.Error("bound to nothing")
	}
	equal(t, must(db.SessionBySID(t.Context(), "a"))(t), r)
	wantTrail(t, db, "session:a session:dead session:dead session:a", "login.ok login.ok logout session.bound")
}
