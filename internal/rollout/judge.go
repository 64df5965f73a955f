package rollout

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/web/csp"
)

// Rule says when a route is ready for the strict policy.
type Rule struct {
	Views int64         // documents shown under observation
	Quiet time.Duration // observed for that long, and no violation in that time that nobody explained
}

// Verdict is what is known of one route.
type Verdict struct {
	Route      string
	Mode       string // "floor", "observe" or "strict"
	Views      int64
	Since      time.Time // of the first view under observation
	Violations []Reports // lately and unexplained, with the latest first
	Sinks      int64     // reports of strings that became markup (Trusted Types); they do not count against the route
	Ready      bool
	Why        []string // what is missing; empty when Ready
}

// Judge says whether a route is ready. It is about what was seen, not about what nobody
// tried: a part of a page that no visitor has used is not known.
func (r Rule) Judge(route, mode string, s Seen, a *Approvals, now time.Time) Verdict {
	v := Verdict{Route: route, Mode: mode}
	for _, w := range s.Views {
		if w.Route == route {
			v.Views, v.Since = w.Count, w.First
		}
	}
	for _, g := range s.Reports {
		switch {
		case g.Route != route || now.Sub(g.Last) > r.Quiet:
		case Sink(g.Directive):
			v.Sinks += g.Count
		case !a.Explains(g.Group):
			v.Violations = append(v.Violations, g)
		}
	}
	slices.SortStableFunc(v.Violations, func(a, b Reports) int { return b.Last.Compare(a.Last) })
	v.Why = r.missing(&v, now)
	v.Ready = len(v.Why) == 0 && mode == "observe"
	return v
}

func (r Rule) missing(v *Verdict, now time.Time) (why []string) {
	if v.Mode == "floor" {
		return []string{"it is not observed (output.csp: observe)"}
	}
	if v.Views < r.Views {
		why = append(why, fmt.Sprintf("shown %d times of %d", v.Views, r.Views))
	}
	if age := now.Sub(v.Since); v.Views > 0 && age < r.Quiet {
		why = append(why, fmt.Sprintf("observed for %s of %s", days(age), days(r.Quiet)))
	}
	if n := len(v.Violations); n > 0 {
		g := v.Violations[0]
		why = append(why, fmt.Sprintf("%d kinds of violations without an explanation, such as %s %s", n, g.Directive, g.Blocked))
	}
	return why
}

// Sink reports whether a directive is about Trusted Types, which are an inventory only.
func Sink(directive string) bool {
	return directive == "require-trusted-types-for" || directive == "trusted-types"
}

// days is rounded down, so that what is not reached does not look so.
func days(d time.Duration) string {
	return fmt.Sprintf("%.1f days", math.Floor(d.Hours()/2.4)/10)
}

// Evidence says which inline scripts are worth a person's look.
type Evidence struct {
	Visitors int           // at least so many got the same script
	Age      time.Duration // over at least that long
}

// Propose returns the scripts that are the same for everybody and not approved yet, by
// route; of at most as many as a route can have.
func (e Evidence) Propose(s Seen, a *Approvals) []Approval {
	var all []Approval
	n := map[string]int{}
	for _, c := range s.Scripts {
		known := slices.ContainsFunc(a.Hashes(c.Route), func(h csp.Hash) bool { return string(h) == c.Hash })
		if known || len(c.Visitors) < e.Visitors || c.Last.Sub(c.First) < e.Age || n[c.Route] >= maxRouteScripts {
			continue
		}
		n[c.Route]++
		all = append(all, c.Approval())
	}
	return all
}

// Approval is the entry that would approve the script.
func (s *Script) Approval() Approval {
	return Approval{Route: s.Route, Hash: s.Hash, Sample: s.Sample, FirstSeen: s.First.UTC().Truncate(time.Second), LastSeen: s.Last.UTC().Truncate(time.Second), Visitors: len(s.Visitors), Count: s.Count}
}

// Changing counts, by route, the inline scripts that no hash can name: they hold values of
// their request, or were seen once only.
func Changing(s Seen) map[string]int {
	n := map[string]int{}
	for _, c := range s.Scripts {
		if c.Count <= 1 {
			n[c.Route]++
		}
	}
	return n
}

// Find returns the scripts with that hash; route "" means any.
func (s *Seen) Find(hash, route string) []Script {
	var all []Script
	for _, c := range s.Scripts {
		if c.Hash == hash && (route == "" || c.Route == route) {
			all = append(all, c)
		}
	}
	return all
}
