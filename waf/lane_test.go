package waf

import (
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

func TestLane(t *testing.T) {
	l := NewLane(0, 5*time.Millisecond) // zero processors are one place
	leave, err := l.enter(large)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.enter(large); code(err) != refusal.Busy || refusal.From(err).RetryAfter <= 0 {
		t.Errorf("a second large body: %v, want busy and when to come again", err)
	}
	if _, err := l.enter(large - 1); err != nil {
		t.Errorf("a small body waits for nobody: %v", err)
	}
	go func() { time.Sleep(time.Millisecond); leave() }()
	if _, err := NewLane(1, time.Second).enter(large); err != nil {
		t.Errorf("a free lane: %v", err)
	}
	l.wait = 10 * time.Second
	if _, err := l.enter(large); err != nil {
		t.Errorf("a place that becomes free is taken: %v", err)
	}
}

// Whatever ends an inspection gives its place back.
func TestPlaceIsGivenBack(t *testing.T) {
	e := &Engine{rules: failing{panics: true}, body: MaxBody, lane: NewLane(1, time.Millisecond)}
	for range 3 {
		if err := e.Inspect(request("POST", form, ""), "/", make([]byte, large)); code(err) != refusal.Internal {
			t.Fatalf("%v, want the failure of the engine and no busy lane", err)
		}
	}
}
