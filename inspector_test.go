package sanmon

import (
	"errors"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/target"
)

// inspected answers with a fixed error and remembers what it was asked.
type inspected struct {
	answer       error
	target, body string
	window       int
}

func (i *inspected) Window() int { return i.window }

func (i *inspected) Inspect(_ *exchange.Request, target string, body []byte) error {
	i.target, i.body = target, string(body)
	return i.answer
}

type words string

func (w words) Prefix(n int) ([]byte, bool, error) {
	if len(w) > n {
		return []byte(w[:n]), false, nil
	}
	return []byte(w), true, nil
}

func TestInspectorVerdicts(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	no, broken := refusal.New(refusal.InputInvalid, "rule 1"), errors.New("out of order")
	for _, tt := range []struct {
		name     string
		answer   error
		observe  bool
		all      time.Time // observe_all
		want     refusal.Code
		observed refusal.Code
	}{
		{"nothing found", nil, false, time.Time{}, "", ""},
		{"found and enforced", no, false, time.Time{}, refusal.InputInvalid, ""},
		{"found and observed", no, true, time.Time{}, "", refusal.InputInvalid},
		{"found while everything is observed", no, false, now.Add(time.Hour), "", refusal.InputInvalid},
		{"failed and enforced: closed", broken, false, time.Time{}, refusal.Internal, ""},
		{"failed and observed: counted", broken, true, time.Time{}, "", refusal.Internal},
		{"failed while everything is observed: closed", broken, false, now.Add(time.Hour), refusal.Internal, ""},
	} {
		g := &Gate{ObserveUntil: tt.all}
		p := &Passage{Request: &exchange.Request{Now: now, Length: 3}, Route: &Route{Inspector: &inspected{answer: tt.answer, window: 8}, Watching: tt.observe}}
		var got, observed refusal.Code
		if err := g.consult(p, words("a=b")); err != nil {
			got = refusal.From(err).Code
		}
		if len(p.Observed) > 0 {
			observed = p.Observed[0].Code
		}
		if got != tt.want || observed != tt.observed {
			t.Errorf("%s: refused %q, observed %q, want %q, %q", tt.name, got, observed, tt.want, tt.observed)
		}
	}
}

// What is judged is what the backend gets: no token of ours, and one byte more than the
// window of a body that is too long for it.
func TestInspectorSeesWhatIsForwarded(t *testing.T) {
	i := &inspected{window: 8}
	p := &Passage{
		Request: &exchange.Request{Length: -1}, Route: &Route{Inspector: i},
		Target: target.Target{Raw: "/a?_sanmon=t&b=c", Path: "/a", Query: "_sanmon=t&b=c"}, Query: "b=c",
	}
	if err := (&Gate{}).consult(p, words("0123456789")); err != nil || i.body != "012345678" || i.target != "/a?b=c" {
		t.Errorf("body %q, target %q, error %v", i.body, i.target, err)
	}
	p.Cut = csrf.Field{Start: 2, End: 5}
	if err := (&Gate{}).consult(p, words("a&tttb")); err != nil || i.body != "a&b" {
		t.Errorf("body %q, error %v", i.body, err)
	}
}

func TestBrokenBodyIsRefusedUnseen(t *testing.T) {
	i := &inspected{window: 8}
	p := &Passage{Request: &exchange.Request{Length: 9}, Route: &Route{Inspector: i, Watching: true}}
	if err := (&Gate{}).consult(p, cut{}); refusal.From(err).Code != refusal.InputInvalid {
		t.Errorf("error %v", err)
	}
}

type cut struct{}

func (cut) Prefix(int) ([]byte, bool, error) {
	return nil, false, refusal.New(refusal.InputInvalid, "the body ended")
}
