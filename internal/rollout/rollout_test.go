package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/internal/rollout"
	"github.com/sanmon-gate/sanmon/web/csp"
)

var (
	now   = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	week  = 7 * 24 * time.Hour
	quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
)

const hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

// store keeps what it is given, or fails.
type store struct {
	mu   sync.Mutex
	fail error
	all  []rollout.Seen
}

func (s *store) AddSeen(_ context.Context, seen rollout.Seen) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.all = append(s.all, seen)
	}
	return s.fail
}

func (s *store) Seen(context.Context) (rollout.Seen, error) { return rollout.Seen{}, nil }

// What the store did not take comes again, joined with what came since.
func TestFlushLosesNothing(t *testing.T) {
	st := &store{fail: errors.New("away")}
	l := &rollout.Log{Store: st, Logger: quiet}
	g := rollout.Group{Route: "r", Directive: "script-src-elem", Blocked: "inline", Disposition: "report"}
	see := func(visitor string, at time.Duration) {
		l.Report(g, "", "", now.Add(at))
		l.View("r", now.Add(at))
		l.Script(csp.Sighting{Route: "r", Visitor: visitor, Beginning: []byte("a()\x1b[31m\n  b()"), Now: now.Add(at)})
		l.Script(csp.Sighting{Route: "r", Visitor: visitor, Beginning: []byte("a()"), Now: now.Add(at), Reflected: true})
	}
	see("one", 0)
	l.Flush(t.Context())
	see("two", time.Minute)
	st.fail = nil
	l.Flush(t.Context())
	l.Flush(t.Context())
	if len(st.all) != 1 {
		t.Fatalf("%d writes, want 1: %+v", len(st.all), st.all)
	}
	got := st.all[0]
	want := fmt.Sprintf("[{%v %v %v 2  }]", g, now, now.Add(time.Minute))
	if s := fmt.Sprint(got.Reports); s != want {
		t.Errorf("reports %s\nwant    %s", s, want)
	}
	if len(got.Views) != 1 || got.Views[0].Count != 2 || !got.Views[0].First.Equal(now) {
		t.Errorf("views %+v", got.Views)
	}
	s := got.Scripts[0]
	if len(got.Scripts) != 1 || s.Count != 2 || s.Reflected != 2 || len(s.Visitors) != 2 || s.Sample != "a() [31m b()" && s.Sample != "a()[31m b()" || s.Hash != hash {
		t.Errorf("scripts %+v", got.Scripts)
	}
}

// Memory is bounded whatever is sent, and so are the lines about it.
func TestBounded(t *testing.T) {
	lines := &counter{}
	st := &store{}
	l := &rollout.Log{Store: st, Logger: slog.New(slog.NewJSONHandler(lines, nil))}
	for i := range 5000 {
		name := fmt.Sprint("https://", i, ".example")
		l.Report(rollout.Group{Blocked: name}, "", "", now)
		l.Script(csp.Sighting{Route: name, Now: now})
	}
	for i := range 5000 { // data in a script: another one in every page
		l.Script(csp.Sighting{Route: "r", Hash: [32]byte{byte(i >> 8), byte(i)}, Now: now})
	}
	l.Flush(t.Context())
	if n, m := len(st.all[0].Reports)+len(st.all[1].Reports), len(st.all[0].Scripts); len(st.all) != 2 || n != 1000 || m != 20 {
		t.Errorf("%d groups and %d scripts in memory, %d writes", n, m, len(st.all))
	}
	l.Script(csp.Sighting{Route: "r", Hash: [32]byte{19, 135}, Now: now}) // the last one again: the same for two
	l.Script(csp.Sighting{Route: "r", Hash: [32]byte{19, 135}, Now: now, Visitor: "two"})
	l.Flush(t.Context())
	if s := st.all[2].Scripts; len(s) != 1 || s[0].Count < 2 || len(s[0].Visitors) != 2 {
		t.Errorf("%+v", s)
	}
	l.Script(csp.Sighting{Route: "r", Hash: [32]byte{19, 135}, Now: now})
	l.Flush(t.Context())
	if s := st.all[3].Scripts; len(s) != 1 || s[0].Count != 1 {
		t.Errorf("a known script is written whenever it comes: %+v", s)
	}
	if lines.n != 20 {
		t.Errorf("%d lines", lines.n)
	}
}

