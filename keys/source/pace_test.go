package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// Asked all the time, the waits are 1, 2, 4 and 8 s and up to a quarter more; quiet and help
// begin anew.
func TestPace(t *testing.T) {
	p := Pace{Min: time.Second, Max: 8 * time.Second}
	now := time.Unix(1_800_000_000, 0)
	if !p.Take(now) {
		t.Fatal("not at once")
	}
	for _, wait := range []time.Duration{1, 2, 4, 8, 8} {
		wait *= time.Second
		if now = now.Add(wait - 1); p.Take(now) {
			t.Errorf("before %s", wait)
		}
		if now = now.Add(wait/4 + 1); !p.Take(now) {
			t.Errorf("not after %s", wait+wait/4)
		}
	}
	again := func(what string) {
		t.Helper()
		if !p.Take(now) {
			t.Errorf("%s: not at once", what)
		}
		if p.Take(now.Add(time.Second-1)) || !p.Take(now.Add(time.Second+time.Second/4)) {
			t.Errorf("%s: the wait is not the first one", what)
		}
	}
	now = now.Add(20 * time.Second)
	again("after quiet")
	now = now.Add(2 * time.Second) // within the second wait
	p.Reset()
	again("after help")
}

// A server that goes on refusing a password does not have its source read each time.
func TestAgainIsPaced(t *testing.T) {
	k, reads := keep(t, nil), 0
	dir := k.Resolver.Base
	k.Resolver = &Resolver{Lookup: func(string) (string, bool) {
		reads++
		b, err := os.ReadFile(filepath.Join(dir, "s"))
		return string(b), err == nil
	}}
	k.Live.w.Ref = "env:S"
	for range 40 { // 10 s of a limiter that tries four times a second
		if k.Again(t.Context()) {
			t.Fatal("there is another one")
		}
		k.now = k.now.Add(250 * time.Millisecond)
	}
	if reads < 3 || reads > 4 { // at 0, after 1 to 1.25, 3 to 3.75, 7 to 8.75
		t.Errorf("read %d times", reads)
	}
	k.put(t, "two")
	k.now = k.now.Add(12500 * time.Millisecond)
	if !k.Again(t.Context()) {
		t.Error("another one is not found")
	}
	if !k.Again(t.Context()) { // who was refused with the one before comes a moment later
		t.Error("who comes later does not hear of it")
	}
	before := reads
	k.now = k.now.Add(time.Second)
	if k.Again(t.Context()) || reads != before+1 {
		t.Errorf("after it helped: %d reads more, want 1", reads-before)
	}
}

// Retry goes through the same gate.
func TestRetryIsPaced(t *testing.T) {
	k, wrong := keep(t, nil), errors.New("wrong")
	tries := 0
	try := func() {
		_ = k.Retry(t.Context(), func(context.Context, secret.Value) error { tries++; return wrong }, func(error) bool { return true })
	}
	try()
	k.put(t, "two")
	try()
	if tries != 2 {
		t.Errorf("%d tries, want 2: the source was read again at once", tries)
	}
	k.now = k.now.Add(1250 * time.Millisecond)
	try()
	if tries != 4 {
		t.Errorf("%d tries, want 4", tries)
	}
}
