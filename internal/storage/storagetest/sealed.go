package storagetest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// sealedSuite is the part of the suite about the master key and the pepper.
func sealedSuite() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"sealed/anew": sealedAnew, "sealed/whole": sealedWhole, "sealed/counts": sealedCounts,
		"peppers/move": pepperMove, "peppers/retire": pepperRetire,
	}
}

func masters(t *testing.T, bytesOf ...byte) *secret.Master {
	t.Helper()
	var keys []secret.Value
	for _, b := range bytesOf {
		keys = append(keys, secret.New(bytes.Repeat([]byte{b, 7}, 16)))
	}
	return must(secret.NewMaster(keys[0], keys[1:]...))(t)
}

// sealedAnew drives the real resealer over every kind that the store has.
func sealedAnew(t *testing.T, open Open) {
	db, _ := open(t)
	ctx, old, both, fresh := t.Context(), masters(t, 1), masters(t, 2, 1), masters(t, 2)
	for _, purpose := range []string{"csrf", "pepper"} {
		ok(t, secret.Rotate(ctx, db, old, purpose, 1, nil), secret.Rotate(ctx, db, old, purpose, 2, nil))
	}
	for i := range 7 {
		user := fmt.Sprintf("usr_%d", i)
		sealed := must(old.Seal("totp/"+user, []byte(user)))(t)
		ok(t, db.AddTOTP(ctx, factor.TOTP{User: user, Sealed: sealed, CreatedAt: t0}, nil, event(audit.FactorAdded)))
	}
	for _, sid := range []string{"a", "b"} {
		ses := ses(sid, "usr_1", 0)
		if ses.Kind = session.App; sid == "a" {
			ses.Jar = must(old.Seal("jar/a", []byte("cookies")))(t)
		}
		ok(t, db.CreateSession(ctx, ses, 0, event(audit.LoginOK)))
	}
	var kinds []secret.SealedKind
	for _, name := range storage.SealedKinds() {
		kinds = append(kinds, secret.SealedKind{Name: name, Purpose: func(id string) string {
			if name == "keyset" {
				return "keyset/" + id[:len(id)-2]
			}
			return name + "/" + id
		}})
	}
	before := must(db.LastChange(ctx))(t)
	r := &secret.Resealer{Store: db, Master: both, Kinds: kinds, Actor: "cli", Batch: 3}
	done := must(r.Run(ctx))(t)
	if a := must(db.SessionBySID(ctx, "a"))(t); !both.Seals(a.Jar) {
		t.Error("the jar of a session was left as it was")
	} else if v, err := fresh.Open("jar/a", a.Jar); err != nil || !v.Equal(secret.NewString("cookies")) {
		t.Errorf("jar: %v", err)
	}
	if b := must(db.SessionBySID(ctx, "b"))(t); b.Jar != nil {
		t.Error("a session without a jar has one")
	}
	if done["keyset"] != 4 || done["totp"] != 7 || done["jar"] != 1 {
		t.Errorf("sealed anew: %v", done)
	}
	for _, purpose := range []string{"csrf", "pepper"} {
		ring := must(secret.LoadRing(ctx, db, fresh, purpose, nil))(t)
		was := must(secret.LoadRing(ctx, db, both, purpose, nil))(t)
		if len(ring.All()) != 2 || !ring.Current().Value.Equal(was.Current().Value) {
			t.Errorf("%s: the keys are others now", purpose)
		}
	}
	for i := range 7 {
		user := fmt.Sprintf("usr_%d", i)
		x := must(db.TOTP(ctx, user))(t)
		if v, err := fresh.Open("totp/"+user, x.Sealed); err != nil || !v.Equal(secret.NewString(user)) {
			t.Errorf("%s: %v", user, err)
		}
	}
	var told []string
	for _, c := range must(db.Changes(ctx, before, 100))(t) {
		told = append(told, string(c.Kind)+":"+c.ID)
	}
	if !slices.Equal(told, []string{"keyset:csrf", "keyset:pepper", "session:a"}) {
		t.Errorf("feed %q", told)
	}
	events := must(db.Events(ctx, 0, 100))(t)
	if last := events[len(events)-1]; last.Event != audit.KeysetRotated || last.Actor != "cli" || last.Detail != "purpose=master sealed=jar count=1 key="+both.IDs()[0] {
		t.Errorf("%+v", last)
	}
	if again := must(r.Run(ctx))(t); again["keyset"]+again["totp"]+again["jar"] != 0 {
		t.Errorf("a second time: %v", again)
	}
}

