package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

func auditTrail(t *testing.T, open Open) {
	db, _ := open(t)
	full := audit.Event{
		Seq: 77, At: t0, Event: audit.LoginFailed, Subject: "usr_1", Actor: "system", SID: "ses_1", KeyID: "k", Route: "notes",
		Network: "203.0.113.0/24", RequestID: "r", Detail: "reason=password",
	}
	ok(t, db.Record(t.Context(), full), db.Record(t.Context(), audit.Event{Event: audit.Logout}))
	got := must(db.Events(t.Context(), 0, 9))(t)
	full.Seq = 1
	equal(t, got[0], full)
	if age := time.Since(got[1].At); got[1].Seq != 2 || age < 0 || age > time.Minute {
		t.Errorf("event without a time: %+v", got[1])
	}
	for _, c := range []struct {
		after int64
		limit int
		want  int
	}{{0, 1, 1}, {1, 9, 1}, {2, 9, 0}, {0, 0, 0}, {0, -1, 0}, {-5, 9, 2}} {
		if got := must(db.Events(t.Context(), c.after, c.limit))(t); len(got) != c.want {
			t.Errorf("after %d, limit %d: %d events, want %d", c.after, c.limit, len(got), c.want)
		}
	}
	if err := db.Record(t.Context(), audit.Event{}); err == nil {
		t.Error("an event without a name was recorded")
	}
	if last := must(db.LastChange(t.Context()))(t); last != 0 {
		t.Errorf("recording is a change: %d", last)
	}
}

func auditAppendOnly(t *testing.T, open Open) {
	db, outside := open(t)
	ok(t, db.Record(t.Context(), event(audit.Logout)))
	for _, q := range []string{"UPDATE audit SET detail = 'x'", "DELETE FROM audit"} {
		if err := outside(q); err == nil {
			t.Errorf("%s: done", q)
		}
	}
	wantTrail(t, db, "", "logout")
}

func feed(t *testing.T, open Open) {
	db, _ := open(t)
	if n := must(db.LastChange(t.Context()))(t); n != 0 {
		t.Fatalf("empty feed ends at %d", n)
	}
	ok(t, db.Ping(t.Context()))
	for i := range 3 {
		ok(t, db.CreateKey(t.Context(), key(fmt.Sprint("k", i)), time.Time{}, event(audit.KeyCreated)))
	}
	got := must(db.Changes(t.Context(), 1, 1))(t)
	if len(got) != 1 || got[0].Seq != 2 || got[0].Kind != change.Key || got[0].ID != "k1" || time.Since(got[0].At) > time.Minute {
		t.Errorf("line 2: %+v", got)
	}
	if n := must(db.LastChange(t.Context()))(t); n != 3 {
		t.Errorf("feed ends at %d", n)
	}
	if got := must(db.Changes(t.Context(), 3, 9))(t); len(got) != 0 {
		t.Errorf("after the end: %+v", got)
	}
}

func feedWait(t *testing.T, open Open) {
	db, _ := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 20 { // whatever hints stand already
		short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
		err := db.WaitChange(short)
		stop()
		if err != nil {
			break
		}
	}
	for i := range 5 { // a hint per change, and waits that end in between
		short, stop := context.WithTimeout(ctx, 20*time.Millisecond)
		if err := db.WaitChange(short); !errors.Is(err, context.DeadlineExceeded) && err != nil {
			t.Fatalf("nothing changed: %v", err)
		}
		stop()
		time.AfterFunc(10*time.Millisecond, func() {
			_ = db.CreateKey(ctx, key(fmt.Sprint("k", i)), time.Time{}, event(audit.KeyCreated))
		})
		ok(t, db.WaitChange(ctx))
	}
}

