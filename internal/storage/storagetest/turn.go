package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// turn makes steps of signing keys, each of them whole or not at all.
func turn(t *testing.T, open Open) {
	db, outside := open(t)
	make := func(version int, active time.Time) secret.SealedKey {
		return secret.SealedKey{Purpose: "token", Version: version, Sealed: []byte{9}, CreatedAt: t0, ActiveAt: active}
	}
	all := func() string {
		t.Helper()
		var out []string
		for _, k := range must(db.ServerKeys(t.Context(), "token"))(t) {
			begins := "next"
			if !k.ActiveAt.IsZero() {
				begins = fmt.Sprint(int(k.ActiveAt.Sub(t0).Seconds()))
			}
			out = append(out, fmt.Sprintf("%d:%s", k.Version, begins))
		}
		return strings.Join(out, " ")
	}
	for _, step := range []struct {
		what string
		turn secret.Turn
		err  error
		want string
	}{
		{"the first two", secret.Turn{Add: []secret.SealedKey{make(1, t0), make(2, time.Time{})}}, nil, "1:0 2:next"},
		{"taken: nothing of it happens", secret.Turn{Add: []secret.SealedKey{make(3, t0), make(2, t0)}, Drop: []int{1}}, secret.ErrVersionTaken, "1:0 2:next"},
		{"the next one takes over", secret.Turn{Activate: 2, At: t0.Add(9 * time.Second), Add: []secret.SealedKey{make(3, time.Time{})}}, nil, "1:0 2:9 3:next"},
		{"not a second time", secret.Turn{Activate: 2, At: t0.Add(11 * time.Second), Add: []secret.SealedKey{make(4, time.Time{})}}, secret.ErrVersionTaken, "1:0 2:9 3:next"},
		{"nobody is activated", secret.Turn{Activate: 7, At: t0}, secret.ErrVersionTaken, "1:0 2:9 3:next"},
		{"dropped, one of them unknown", secret.Turn{Drop: []int{1, 8}}, nil, "2:9 3:next"},
		{"dropped versions stay taken", secret.Turn{Add: []secret.SealedKey{make(1, t0)}}, secret.ErrVersionTaken, "2:9 3:next"},
	} {
		step.turn.Purpose, step.turn.Actor = "token", "cli"
		if err := db.TurnServerKeys(t.Context(), step.turn); !errors.Is(err, step.err) || (err == nil) != (step.err == nil) {
			t.Errorf("%s: %v, want %v", step.what, err, step.err)
		}
		if got := all(); got != step.want {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
	for _, bad := range []secret.Turn{{}, {Purpose: "a\x00"}, {Purpose: "x", Add: []secret.SealedKey{make(1, t0)}}, {Purpose: "x", Activate: 1}} {
		if err := db.TurnServerKeys(t.Context(), bad); err == nil {
			t.Errorf("%+v: stored", bad)
		}
	}
	wantTrail(t, db, "keyset:token keyset:token keyset:token", "keyset.rotated keyset.rotated keyset.rotated")
	// What was dropped is not there any more to be stolen: the row can only be filled anew.
	ok(t, outside("UPDATE server_key SET retired_at = 0 WHERE version = 1"))
	if k := must(db.ServerKeys(t.Context(), "token"))(t)[0]; len(k.Sealed) != 0 {
		t.Errorf("a dropped key is still there: %x", k.Sealed)
	}
}

// keychain drives the keeper of signing keys on a real store, as several nodes at once.
func keychain(t *testing.T, open Open) {
	db, _ := open(t)
	master := must(secret.NewMaster(secret.New(make([]byte, secret.MasterSize))))(t)
	chain := &secret.Keychain{Store: db, Master: master, Purpose: secret.PurposeToken, Publish: 10 * time.Minute, Keep: 11 * time.Minute, Actor: "system"}
	now := t0
	states := func() string {
		t.Helper()
		r := must(secret.LoadRing(t.Context(), db, master, secret.PurposeToken, nil))(t)
		all, _ := secret.States(r.All(), chain.Keep, now)
		var out []string
		for i, s := range all {
			out = append(out, fmt.Sprintf("%d %s", r.All()[i].Version, s))
		}
		return strings.Join(out, ", ")
	}
	want := func(what, want string) {
		t.Helper()
		if got := states(); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	var nodes sync.WaitGroup
	for range 6 {
		nodes.Go(func() { ok(t, chain.Prepare(t.Context(), now)) })
	}
	nodes.Wait()
	want("six nodes start", "1 active, 2 next")

	_, at, err := chain.Rotate(t.Context(), now)
	if err != nil || !at.Equal(now) {
		t.Errorf("the key that was published from the first moment waits until %s, %v", at, err)
	}
	want("rotated", "1 retiring, 2 active, 3 next")
	_, at, err = chain.Rotate(t.Context(), now)
	if err != nil || !at.Equal(now.Add(10*time.Minute)) {
		t.Errorf("a key that is new takes over at %s, %v", at, err)
	}
	if _, _, err := chain.Rotate(t.Context(), now); !errors.Is(err, secret.ErrPending) {
		t.Errorf("a rotation during another one: %v", err)
	}
	now = now.Add(10 * time.Minute)
	want("when it was published for long enough", "1 retiring, 2 retiring, 3 active, 4 next")
	now = now.Add(2 * time.Minute)
	want("later", "1 gone, 2 retiring, 3 active, 4 next")
	if turned, err := chain.Tend(t.Context(), 0, now); err != nil || !turned {
		t.Errorf("tend: %v, %v", turned, err)
	}
	want("tended", "2 retiring, 3 active, 4 next")

	ok(t, chain.Drop(t.Context(), 2, now))
	want("an old one is dropped", "3 active, 4 next")
	ok(t, chain.Drop(t.Context(), 3, now))
	want("the one that signs is dropped", "4 active, 5 next")
	ok(t, chain.Drop(t.Context(), 5, now))
	want("the next one is dropped", "4 active, 6 next")
	if err := chain.Drop(t.Context(), 3, now); !errors.Is(err, secret.ErrNoSuchKey) {
		t.Errorf("dropped twice: %v", err)
	}
	must(chain.Replace(t.Context(), now))(t)
	want("all of them are replaced", "7 active, 8 next")

	now = now.Add(7 * 24 * time.Hour)
	var turned [6]bool
	for i := range turned {
		nodes.Go(func() { turned[i], _ = chain.Tend(t.Context(), 7*24*time.Hour, now) })
	}
	nodes.Wait()
	if n := len(slices.DeleteFunc(turned[:], func(b bool) bool { return !b })); n != 1 {
		t.Errorf("%d nodes of six rotated by age, want 1", n)
	}
	want("a week later", "7 retiring, 8 active, 9 next")
}