// sealedWhole: a value that changed meanwhile is not overwritten, and nothing is told of it.
func sealedWhole(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	ok(t, db.AddTOTP(ctx, factor.TOTP{User: "usr_1", Sealed: []byte{1}, CreatedAt: t0}, nil, event(audit.FactorAdded)))
	if n := must(db.Reseal(ctx, "totp", []secret.Resealed{{ID: "usr_1", Old: []byte{9}, New: []byte{2}}, {ID: "usr_2", Old: []byte{1}, New: []byte{2}}}, "cli", "x"))(t); n != 0 {
		t.Errorf("%d replaced", n)
	}
	wantTrail(t, db, "", "factor.added")
	for _, bad := range [][]secret.Resealed{{{ID: "usr_1", Old: nil, New: []byte{1}}}, {{ID: "usr_1", Old: []byte{1}}}, {{ID: "a\x00", Old: []byte{1}, New: []byte{1}}}} {
		if _, err := db.Reseal(ctx, "totp", bad, "cli", "x"); err == nil {
			t.Errorf("%v: stored", bad)
		}
	}
	if _, err := db.Reseal(ctx, "nothing", nil, "cli", "x"); err == nil {
		t.Error("an unknown kind")
	}
	if _, err := db.SealedPage(ctx, "nothing", "", 1); err == nil {
		t.Error("an unknown kind")
	}
}

func sealedCounts(t *testing.T, open Open) {
	db, _ := open(t)
	ctx, one, two := t.Context(), masters(t, 1), masters(t, 2)
	for i, m := range []*secret.Master{one, one, two} {
		user := fmt.Sprintf("usr_%d", i)
		ok(t, db.AddTOTP(ctx, factor.TOTP{User: user, Sealed: must(m.Seal("totp/"+user, []byte("x")))(t), CreatedAt: t0}, nil, event(audit.FactorAdded)))
	}
	for i := range 2 { // from before values named their key
		user := fmt.Sprintf("old_%d", i)
		ok(t, db.AddTOTP(ctx, factor.TOTP{User: user, Sealed: []byte{1, byte(i), 3, 4, 5, 6}, CreatedAt: t0}, nil, event(audit.FactorAdded)))
	}
	ok(t, secret.Rotate(ctx, db, two, "csrf", 1, nil))
	got := must(db.SealCounts(ctx))(t)
	slices.SortFunc(got, func(a, b storage.SealCount) int { return a.Count - b.Count })
	byCount := map[storage.SealCount]bool{}
	for _, c := range got {
		byCount[c] = true
	}
	for _, want := range []storage.SealCount{{Kind: "totp", Master: one.IDs()[0], Count: 2}, {Kind: "totp", Master: two.IDs()[0], Count: 1}, {Kind: "totp", Count: 2}, {Kind: "keyset", Master: two.IDs()[0], Count: 1}} {
		if !byCount[want] {
			t.Errorf("no %+v in %+v", want, got)
		}
	}
	if len(got) != 4 {
		t.Errorf("%+v", got)
	}
}

