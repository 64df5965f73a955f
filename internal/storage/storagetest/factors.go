package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/secret"
)

// factorSuite is the part of the suite about second factors and passkeys.
func factorSuite() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"factors/totp": factorTOTP, "factors/recovery": factorRecovery, "factors/race": factorRace, "factors/enrol": factorEnrol,
		"passkeys/store": passkeyStore, "passkeys/use": passkeyUse, "passkeys/own": passkeyOwn,
		"passwords/change": passwordChange, "keys/owner": keysOfOwner, "sessions/subject": sessionSubject,
	}
}

func factorTOTP(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	if _, err := db.TOTP(ctx, "usr_1"); !errors.Is(err, factor.ErrNotFound) {
		t.Errorf("nobody's: %v", err)
	}
	x := factor.TOTP{User: "usr_1", Sealed: []byte("sealed"), LastStep: 7, CreatedAt: t0}
	ok(t, db.AddTOTP(ctx, x, [][32]byte{hash("a"), hash("b")}, event(audit.FactorAdded)))
	equal(t, must(db.TOTP(ctx, "usr_1"))(t), x)
	equal(t, must(db.RecoveryCodes(ctx, "usr_1"))(t), 2)
	ok(t, db.FailStep(ctx, "usr_1"), db.FailStep(ctx, "usr_1"))
	equal(t, must(db.TOTP(ctx, "usr_1"))(t).Failures, int64(2))
	for _, step := range []int64{6, 7} {
		if err := db.UseStep(ctx, "usr_1", step); !errors.Is(err, factor.ErrSpent) {
			t.Errorf("step %d: %v", step, err)
		}
	}
	ok(t, db.UseStep(ctx, "usr_1", 8))
	x.LastStep = 8
	equal(t, must(db.TOTP(ctx, "usr_1"))(t), x) // and the failures are forgotten
	again := factor.TOTP{User: "usr_1", Sealed: []byte("other"), LastStep: 1, CreatedAt: t0.Add(time.Hour)}
	if err := db.AddTOTP(ctx, again, [][32]byte{hash("c")}, event(audit.FactorAdded)); !errors.Is(err, factor.ErrExists) {
		t.Errorf("a second app: %v", err)
	}
	equal(t, must(db.TOTP(ctx, "usr_1"))(t), x)
	equal(t, must(db.RecoveryCodes(ctx, "usr_1"))(t), 2)
	ok(t, db.RemoveTOTP(ctx, "usr_1", event(audit.FactorRemoved)), db.AddTOTP(ctx, again, nil, event(audit.FactorAdded)))
	equal(t, must(db.TOTP(ctx, "usr_1"))(t), again)
	ok(t, db.RemoveTOTP(ctx, "usr_1", event(audit.FactorRemoved)))
	equal(t, must(db.RecoveryCodes(ctx, "usr_1"))(t), 0)
	for what, err := range map[string]error{
		"remove": db.RemoveTOTP(ctx, "usr_1", event(audit.FactorRemoved)), "use": db.UseStep(ctx, "usr_1", 99), "fail": db.FailStep(ctx, "usr_1"),
		"odd": db.RemoveTOTP(ctx, "usr_\x00", event(audit.FactorRemoved)), "user": db.AddTOTP(ctx, factor.TOTP{Sealed: []byte("x"), CreatedAt: t0}, nil, event(audit.FactorAdded)),
		"secret": db.AddTOTP(ctx, factor.TOTP{User: "usr_1", CreatedAt: t0}, nil, event(audit.FactorAdded)), "time": db.AddTOTP(ctx, factor.TOTP{User: "usr_1", Sealed: []byte("x")}, nil, event(audit.FactorAdded)),
	} {
		if err == nil {
			t.Errorf("%s: done", what)
		}
	}
	wantTrail(t, db, "", "factor.added factor.removed factor.added factor.removed")
}

