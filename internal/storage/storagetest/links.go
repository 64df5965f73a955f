package storagetest

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/secret"
)

func linkOf(name string, kind link.Kind, user string, age time.Duration) link.Record {
	return link.Record{Hash: sha256.Sum256([]byte(name)), Kind: kind, User: user, Email: "alice@example.com", CreatedAt: t0.Add(age), ExpiresAt: t0.Add(age + time.Hour)}
}

func links(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.CreatePrincipal(ctx, usr("usr_1", "alice@example.com"), event(audit.UserAdded)))
	ok(t, db.CreateSession(ctx, ses("ses_1", "usr_1", 0), 0, event(audit.LoginOK)))
	a, b := linkOf("a", link.Reset, "usr_1", 0), linkOf("b", link.Reset, "usr_1", time.Minute)
	ok(t, db.CreateLink(ctx, a, event(audit.LinkIssued)))
	ok(t, db.CreateLink(ctx, b, event(audit.LinkIssued)))
	equal(t, must(db.LinkByHash(ctx, a.Hash))(t), a)
	if _, err := db.LinkByHash(ctx, sha256.Sum256([]byte("none"))); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("a link that is none: %v", err)
	}
	for what, bad := range map[string]link.Record{"kind": linkOf("x", "", "usr_1", 0), "user": linkOf("x", link.Reset, "", 0), "signup": linkOf("x", link.Signup, "usr_1", 0)} {
		if err := db.CreateLink(ctx, bad, event(audit.LinkIssued)); err == nil {
			t.Errorf("bad %s: stored", what)
		}
	}
	hash := secret.NewString("$argon2id$new")
	if _, err := db.UseLink(ctx, a.Hash, hash, a.ExpiresAt, event(audit.UserReset)); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("a link at its end: %v", err)
	}
	if _, err := db.UseLink(ctx, a.Hash, secret.Value{}, t0, event(audit.UserReset)); err == nil {
		t.Error("no password was set")
	}
	if user := must(db.UseLink(ctx, a.Hash, hash, t0.Add(time.Minute), event(audit.UserReset)))(t); user != "usr_1" {
		t.Errorf("the link was of %q", user)
	}
	// It is used, the other one went with it, the password is set, the session has ended.
	for _, h := range [][32]byte{a.Hash, b.Hash} {
		if _, err := db.UseLink(ctx, h, hash, t0.Add(time.Minute), event(audit.UserReset)); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("a used link: %v", err)
		}
	}
	if r := must(db.PrincipalByID(ctx, "usr_1"))(t); !r.Password.Equal(hash) || r.Version != 2 {
		t.Errorf("the user after it: version %d", r.Version)
	}
	if s := must(db.SessionBySID(ctx, "ses_1"))(t); s.RevokedAt.IsZero() {
		t.Error("the session is alive")
	}
	wantTrail(t, db, "principal:usr_1 session:ses_1 principal:usr_1 session:ses_1", "user.added login.ok link.issued link.issued user.reset")

	// A password that is changed in another way takes open links with it, too.
	for what, change := range map[string]func() error{
		"changed": func() error {
			return db.ChangePassword(ctx, "usr_1", must(db.PrincipalByID(ctx, "usr_1"))(t).Password, secret.NewString("$argon2id$"+"c"), "", t0, event(audit.UserReset))
		},
		"set": func() error {
			return db.SetPassword(ctx, "usr_1", secret.NewString("$argon2id$s"), true, t0, event(audit.UserReset))
		},
	} {
		open := linkOf(what, link.Reset, "usr_1", 0)
		ok(t, db.CreateLink(ctx, open, event(audit.LinkIssued)), change())
		if _, err := db.UseLink(ctx, open.Hash, hash, t0.Add(time.Minute), event(audit.UserReset)); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("a link from before the password was %s: %v", what, err)
		}
	}
	// A hash that is only renewed, with the password as it was, leaves them.
	kept := linkOf("kept", link.Reset, "usr_1", 0)
	ok(t, db.CreateLink(ctx, kept, event(audit.LinkIssued)), db.SetPassword(ctx, "usr_1", secret.NewString("$argon2id$r"), false, t0, event(audit.UserReset)))
	if _, err := db.UseLink(ctx, kept.Hash, hash, t0.Add(time.Minute), event(audit.UserReset)); err != nil {
		t.Errorf("a link after the hash was renewed: %v", err)
	}
}

