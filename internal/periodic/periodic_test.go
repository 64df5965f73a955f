package periodic

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// at runs something for a time, and returns the seconds at which it called.
func at(t *testing.T, whole time.Duration, run func(ctx context.Context, called func())) (seconds []float64) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), whole)
		defer end()
		begin := time.Now()
		run(ctx, func() { seconds = append(seconds, time.Since(begin).Seconds()) })
	})
	return seconds
}

func TestDo(t *testing.T) {
	got := at(t, 7*time.Second, func(ctx context.Context, called func()) { Do(ctx, 3*time.Second, called) })
	if len(got) != 2 || got[0] != 3 || got[1] != 6 {
		t.Errorf("called after %v seconds, want 3 and 6", got)
	}
}

// What was gathered since the last period is written, though the context has ended; a store
// that hangs then holds nothing up for long.
func TestFlush(t *testing.T) {
	type key struct{}
	got := at(t, 7*time.Second, func(ctx context.Context, called func()) {
		Flush(context.WithValue(ctx, key{}, "kept"), 3*time.Second, func(c context.Context) {
			called()
			if c.Err() != nil || c.Value(key{}) != "kept" {
				t.Errorf("written with a context that ended (%v), or another one", c.Err())
			}
			if ctx.Err() != nil {
				<-c.Done()
				called()
			}
		})
	})
	if len(got) != 4 || got[0] != 3 || got[1] != 6 || got[2] != 7 || got[3] != 9 {
		t.Errorf("after %v seconds, want written after 3, 6 and 7, and given up after 9", got)
	}
}