// changes are all methods that write to the journal; each would succeed.
func changes(ctx context.Context, db *storage.DB) map[string]func() error {
	ev, at := event(audit.Logout), t0.Add(time.Minute)
	return map[string]func() error{
		"CreateSession": func() error { return db.CreateSession(ctx, ses("new", "usr_1", 0), 1, ev) },
		"AdmitSession": func() error {
			_, err := db.AdmitSession(ctx, ses("new", "usr_1", 0), session.Places{Max: 3, AtMax: session.Deny, Idle: time.Hour, Former: "a"}, ev)
			return err
		},
		"RotateSession": func() error {
			return db.RotateSession(ctx, "a", hash("a"), hash("x"), rotator, at, at, &session.Raised{Event: ev})
		},
		"rotate silently": func() error { return db.RotateSession(ctx, "a", hash("a"), hash("x"), rotator, at, at, nil) },
		"RevokeSession":   func() error { _, err := db.RevokeSession(ctx, "a", "x", at, ev); return err },
		"RevokeUserSessions": func() error {
			_, err := db.RevokeUserSessions(ctx, "usr_1", "", "x", at, ev)
			return err
		},
		"CreatePrincipal": func() error { return db.CreatePrincipal(ctx, usr("usr_2", "bob"), ev) },
		"SetRoles":        func() error { return db.SetRoles(ctx, "usr_1", []string{"admin"}, ev) },
		"SetDisabled":     func() error { return db.SetDisabled(ctx, "usr_1", true, at, ev) },
		"SetPassword":     func() error { return db.SetPassword(ctx, "usr_1", secret.NewString("x"), true, at, ev) },
		"DeleteUser":      func() error { _, err := db.DeleteUser(ctx, "usr_1", at, ev); return err },
		"CreateKey":       func() error { return db.CreateKey(ctx, key("new"), time.Time{}, ev) },
		"CreateKey replacing": func() error {
			k := key("new")
			k.Replaces = "k"
			return db.CreateKey(ctx, k, at, ev)
		},
		"RevokeKey": func() error { _, err := db.RevokeKey(ctx, "k", at, ev); return err },
		"AddServerKey": func() error {
			return db.AddServerKey(ctx, secret.SealedKey{Purpose: "csrf", Version: 1, Sealed: []byte("x")})
		},
	}
}

// seed makes what changes works on.
func seed(t *testing.T, db *storage.DB) {
	t.Helper()
	ok(t,
		db.CreatePrincipal(t.Context(), usr("usr_1", "alice"), event(audit.UserAdded)),
		db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)),
		db.CreateSession(t.Context(), ses("b", "usr_1", 0), 0, event(audit.LoginOK)),
		db.CreateKey(t.Context(), key("k"), time.Time{}, event(audit.KeyCreated)))
}

// snapshot is all that changes could touch.
func snapshot(t *testing.T, db *storage.DB) []any {
	t.Helper()
	var keys []apikey.Record
	ok(t, db.EachKey(t.Context(), func(r apikey.Record) error { keys = append(keys, r); return nil }))
	c, e := trail(t, db)
	return []any{
		c, e, keys, must(db.Sessions(t.Context(), "", t0, 99))(t), must(db.Principals(t.Context(), "user"))(t),
		must(db.ServerKeys(t.Context(), "csrf"))(t), must(db.LastChange(t.Context()))(t),
	}
}

// wholeJournal: no change without its event and its feed line.
func wholeJournal(t *testing.T, open Open) {
	db, outside := open(t)
	seed(t, db)
	before := snapshot(t, db)
	for _, table := range []string{"audit", "feed", "head"} {
		ok(t, outside("ALTER TABLE "+table+" RENAME TO gone"))
		for name, change := range changes(t.Context(), db) {
			if name == "rotate silently" && table == "audit" {
				continue // it has no event to lose
			}
			if change() == nil {
				t.Errorf("%s without %s: done", name, table)
			}
		}
		ok(t, outside("ALTER TABLE gone RENAME TO "+table))
		equal(t, snapshot(t, db), before)
	}
	for name := range changes(t.Context(), db) { // each succeeds where nothing is broken
		db, _ := open(t)
		seed(t, db)
		ok(t, changes(t.Context(), db)[name]())
	}
}

// wholeCancel: a call that was given up before it began changes nothing and says so.
func wholeCancel(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	before := snapshot(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, change := range changes(ctx, db) {
		err := change()
		if !errors.Is(err, context.Canceled) || refusal.From(err).Code != refusal.Busy {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.SessionBySID(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: %v", err)
	}
	equal(t, snapshot(t, db), before)
	ok(t, db.SetRoles(t.Context(), "usr_1", nil, event(audit.UserRoles))) // the store is as good as before
}