func factorRecovery(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	use := func(user, code string) (int, error) {
		return db.UseRecoveryCode(ctx, user, hash(code), t0, event(audit.FactorUsed))
	}
	ok(t, db.AddTOTP(ctx, factor.TOTP{User: "usr_1", Sealed: []byte("s"), CreatedAt: t0}, nil, event(audit.FactorAdded)), db.FailStep(ctx, "usr_1"))
	ok(t, db.SetRecoveryCodes(ctx, "usr_1", [][32]byte{hash("a"), hash("b")}, event(audit.FactorAdded)))
	ok(t, db.SetRecoveryCodes(ctx, "usr_2", [][32]byte{hash("c")}, event(audit.FactorAdded)))
	equal(t, must(use("usr_1", "a"))(t), 1)
	equal(t, must(db.TOTP(ctx, "usr_1"))(t).Failures, int64(0))
	if _, err := use("usr_1", "a"); !errors.Is(err, factor.ErrSpent) {
		t.Errorf("again: %v", err)
	}
	for _, c := range [][2]string{{"usr_1", "c"}, {"usr_1", "x"}, {"usr_3", "a"}, {"usr_\x00", "a"}} {
		if _, err := use(c[0], c[1]); !errors.Is(err, factor.ErrNotFound) {
			t.Errorf("%q: %v", c, err)
		}
	}
	ok(t, db.SetRecoveryCodes(ctx, "usr_1", [][32]byte{hash("d")}, event(audit.FactorAdded)))
	if _, err := use("usr_1", "b"); !errors.Is(err, factor.ErrNotFound) {
		t.Errorf("a replaced code: %v", err)
	}
	equal(t, must(db.RecoveryCodes(ctx, "usr_2"))(t), 1)
	last := must(db.Events(ctx, 0, 100))(t)
	if ev := last[3]; ev.Event != audit.FactorUsed || ev.Detail != "factor=recovery_code left=1" {
		t.Errorf("event %+v", ev)
	}
}

// factorEnrol: of many apps at once one is enrolled, with its recovery codes and no others.
func factorEnrol(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	for round := range 10 {
		user := fmt.Sprintf("usr_%d", round)
		var first atomic.Int64
		won := together(t, 8, func(i int) (bool, error) {
			codes := [][32]byte{hash(fmt.Sprint("a", i)), hash(fmt.Sprint("b", i))}
			err := db.AddTOTP(ctx, factor.TOTP{User: user, Sealed: []byte{1, byte(i)}, LastStep: 1, CreatedAt: t0}, codes, event(audit.FactorAdded))
			if errors.Is(err, factor.ErrExists) {
				return false, nil
			}
			first.Store(int64(i))
			return err == nil, err
		})
		if won != 1 {
			t.Fatalf("%d of 8 apps were enrolled", won)
		}
		if got := must(db.TOTP(ctx, user))(t).Sealed[1]; int64(got) != first.Load() {
			t.Errorf("app %d is stored, and %d was enrolled", got, first.Load())
		}
		equal(t, must(db.RecoveryCodes(ctx, user))(t), 2)
		if _, err := db.UseRecoveryCode(ctx, user, hash(fmt.Sprint("b", first.Load())), t0, event(audit.FactorUsed)); err != nil {
			t.Errorf("a recovery code of the app that was enrolled: %v", err)
		}
	}
}

// factorRace: of many at the same time one wins.
func factorRace(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.AddTOTP(ctx, factor.TOTP{User: "usr_1", Sealed: []byte("s"), CreatedAt: t0}, [][32]byte{hash("a")}, event(audit.FactorAdded)))
	ok(t, db.AddPasskey(ctx, pky("pky_1", "usr_1"), 9, event(audit.FactorAdded)))
	race(t, db, "step", func() error { return db.UseStep(ctx, "usr_1", 5) })
	race(t, db, "code", func() error {
		_, err := db.UseRecoveryCode(ctx, "usr_1", hash("a"), t0, event(audit.FactorUsed))
		return err
	})
	race(t, db, "passkey", func() error {
		r := pky("pky_1", "usr_1")
		r.SignCount, r.LastUsedAt = 9, t0
		return db.UsePasskey(ctx, r, nil)
	})
}

func race(t *testing.T, _ *storage.DB, what string, do func() error) {
	t.Helper()
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if do() == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%s: %d won, want 1", what, won.Load())
	}
}

