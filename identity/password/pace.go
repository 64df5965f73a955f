package password

import (
	"runtime"
	"sync"
	"syscall"
	"time"
)

// ahead is how far hashing may get ahead of its share: a morning's crowd is let in at full
// speed. A flood of guesses leaves the cores to everything else: what hashing may take of
// its slots' time in the long run is half where the process does nothing else, and a tenth
// where it is busy, so that routes which ask for no password keep their throughput. bench/
// -flood measures it.
const (
	ahead    = 2 * time.Second
	idle     = 0.5
	busy     = 0.1
	busyFrom = 0.5 // of the cores, used by anything but hashing
)

// pace is a bucket of time that slots draw on. It is safe for concurrent use.
type pace struct {
	fixed float64 // share whatever else is done; 0: by what else is done
	slots float64
	cores float64
	used  func() time.Duration // processor time of the process so far

	mu   sync.Mutex
	left time.Duration // below 0: slots rest until it is 0 again
	at   time.Time     // of left
	most time.Duration
	cpu  time.Duration // used at that time
	load float64       // share of the cores that others use
}

func newPace(slots int, fixed float64) *pace {
	p := &pace{fixed: fixed, slots: float64(slots), cores: float64(runtime.GOMAXPROCS(0)), used: processTime, most: ahead * time.Duration(slots), at: time.Now()}
	p.left, p.cpu = p.most, p.used()
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

// share is what hashing may take of a slot's time now. What others use is known from the
// processor time since the last hash, smoothed over a second. p.mu is held.
func (p *pace) share(took time.Duration, now time.Time) float64 {
	if p.fixed > 0 {
		return p.fixed
	}
	used, passed := p.used(), now.Sub(p.at)
	if passed > 0 {
		others := float64(used-p.cpu-took) / (float64(passed) * p.cores)
		p.load += (min(max(others, 0), 1) - p.load) * min(1, passed.Seconds())
	}
	p.cpu = used
	return max(busy, idle-(idle-busy)*p.load/busyFrom)
}

// processTime is what this process has used of the processors; 0 where that is not known.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
