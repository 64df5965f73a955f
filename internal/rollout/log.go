package rollout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/internal/periodic"
)

// Bounds of memory.
const (
	maxGroups  = 1000
	maxScripts = 4096
	maxViews   = 5000 // as many as there can be routes
	period     = 5 * time.Second
	// maxNews bounds the lines about new groups in a period: whoever sends reports could
	// make up groups without end.
	maxNews = 20
	// maxWrite bounds one call of the store, which has a time limit.
	maxWrite = 500
	// maxSingles bounds the scripts of a route that are written though they were seen once
	// only: where data stands in a script, every page has another one.
	maxSingles = 20
)

// Log gathers what pages did and writes it to the store every few seconds. It is safe for
// concurrent use. Store and Logger are set before the first use.
type Log struct {
	Store  Store
	Logger *slog.Logger
	// Counted is told of every report that is no noise, for metrics; nil tells nobody.
	Counted func(directive, disposition string)

	mu      sync.Mutex
	reports *recent[Group, Reports]
	scripts *recent[scriptID, served]
	singles map[string]int // by route: scripts seen once that were written
	views   *recent[string, Views]
	news    int // lines about new groups in this period
}

type scriptID struct{ route, hash string }

// init makes the memory; l.mu is held.
func (l *Log) init() {
	if l.reports == nil {
		l.singles = map[string]int{}
		l.reports, l.scripts, l.views = newRecent[Group, Reports](maxGroups), newRecent[scriptID, served](maxScripts), newRecent[string, Views](maxViews)
	}
}

// Report adds one report of a browser.
func (l *Log) Report(g Group, sample, source string, now time.Time) {
	if l.Counted != nil {
		l.Counted(g.Directive, g.Disposition)
	}
	l.mu.Lock()
	l.init()
	e, isNew := l.reports.get(g)
	add(&e.First, &e.Last, now)
	e.Group = g
	e.Count++
	if e.Sample == "" {
		e.Sample = sample
	}
	if e.Source == "" {
		e.Source = source
	}
	tell := isNew && l.news < maxNews
	if tell {
		l.news++
	}
	l.mu.Unlock()
	if tell {
		l.Logger.Warn("a page did what its content security policy does not allow", "route", g.Route, "directive", g.Directive,
			"blocked", g.Blocked, "disposition", g.Disposition, "sample", sample, "source", source)
	}
}

// View counts one document that was shown under the strict policy. It implements
// sanmon.Pages.
func (l *Log) View(route string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.init()
	e, _ := l.views.get(route)
	e.Route = route
	e.Count++
	add(&e.First, &e.Last, now)
}

// add extends a span of time.
func add(first, last *time.Time, now time.Time) {
	if first.IsZero() {
		*first = now
	}
	if now.After(*last) {
		*last = now
	}
}

// Run writes what was gathered every few seconds until ctx ends, and once more then.
func (l *Log) Run(ctx context.Context) error {
	periodic.Flush(ctx, period, l.Flush)
	return nil
}

// Flush writes what was gathered. What the store does not take is kept for the next time.
func (l *Log) Flush(ctx context.Context) {
	l.mu.Lock()
	l.init()
	l.news = 0
	s := Seen{
		take(l.reports, func(r *Reports) bool { return r.Count > 0 }),
		l.takeScripts(),
		take(l.views, func(v *Views) bool { return v.Count > 0 }),
	}
	l.mu.Unlock()
	for !s.Empty() {
		rest := s
		part := rest.cut(maxWrite)
		if err := l.Store.AddSeen(ctx, part); err != nil {
			l.Logger.Warn("what pages did could not be written; it is kept and tried again", "error", err)
			l.restore(s)
			return
		}
		s = rest
	}
}

// cut takes at most n of each part away from s, and returns them.
func (s *Seen) cut(n int) Seen {
	r, c, v := min(n, len(s.Reports)), min(n, len(s.Scripts)), min(n, len(s.Views))
	part := Seen{s.Reports[:r], s.Scripts[:c], s.Views[:v]}
	*s = Seen{s.Reports[r:], s.Scripts[c:], s.Views[v:]}
	return part
}

// restore joins what was not written with what came since.
func (l *Log) restore(s Seen) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range s.Reports {
		e, _ := l.reports.get(r.Group)
		e.Group, e.Count = r.Group, e.Count+r.Count
		joinTimes(&e.First, &e.Last, r.First, r.Last)
		e.Sample, e.Source = or(r.Sample, e.Sample), or(r.Source, e.Source)
	}
	for _, c := range s.Scripts {
		e, _ := l.scripts.get(scriptID{c.Route, c.Hash})
		e.join(c)
	}
	for _, v := range s.Views {
		e, _ := l.views.get(v.Route)
		e.Route, e.Count = v.Route, e.Count+v.Count
		joinTimes(&e.First, &e.Last, v.First, v.Last)
	}
}

func joinTimes(first, last *time.Time, f, l time.Time) {
	if first.IsZero() || f.Before(*first) {
		*first = f
	}
	if l.After(*last) {
		*last = l
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
