package storagetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// nodeSuite is the part of the suite about what nodes count together.
func nodeSuite() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"counts/nodes": countNodes, "counts/race": countRace, "counts/letters": countLetters, "counts/maintain": countMaintain,
		"proofs/use": proofsUse, "proofs/race": proofsRace, "proofs/maintain": proofsMaintain,
	}
}

// threeNodes are throttles of three processes on one store, and a fourth that starts later.
func threeNodes(t *testing.T, db *storage.DB) (nodes [3]*throttle.Throttle, later func() *throttle.Throttle) {
	t.Helper()
	master := must(secret.NewMaster(secret.New(make([]byte, secret.MasterSize))))(t)
	later = func() *throttle.Throttle {
		ring := must(secret.LoadRing(t.Context(), db, master, secret.PurposeDevice, nil))(t)
		return throttle.NewShared(throttle.Options{}, db, ring)
	}
	for i := range nodes {
		nodes[i] = later()
	}
	return nodes, later
}

var guess = throttle.Attempt{Account: "alice@example.com", Network: "203.0.113.0/24"}

// countNodes: what fails on one node fails on all of them, and after a restart.
func countNodes(t *testing.T, open Open) {
	db, outside := open(t)
	nodes, later := threeNodes(t, db)
	for i := range 10 {
		full := must(nodes[i%3].Begin(t.Context(), t0, guess))(t).Failed(t0)
		if (full == "account") != (i == 9) {
			t.Errorf("failure %d: full %q, want it with the tenth", i+1, full)
		}
	}
	restarted := later()
	for i, n := range append(nodes[:], restarted, restarted) { // twice: what it was told, it knows
		_, err := n.Begin(t.Context(), t0.Add(time.Minute), guess)
		if r := refusal.From(err); err == nil || r.Code != refusal.RateLimited || r.RetryAfter != 14*time.Minute {
			t.Errorf("node %d: %v, wait %s; want 14m", i, err, r.RetryAfter)
		}
	}
	// A known device is counted apart, and its success gives strangers nothing.
	known := guess
	known.Device = "laptop"
	must(nodes[1].Begin(t.Context(), t0, known))(t).Succeeded()
	if _, err := later().Begin(t.Context(), t0, guess); err == nil {
		t.Error("after the owner's success strangers are let in")
	}
	// The time grows over nodes, too: 30 minutes the second time.
	at := t0.Add(15 * time.Minute)
	for i := range 10 {
		must(nodes[i%3].Begin(t.Context(), at, guess))(t).Failed(at)
	}
	if _, err := later().Begin(t.Context(), at, guess); err == nil || refusal.From(err).RetryAfter != 30*time.Minute {
		t.Errorf("the second time: %v", err)
	}
	// A success forgives the account on all nodes.
	at = at.Add(30 * time.Minute)
	must(nodes[0].Begin(t.Context(), at, guess))(t).Failed(at)
	must(nodes[1].Begin(t.Context(), at, guess))(t).Succeeded()
	for i := range 10 {
		must(nodes[i%3].Begin(t.Context(), at, guess))(t).Failed(at)
	}
	// What cannot be read lets nobody in.
	ok(t, outside("UPDATE failure_count SET state = id"))
	if _, err := later().Begin(t.Context(), at.Add(48*time.Hour), guess); err == nil {
		t.Error("a damaged count lets in")
	}
	ok(t, db.Close())
	if _, err := nodes[2].Begin(t.Context(), at, throttle.Attempt{Account: "bob@example.com", Network: "198.51.100.0/24"}); err == nil {
		t.Error("a store that is away lets in")
	}
}

// countRace: attempts under way count on all nodes.
func countRace(t *testing.T, open Open) {
	db, _ := open(t)
	nodes, _ := threeNodes(t, db)
	var in atomic.Int64
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			for range 4 {
				k, err := nodes[i%3].Begin(t.Context(), t0, guess)
				switch r := refusal.From(err); {
				case err == nil:
					in.Add(1)
					k.Failed(t0)
				case r.Code != refusal.RateLimited:
					t.Errorf("%v", err)
				}
			}
		})
	}
	all.Wait()
	if n := in.Load(); n != 10 {
		t.Errorf("%d of 48 attempts were let in, want 10", n)
	}
	// Attempts that end well leave nothing behind, in whatever order.
	for i := range 12 {
		all.Go(func() {
			who := throttle.Attempt{Account: fmt.Sprint(i%4, "@example.com"), Network: "198.51.100.0/24"}
			if k, err := nodes[i%3].Begin(t.Context(), t0, who); err != nil {
				t.Error(err)
			} else if i%2 == 0 {
				k.Succeeded()
			} else {
				k.Abandon()
			}
		})
	}
	all.Wait()
	if n := used(t, db, "198.51.100.0/24"); n != 0 {
		t.Errorf("%d attempts are left", n)
	}
}

