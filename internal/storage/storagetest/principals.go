package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

func principalCreate(t *testing.T, open Open) {
	db, _ := open(t)
	alice := usr("usr_1", "alice@example.com")
	ok(t, db.CreatePrincipal(t.Context(), alice, event(audit.UserAdded)))
	equal(t, must(db.PrincipalByID(t.Context(), "usr_1"))(t), alice)
	bot := principal.Record{ID: "svc_1", Kind: principal.Service, Name: "alice@example.com", Disabled: true, Version: 7, CreatedAt: t0}
	ok(t, db.CreatePrincipal(t.Context(), bot, event(audit.UserAdded))) // a name is unique within its kind
	equal(t, must(db.PrincipalByID(t.Context(), "svc_1"))(t), bot)
	for what, r := range map[string]principal.Record{"name": usr("usr_2", "alice@example.com"), "id": usr("usr_1", "bob@example.com")} {
		if err := db.CreatePrincipal(t.Context(), r, event(audit.UserAdded)); !errors.Is(err, principal.ErrExists) {
			t.Errorf("taken %s: %v", what, err)
		}
	}
	for what, r := range map[string]principal.Record{
		"id": usr("", "x"), "name": usr("usr_3", ""), "kind": {ID: "usr_3", Name: "x", Kind: "robot"},
	} {
		if err := db.CreatePrincipal(t.Context(), r, event(audit.UserAdded)); err == nil {
			t.Errorf("bad %s: stored", what)
		}
	}
	wantTrail(t, db, "principal:usr_1 principal:svc_1", "user.added user.added")
	if evs := must(db.Events(t.Context(), 0, 9))(t); evs[0].Subject != "usr_1" || evs[1].Subject != "svc_1" {
		t.Errorf("subjects are not filled: %+v", evs)
	}
}

func principalFind(t *testing.T, open Open) {
	db, _ := open(t)
	// Bytes order them, not letters: Z before a before ü.
	for i, name := range []string{"ü@example.com", "a@example.com", "Z@example.com"} {
		ok(t, db.CreatePrincipal(t.Context(), usr([]string{"usr_1", "usr_2", "usr_3"}[i], name), event(audit.UserAdded)))
	}
	equal(t, must(db.PrincipalByName(t.Context(), principal.User, "ü@example.com"))(t), usr("usr_1", "ü@example.com"))
	got := ""
	for _, r := range must(db.Principals(t.Context(), principal.User))(t) {
		got += r.Name[:1]
	}
	if got != "Za\xc3" {
		t.Errorf("order %q", got)
	}
	if all := must(db.Principals(t.Context(), principal.Service))(t); len(all) != 0 {
		t.Errorf("services: %v", all)
	}
	for _, name := range []string{"", "A@example.com", "a@example.com ", "a@example.com\x00", "\xff", "u\u0308@example.com"} {
		if _, err := db.PrincipalByName(t.Context(), principal.User, name); !errors.Is(err, principal.ErrNotFound) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	if _, err := db.PrincipalByName(t.Context(), principal.Service, "a@example.com"); !errors.Is(err, principal.ErrNotFound) {
		t.Errorf("other kind: %v", err)
	}
	if _, err := db.PrincipalByID(t.Context(), "usr_9"); !errors.Is(err, principal.ErrNotFound) {
		t.Errorf("id: %v", err)
	}
}

func principalChange(t *testing.T, open Open) {
	db, _ := open(t)
	want := usr("usr_1", "alice@example.com")
	ok(t, db.CreatePrincipal(t.Context(), want, event(audit.UserAdded)))
	check := func() { t.Helper(); want.Version++; equal(t, must(db.PrincipalByID(t.Context(), "usr_1"))(t), want) }
	begin := func(sid string) {
		t.Helper()
		ok(t, db.CreateSession(t.Context(), ses(sid, "usr_1", 0), 0, event(audit.LoginOK)))
	}
	over := func(sid, reason string) {
		t.Helper()
		if r := must(db.SessionBySID(t.Context(), sid))(t); r.RevokeReason != reason || r.RevokedAt.IsZero() != (reason == "") {
			t.Errorf("session %s ended by %q, want %q", sid, r.RevokeReason, reason)
		}
	}
	begin("a")
	want.Roles = []string{"writer", "admin"}
	ok(t, db.SetRoles(t.Context(), "usr_1", want.Roles, event(audit.UserRoles)))
	check()
	want.Password = secret.NewString("$argon2id$new")
	ok(t, db.SetPassword(t.Context(), "usr_1", want.Password, false, t0, event(audit.UserReset)))
	check()
	over("a", "")
	ok(t, db.SetPassword(t.Context(), "usr_1", want.Password, true, t0, event(audit.UserReset)))
	check()
	over("a", "password")
	begin("b")
	want.Disabled = true
	ok(t, db.SetDisabled(t.Context(), "usr_1", true, t0, event(audit.UserDisabled)))
	check()
	over("b", "disabled")
	begin("c")
	want.Disabled = false
	ok(t, db.SetDisabled(t.Context(), "usr_1", false, t0, event(audit.UserEnabled)))
	check()
	over("c", "")
	wantTrail(t, db, "principal:usr_1 session:a principal:usr_1 principal:usr_1 principal:usr_1 session:a session:b "+
		"principal:usr_1 session:b session:c principal:usr_1",
		"user.added login.ok user.roles user.reset user.reset login.ok user.disabled login.ok user.enabled")

	for what, err := range map[string]error{
		"roles":    db.SetRoles(t.Context(), "usr_9", nil, event(audit.UserRoles)),
		"disabled": db.SetDisabled(t.Context(), "usr_9", true, t0, event(audit.UserDisabled)),
		"password": db.SetPassword(t.Context(), "usr_9", secret.Value{}, true, t0, event(audit.UserReset)),
		"odd id":   db.SetRoles(t.Context(), "usr_1\x00", nil, event(audit.UserRoles)),
	} {
		if !errors.Is(err, principal.ErrNotFound) {
			t.Errorf("%s of nobody: %v", what, err)
		}
	}
	if err := db.SetDisabled(t.Context(), "usr_1", true, time.Time{}, event(audit.UserDisabled)); err == nil {
		t.Error("disabled at no time: the sessions would stay alive")
	}
}
