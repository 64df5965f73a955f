package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

func restoredSuite() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){"restored/hold": keysHold, "restored/many": keysHoldMany, "restored/contains": contains, "restored/once": restoredOnce}
}

// keysHold: every key that could be used is held, and counts again when it is accepted.
func keysHold(t *testing.T, open Open) {
	db, _ := open(t)
	canary := key("d")
	canary.Canary = true
	for _, k := range []apikey.Record{key("a"), key("b"), key("c"), canary} {
		ok(t, db.CreateKey(t.Context(), k, time.Time{}, event(audit.KeyCreated)))
	}
	must(db.RevokeKey(t.Context(), "c", t0, event(audit.KeyRevoked)))(t)
	hold := func() int { t.Helper(); return must(db.HoldKeys(t.Context(), t0, event(audit.KeyHeld)))(t) }
	if hold() != 2 || hold() != 0 {
		t.Error("a and b are held, once")
	}
	is := func(id string, held bool) {
		t.Helper()
		r := must(db.KeyByID(t.Context(), id))(t)
		if r.Held() != held || held && !r.HeldAt.Equal(t0) {
			t.Errorf("%s: held at %s, want %v", id, r.HeldAt, held)
		}
	}
	is("a", true)
	is("b", true)
	is("c", false)
	is("d", false)
	next := key("aa") // by who read the key before
	next.Replaces = "a"
	if err := db.CreateKey(t.Context(), next, t0.Add(time.Hour), event(audit.KeyRotated)); !errors.Is(err, apikey.ErrNotFound) {
		t.Errorf("a held key is replaced by one that is not: %v", err)
	}
	accept := func(id string) bool {
		t.Helper()
		return must(db.AcceptKey(t.Context(), id, event(audit.KeyAccepted)))(t)
	}
	if !accept("a") || accept("a") || accept("c") || accept("d") {
		t.Error("a key that waits is accepted, once")
	}
	is("a", false)
	for _, id := range []string{"nobody", "a\x00"} {
		if _, err := db.AcceptKey(t.Context(), id, event(audit.KeyAccepted)); !errors.Is(err, apikey.ErrNotFound) {
			t.Errorf("id %q: %v", id, err)
		}
	}
	must(db.RevokeKey(t.Context(), "b", t0, event(audit.KeyRevoked)))(t)
	if accept("b") || must(db.KeysOnHold(t.Context()))(t) != 0 {
		t.Error("a revoked key waits for nobody, and cannot be accepted")
	}
	wantTrail(t, db, "key:a key:b key:c key:d key:c key:a key:b key:a key:b",
		"key.created key.created key.created key.created key.revoked key.held key.accepted key.revoked")
}

// keysHoldMany goes over the size of a batch.
func keysHoldMany(t *testing.T, open Open) {
	db, outside := open(t)
	ok(t, db.CreateKey(t.Context(), key("a"), time.Time{}, event(audit.KeyCreated)))
	for i := 1; i < 2400; i += 400 {
		ok(t, outside(copyKeys(i, i+399)))
	}
	if n := must(db.HoldKeys(t.Context(), t0, event(audit.KeyHeld)))(t); n != 2401 {
		t.Errorf("%d keys are held, want 2401", n)
	}
	if n := must(db.KeysOnHold(t.Context()))(t); n != 2401 {
		t.Errorf("%d keys wait, want 2401", n)
	}
	if _, events := trail(t, db); events != "key.created key.held key.held key.held" {
		t.Errorf("trail %s", events)
	}
}

// contains: a checkpoint is of this trail, or of one that was cut or went another way.
func contains(t *testing.T, open Open) {
	e := gather(t, open)
	is := func(what string, c tree.Checkpoint, want bool) {
		t.Helper()
		if got := must(e.db.Contains(t.Context(), c))(t); got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	last := e.anchors[1].Checkpoint
	is("the first anchor", e.anchors[0].Checkpoint, true)
	is("the last anchor", last, true)
	more := last
	more.Size = 1000
	is("more than there is", more, false)
	other := last
	other.Root[0] ^= 1
	is("another history of the same size", other, false)
	e.attack(t, "UPDATE audit SET hashes = NULL WHERE seq = 8")
	is("a trail without its hashes", last, false)

	// A store that was put back and then grew beyond the anchor is another history.
	again, _ := open(t)
	for i := range 40 {
		ok(t, again.Record(t.Context(), audit.Event{At: t0, Event: audit.LoginOK, Detail: fmt.Sprint(i)}))
	}
	if must(again.Contains(t.Context(), last))(t) {
		t.Error("a store that grew past the anchor was taken for the one that was signed")
	}
}

// restoredOnce: what was done is done for one anchor, by whichever node.
func restoredOnce(t *testing.T, open Open) {
	db, _ := open(t)
	c := tree.Checkpoint{Size: 9, Root: hash("root")}
	if must(db.Restored(t.Context(), c))(t) {
		t.Error("nothing was done yet")
	}
	ok(t, db.SetRestored(t.Context(), c, t0), db.SetRestored(t.Context(), c, t0))
	other, longer := c, c
	other.Root, longer.Size = hash("other"), 10
	if !must(db.Restored(t.Context(), c))(t) || must(db.Restored(t.Context(), other))(t) || must(db.Restored(t.Context(), longer))(t) {
		t.Error("it was done for this anchor only")
	}
	if db.SetRestored(t.Context(), c, time.Time{}) == nil {
		t.Error("done at no time")
	}
}
