package password

import (
	"testing"
	"time"
)

// A crowd is let in at once; a flood gets a fifth of the time of its slots, however long it
// lasts; a quiet time gives back what was used up.
func TestPace(t *testing.T) {
	const hash = 25 * time.Millisecond
	now := time.Now()
	p := newPace(2, 0.2)
	p.at = now
	flood := func(span time.Duration) (hashes int) {
		for end := now.Add(span); now.Before(end); hashes++ {
			now = now.Add(hash / 2) // two slots work at once
			now = now.Add(p.pay(hash, now))
		}
		return hashes
	}
	if n := flood(2 * time.Second); n < 150 {
		t.Errorf("a crowd: %d passwords in the first two seconds", n)
	}
	flood(10 * time.Second)
	if n := flood(100 * time.Second); n < 1500 || n > 1700 { // 2 slots × 100 s × 0.2 / 25 ms
		t.Errorf("a flood: %d passwords in 100 s", n)
	}
	now = now.Add(time.Minute)
	if rest := p.pay(hash, now); rest != 0 {
		t.Errorf("after a quiet minute a slot rests for %v", rest)
	}
	if p.left > 2*ahead {
		t.Errorf("%v were saved up", p.left)
	}
	now = now.Add(-time.Hour)
	if rest := p.pay(hash, now); rest > time.Second {
		t.Errorf("the clock went back, and a slot rests for %v", rest)
	}
}
