package main

import (
	"runtime"
	"testing"
	"time"
)

func TestPercent(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		live uint64
		want int
	}{
		{0, 500}, {2 * mib, 500}, {3 * mib, 500}, {8 * mib, 225}, {9 * mib, 200}, {40 * mib, 100}, {80 * mib, 50}, {160 * mib, 25}, {4000 * mib, 10},
	} {
		if got := percent(tt.live); got != tt.want {
			t.Errorf("%d MiB live: %d %%, want %d %%", tt.live/mib, got, tt.want)
		}
	}
}

// Behind a collection the target is set anew: it does not wait for a clock.
func TestAfterCollection(t *testing.T) {
	done := make(chan struct{}, 1)
	for range 3 {
		afterCollection(done)
		runtime.GC()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("nothing was said of a collection")
		}
	}
}