func pky(handle, user string) passkey.Record {
	return passkey.Record{Handle: handle, User: user, ID: []byte("id of " + handle), PublicKey: []byte("cose"), Name: "Phone ☎",
		Transports: []string{"internal", "hybrid"}, AAGUID: make([]byte, 16), Attestation: "none", SignCount: 3, BackupEligible: true, CreatedAt: t0}
}

func passkeyStore(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	one, two := pky("pky_1", "usr_1"), pky("pky_2", "usr_1")
	two.CreatedAt, two.BackedUp, two.Transports = t0.Add(time.Second), true, nil
	ok(t, db.AddPasskey(ctx, two, 2, event(audit.FactorAdded)), db.AddPasskey(ctx, one, 2, event(audit.FactorAdded)))
	equal(t, must(db.Passkeys(ctx, "usr_1"))(t), []passkey.Record{one, two})
	equal(t, must(db.PasskeyByCredential(ctx, one.ID))(t), one)
	if err := db.AddPasskey(ctx, pky("pky_3", "usr_1"), 2, event(audit.FactorAdded)); !errors.Is(err, passkey.ErrTooMany) {
		t.Errorf("third of two: %v", err)
	}
	taken := pky("pky_3", "usr_2") // somebody else's credential is never taken over
	taken.ID = one.ID
	if err := db.AddPasskey(ctx, taken, 2, event(audit.FactorAdded)); !errors.Is(err, passkey.ErrExists) {
		t.Errorf("taken credential: %v", err)
	}
	for _, id := range [][]byte{nil, []byte("other"), make([]byte, 1024)} {
		if _, err := db.PasskeyByCredential(ctx, id); !errors.Is(err, passkey.ErrNotFound) {
			t.Errorf("%.9q: %v", id, err)
		}
	}
	for what, bad := range map[string]passkey.Record{
		"handle": {User: "u", ID: []byte("i"), PublicKey: []byte("k"), CreatedAt: t0}, "user": {Handle: "h", ID: []byte("i"), PublicKey: []byte("k"), CreatedAt: t0},
		"id": {Handle: "h", User: "u", PublicKey: []byte("k"), CreatedAt: t0}, "key": {Handle: "h", User: "u", ID: []byte("i"), CreatedAt: t0}, "time": {Handle: "h", User: "u", ID: []byte("i"), PublicKey: []byte("k")},
		"length": {Handle: "h", User: "u", ID: make([]byte, 1024), PublicKey: []byte("k"), CreatedAt: t0},
	} {
		if err := db.AddPasskey(ctx, bad, 9, event(audit.FactorAdded)); err == nil {
			t.Errorf("no %s: stored", what)
		}
	}
	wantTrail(t, db, "", "factor.added factor.added")
}

func passkeyUse(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	r := pky("pky_1", "usr_1")
	ok(t, db.AddPasskey(ctx, r, 9, event(audit.FactorAdded)))
	r.SignCount, r.BackedUp, r.LastUsedAt = 4, true, t0.Add(time.Minute)
	ok(t, db.UsePasskey(ctx, r, nil))
	equal(t, must(db.PasskeyByCredential(ctx, r.ID))(t), r)
	if err := db.UsePasskey(ctx, r, nil); !errors.Is(err, passkey.ErrNotFound) {
		t.Errorf("the same counter again: %v", err)
	}
	r.FlaggedAt = t0.Add(2 * time.Minute)
	ev := event(audit.FactorFlagged)
	ok(t, db.UsePasskey(ctx, r, &ev))
	equal(t, must(db.PasskeyByCredential(ctx, r.ID))(t), r)
	r.SignCount, r.LastUsedAt = 9, t0.Add(3*time.Minute)
	ok(t, db.UsePasskey(ctx, r, nil))
	equal(t, must(db.PasskeyByCredential(ctx, r.ID))(t), r) // the flag stays

	never := pky("pky_2", "usr_1")
	never.SignCount = 0
	ok(t, db.AddPasskey(ctx, never, 9, event(audit.FactorAdded)))
	never.LastUsedAt = t0
	ok(t, db.UsePasskey(ctx, never, nil), db.UsePasskey(ctx, never, nil)) // it does not count
	wantTrail(t, db, "", "factor.added factor.flagged factor.added")
}

