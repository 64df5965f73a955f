package room

import (
	"testing"
	"time"
)

// A crowd is let in at once; a flood gets half of the time of its slots while nothing else
// is done and a tenth while much is, however long it lasts; a quiet time gives back what was
// used up. What is wanted gets half of the time even then.
func TestPace(t *testing.T) {
	const hash = 25 * time.Millisecond
	for _, c := range []struct {
		name        string
		others      float64 // cores that others use, of 4
		wanted      bool
		least, most int // passwords in 100 s
	}{
		{"idle", 0, false, 3800, 4100}, {"busy", 3, false, 780, 850}, {"half as busy", 1, false, 2200, 2600},
		{"busy, wanted", 3, true, 3800, 4100},
	} {
		now, cpu := time.Now(), time.Duration(0)
		p := newPace(2, 0)
		p.at = now
		p.cores = &cores{n: 4, at: now, process: func() time.Duration { return cpu }, machine: func() (used, all time.Duration) { return 0, 0 }}
		pass := func(d time.Duration) {
			now = now.Add(d)
			cpu += time.Duration(float64(d) * c.others)
		}
		flood := func(span time.Duration) (hashes int) {
			for end := now.Add(span); now.Before(end); hashes++ {
				pass(hash / 2) // two slots work at once
				cpu += hash
				pass(p.pay(hash, now, c.wanted))
			}
			return hashes
		}
		if n := flood(time.Second); n < 60 {
			t.Errorf("%s: a crowd: %d passwords in the first second", c.name, n)
		}
		flood(20 * time.Second)
		if n := flood(100 * time.Second); n < c.least || n > c.most {
			t.Errorf("%s: a flood: %d passwords in 100 s, want %d to %d", c.name, n, c.least, c.most)
		}
		pass(2 * time.Minute)
		if rest := p.pay(hash, now, c.wanted); rest != 0 {
			t.Errorf("%s: after two quiet minutes a slot rests for %v", c.name, rest)
		}
		if p.left > 2*ahead {
			t.Errorf("%s: %v were saved up", c.name, p.left)
		}
		now = now.Add(-time.Hour)
		if rest := p.pay(hash, now, c.wanted); rest > time.Second {
			t.Errorf("%s: the clock went back, and a slot rests for %v", c.name, rest)
		}
	}
}

// After a piece of work that is costly, such as a hash of others, the next who waits is not
// kept waiting in vain; what was too much is not paid later.
func TestRestIsBounded(t *testing.T) {
	now := time.Now()
	p := newPace(1, 0)
	p.cores = &cores{n: 4, at: now, load: 1, process: func() time.Duration { return 0 }, machine: func() (used, all time.Duration) { return 0, 0 }}
	for range 20 {
		p.cores.load = 1
		if rest := p.pay(400*time.Millisecond, now, false); rest > longest {
			t.Fatalf("a slot rests for %v, want at most %v", rest, longest)
		}
	}
	if rest := p.pay(0, now.Add(longest), false); rest > 0 {
		t.Errorf("after %v it rests for another %v", longest, rest)
	}
}
