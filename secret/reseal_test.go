package secret

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// docs/formats.md: computed with another implementation (HKDF and AES-GCM of Python's
// cryptography).
const (
	vectorID  = "ef94deb1"
	vectorOld = "01000000000000000000000000000000000000000000000000000000006bb4ed05d1382829b720b7912a8988af474c1c76f21e12a10272feefda98d5730e2686443f9913c0cfc0c9705c3780ee"
	vectorNew = "02ef94deb1000000000000000000000000000000000000000000000000000000006bb4ed05d1382829b720b7912a8988af474c1c76f21e12a10272feefda98d5730e2686443f9913c0cfc0c9705c3780ee"
)

func TestSealedVectors(t *testing.T) {
	key := make([]byte, MasterSize)
	for i := range key {
		key[i] = byte(i)
	}
	m, err := NewMaster(New(key))
	if err != nil {
		t.Fatal(err)
	}
	if ids := m.IDs(); len(ids) != 1 || ids[0] != vectorID {
		t.Errorf("ids %v, want %s", ids, vectorID)
	}
	for text, by := range map[string]string{vectorOld: "", vectorNew: vectorID} {
		sealed, _ := hex.DecodeString(text)
		v, err := m.Open("keyset/csrf", sealed)
		if err != nil || !bytes.Equal(v.Expose(), make([]byte, 32)) {
			t.Errorf("version %x: %v", sealed[0], err)
		}
		if got := SealedBy(sealed); got != by {
			t.Errorf("version %x is sealed by %q, want %q", sealed[0], got, by)
		}
		if m.Seals(sealed) != (by != "") {
			t.Errorf("version %x: Seals = %v", sealed[0], m.Seals(sealed))
		}
	}
}

func TestForeignMaster(t *testing.T) {
	old, fresh := master(t, 1), master(t, 2)
	sealed, _ := old.Seal("p", []byte("x"))
	_, err := fresh.Open("p", sealed)
	foreign, ok := errors.AsType[*ForeignKeyError](err)
	if !ok || !errors.Is(err, ErrSeal) || foreign.SealedBy != old.IDs()[0] || !slices.Equal(foreign.Have, fresh.IDs()) {
		t.Fatalf("%v", err)
	}
	if !strings.Contains(err.Error(), "master_key.previous") {
		t.Errorf("no remedy in %q", err)
	}
	both, err := NewMaster(New(bytes.Repeat([]byte{2}, MasterSize)), New(bytes.Repeat([]byte{1}, MasterSize)))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := both.Open("p", sealed); err != nil || string(v.Expose()) != "x" {
		t.Errorf("the key before does not open: %v", err)
	}
	if made, _ := both.Seal("p", []byte("y")); SealedBy(made) != fresh.IDs()[0] {
		t.Error("the key before seals")
	}
	fresh.Use(both)
	if _, err := fresh.Open("p", sealed); err != nil {
		t.Errorf("after Use: %v", err)
	}
	if _, err := NewMaster(New(make([]byte, MasterSize)), New(nil)); err == nil {
		t.Error("an empty key before is accepted")
	}
}

// rows is a ResealStore in memory. between runs before each replacement.
type rows struct {
	all     map[string]map[string][]byte
	between func()
	fail    error
	events  []string
}

func (r *rows) SealedPage(_ context.Context, kind, after string, limit int) ([]Sealed, error) {
	var page []Sealed
	for _, id := range slices.Sorted(maps.Keys(r.all[kind])) {
		if id > after && len(page) < limit {
			page = append(page, Sealed{id, r.all[kind][id]})
		}
	}
	return page, nil
}

func (r *rows) Reseal(_ context.Context, kind string, set []Resealed, _, detail string) (int, error) {
	if r.between != nil {
		r.between()
	}
	if r.fail != nil {
		return 0, r.fail
	}
	n := 0
	for _, s := range set {
		if bytes.Equal(r.all[kind][s.ID], s.Old) {
			r.all[kind][s.ID] = s.New
			n++
		}
	}
	r.events = append(r.events, detail)
	return n, nil
}

func TestResealer(t *testing.T) {
	old := master(t, 1)
	both, _ := NewMaster(New(bytes.Repeat([]byte{2}, MasterSize)), New(bytes.Repeat([]byte{1}, MasterSize)))
	store := &rows{all: map[string]map[string][]byte{"totp": {}, "keyset": {}}}
	kinds := []SealedKind{{"keyset", func(id string) string { return "keyset/" + id }}, {"totp", func(id string) string { return "totp/" + id }}}
	for i := range 25 {
		id := fmt.Sprintf("usr_%02d", i)
		store.all["totp"][id], _ = old.Seal("totp/"+id, []byte(id))
	}
	store.all["keyset"]["csrf"], _ = old.Seal("keyset/csrf", []byte("csrf"))
	r := &Resealer{Store: store, Master: both, Kinds: kinds, Actor: "cli", Batch: 10}

	// Killed in the middle: everything opens with both keys, and the next run ends the work.
	count := 0
	store.between = func() {
		if count++; count == 3 {
			store.fail = errors.New("killed")
		}
	}
	if done, err := r.Run(t.Context()); err == nil || done["totp"] != 10 || done["keyset"] != 1 {
		t.Fatalf("%v, %v", done, err)
	}
	for id, v := range store.all["totp"] {
		if _, err := both.Open("totp/"+id, v); err != nil {
			t.Fatal(err)
		}
	}
	// Somebody enrols with the old key while the second run works.
	store.fail, count = nil, 0
	store.between = func() {
		if count++; count == 1 {
			store.all["totp"]["usr_03"], _ = old.Seal("totp/usr_03", []byte("usr_03"))
			store.all["totp"]["usr_12"], _ = old.Seal("totp/usr_12", []byte("another"))
		}
	}
	if _, err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := master(t, 2)
	for id, v := range store.all["totp"] {
		want := id
		if id == "usr_12" {
			want = "another"
		}
		if got, err := fresh.Open("totp/"+id, v); err != nil || string(got.Expose()) != want {
			t.Errorf("%s: %q, %v", id, got.Expose(), err)
		}
	}
	store.between = nil
	if done, err := r.Run(t.Context()); err != nil || done["totp"]+done["keyset"] != 0 {
		t.Errorf("a run with nothing to do: %v, %v", done, err)
	}

	// What opens with no key stays, and is named.
	store.all["totp"]["usr_99"], _ = master(t, 3).Seal("totp/usr_99", []byte("x"))
	before := store.all["totp"]["usr_99"]
	if _, err := r.Run(t.Context()); !errors.Is(err, ErrSeal) || !strings.Contains(err.Error(), "usr_99") || !bytes.Equal(before, store.all["totp"]["usr_99"]) {
		t.Errorf("%v", err)
	}
}

// Nodes that were not given the new key go on sealing with the one before.
func TestResealerGivesUp(t *testing.T) {
	old := master(t, 1)
	both, _ := NewMaster(New(bytes.Repeat([]byte{2}, MasterSize)), New(bytes.Repeat([]byte{1}, MasterSize)))
	store := &rows{all: map[string]map[string][]byte{"totp": {}}}
	again := func() { store.all["totp"]["usr_1"], _ = old.Seal("totp/usr_1", []byte("x")) }
	again()
	store.between = again
	r := &Resealer{Store: store, Master: both, Kinds: []SealedKind{{"totp", func(id string) string { return "totp/" + id }}}}
	if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "every node") {
		t.Errorf("%v", err)
	}
}
