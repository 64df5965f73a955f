package apikey

import (
	"testing"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
)

// A key that waits for a person after a restore is refused like any wrong key, is counted,
// cannot be rotated into a new one, and counts again when it is accepted.
func TestHeldKeyIsRefused(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{})
	is := func(what string, code refusal.Code, held int) {
		t.Helper()
		if got, _, _ := h.judge(t, key, home, t0); got != code || h.Held() != held {
			t.Errorf("%s: %q with %d held, want %q with %d", what, got, h.Held(), code, held)
		}
	}
	set := func(edit func(*Record)) {
		h.store.mu.Lock()
		defer h.store.mu.Unlock()
		now := h.store.keys[r.ID]
		edit(&now)
		h.store.keys[r.ID] = now
	}
	apply := func() { h.Apply(t.Context(), change.Change{Kind: change.Key, ID: r.ID}) }
	is("before", "", 0)
	set(func(r *Record) { r.HeldAt = t0 })
	apply()
	apply()
	is("held", refusal.KeyInvalid, 1)
	if _, _, err := h.s.Rotate(t.Context(), r.ID, 0, "cli", t0); err == nil {
		t.Error("a held key was rotated")
	}
	if err := h.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	is("loaded again", refusal.KeyInvalid, 1)
	h.Flush() // the store is asked, not memory
	is("read from the store", refusal.KeyInvalid, 1)
	set(func(r *Record) { r.HeldAt = r.RevokedAt })
	if err := h.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	is("accepted", "", 0)
	set(func(r *Record) { r.HeldAt = t0 })
	apply()
	set(func(r *Record) { r.RevokedAt = t0 })
	apply()
	is("revoked while it waited", refusal.KeyInvalid, 0)
}
