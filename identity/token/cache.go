package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// DefaultMax is how many verified tokens are kept: about 2 KiB each.
const DefaultMax = 20_000

const cacheShards = 64

// entry is one verified token. What it says is never changed.
type entry struct {
	rules  *rules // that it was verified under
	signed string // header and claims as they stand in the token
	claims Claims
	rights *caller.Rights
	end    time.Time

	slot caller.Slot
	told atomic.Bool // Options.Confirm knows of it
}

// cache is the tokens that were verified. The key is the SHA-256 of the signature, and
// what is signed is compared byte for byte; together with the rules in the entry, which
// hold the keys, the issuer, the audience and the limits, that is everything the verdict
// depended on but the time, and the time is asked again for every hit. What is kept is no
// credential: a token without its signature opens nothing. Refused tokens are not kept.
type cache struct {
	max    int // entries of a shard
	shards [cacheShards]cacheShard
}

type cacheShard struct {
	mu sync.RWMutex
	of map[[sha256.Size]byte]*entry
}

func newCache(max int) *cache {
	c := &cache{max: (max + cacheShards - 1) / cacheShards}
	for i := range c.shards {
		c.shards[i].of = make(map[[sha256.Size]byte]*entry)
	}
	return c
}

func (c *cache) shard(key *[sha256.Size]byte) *cacheShard { return &c.shards[key[0]%cacheShards] }

// get returns what was verified under these rules, or nil.
func (c *cache) get(key *[sha256.Size]byte, signed string, r *rules) *entry {
	s := c.shard(key)
	s.mu.RLock()
	e := s.of[*key]
	s.mu.RUnlock()
	if e == nil || e.rules != r || e.signed != signed {
		return nil
	}
	return e
}

// put keeps an entry and returns the one that is kept: that of another request, where it
// was first.
func (c *cache) put(key *[sha256.Size]byte, e *entry, now time.Time) *entry {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.of[*key]; old != nil && old.rules == e.rules && old.signed == e.signed {
		return old
	}
	if len(s.of) >= c.max {
		s.makeRoom(now)
	}
	s.of[*key] = e
	return e
}

// makeRoom drops what has ended among a few tokens, or one of those; map order is random
// enough.
func (s *cacheShard) makeRoom(now time.Time) {
	looked, dropped := 0, 0
	for key, e := range s.of {
		if looked++; !now.Before(e.end) || looked == 16 && dropped == 0 {
			delete(s.of, key)
			dropped++
		}
		if looked == 16 {
			return
		}
	}
	if dropped == 0 { // fewer than 16 in all
		for key := range s.of {
			delete(s.of, key)
			return
		}
	}
}

// sweep drops everything that has ended.
func (c *cache) sweep(now time.Time) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		for key, e := range s.of {
			if !now.Before(e.end) {
				delete(s.of, key)
			}
		}
		s.mu.Unlock()
	}
}

func (c *cache) len() (n int) {
	for i := range c.shards {
		c.shards[i].mu.RLock()
		n += len(c.shards[i].of)
		c.shards[i].mu.RUnlock()
	}
	return n
}
