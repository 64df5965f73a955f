package token

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

// key is a key of the first shard.
func key(n int) *[sha256.Size]byte {
	var k [sha256.Size]byte
	binary.BigEndian.PutUint64(k[8:], uint64(n))
	return &k
}

func TestCacheIsBounded(t *testing.T) {
	r := new(rules)
	for _, max := range []int{64, 64 * 8, 64 * 100} {
		c := newCache(max)
		for n := range 10_000 {
			c.put(key(n), &entry{rules: r, end: t0.Add(time.Minute)}, t0)
		}
		if got := c.len(); got != max/64 {
			t.Errorf("max %d: %d in one shard, want %d", max, got, max/64)
		}
		if c.get(key(9_999), "", r) == nil {
			t.Errorf("max %d: the last one is not there", max)
		}
	}
}

func TestCacheDropsWhatHasEnded(t *testing.T) {
	r, c := new(rules), newCache(64*10)
	for n := range 10 {
		c.put(key(n), &entry{rules: r, end: t0.Add(time.Duration(n) * time.Minute)}, t0.Add(-time.Hour))
	}
	c.put(key(10), &entry{rules: r, end: t0.Add(time.Hour)}, t0.Add(5*time.Minute))
	if got := c.len(); got != 5 {
		t.Errorf("%d left, want 5: those of minute 6 to 9 and the new one", got)
	}
	c.sweep(t0.Add(8 * time.Minute))
	if got := c.len(); got != 2 {
		t.Errorf("%d left, want 2", got)
	}
}

func TestCacheKeepsTheFirst(t *testing.T) {
	r, c := new(rules), newCache(64)
	first, second := &entry{rules: r, end: t0.Add(1)}, &entry{rules: r, end: t0.Add(1)}
	if c.put(key(1), first, t0) != first || c.put(key(1), second, t0) != first {
		t.Error("two requests do not share one entry")
	}
	others := &entry{rules: &rules{o: Options{Issuer: "b"}}, end: t0.Add(1)}
	if c.get(key(1), "", others.rules) != nil {
		t.Error("a verdict under other rules is used")
	}
	if c.put(key(1), others, t0) != others || c.get(key(1), "", r) != nil || c.len() != 1 {
		t.Error("a verdict under old rules stays")
	}
}

// One signature stands for one text: with other claims it is not found.
func TestCacheComparesWhatIsSigned(t *testing.T) {
	r, c := new(rules), newCache(64)
	c.put(key(1), &entry{rules: r, signed: "a.b", end: t0.Add(1)}, t0)
	if c.get(key(1), "a.b", r) == nil || c.get(key(1), "a.c", r) != nil {
		t.Error("claims are not compared")
	}
}