// used is how many of a network's 30 attempts are used.
func used(t *testing.T, db *storage.DB, network string) (n int) {
	t.Helper()
	nodes, _ := threeNodes(t, db)
	for n = 30; ; n-- {
		k, err := nodes[0].Begin(t.Context(), t0, throttle.Attempt{Account: fmt.Sprint("probe", n), Network: network})
		if err != nil {
			if refusal.From(err).Code != refusal.RateLimited {
				t.Fatal(err)
			}
			return n
		}
		k.Failed(t0)
	}
}

// countLetters: what may be done only so often is counted for all nodes.
func countLetters(t *testing.T, open Open) {
	db, _ := open(t)
	nodes, _ := threeNodes(t, db)
	hourly := throttle.Limit{Failures: 3, Window: time.Hour}
	take := func(i int, who string, at time.Time) time.Duration {
		t.Helper()
		return must(nodes[i%3].Take(t.Context(), at, "letters to", who, hourly))(t)
	}
	for i := range 3 {
		if wait := take(i, "a@example.com", t0.Add(time.Duration(i)*time.Minute)); wait != 0 {
			t.Errorf("letter %d waits %s", i+1, wait)
		}
	}
	for i := range 3 {
		if wait := take(i, "a@example.com", t0.Add(10*time.Minute)); wait != 50*time.Minute {
			t.Errorf("node %d: a fourth letter waits %s, want 50m", i, wait)
		}
	}
	if wait := take(0, "b@example.com", t0); wait != 0 {
		t.Errorf("another address waits %s", wait)
	}
	if wait := take(1, "a@example.com", t0.Add(time.Hour)); wait != 0 {
		t.Errorf("after the hour it waits %s", wait)
	}
}

// countMaintain: a count goes when nobody needs it, and no sooner.
func countMaintain(t *testing.T, open Open) {
	db, outside := open(t)
	nodes, later := threeNodes(t, db)
	now := time.Now()
	for range 10 {
		must(nodes[0].Begin(t.Context(), now, guess))(t).Failed(now)
	}
	ok(t, db.Maintain(t.Context()))
	if _, err := later().Begin(t.Context(), now, guess); err == nil {
		t.Error("maintenance forgot what counts")
	}
	ok(t, outside("UPDATE failure_count SET expires_at = 1"), db.Maintain(t.Context()))
	if _, err := later().Begin(t.Context(), now, guess); err != nil {
		t.Errorf("after its end it is still kept: %v", err)
	}
}

// proofsUse: a proof is first once.
func proofsUse(t *testing.T, open Open) {
	db, _ := open(t)
	use := func(id byte, until time.Time) bool {
		t.Helper()
		return must(db.UseProof(t.Context(), [16]byte{id}, until))(t)
	}
	if !use(1, t0) || use(1, t0) || !use(2, t0) || use(1, t0.Add(time.Hour)) {
		t.Error("a proof is first exactly once")
	}
	wantTrail(t, db, "", "")
	ok(t, db.Close())
	if _, err := db.UseProof(t.Context(), [16]byte{3}, t0); err == nil {
		t.Error("a store that is away says that a proof is new")
	}
}

// proofsRace: of several nodes at once one is first.
func proofsRace(t *testing.T, open Open) {
	db, _ := open(t)
	for round := range 10 {
		if won := together(t, 8, func(int) (bool, error) { return db.UseProof(t.Context(), [16]byte{byte(round)}, t0) }); won != 1 {
			t.Fatalf("%d of 8 were first", won)
		}
	}
}

// proofsMaintain: rows go when nobody would take the proof any more.
func proofsMaintain(t *testing.T, open Open) {
	db, _ := open(t)
	now := time.Now()
	for i, until := range []time.Duration{-time.Hour, -storage.KeepProofs - time.Minute, -storage.KeepProofs + time.Minute, time.Minute} {
		must(db.UseProof(t.Context(), [16]byte{byte(i)}, now.Add(until)))(t)
	}
	ok(t, db.Maintain(t.Context()))
	for i, gone := range []bool{true, true, false, false} {
		if first := must(db.UseProof(t.Context(), [16]byte{byte(i)}, now))(t); first != gone {
			t.Errorf("proof %d: gone %v, want %v", i, first, gone)
		}
	}
}