// linkRace: of many who use a link at the same time, one succeeds.
func linkRace(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.CreatePrincipal(ctx, usr("usr_1", "alice@example.com"), event(audit.UserAdded)))
	a := linkOf("a", link.Reset, "usr_1", 0)
	ok(t, db.CreateLink(ctx, a, event(audit.LinkIssued)))
	outcomes := make(chan error, 8)
	for range cap(outcomes) {
		go func() {
			_, err := db.UseLink(ctx, a.Hash, secret.NewString("$argon2id$new"), t0, event(audit.UserReset))
			outcomes <- err
		}()
	}
	won := 0
	for range cap(outcomes) {
		switch err := <-outcomes; {
		case err == nil:
			won++
		case !errors.Is(err, link.ErrNotFound):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d have used the link", won)
	}
}

func linkSignup(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	for i := range 5 {
		ok(t, db.CreateLink(ctx, linkOf(string(rune('a'+i)), link.Signup, "", time.Duration(i)*time.Minute), event(audit.LinkIssued)))
	}
	// MaxOpen is three: the two oldest are gone.
	for i, want := range []bool{false, false, true, true, true} {
		_, err := db.LinkByHash(ctx, sha256.Sum256([]byte{byte('a' + i)}))
		if (err == nil) != want {
			t.Errorf("link %d: %v", i, err)
		}
	}
	last := linkOf("e", link.Signup, "", 0)
	if err := db.UseSignup(ctx, last.Hash, usr("usr_2", "bob@example.com"), t0, event(audit.UserAdded)); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("for another address: %v", err)
	}
	if _, err := db.UseLink(ctx, last.Hash, secret.NewString("$argon2id$x"), t0, event(audit.UserReset)); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("as a link of a user: %v", err)
	}
	ok(t, db.UseSignup(ctx, last.Hash, usr("usr_1", "alice@example.com"), t0, event(audit.UserAdded)))
	for _, name := range []string{"c", "d", "e"} {
		if err := db.UseSignup(ctx, sha256.Sum256([]byte(name)), usr("usr_3", "alice@example.com"), t0, event(audit.UserAdded)); !errors.Is(err, link.ErrNotFound) {
			t.Errorf("%s after it: %v", name, err)
		}
	}
	ok(t, db.CreateLink(ctx, linkOf("f", link.Signup, "", 0), event(audit.LinkIssued)))
	if err := db.UseSignup(ctx, sha256.Sum256([]byte("f")), usr("usr_3", "alice@example.com"), t0, event(audit.UserAdded)); !errors.Is(err, principal.ErrExists) {
		t.Errorf("a taken address: %v", err)
	}
	if _, err := db.LinkByHash(ctx, sha256.Sum256([]byte("f"))); err != nil {
		t.Errorf("what failed has used the link up: %v", err)
	}
}

