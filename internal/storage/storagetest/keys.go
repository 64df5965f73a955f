package storagetest

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

func keyCreate(t *testing.T, open Open) {
	db, _ := open(t)
	k := key("000000000001")
	k.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")}
	k.Until, k.Bound, k.Canary, k.Note = t0.Add(2*time.Hour), true, true, "for the importer; 請求書"
	k.HeldAt = t0.Add(time.Minute)
	k.ExpiresAt, k.LastUsedAt, k.LastUsedNetwork = t0.Add(time.Hour), t0, "203.0.113.0/24"
	ok(t, db.CreateKey(t.Context(), k, time.Time{}, event(audit.KeyCreated)))
	equal(t, must(db.KeyByID(t.Context(), k.ID))(t), k)
	if err := db.CreateKey(t.Context(), k, time.Time{}, event(audit.KeyCreated)); err == nil {
		t.Error("a taken id was stored")
	}
	for _, id := range []string{"", "000000000002", "000000000001\x00"} {
		if _, err := db.KeyByID(t.Context(), id); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	bad := key("000000000003")
	bad.Networks = []netip.Prefix{{}} // "any network" must not come from a mistake
	if err := db.CreateKey(t.Context(), bad, time.Time{}, event(audit.KeyCreated)); err == nil {
		t.Error("a key with an invalid network was stored")
	}
	wantTrail(t, db, "key:000000000001", "key.created")
}

func keyReplace(t *testing.T, open Open) {
	db, _ := open(t)
	soon, later := t0.Add(time.Hour), t0.Add(24*time.Hour)
	for _, c := range []struct {
		id              string
		had, want, give time.Time
	}{
		{"a", time.Time{}, soon, soon},
		{"b", later, soon, soon},
		{"c", soon, soon, later}, // never later than it had
		{"d", later, later, time.Time{}},
		{"e", time.Time{}, t0, t0}, // at once
	} {
		old := key(c.id)
		old.ExpiresAt = c.had
		ok(t, db.CreateKey(t.Context(), old, time.Time{}, event(audit.KeyCreated)))
		next := key(c.id + c.id)
		next.Replaces = c.id
		ok(t, db.CreateKey(t.Context(), next, c.give, event(audit.KeyRotated)))
		if got := must(db.KeyByID(t.Context(), c.id))(t).ExpiresAt; !got.Equal(c.want) {
			t.Errorf("%s: expires %s, want %s", c.id, got, c.want)
		}
		equal(t, must(db.KeyByID(t.Context(), next.ID))(t), next)
	}
	again := key("bx")
	again.Replaces = "b" // bb has done that
	if err := db.CreateKey(t.Context(), again, soon, event(audit.KeyRotated)); !errors.Is(err, apikey.ErrReplaced) {
		t.Errorf("a second successor: %v", err)
	}
	must(db.RevokeKey(t.Context(), "a", t0, event(audit.KeyRevoked)))(t)
	for _, old := range []string{"a", "e", "nobody"} { // revoked, expired, unknown
		next := key("zz")
		next.Replaces = old
		if err := db.CreateKey(t.Context(), next, soon, event(audit.KeyRotated)); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("replaces %s: %v", old, err)
		}
		if _, err := db.KeyByID(t.Context(), "zz"); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("replaces %s: the new key is there", old)
		}
	}
	wantTrail(t, db, "key:a key:a key:aa key:b key:b key:bb key:c key:c key:cc key:d key:d key:dd key:e key:e key:ee key:a",
		"key.created key.rotated key.created key.rotated key.created key.rotated key.created key.rotated key.created key.rotated key.revoked")
}