type counter struct{ n int }

func (c *counter) Write(b []byte) (int, error) { c.n++; return len(b), nil }

func TestJudge(t *testing.T) {
	rule := rollout.Rule{Views: 10, Quiet: week}
	views := func(n int64, age time.Duration) []rollout.Views {
		return []rollout.Views{{Route: "r", Count: n, First: now.Add(-age), Last: now}, {Route: "other", Count: 1e6, First: now.Add(-9 * week)}}
	}
	report := func(route, directive string, age time.Duration) []rollout.Reports {
		return []rollout.Reports{{Group: rollout.Group{Route: route, Directive: directive, Blocked: "inline", Disposition: "report"}, Last: now.Add(-age), Count: 3}}
	}
	approved := &rollout.Approvals{Explained: []rollout.Explained{{Route: "*", Directive: "img-src", Blocked: "inline", Reason: "x"}}}
	for _, tt := range []struct {
		name, mode string
		seen       rollout.Seen
		ready      bool
		why        string
	}{
		{"ready", "observe", rollout.Seen{Views: views(10, week)}, true, ""},
		{"not observed", "floor", rollout.Seen{Views: views(10, week)}, false, "it is not observed (output.csp: observe)"},
		{"enforced already", "strict", rollout.Seen{Views: views(10, week)}, false, ""},
		{"never shown", "observe", rollout.Seen{}, false, "shown 0 times of 10"},
		{"shown too little", "observe", rollout.Seen{Views: views(9, week)}, false, "shown 9 times of 10"},
		{"observed too short", "observe", rollout.Seen{Views: views(10, week-time.Hour)}, false, "observed for 6.9 days of 7.0 days"},
		{"violations", "observe", rollout.Seen{Views: views(10, week), Reports: report("r", "script-src-elem", 0)}, false, "1 kinds of violations without an explanation, such as script-src-elem inline"},
		{"violations long ago", "observe", rollout.Seen{Views: views(10, week), Reports: report("r", "script-src-elem", week+1)}, true, ""},
		{"violations of another route", "observe", rollout.Seen{Views: views(10, week), Reports: report("other", "script-src-elem", 0)}, true, ""},
		{"explained", "observe", rollout.Seen{Views: views(10, week), Reports: report("r", "img-src", 0)}, true, ""},
		{"sinks are an inventory", "observe", rollout.Seen{Views: views(10, week), Reports: report("r", "require-trusted-types-for", 0)}, true, ""},
	} {
		v := rule.Judge("r", tt.mode, tt.seen, approved, now)
		if v.Ready != tt.ready || strings.Join(v.Why, "; ") != tt.why {
			t.Errorf("%s: ready %v, %q", tt.name, v.Ready, v.Why)
		}
	}
}

func TestPropose(t *testing.T) {
	script := func(route string, count int64, age time.Duration, visitors ...int64) rollout.Script {
		return rollout.Script{Route: route, Hash: hash, First: now.Add(-age), Last: now, Count: count, Visitors: visitors}
	}
	evidence := rollout.Evidence{Visitors: 3, Age: 24 * time.Hour}
	seen := rollout.Seen{Scripts: []rollout.Script{
		script("good", 9, 25*time.Hour, 1, 2, 3), script("few", 9, 25*time.Hour, 1, 2), script("new", 9, time.Hour, 1, 2, 3), script("approved", 9, 25*time.Hour, 1, 2, 3), script("once", 1, 0, 1),
	}}
	approved := &rollout.Approvals{Scripts: []rollout.Approval{{Route: "approved", Hash: hash}}}
	var got []string
	for _, p := range evidence.Propose(seen, approved) {
		got = append(got, p.Route)
	}
	if !slices.Equal(got, []string{"good"}) {
		t.Errorf("proposed on %q", got)
	}
	if n := rollout.Changing(seen)["once"]; n != 1 {
		t.Errorf("%d changing", n)
	}
}