func passkeyOwn(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.AddPasskey(ctx, pky("pky_1", "usr_1"), 9, event(audit.FactorAdded)))
	for what, err := range map[string]error{
		"rename another's": db.RenamePasskey(ctx, "usr_2", "pky_1", "x", event(audit.FactorRenamed)), "remove another's": db.RemovePasskey(ctx, "usr_2", "pky_1", event(audit.FactorRemoved)),
		"rename none": db.RenamePasskey(ctx, "usr_1", "pky_9", "x", event(audit.FactorRenamed)), "odd": db.RemovePasskey(ctx, "usr_1", "\x00", event(audit.FactorRemoved)),
	} {
		if !errors.Is(err, passkey.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ok(t, db.RenamePasskey(ctx, "usr_1", "pky_1", "鍵", event(audit.FactorRenamed)))
	equal(t, must(db.Passkeys(ctx, "usr_1"))(t)[0].Name, "鍵")
	ok(t, db.RemovePasskey(ctx, "usr_1", "pky_1", event(audit.FactorRemoved)))
	equal(t, len(must(db.Passkeys(ctx, "usr_1"))(t)), 0)
	wantTrail(t, db, "", "factor.added factor.renamed factor.removed")
}

func passwordChange(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	u := usr("usr_1", "a@example.com")
	ok(t, db.CreatePrincipal(ctx, u, event(audit.UserAdded)))
	for i := range 3 {
		ok(t, db.CreateSession(ctx, ses(fmt.Sprintf("ses_%d", i), "usr_1", 0), 0, event(audit.LoginOK)))
	}
	next := secret.NewString("$argon2id$next")
	if err := db.ChangePassword(ctx, "usr_1", secret.NewString("$argon2id$other"), next, "ses_1", t0, event(audit.UserReset)); !errors.Is(err, principal.ErrNotFound) {
		t.Errorf("another former hash: %v", err)
	}
	ok(t, db.ChangePassword(ctx, "usr_1", u.Password, next, "ses_1", t0, event(audit.UserReset)))
	left := must(db.Sessions(ctx, "usr_1", t0, 9))(t)
	if len(left) != 1 || left[0].SID != "ses_1" {
		t.Errorf("left %+v", left)
	}
	if got := must(db.PrincipalByID(ctx, "usr_1"))(t); !got.Password.Equal(next) || got.Version != 2 {
		t.Errorf("%+v", got)
	}
}

// sessionSubject: whoever ends a session of somebody else need not know whose it is.
func sessionSubject(t *testing.T, open Open) {
	db, _ := open(t)
	ok(t, db.CreateSession(t.Context(), ses("ses_1", "usr_1", 0), 0, event(audit.LoginOK)))
	must(db.RevokeSession(t.Context(), "ses_1", "account", t0, event(audit.SessionRevoked)))(t)
	if got := must(db.Events(t.Context(), 0, 9))(t)[1]; got.Subject != "usr_1" {
		t.Errorf("subject %q", got.Subject)
	}
}

func keysOfOwner(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	for i, owner := range []string{"usr_1", "usr_2", "usr_1", "usr_1"} {
		k := key(fmt.Sprintf("key%d", i))
		k.Owner, k.CreatedAt = owner, t0.Add(time.Duration(i)*time.Second)
		ok(t, db.CreateKey(ctx, k, time.Time{}, event(audit.KeyCreated)))
	}
	must(db.RevokeKey(ctx, "key2", t0, event(audit.KeyRevoked)))(t)
	var ids []string
	for _, r := range must(db.KeysOf(ctx, "usr_1", 9))(t) {
		ids = append(ids, r.ID)
	}
	equal(t, ids, []string{"key3", "key0"})
	equal(t, len(must(db.KeysOf(ctx, "usr_1", 1))(t)), 1)
	equal(t, len(must(db.KeysOf(ctx, "usr_\x00", 9))(t)), 0)
}
