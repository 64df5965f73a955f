package password

import (
	"sync"
	"time"
)

// ahead is how far hashing may get ahead of its share: a morning's crowd is let in at full
// speed, a flood of guesses leaves the cores to everything else. Routes that ask for no
// password keep their throughput then; bench/ -flood measures it.
const ahead = 2 * time.Second

// pace is a bucket of time that slots draw on. It is safe for concurrent use.
type pace struct {
	mu          sync.Mutex
	left        time.Duration // below 0: slots rest until it is 0 again
	at          time.Time     // of left
	rate, slots float64       // seconds that come in each second, and that may be used
	most        time.Duration
}

func newPace(slots int, share float64) *pace {
	return &pace{rate: share * float64(slots), slots: float64(slots), most: ahead * time.Duration(slots), left: ahead * time.Duration(slots), at: time.Now()}
}

// pay takes what a slot was busy for, and returns how long it rests now.
func (p *pace) pay(busy time.Duration, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := now.Sub(p.at); d > 0 {
		p.left = min(p.most, p.left+time.Duration(float64(d)*p.rate))
	}
	p.at = now
	if p.left -= busy; p.left >= 0 || p.rate >= p.slots {
		return 0
	}
	return time.Duration(float64(-p.left) / p.rate)
}
