package dpop

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// table is a Shared in memory.
type table struct {
	mu    sync.Mutex
	until map[[16]byte]time.Time
	asked int
	err   error
}

func (s *table) UseProof(_ context.Context, id [16]byte, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.err != nil {
		return false, s.err
	}
	if _, again := s.until[id]; again {
		return false, nil
	}
	s.until[id] = until
	return true, nil
}

// node is a verifier of one process of several.
func node(shared Shared, kind string) *Verifier {
	v := verifier()
	v.Seen = &Seen{Shared: shared, Kind: kind}
	return v
}

// TestNodesShareWhatWasUsed: RFC 9449, Section 11.1: a proof is taken once, whichever node is asked.
func TestNodesShareWhatWasUsed(t *testing.T) {
	shared := &table{until: map[[16]byte]time.Time{}}
	a, b, restarted, other := node(shared, "route"), node(shared, "route"), node(shared, "route"), node(shared, "token")
	k := key(t, 7)
	c, err := a.Verify([]string{sign(k, head(k), claims)}, "GET", "/notes", "", t0)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Use(t.Context(), c, t0); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*Verifier{"another node": b, "a node that was started meanwhile": restarted} {
		if err := v.Use(t.Context(), c, t0.Add(time.Second)); codeOf(err) != InvalidProof || !strings.Contains(refusal.From(err).Reason, "used before") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := other.Use(t.Context(), c, t0); err != nil {
		t.Errorf("what is used for something else: %v", err)
	}
	// Until then a proof with a nonce of a node whose clock is a minute ahead is taken.
	for _, until := range shared.until {
		if least := t0.Add(Window + nonceLife); until.Before(least) {
			t.Errorf("remembered until %s, want %s at least", until, least)
		}
	}
	// A replay where it was seen costs no look; strangers cost none either.
	before := shared.asked
	if err := a.Use(t.Context(), c, t0); codeOf(err) != InvalidProof {
		t.Errorf("on the same node: %v", err)
	}
	if _, err := a.Verify([]string{sign(k, head(key(t, 8)), claims)}, "GET", "/notes", "", t0); codeOf(err) != InvalidProof || shared.asked != before {
		t.Errorf("%v, %d looks", err, shared.asked-before)
	}
	// Rows are bounded by the memory of the nodes.
	small := node(shared, "route")
	small.Seen.Max = 16
	before = shared.asked
	for i := range 1000 {
		_ = small.Use(t.Context(), Claim{id: id(i)}, t0)
	}
	if n := shared.asked - before; n > 16 {
		t.Errorf("%d rows, want 16 at most", n)
	}
}

// TestNobodyCanTell: while the store is away no proof is taken.
func TestNobodyCanTell(t *testing.T) {
	away := errors.New("away")
	v := node(&table{err: away}, "route")
	if err := v.Use(t.Context(), Claim{id: id(1)}, t0); !errors.Is(err, away) {
		t.Errorf("%v, want %v", err, away)
	}
}

// TestBeforeTheStart: what this process cannot know is asked for again, with a nonce of its own.
func TestBeforeTheStart(t *testing.T) {
	v := verifier()
	k := key(t, 7)
	early := v.Nonces.Fresh(t0.Add(-time.Second))
	v.Since = t0
	with := func(iat, nonce string) error {
		text := strings.Replace(claims, "1780000000", iat, 1)
		if nonce != "" {
			text = strings.Replace(text, `"iat"`, `"nonce":"`+nonce+`","iat"`, 1)
		}
		_, err := v.Verify([]string{sign(k, head(k), text)}, "GET", "/notes", "", t0.Add(10*time.Second))
		return err
	}
	for _, c := range []struct{ what, iat, nonce, code string }{
		{"made before", "1779999999", "", UseNonce},
		{"made at the start", "1780000000", "", "<nil>"},
		{"a nonce from before", "1780000005", early, UseNonce},
		{"a nonce of the start", "1779999990", v.Nonces.Fresh(t0), "<nil>"},
	} {
		if got := codeOf(with(c.iat, c.nonce)); got != c.code {
			t.Errorf("%s: %s, want %s", c.what, got, c.code)
		}
	}
}
