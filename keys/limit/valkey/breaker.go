package valkey

import (
	"sync"
	"sync/atomic"
	"time"
)

// The breaker opens when half of the questions of the last seconds failed, and there were
// enough of them: a ratio, because a busy node always has some failures, and a blip is not
// an outage.
const (
	buckets  = 5 // of a second each
	minAsked = 10
)

// breaker remembers how questions went. The zero breaker is closed.
type breaker struct {
	open atomic.Bool

	mu     sync.Mutex
	second int64 // of the newest bucket, since 1970
	asked  [buckets]int
	failed [buckets]int
}

// count notes how a question went, and reports whether it opened the breaker.
func (b *breaker) count(at time.Time, failed bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := at.Unix()
	for ; b.second < now; b.second++ {
		if now-b.second > buckets {
			b.second = now - buckets
		}
		i := (b.second + 1) % buckets
		b.asked[i], b.failed[i] = 0, 0
	}
	i := b.second % buckets
	b.asked[i]++
	if !failed {
		return false
	}
	b.failed[i]++
	asked, bad := 0, 0
	for i := range buckets {
		asked, bad = asked+b.asked[i], bad+b.failed[i]
	}
	return asked >= minAsked && 2*bad >= asked && b.open.CompareAndSwap(false, true)
}

// reset closes the breaker with a clean slate.
func (b *breaker) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked, b.failed = [buckets]int{}, [buckets]int{}
	b.open.Store(false)
}
