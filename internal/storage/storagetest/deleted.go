package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
)

// userDelete: of a user that is deleted nothing is left but revoked keys without a note, and
// the trail; of others everything is.
func userDelete(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.CreatePrincipal(ctx, principal.Record{ID: "svc_1", Kind: principal.Service, Name: "importer", Version: 1, CreatedAt: t0}, event(audit.UserAdded)))
	for _, who := range []string{"1", "2"} {
		personOf(t, db, who)
	}
	got := must(db.DeleteUser(ctx, "usr_1", t0.Add(time.Minute), event(audit.UserDeleted)))(t)
	if (got != storage.Deleted{Sessions: 2, Keys: 1}) {
		t.Errorf("%+v, want a login, its grant and a key", got)
	}
	for what, left := range leftOf(t, db, "1") {
		if left {
			t.Errorf("%s of who was deleted is left", what)
		}
	}
	for what, left := range leftOf(t, db, "2") {
		if !left {
			t.Errorf("%s of another is gone", what)
		}
	}
	canary := must(db.KeyByID(ctx, "c1"))(t)
	if k := must(db.KeyByID(ctx, "k1"))(t); k.RevokedAt.IsZero() || !canary.RevokedAt.IsZero() || k.Note+canary.Note+k.LastUsedNetwork != "" {
		t.Errorf("key %+v, canary %+v", k, canary)
	}
	evs := must(db.Events(ctx, 0, 99))(t)
	if last := evs[len(evs)-1]; last.Subject != "usr_1" || last.Detail != "sessions=2 keys=1" {
		t.Errorf("event %+v", last)
	}
	for what, id := range map[string]string{"again": "usr_1", "nobody": "usr_9", "odd": "usr_2\x00", "service": "svc_1"} {
		if _, err := db.DeleteUser(ctx, id, t0, event(audit.UserDeleted)); !errors.Is(err, principal.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ok(t, db.CreatePrincipal(ctx, usr("usr_3", "1@example.com"), event(audit.UserAdded))) // the address is free
}

// personOf fills every table that knows of people.
func personOf(t *testing.T, db *storage.DB, n string) {
	t.Helper()
	ctx, user := t.Context(), "usr_"+n
	ok(t, db.CreatePrincipal(ctx, usr(user, n+"@example.com"), event(audit.UserAdded)))
	ok(t, db.CreateSession(ctx, ses("s"+n, user, 0), 0, event(audit.LoginOK)))
	f := fam("f"+n, "s"+n)
	f.User = user
	must(db.CreateGrant(ctx, f, 0, event(audit.TokenIssued)))(t)
	ok(t, db.CreateCode(ctx, hash("code"+n), refresh.Code{User: user, SID: "s" + n, Client: "mobile", Challenge: "c", CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}))
	ok(t, db.AddTOTP(ctx, factor.TOTP{User: user, Sealed: []byte("sealed"), CreatedAt: t0}, [][32]byte{hash("code" + n)}, event(audit.FactorAdded)))
	ok(t, db.AddPasskey(ctx, pky("pky_"+n, user), 9, event(audit.FactorAdded)))
	ok(t, db.LinkFederated(ctx, federation.Link{Issuer: "https://id.example", Subject: "sub" + n, User: user, CreatedAt: t0}, event(audit.Linked)))
	reset, signup := linkOf("r"+n, link.Reset, user, 0), linkOf("u"+n, link.Signup, "", 0)
	reset.Email, signup.Email = n+"@example.com", n+"@example.com"
	ok(t, db.CreateLink(ctx, reset, event(audit.LinkIssued)), db.CreateLink(ctx, signup, event(audit.LinkIssued)))
	for _, id := range []string{"k", "c"} {
		k := key(id + n)
		k.Owner, k.Canary, k.Note, k.LastUsedNetwork = user, id == "c", "the laptop of Ada", "203.0.113.0/24"
		ok(t, db.CreateKey(ctx, k, time.Time{}, event(audit.KeyCreated)))
	}
}

// leftOf says what the store still knows of somebody.
func leftOf(t *testing.T, db *storage.DB, n string) map[string]bool {
	t.Helper()
	ctx, user := t.Context(), "usr_"+n
	f := fam("f"+n, "")
	found := func(err, none error) bool {
		if err != nil && !errors.Is(err, none) {
			t.Error(err)
		}
		return err == nil
	}
	_, id := db.PrincipalByID(ctx, user)
	_, name := db.PrincipalByName(ctx, principal.User, n+"@example.com")
	_, login := db.SessionBySID(ctx, "s"+n)
	_, family := db.FamilyByID(ctx, f.ID)
	_, totp := db.TOTP(ctx, user)
	_, reset := db.LinkByHash(ctx, linkOf("r"+n, link.Reset, user, 0).Hash)
	_, signup := db.LinkByHash(ctx, linkOf("u"+n, link.Signup, "", 0).Hash)
	_, other := db.FederatedUser(ctx, "https://id.example", "sub"+n)
	_, code := db.RedeemCode(ctx, hash("code"+n), refresh.Redemption{At: t0, Admit: func(c refresh.Code) (refresh.Family, audit.Event, error) {
		return refresh.Family{}, audit.Event{}, errAsked
	}})
	if errors.Is(code, errAsked) {
		code = nil
	}
	return map[string]bool{
		"the id": found(id, principal.ErrNotFound), "the address": found(name, principal.ErrNotFound),
		"a session": found(login, session.ErrNotFound), "a grant": found(family, refresh.ErrNotFound),
		"an app": found(totp, factor.ErrNotFound), "a recovery code": must(db.RecoveryCodes(ctx, user))(t) > 0,
		"a passkey": len(must(db.Passkeys(ctx, user))(t)) > 0, "a link": found(reset, link.ErrNotFound), "a sign-up": found(signup, link.ErrNotFound),
		"a provider": found(other, federation.ErrNotFound), "a code": found(code, refresh.ErrNotFound),
	}
}

var errAsked = errors.New("the code is there")
