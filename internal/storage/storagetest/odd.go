package storagetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/storage"
)

// oddText: whatever somebody sends, the record of it is not lost.
func oddText(t *testing.T, open Open) {
	db, _ := open(t)
	for i, c := range []struct{ in, want string }{
		{"", ""}, {"日本語 😀 \u202e", "日本語 😀 \u202e"}, {"a\x00b", "a\uFFFDb"}, {"a\xff\xfeb", "a\uFFFDb"},
		{"\xed\xa0\x80", "\uFFFD"}, {`'; DROP TABLE audit; --`, `'; DROP TABLE audit; --`}, {"\n\t\x1b[31m", "\n\t\x1b[31m"},
		{strings.Repeat("é", 3000), strings.Repeat("é", 2048)}, {"x" + strings.Repeat("é", 3000), "x" + strings.Repeat("é", 2047)},
	} {
		r := ses(fmt.Sprint("ses_", i), "usr_1", 0)
		r.Device = c.in
		ev := audit.Event{
			At: t0, Event: audit.LoginFailed, Subject: c.in, Actor: c.in, SID: c.in, KeyID: c.in, Route: c.in, Network: c.in,
			RequestID: c.in, Detail: c.in,
		}
		ok(t, db.CreateSession(t.Context(), r, 0, ev))
		if got := must(db.SessionBySID(t.Context(), r.SID))(t); got.Device != c.want {
			t.Errorf("device %q reads as %q", c.in, got.Device)
		}
		got := must(db.Events(t.Context(), int64(i), 1))(t)[0]
		if got.Subject != c.want || got.Detail != c.want || got.RequestID != c.want {
			t.Errorf("%q reads as %+v", c.in, got)
		}
	}
}

// oddNames: a name is kept as it is or refused, never changed.
func oddNames(t *testing.T, open Open) {
	db, _ := open(t)
	for i, name := range []string{"日本語@例え.jp", "a'b", `a"b`, "a%_b", "a\\b", " a ", "\u00e9", "e\u0301", "😀", strings.Repeat("n", 1024)} {
		r := usr(fmt.Sprint("usr_", i), name)
		r.Roles = []string{name, "", `"],["`, "<&>"}
		ok(t, db.CreatePrincipal(t.Context(), r, event(audit.UserAdded)))
		equal(t, must(db.PrincipalByName(t.Context(), r.Kind, name))(t), r)
	}
	before, _ := trail(t, db)
	for _, name := range []string{"a\x00", "\xff", "\xed\xa0\x80", strings.Repeat("n", 1025)} {
		refuseName(t, db, name)
	}
	if after, _ := trail(t, db); after != before {
		t.Error("something was stored")
	}
}

func refuseName(t *testing.T, db *storage.DB, name string) {
	t.Helper()
	role, k := usr("usr_x", "x"), key("x")
	role.Roles, k.Scopes = []string{name}, []string{name}
	for what, err := range map[string]error{
		"principal":  db.CreatePrincipal(t.Context(), usr("usr_x", name), event(audit.UserAdded)),
		"id":         db.CreatePrincipal(t.Context(), usr(name, "x"), event(audit.UserAdded)),
		"role":       db.CreatePrincipal(t.Context(), role, event(audit.UserAdded)),
		"new role":   db.SetRoles(t.Context(), "usr_0", []string{name}, event(audit.UserRoles)),
		"session":    db.CreateSession(t.Context(), ses(name, "usr_1", 0), 0, event(audit.LoginOK)),
		"key":        db.CreateKey(t.Context(), key(name), time.Time{}, event(audit.KeyCreated)),
		"scope":      db.CreateKey(t.Context(), k, time.Time{}, event(audit.KeyCreated)),
		"networks":   db.TouchSession(t.Context(), "ses_1", hash("ses_1"), t0, []string{name}, true),
		"everything": refusedUser(t, db, name),
	} {
		if err == nil {
			t.Errorf("%s %.20q: stored", what, name)
		}
	}
}

func refusedUser(t *testing.T, db *storage.DB, name string) error {
	_, err := db.RevokeUserSessions(t.Context(), name, "", "x", t0, event(audit.SessionRevoked))
	return err
}

func oddLarge(t *testing.T, open Open) {
	db, _ := open(t)
	r := usr("usr_1", "alice")
	r.Roles = nil
	for i := range 5000 {
		r.Roles = append(r.Roles, fmt.Sprintf("role-%d-役", i))
	}
	ok(t, db.CreatePrincipal(t.Context(), r, event(audit.UserAdded)))
	equal(t, must(db.PrincipalByID(t.Context(), "usr_1"))(t), r)

	const many = 3*64 + 7 // more than one statement of feed lines
	for i := range many {
		ok(t, db.CreateSession(t.Context(), ses(fmt.Sprintf("s%03d", i), "usr_1", 0), 0, event(audit.LoginOK)))
	}
	ok(t, db.SetDisabled(t.Context(), "usr_1", true, t0, event(audit.UserDisabled)))
	changes, _ := trail(t, db) // checks that there is no gap
	for i := range many {
		if n := strings.Count(changes, fmt.Sprintf("session:s%03d", i)); n != 2 {
			t.Fatalf("session %d stands %d times in the feed", i, n)
		}
	}
	if live := must(db.Sessions(t.Context(), "usr_1", t0, 9))(t); len(live) != 0 {
		t.Errorf("%d live sessions of a disabled user", len(live))
	}
}
