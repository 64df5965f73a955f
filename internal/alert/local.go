package alert

import (
	"slices"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// maxLocal bounds the alerts in memory that were tried and not delivered.
const maxLocal = 64

// local keeps alerts that no store can keep, by the same rules: of each type one that
// grows until its first try.
type local struct {
	mu      sync.Mutex
	open    map[Type]*held
	tried   []*held // oldest first
	due     map[Type]time.Time
	dropped int64
}

// held is an alert in memory.
type held struct {
	Alert
	next time.Time
}

// raise notes one event.
func (l *local) raise(t Type, ev audit.Event, quiet time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open, l.due = map[Type]*held{}, map[Type]time.Time{}
	}
	one := l.open[t]
	if one == nil {
		due := ev.At
		if after := l.due[t].Add(quiet); after.After(due) && !l.due[t].IsZero() {
			due = after
		}
		one = &held{Alert: Alert{ID: NewID(), Due: due}, next: due}
		l.open[t], l.due[t] = one, due
	}
	one.Join(single(t, ev))
}

// take returns the alert that is due first and counts the try. It does not grow any more.
func (l *local) take(now time.Time) (Alert, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.first()
	if first == nil || first.next.After(now) {
		return Alert{}, false
	}
	if first.Attempts == 0 {
		delete(l.open, first.Type)
		l.tried = append(l.tried, first)
		if len(l.tried) > maxLocal {
			l.tried = l.tried[1:]
			l.dropped++
		}
	}
	first.Attempts++
	return first.Alert, true
}

func (l *local) first() (first *held) {
	for _, one := range l.tried {
		if first == nil || one.next.Before(first.next) {
			first = one
		}
	}
	for _, one := range l.open {
		if first == nil || one.next.Before(first.next) {
			first = one
		}
	}
	return first
}

// settle writes what became of a try.
func (l *local) settle(a Alert, o Outcome, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.tried, func(h *held) bool { return h.ID == a.ID })
	switch {
	case i < 0: // dropped meanwhile
	case o.Delivered || o.Dead:
		l.tried = slices.Delete(l.tried, i, i+1)
	default:
		l.tried[i].next = now.Add(o.Wait)
	}
}

// waiting counts the alerts in memory, and those that had to go.
func (l *local) waiting() (n int, dropped int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open) + len(l.tried), l.dropped
}

// clear forgets everything: there is nobody to tell.
func (l *local) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open, l.tried, l.due = nil, nil, nil
}