func federated(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.CreatePrincipal(ctx, usr("usr_1", "alice@example.com"), event(audit.UserAdded)))
	ok(t, db.CreateSession(ctx, ses("ses_1", "usr_1", 0), 0, event(audit.LoginOK)))
	l := federation.Link{Issuer: "https://id.example.com", Subject: "248289761001", User: "usr_1", CreatedAt: t0}
	if _, err := db.FederatedUser(ctx, l.Issuer, l.Subject); !errors.Is(err, federation.ErrNotFound) {
		t.Errorf("before: %v", err)
	}
	ok(t, db.LinkFederated(ctx, l, event(audit.Linked)))
	if user := must(db.FederatedUser(ctx, l.Issuer, l.Subject))(t); user != "usr_1" {
		t.Errorf("linked to %q", user)
	}
	// Issuers and subjects are compared to the byte, and neither alone says who it is.
	for _, other := range [][2]string{{"https://id.example.com/", l.Subject}, {"HTTPS://ID.EXAMPLE.COM", l.Subject}, {l.Issuer, "24828976100"}, {"", l.Subject}, {l.Issuer, ""}, {l.Issuer, "x\x00"}} {
		if _, err := db.FederatedUser(ctx, other[0], other[1]); !errors.Is(err, federation.ErrNotFound) {
			t.Errorf("%q: %v", other, err)
		}
	}
	again, nobody := l, l
	ok(t, db.CreatePrincipal(ctx, usr("usr_2", "bob@example.com"), event(audit.UserAdded)))
	again.User, nobody.User, nobody.Subject = "usr_2", "usr_9", "other"
	if err := db.LinkFederated(ctx, again, event(audit.Linked)); !errors.Is(err, federation.ErrExists) {
		t.Errorf("linked twice: %v", err)
	}
	if err := db.LinkFederated(ctx, nobody, event(audit.Linked)); !errors.Is(err, principal.ErrNotFound) {
		t.Errorf("linked to nobody: %v", err)
	}
	made := federation.Link{Issuer: l.Issuer, Subject: "new", User: "usr_3", CreatedAt: t0}
	if err := db.CreateFederated(ctx, usr("usr_3", "bob@example.com"), made, event(audit.UserAdded), event(audit.Linked)); !errors.Is(err, principal.ErrExists) {
		t.Errorf("a taken address: %v", err)
	}
	made.Subject = l.Subject
	if err := db.CreateFederated(ctx, usr("usr_3", "carol@example.com"), made, event(audit.UserAdded), event(audit.Linked)); !errors.Is(err, federation.ErrExists) {
		t.Errorf("a linked subject: %v", err)
	}
	made.Subject = "new"
	ok(t, db.CreateFederated(ctx, usr("usr_3", "carol@example.com"), made, event(audit.UserAdded), event(audit.Linked)))
	equal(t, must(db.FederatedOf(ctx, "usr_3"))(t), []federation.Link{made})
	if err := db.UnlinkFederated(ctx, again, t0, event(audit.Unlinked)); !errors.Is(err, federation.ErrNotFound) {
		t.Errorf("unlinked from another user: %v", err)
	}
	ok(t, db.UnlinkFederated(ctx, l, t0, event(audit.Unlinked)))
	if s := must(db.SessionBySID(ctx, "ses_1"))(t); s.RevokedAt.IsZero() {
		t.Error("the session is alive")
	}
	equal(t, len(must(db.FederatedOf(ctx, "usr_1"))(t)), 0)
}

