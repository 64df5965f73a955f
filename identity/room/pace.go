package room

import (
	"sync"
	"time"
)

// ahead is how far the work may get ahead of its share: a morning's crowd is let in at full
// speed. A flood leaves the cores to everything else: what the work may take of its slots'
// time in the long run is half where nothing else is done, and a tenth where the cores are
// busy, so that routes which ask for no password keep their throughput. bench/ -flood
// measures it.
const (
	ahead    = time.Second
	idle     = 0.5
	busy     = 0.1
	busyFrom = 0.5 // of the cores, used by anything but this work
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

// pay takes what a slot was busy for, and returns how long it rests now.
func (p *pace) pay(took time.Duration, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	rate := p.slots * p.share(took, now)
	if d := now.Sub(p.at); d > 0 {
		p.left = min(p.most, p.left+time.Duration(float64(d)*rate))
	}
	p.at = now
	if p.left -= took; p.left >= 0 || rate >= p.slots {
		return 0
	}
	return time.Duration(float64(-p.left) / rate)
}

// share is what the work may take of a slot's time now. p.mu is held.
func (p *pace) share(took time.Duration, now time.Time) float64 {
	if p.fixed > 0 {
		return p.fixed
	}
	return max(busy, idle-(idle-busy)*p.cores.others(took, now)/busyFrom)
}
