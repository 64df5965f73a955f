package dpop

import (
	"hash/maphash"
	"sync"
	"time"
)

const seenShards = 16

// DefaultMax is how many identifiers a Seen keeps: about 8 MiB, and as many of the generation before.
const DefaultMax = 200_000

// Seen remembers identifiers that were used, each for at least Hold, so that nothing is
// used twice. It keeps at most twice Max and says so when it is full: forgetting would
// let a replay through. It is safe for concurrent use; the zero value is ready.
type Seen struct {
	Hold time.Duration // 0: Window of this package, both ways
	Max  int           // 0: DefaultMax

	// Shared remembers for all nodes; nil: this process remembers alone. Kind keeps apart
	// there what several Seen remember.
	Shared Shared
	Kind   string

	spread sync.Once
	seed   maphash.Seed // of the shards
	shards [seenShards]seenShard
}

// shard is where an identifier is kept. Who makes proofs chooses what their hashes end with,
// so that the choice of the shard is ours: else a few proofs would fill one, and with it the
// place of every sixteenth proof of everybody.
func (s *Seen) shard(id [32]byte) *seenShard {
	s.spread.Do(func() { s.seed = maphash.MakeSeed() })
	return &s.shards[maphash.Bytes(s.seed, id[:])%seenShards]
}

// seenShard keeps two generations. What is in the younger one when a generation ends
// stays for another.
type seenShard struct {
	mu         sync.Mutex
	young, old map[[16]byte]struct{}
	turns      time.Time // when the next generation begins
	hold       time.Duration
	most       int
}

// Verdict of a Seen.
type Verdict uint8

// The verdicts.
const (
	New   Verdict = iota // and used from now on
	Again                // it was used before
	Full                 // nobody can tell
)

// here notes an identifier in this process, and says for how long.
func (s *Seen) here(id [32]byte, now time.Time) (Verdict, time.Duration) {
	sh := s.shard(id)
	key := [16]byte(id[:16])
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.young == nil {
		sh.hold, sh.most = s.Hold, s.Max
		if sh.hold <= 0 {
			sh.hold = 2*Window + nonceLife
		}
		if sh.most <= 0 {
			sh.most = DefaultMax
		}
		sh.most = max(1, sh.most/seenShards)
		sh.young, sh.turns = map[[16]byte]struct{}{}, now.Add(sh.hold)
	}
	sh.turn(now)
	if _, again := sh.young[key]; again {
		return Again, sh.hold
	}
	if _, again := sh.old[key]; again {
		return Again, sh.hold
	}
	if len(sh.young) >= sh.most {
		return Full, sh.hold
	}
	sh.young[key] = struct{}{}
	return New, sh.hold
}

// turn begins a new generation where it is time. A clock that goes back changes nothing.
func (sh *seenShard) turn(now time.Time) {
	if now.Before(sh.turns) {
		return
	}
	sh.old = sh.young
	if !now.Before(sh.turns.Add(sh.hold)) {
		sh.old = nil
	}
	sh.young, sh.turns = map[[16]byte]struct{}{}, now.Add(sh.hold)
}