func pepperMove(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	for _, id := range []string{"a", "b", "c"} {
		ok(t, db.CreateKey(ctx, key(id), time.Time{}, event(audit.KeyCreated)))
	}
	at := func(version int, s string) apikey.Pepper { return apikey.Pepper{Version: version, MAC: hash(s)} }
	ok(t, db.RemacKeys(ctx, nil))
	ok(t, db.RemacKeys(ctx, []apikey.Remac{
		{ID: "c", From: at(1, "c"), To: at(2, "c2")},
		{ID: "a", From: at(1, "a"), To: at(2, "a2")},
		{ID: "b", From: at(1, "not b"), To: at(2, "b2")}, // it is another key by now
		{ID: "nobody", From: at(1, "x"), To: at(2, "x2")},
	}))
	ok(t, db.RemacKeys(ctx, []apikey.Remac{{ID: "a", From: at(1, "a"), To: at(3, "a3")}})) // another node was first
	for id, want := range map[string]apikey.Pepper{"a": at(2, "a2"), "b": at(1, "b"), "c": at(2, "c2")} {
		if got := must(db.KeyByID(ctx, id))(t); got.Pepper != want.Version || got.MAC != want.MAC {
			t.Errorf("%s hangs on pepper %d", id, got.Pepper)
		}
	}
	for _, bad := range []apikey.Remac{{ID: "a", From: at(2, "a2"), To: at(2, "x")}, {ID: "a", From: at(2, "a2"), To: at(1, "x")}, {ID: "a", From: at(2, "a2"), To: apikey.Pepper{Version: 3}}} {
		if err := db.RemacKeys(ctx, []apikey.Remac{bad}); err == nil {
			t.Errorf("%+v: moved", bad)
		}
	}
	wantTrail(t, db, "key:a key:b key:c", "key.created key.created key.created")
}

func pepperRetire(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	for v := 1; v <= 3; v++ {
		ok(t, db.AddServerKey(ctx, secret.SealedKey{Purpose: secret.PurposePepper, Version: v, Sealed: []byte{9}, CreatedAt: t0}))
	}
	for i, id := range []string{"a", "b", "c", "d"} {
		k := key(id)
		k.Pepper = 1 + i/3 // a, b, c on the first, d on the second
		if id == "c" {
			k.ExpiresAt = t0.Add(time.Second) // long ago
		}
		ok(t, db.CreateKey(ctx, k, time.Time{}, event(audit.KeyCreated)))
	}
	must(db.RevokeKey(ctx, "b", t0, event(audit.KeyRevoked)))(t)
	equal(t, must(db.PepperCounts(ctx))(t), map[int]int{1: 1, 2: 1})
	if n, err := db.RetirePepper(ctx, 1, false, "cli"); !errors.Is(err, apikey.ErrPepperInUse) || n != 1 {
		t.Errorf("in use: %d, %v", n, err)
	}
	if got := must(db.ServerKeys(ctx, secret.PurposePepper))(t); len(got) != 3 {
		t.Errorf("a refused retirement left %d peppers", len(got))
	}
	if _, err := db.RetirePepper(ctx, 4, false, "cli"); !errors.Is(err, secret.ErrNoSuchKey) {
		t.Errorf("one that never was: %v", err)
	}
	before := must(db.LastChange(ctx))(t)
	if n := must(db.RetirePepper(ctx, 1, true, "cli"))(t); n != 1 {
		t.Errorf("force: %d", n)
	}
	if _, err := db.RetirePepper(ctx, 1, true, "cli"); !errors.Is(err, secret.ErrNoSuchKey) {
		t.Errorf("twice: %v", err)
	}
	if got := must(db.ServerKeys(ctx, secret.PurposePepper))(t); len(got) != 2 || got[0].Version != 2 {
		t.Errorf("left: %+v", got)
	}
	changes := must(db.Changes(ctx, before, 10))(t)
	if len(changes) != 1 || string(changes[0].Kind)+":"+changes[0].ID != "keyset:pepper" {
		t.Errorf("feed %+v", changes)
	}
	events := must(db.Events(ctx, 0, 100))(t)
	if last := events[len(events)-1]; last.Event != audit.KeysetRotated || last.Detail != "purpose=pepper dropped=1 keys=1" || last.Actor != "cli" {
		t.Errorf("%+v", last)
	}
}
