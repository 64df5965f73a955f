package password

import (
	"sync"
	"time"
)

// What hashing may take of a slot's time in the long run, and how far ahead of that it may
// get: a morning's crowd is let in at full speed, a flood of guesses leaves the cores to
// everything else. Routes that ask for no password keep their throughput then; bench/ -flood
// measures it.
const (
	share = 0.2
	ahead = 2 * time.Second
)

// pace is a bucket of time that slots draw on. It is safe for concurrent use.
type pace struct {
	mu   sync.Mutex
	left time.Duration // below 0: slots rest until it is 0 again
	at   time.Time     // of left
	rate float64       // seconds that come in each second
	most time.Duration
}

func newPace(slots int) *pace {
	return &pace{rate: share * float64(slots), most: ahead * time.Duration(slots), left: ahead * time.Duration(slots), at: time.Now()}
}

// pay takes what a slot was busy for, and returns how long it rests now.
func (p *pace) pay(busy time.Duration, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := now.Sub(p.at); d > 0 {
		p.left = min(p.most, p.left+time.Duration(float64(d)*p.rate))
	}
	p.at = now
	if p.left -= busy; p.left >= 0 {
		return 0
	}
	return time.Duration(float64(-p.left) / p.rate)
}
