package logline

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink remembers each write.
type sink struct {
	mu     sync.Mutex
	writes []string
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, string(p))
	return len(p), nil
}

func (s *sink) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.writes, "|")
}

func TestWriteTakesWhatWaitsAlongInOrder(t *testing.T) {
	s := &sink{}
	w := New(s)
	w.Lazy([]byte("a\n"))
	if s.all() != "" {
		t.Error("a lazy line left at once")
	}
	if _, err := w.Write([]byte("b\n")); err != nil || s.all() != "a\nb\n" {
		t.Errorf("%q, %v", s.all(), err)
	}
}

func TestLazyLinesLeaveByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := New(s)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		w.Lazy([]byte("a\n"))
		time.Sleep(2 * delay)
		if s.all() != "a\n" {
			t.Errorf("after the delay: %q", s.all())
		}
		w.Lazy([]byte("b\n"))
		cancel()
		if err := <-done; err != nil || s.all() != "a\n|b\n" {
			t.Errorf("at the end: %q, %v", s.all(), err)
		}
	})
}

func TestTheBufferIsBounded(t *testing.T) {
	s := &sink{}
	w := New(s)
	line := []byte(strings.Repeat("x", 1000) + "\n")
	for range 1000 {
		w.Lazy(line)
	}
	if len(w.buf) > maxBuffer || len(s.writes) < 10 {
		t.Errorf("%d bytes wait, %d writes", len(w.buf), len(s.writes))
	}
}
