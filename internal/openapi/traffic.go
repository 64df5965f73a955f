package openapi

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/internal/periodic"
)

// period is how often requests without a route are written.
const period = 5 * time.Second

// Traffic gathers requests that no route took. It is safe for concurrent use. A flood of
// invented paths fills its bound and no more; then the first ones count on.
type Traffic struct {
	Store  RequestStore
	Logger *slog.Logger

	mu   sync.Mutex
	seen map[place]*Request
}

type place struct{ method, path string }

// Add notes one request. path is the decoded one.
func (t *Traffic) Add(method, path string, at time.Time) {
	if !isMethod(method) {
		method = "OTHER"
	}
	key := place{method, Shape(path)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.seen[key]; r != nil {
		r.Count++
		r.Last = at
		return
	}
	if len(t.seen) >= MaxRequests {
		return
	}
	if t.seen == nil {
		t.seen = map[place]*Request{}
	}
	t.seen[key] = &Request{method, key.path, 1, at, at}
}

// isMethod reports whether a method is one that people use.
func isMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY":
		return true
	}
	return false
}

// Run writes what was gathered every few seconds until ctx ends, and once more then.
func (t *Traffic) Run(ctx context.Context) error {
	periodic.Flush(ctx, period, t.flush)
	return nil
}

// flush writes and forgets. What the store does not take is lost: it decides nothing.
func (t *Traffic) flush(ctx context.Context) {
	t.mu.Lock()
	seen := t.seen
	t.seen = nil
	t.mu.Unlock()
	if len(seen) == 0 {
		return
	}
	all := make([]Request, 0, len(seen))
	for _, r := range seen {
		all = append(all, *r)
	}
	if err := t.Store.AddRequests(ctx, all); err != nil {
		t.Logger.Warn("requests without a route could not be noted", "error", err)
	}
}

const (
	maxSegments = 12
	maxSegment  = 32
)

// Shape turns a path into a template: what looks like the name of one thing (a number, a
// UUID, a token) becomes {id}, so that places can be told from things, and nothing that
// may be secret is kept.
func Shape(path string) string {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	more := len(segments) > maxSegments
	if more {
		segments = segments[:maxSegments]
	}
	for i, s := range segments {
		if !isWord(s) {
			segments[i] = "{id}"
		}
	}
	shape := "/" + strings.Join(segments, "/")
	if more {
		shape += "/{rest...}"
	}
	return shape
}

// isWord reports whether a segment is a name that a programmer gave: letters, perhaps a
// few digits in a short one ("v2"), dashes, dots.
func isWord(s string) bool {
	letters, digits := 0, 0
	for _, c := range []byte(s) {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			letters++
		case c >= '0' && c <= '9':
			digits++
		case c != '-' && c != '_' && c != '.':
			return false
		}
	}
	return len(s) <= maxSegment && (digits == 0 || letters > 0 && digits <= 2 || letters > 3*digits && len(s) <= 16)
}
