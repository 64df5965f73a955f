package feed_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/internal/feed"
)

// source is a feed in memory.
type source struct {
	mu     sync.Mutex
	lines  []change.Change
	last   int64
	broken error
	hang   bool // wait for ctx, as a frozen server makes a store do
	reads  int
}

func (s *source) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.last++
		s.lines = append(s.lines, change.Change{Seq: s.last, Kind: change.Key, ID: fmt.Sprint(s.last)})
	}
}

func (s *source) set(f func(*source)) { s.mu.Lock(); defer s.mu.Unlock(); f(s) }

func (s *source) LastChange(ctx context.Context) (int64, error) {
	s.mu.Lock()
	hang, broken, last := s.hang, s.broken, s.last
	s.reads++
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return last, broken
}

func (s *source) Changes(_ context.Context, after int64, limit int) ([]change.Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.lines, func(c change.Change) bool { return c.Seq > after })
	if i < 0 || s.broken != nil {
		return nil, s.broken
	}
	return slices.Clone(s.lines[i:min(len(s.lines), i+limit)]), nil
}

// follow runs f in a bubble with a false clock; what it did is in words.
func follow(t *testing.T, s *source, after int64, test func(f *feed.Follower, did func() string, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var did []string
		var log bytes.Buffer
		note := func(what string) { mu.Lock(); defer mu.Unlock(); did = append(did, what) }
		ctx, cancel := context.WithCancel(t.Context())
		f := &feed.Follower{
			Source: s, After: after, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Apply: func(_ context.Context, c feed.Change) { note(c.ID) },
			Reset: func(context.Context) { note("reset") },
		}
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		synctest.Wait()
		test(f, func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			out := strings.Join(did, " ")
			did = nil
			return out
		}, &log)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func want(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("did %q, want %q", got, want)
	}
}

func TestFollows(t *testing.T) {
	s := &source{}
	s.add(3)
	follow(t, s, 1, func(f *feed.Follower, did func() string, _ *bytes.Buffer) {
		want(t, did(), "2 3")
		s.add(2)
		want(t, did(), "")
		time.Sleep(feed.DefaultPoll)
		want(t, did(), "4 5")
		time.Sleep(time.Hour)
		want(t, did(), "")
		if f.Seen() != 5 || f.Stale() {
			t.Errorf("seen %d, age %s", f.Seen(), f.Age())
		}
	})
}

func TestManyLinesAreReadInOneGo(t *testing.T) {
	s := &source{}
	s.add(1777)
	follow(t, s, 0, func(f *feed.Follower, did func() string, _ *bytes.Buffer) {
		if n := len(strings.Fields(did())); n != 1777 || f.Seen() != 1777 {
			t.Errorf("%d lines, seen %d", n, f.Seen())
		}
	})
}

func TestPrunedAndRestored(t *testing.T) {
	s := &source{}
	s.add(9)
	follow(t, s, 9, func(f *feed.Follower, did func() string, log *bytes.Buffer) {
		for _, c := range []struct {
			what   string
			change func(*source)
			want   string
			seen   int64
		}{
			{"pruned to the middle", func(s *source) { s.last = 19; s.lines = []change.Change{{Seq: 15, ID: "15"}} }, "reset", 19},
			{"pruned to the end", func(s *source) { s.last = 25; s.lines = nil }, "reset", 25},
			{"gone back in time", func(s *source) { s.last = 4; s.lines = nil }, "reset", 4},
			{"gone on", func(s *source) { s.last = 5; s.lines = []change.Change{{Seq: 5, ID: "5"}} }, "5", 5},
			{"a hole", func(s *source) { s.last = 8; s.lines = []change.Change{{Seq: 6, ID: "6"}, {Seq: 8, ID: "8"}} }, "6 reset", 8},
		} {
			s.set(c.change)
			time.Sleep(feed.DefaultPoll)
			if got := did(); got != c.want || f.Seen() != c.seen || f.Stale() {
				t.Errorf("%s: did %q, seen %d, stale %v", c.what, got, f.Seen(), f.Stale())
			}
		}
		if n := strings.Count(log.String(), "the change feed starts over"); n != 4 {
			t.Errorf("%d lines in the log:\n%s", n, log)
		}
	})
}

func TestDeadStore(t *testing.T) {
	s := &source{}
	s.add(1)
	follow(t, s, 0, func(f *feed.Follower, did func() string, log *bytes.Buffer) {
		want(t, did(), "1")
		s.set(func(s *source) { s.broken = errors.New("connection refused") })
		time.Sleep(4 * time.Second)
		if f.Stale() {
			t.Errorf("stale after %s", f.Age())
		}
		time.Sleep(1300 * time.Millisecond)
		if age := f.Age(); !f.Stale() || age < 5*time.Second || age > 5500*time.Millisecond {
			t.Errorf("age %s, stale %v", age, f.Stale())
		}
		s.add(2)
		s.set(func(s *source) { s.broken = nil })
		time.Sleep(feed.DefaultPoll)
		want(t, did(), "2 3")
		if f.Stale() {
			t.Error("stale after recovery")
		}
		s.set(func(s *source) { s.broken = errors.New("again") })
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := strings.Count(log.String(), "\n"); n != 3 { // gone, back, gone: not one a poll
			t.Errorf("%d lines in the log:\n%s", n, log)
		}
	})
}

// A store that neither answers nor fails must not look fresh.
func TestHangingStore(t *testing.T) {
	s := &source{}
	follow(t, s, 0, func(f *feed.Follower, _ func() string, _ *bytes.Buffer) {
		s.set(func(s *source) { s.hang = true })
		time.Sleep(6 * time.Second)
		if !f.Stale() {
			t.Errorf("age %s", f.Age())
		}
	})
}

func TestStaleBeforeTheFirstReading(t *testing.T) {
	f := &feed.Follower{}
	if f.Age() != math.MaxInt64 || !f.Stale() {
		t.Errorf("age %s", f.Age())
	}
	if err := f.Run(t.Context()); err == nil {
		t.Error("runs without a source")
	}
}

func TestHints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, hints, calls := &source{}, make(chan error), 0
		ctx, cancel := context.WithCancel(t.Context())
		f := &feed.Follower{
			Source: s, Poll: time.Hour, Apply: func(context.Context, feed.Change) {}, Reset: func(context.Context) {},
			Notify: func(ctx context.Context) error {
				calls++
				select {
				case err := <-hints:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}
		ended := make(chan error)
		go func() { ended <- f.Run(ctx) }()
		synctest.Wait()
		s.add(1)
		hints <- nil
		synctest.Wait()
		if f.Seen() != 1 {
			t.Error("a hint is not followed")
		}
		hints <- errors.New("cut")
		synctest.Wait()
		if calls != 2 {
			t.Errorf("%d calls: the next comes a poll after an error", calls)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if calls != 3 {
			t.Errorf("%d calls", calls)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkStale(b *testing.B) {
	s := &source{}
	f := &feed.Follower{Source: s, Apply: func(context.Context, feed.Change) {}, Reset: func(context.Context) {}}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() { _ = f.Run(ctx) }()
	b.ReportAllocs()
	for b.Loop() {
		_ = f.Stale()
	}
}

func ExampleFollower() {
	s := &source{}
	s.add(2)
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed.Follower{
		Source: s, // a store
		Apply: func(_ context.Context, c feed.Change) {
			fmt.Println(c.Seq, c.Kind, c.ID)
			if c.Seq == 2 {
				cancel()
			}
		},
		Reset: func(context.Context) { fmt.Println("forget everything") },
	}
	_ = f.Run(ctx)
	// Output:
	// 1 key 1
	// 2 key 2
}