// unlinkOwn: nobody takes away the last way to sign in that the site offers.
func unlinkOwn(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	corp := func(user string) federation.Link {
		return federation.Link{Issuer: "https://id.example.com", Subject: "of " + user, User: user, CreatedAt: t0}
	}
	club := func(user string) federation.Link {
		return federation.Link{Issuer: "https://club.example", Subject: "of " + user, User: user, CreatedAt: t0}
	}
	both := []string{"https://id.example.com", "https://club.example"}
	for name, c := range map[string]struct {
		password, passkey, club bool
		offered                 federation.Offered
		want                    error
	}{
		"nothing else":                      {false, false, false, federation.Offered{Password: true, Passkey: true, Issuers: both}, federation.ErrLast},
		"a password":                        {true, false, false, federation.Offered{Password: true, Issuers: both}, nil},
		"a password that nobody asks for":   {true, false, false, federation.Offered{Passkey: true, Issuers: both}, federation.ErrLast},
		"a passkey":                         {false, true, false, federation.Offered{Password: true, Passkey: true}, nil},
		"a passkey that nobody asks for":    {false, true, false, federation.Offered{Password: true, Issuers: both}, federation.ErrLast},
		"another provider":                  {false, false, true, federation.Offered{Issuers: both}, nil},
		"another provider that has gone":    {false, false, true, federation.Offered{Password: true, Issuers: both[:1]}, federation.ErrLast},
		"all of it, and nothing is offered": {true, true, true, federation.Offered{}, federation.ErrLast},
	} {
		user := "usr_" + name
		r := usr(user, name+"@example.com")
		if !c.password {
			r.Password = secret.Value{}
		}
		ok(t, db.CreatePrincipal(ctx, r, event(audit.UserAdded)), db.LinkFederated(ctx, corp(user), event(audit.Linked)))
		if c.passkey {
			ok(t, db.AddPasskey(ctx, pky("pky_"+name, user), 9, event(audit.FactorAdded)))
		}
		if c.club {
			ok(t, db.LinkFederated(ctx, club(user), event(audit.Linked)))
		}
		for _, sid := range []string{"this " + name, "that " + name} {
			ok(t, db.CreateSession(ctx, ses(sid, user, 0), 0, event(audit.LoginOK)))
		}
		if err := db.UnlinkOwn(ctx, corp(user), c.offered, "this "+name, t0, event(audit.Unlinked)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		_, err := db.FederatedUser(ctx, corp(user).Issuer, corp(user).Subject)
		this, that := must(db.SessionBySID(ctx, "this "+name))(t), must(db.SessionBySID(ctx, "that "+name))(t)
		if gone := errors.Is(err, federation.ErrNotFound); gone != (c.want == nil) || !this.RevokedAt.IsZero() || that.RevokedAt.IsZero() == gone {
			t.Errorf("%s: gone %v, sessions ended %v and %v", name, gone, this.RevokedAt, that.RevokedAt)
		}
	}
	all := federation.Offered{Password: true, Passkey: true, Issuers: both}
	for what, l := range map[string]federation.Link{"of another user": {Issuer: both[0], Subject: "of usr_a password", User: "usr_a passkey"}, "of nobody": {Issuer: both[0], Subject: "x", User: "usr_a password"}, "odd": {Issuer: both[0], Subject: "x\x00", User: "usr_a password"}} {
		if err := db.UnlinkOwn(ctx, l, all, "", t0, event(audit.Unlinked)); !errors.Is(err, federation.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// unlinkRace: of the last two links, removed at once, one stays.
func unlinkRace(t *testing.T, open Open) {
	db, _ := open(t)
	for round := range 10 {
		user := "usr_" + string(rune('a'+round))
		r := usr(user, user+"@example.com")
		r.Password = secret.Value{}
		ok(t, db.CreatePrincipal(t.Context(), r, event(audit.UserAdded)))
		var links []federation.Link
		for _, issuer := range []string{"https://id.example.com", "https://club.example"} {
			l := federation.Link{Issuer: issuer, Subject: user, User: user, CreatedAt: t0}
			ok(t, db.LinkFederated(t.Context(), l, event(audit.Linked)))
			links = append(links, l)
		}
		won := together(t, 2, func(i int) (bool, error) {
			err := db.UnlinkOwn(t.Context(), links[i], federation.Offered{Issuers: []string{links[0].Issuer, links[1].Issuer}}, "", t0, event(audit.Unlinked))
			if errors.Is(err, federation.ErrLast) {
				return false, nil
			}
			return err == nil, err
		})
		if left := must(db.FederatedOf(t.Context(), user))(t); won != 1 || len(left) != 1 {
			t.Fatalf("%d were removed, %d are left", won, len(left))
		}
	}
}

func foreignPasswords(t *testing.T, open Open) {
	db, _ := open(t)
	for i, hash := range []string{"", "$argon2id$v=19$m=19456,t=2,p=1$x$y", "pbkdf2_sha256$1000$a$b", "argon2$argon2id$v=19$m=1", "bcrypt$$2b$12$x"} {
		r := usr("usr_"+string(rune('1'+i)), string(rune('a'+i))+"@example.com")
		r.Password = secret.NewString(hash)
		if hash == "" {
			r.Password = secret.Value{}
		}
		ok(t, db.CreatePrincipal(t.Context(), r, event(audit.UserAdded)))
	}
	if got := len(must(db.ForeignPasswords(t.Context()))(t)); got != 3 {
		t.Errorf("%d forms", got)
	}
}