func keyRevoke(t *testing.T, open Open) {
	db, _ := open(t)
	ok(t, db.CreateKey(t.Context(), key("a"), time.Time{}, event(audit.KeyCreated)))
	revoke := func() bool {
		t.Helper()
		return must(db.RevokeKey(t.Context(), "a", t0.Add(time.Second), event(audit.KeyRevoked)))(t)
	}
	if !revoke() || revoke() {
		t.Error("a key is revoked exactly once")
	}
	if r := must(db.KeyByID(t.Context(), "a"))(t); !r.RevokedAt.Equal(t0.Add(time.Second)) {
		t.Errorf("revoked at %s", r.RevokedAt)
	}
	for _, id := range []string{"b", "a\x00"} {
		if _, err := db.RevokeKey(t.Context(), id, t0, event(audit.KeyRevoked)); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	if _, err := db.RevokeKey(t.Context(), "a", time.Time{}, event(audit.KeyRevoked)); err == nil {
		t.Error("revoked at no time")
	}
	wantTrail(t, db, "key:a key:a", "key.created key.revoked")
}

func keyTouch(t *testing.T, open Open) {
	db, outside := open(t)
	for _, id := range []string{"a", "b"} {
		ok(t, db.CreateKey(t.Context(), key(id), time.Time{}, event(audit.KeyCreated)))
	}
	ok(t, db.TouchKeys(t.Context(), nil))
	ok(t, db.TouchKeys(t.Context(), []apikey.Use{
		{ID: "b", At: t0.Add(2), Network: "zero"}, // below a microsecond: as t0
		{ID: "nobody", At: t0, Network: "x"}, {ID: "a\x00", At: t0, Network: "x"},
		{ID: "a", At: t0.Add(time.Second), Network: "first"}, {ID: "a", At: t0, Network: "late"},
	}))
	for id, want := range map[string]struct {
		at      time.Time
		network string
	}{"a": {t0.Add(time.Second), "first"}, "b": {t0, "zero"}} {
		if r := must(db.KeyByID(t.Context(), id))(t); !r.LastUsedAt.Equal(want.at) || r.LastUsedNetwork != want.network {
			t.Errorf("%s: %s from %q", id, r.LastUsedAt, r.LastUsedNetwork)
		}
	}
	wantTrail(t, db, "key:a key:b", "key.created key.created")

	ok(t, outside(copyKeys(1, 200)))
	var uses []apikey.Use // more than one statement of them, two for each key
	for i := range 400 {
		uses = append(uses, apikey.Use{ID: fmt.Sprintf("k%04d", i%200+1), At: t0.Add(time.Duration(i) * time.Hour), Network: fmt.Sprint(i)})
	}
	ok(t, db.TouchKeys(t.Context(), uses))
	for i := 1; i <= 200; i++ {
		r := must(db.KeyByID(t.Context(), fmt.Sprintf("k%04d", i)))(t)
		if want := t0.Add(time.Duration(199+i) * time.Hour); !r.LastUsedAt.Equal(want) || r.LastUsedNetwork != fmt.Sprint(199+i) {
			t.Fatalf("%s: %s from %q", r.ID, r.LastUsedAt, r.LastUsedNetwork)
		}
	}
	ok(t, db.TouchKeys(t.Context(), uses[:200])) // older ones change nothing
	if r := must(db.KeyByID(t.Context(), "k0001"))(t); r.LastUsedNetwork != "200" {
		t.Errorf("went back: %+v", r)
	}
}

func keyEach(t *testing.T, open Open) {
	db, outside := open(t)
	count := func() (n int, ids map[string]bool) {
		t.Helper()
		ids = map[string]bool{}
		ok(t, db.EachKey(t.Context(), func(r apikey.Record) error { n++; ids[r.ID] = true; return nil }))
		return n, ids
	}
	if n, _ := count(); n != 0 {
		t.Errorf("empty store has %d keys", n)
	}
	ok(t, db.CreateKey(t.Context(), key("k0000"), time.Time{}, event(audit.KeyCreated)))
	must(db.RevokeKey(t.Context(), "k0000", t0, event(audit.KeyRevoked)))(t)
	for i := 1; i <= 4000; i++ { // two pages and one key
		if i == 4000 || i%500 == 0 {
			ok(t, outside(copyKeys(i-(i-1)%500, i)))
		}
	}
	if n, ids := count(); n != 4001 || len(ids) != 4001 || !ids["k0000"] || !ids["k4000"] {
		t.Errorf("%d keys, %d different", n, len(ids))
	}
	stop, seen := errors.New("stop"), 0
	err := db.EachKey(t.Context(), func(r apikey.Record) error {
		seen++
		_, err := db.KeyByID(t.Context(), r.ID) // yield may use the store
		return errors.Join(err, stop)
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("after %d: %v", seen, err)
	}
}

// copyKeys makes copies of a key under other ids, k0001 and so on.
func copyKeys(from, to int) string {
	q := "INSERT INTO api_key (id, owner, env, roles, scopes, networks, rate, pepper, mac, created_at, expires_at, revoked_at, replaces, last_used_at, last_used_network) SELECT n.id, owner, env, roles, scopes, networks, rate, pepper, mac, created_at, expires_at, revoked_at, replaces, last_used_at, last_used_network FROM api_key, ("
	for i := from; i <= to; i++ {
		if i > from {
			q += " UNION ALL "
		}
		q += fmt.Sprintf("SELECT 'k%04d' AS id", i)
	}
	return q + ") AS n WHERE api_key.id IN ('k0000', 'a')"
}

func serverKeys(t *testing.T, open Open) {
	db, _ := open(t)
	if got, err := db.ServerKeys(t.Context(), "csrf"); err != nil || got == nil || len(got) != 0 {
		t.Fatalf("none is %v, %v; want an empty slice", got, err)
	}
	k := secret.SealedKey{Purpose: "csrf", Version: 2, Sealed: []byte{0, 1, 255}, CreatedAt: t0, ActiveAt: t0.Add(time.Second)}
	one, gone, other := k, k, k
	one.Version, gone.Version, gone.RetiredAt, other.Purpose = 1, 3, t0, "pepper"
	for _, add := range []secret.SealedKey{k, one, gone, other} {
		ok(t, db.AddServerKey(t.Context(), add))
	}
	equal(t, must(db.ServerKeys(t.Context(), "csrf"))(t), []secret.SealedKey{one, k})
	if err := db.AddServerKey(t.Context(), k); !errors.Is(err, secret.ErrVersionTaken) {
		t.Errorf("taken version: %v", err)
	}
	for _, bad := range []secret.SealedKey{{Version: 1, Sealed: k.Sealed}, {Purpose: "x", Sealed: k.Sealed}, {Purpose: "x", Version: 1}} {
		if err := db.AddServerKey(t.Context(), bad); err == nil {
			t.Errorf("%+v: stored", bad)
		}
	}
	wantTrail(t, db, "keyset:csrf keyset:csrf keyset:csrf keyset:pepper",
		"keyset.rotated keyset.rotated keyset.rotated keyset.rotated")
}

// ring drives the real reader of the store.
func ring(t *testing.T, open Open) {
	db, _ := open(t)
	master := must(secret.NewMaster(secret.New(make([]byte, secret.MasterSize))))(t)
	first := must(secret.LoadRing(t.Context(), db, master, secret.PurposeCSRF, nil))(t)
	again := must(secret.LoadRing(t.Context(), db, master, secret.PurposeCSRF, nil))(t)
	if !first.Current().Value.Equal(again.Current().Value) {
		t.Error("two nodes have two keys")
	}
	ok(t, secret.Rotate(t.Context(), db, master, secret.PurposeCSRF, 2, nil), again.Load(t.Context(), db, master))
	if again.Current().Version != 2 || len(again.All()) != 2 {
		t.Errorf("after a rotation: %+v", again.All())
	}
}

func spent(t *testing.T, open Open) {
	db, _ := open(t)
	spend := func(id byte, now, until time.Time) bool {
		t.Helper()
		return must(db.Spend(t.Context(), [16]byte{id}, now, until))(t)
	}
	until := t0.Add(time.Hour)
	if !spend(1, t0, until) || spend(1, t0, until) || !spend(2, t0, until) || spend(1, until.Add(-1), until) {
		t.Error("an id is first exactly once")
	}
	if spend(1, until.Add(time.Minute), until.Add(time.Hour)) {
		t.Error("an id is first again though its line is there")
	}
	if _, err := db.Spend(t.Context(), [16]byte{3}, t0, t0); err == nil {
		t.Error("spent for no time")
	}
	wantTrail(t, db, "", "")
}