// What is saved is read as the same, whatever stands in a sample.
func TestApprovals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "approved.yaml")
	if a, err := rollout.LoadApprovals(path); a != nil || err != nil {
		t.Errorf("a file that is not there: %v, %v", a, err)
	}
	a := &rollout.Approvals{Explained: []rollout.Explained{{Route: "r", Directive: "img-src", Blocked: "data", Reason: "a: # 'reason'"}}}
	one := rollout.Approval{Route: "r", Hash: hash, Sample: "x = {a: 'b', c: \"d\"}; # - & * ! | > %", FirstSeen: now, LastSeen: now, Visitors: 3, Count: 9}
	if n := a.Approve(one, one, rollout.Approval{Route: "a", Hash: hash}); n != 2 {
		t.Errorf("%d approved", n)
	}
	if err := a.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := rollout.LoadApprovals(path)
	if diff := cmp.Diff(a, again); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if h := again.Hashes("r"); len(h) != 1 || h[0] != hash || len(again.Hashes("other")) != 0 {
		t.Errorf("%q", h)
	}
}

func TestApprovalsRefused(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{"version: 2\nscripts: [ { route: r, hash: " + hash + " } ]", "version is 2"},
		{"version: 1\nscripts: [ { route: r, hash: md5-x } ]", "is no hash"},
		{"version: 1\nscripts: [ { hash: " + hash + " } ]", "route is missing"},
		{"version: 1\nscript: []", "script"},
		{"version: 1\nexplained: [ { route: r, directive: img-src, blocked: data } ]", "reason are needed"},
		{"scripts: {", "approved.yaml"}, {"[]", "approved.yaml"}, {"version: 1\nscripts: [ { route: r, hash: \"" + hash + "' *\" } ]", "is no hash"},
		{strings.Repeat("#", 1<<20+1), "larger than 1 MiB"},
		{"version: 1\nscripts:\n" + many(65), "more than 64 scripts"},
	} {
		if _, err := rollout.ParseApprovals("approved.yaml", []byte(tt.src)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.60q: %v", tt.src, err)
		}
	}
	for _, src := range []string{"", "version: 1\n", "# nothing\n"} {
		if _, err := rollout.ParseApprovals("approved.yaml", []byte(src)); err != nil {
			t.Errorf("%q: %v", src, err)
		}
	}
}

func many(n int) string { return strings.Repeat("  - { route: r, hash: "+hash+" }\n", n) }

func FuzzApprovals(f *testing.F) {
	f.Add("version: 1\nscripts: [ { route: r, hash: " + hash + ", sample: x } ]")
	f.Fuzz(func(t *testing.T, src string) {
		a, err := rollout.ParseApprovals("x", []byte(src))
		if err != nil {
			return
		}
		for _, s := range a.Scripts {
			if _, err := csp.NewOutput(csp.Enforce, csp.Strict{Hashes: a.Hashes(s.Route)}, ""); err != nil {
				t.Fatalf("%q: %v", src, err)
			}
		}
	})
}

func BenchmarkReport(b *testing.B) {
	l := &rollout.Log{Store: &store{}, Logger: quiet}
	g := rollout.Group{Route: "r", Directive: "script-src-elem", Blocked: "inline", Disposition: "report"}
	b.ReportAllocs()
	for b.Loop() {
		l.Report(g, "x", "y", now)
	}
}

func BenchmarkView(b *testing.B) {
	l := &rollout.Log{Store: &store{}, Logger: quiet}
	b.ReportAllocs()
	for b.Loop() {
		l.View("r", now)
	}
}
