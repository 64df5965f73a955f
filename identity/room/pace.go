package room

import (
	"sync"
	"time"
)

// ahead is how far the work may get ahead of its share: a morning's crowd is let in at full
// speed. A flood leaves the cores to everything else: what the work may take of its slots'
// time in the long run is half where nothing else is done or where it is wanted, and down to
// a tenth where it is not and the cores are busy, so that routes which ask for no password
// keep their throughput. bench/ -flood measures it.
const (
	ahead    = time.Second
	idle     = 0.5
	busy     = 0.1
	busyFrom = 0.5         // of the cores, used by anything but this work
	longest  = time.Second // that a slot rests: who waits must not wait in vain after one costly piece of work
)

// pace is a bucket of time that slots draw on. It is safe for concurrent use.
type pace struct {
	fixed float64 // share whatever else is done; 0: by what else is done
	slots float64
	cores *cores

	mu   sync.Mutex
	left time.Duration // below 0: slots rest until it is 0 again
	at   time.Time     // of left
	most time.Duration
}

func newPace(slots int, fixed float64) *pace {
	now := time.Now()
	p := &pace{fixed: fixed, slots: float64(slots), cores: newCores(now), most: ahead * time.Duration(slots), at: now}
	p.left = p.most
	return p
}

// pay takes what a slot was busy for, and returns how long it rests now. Work is wanted that
// was for somebody who is let in, or that nobody had to wait for: a flood does neither.
func (p *pace) pay(took time.Duration, now time.Time, wanted bool) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	share := p.share(took, now)
	rate, price := p.slots*share, took
	if p.fixed == 0 {
		rate = p.slots * idle
		if !wanted {
			price = time.Duration(float64(took) * idle / share)
		}
	}
	if d := now.Sub(p.at); d > 0 {
		p.left = min(p.most, p.left+time.Duration(float64(d)*rate))
	}
	p.at = now
	if p.left -= price; p.left >= 0 || rate >= p.slots {
		return 0
	}
	p.left = max(p.left, -time.Duration(float64(longest)*rate))
	return time.Duration(float64(-p.left) / rate)
}

// share is what unwanted work may take of a slot's time now. p.mu is held.
func (p *pace) share(took time.Duration, now time.Time) float64 {
	if p.fixed > 0 {
		return p.fixed
	}
	return max(busy, idle-(idle-busy)*p.cores.others(took, now)/busyFrom)
}
