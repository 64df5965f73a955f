package refresh

import (
	"context"
	"sync"
	"time"
)

const arrivalShards = 64

// arrivals is what this node knows about generations that have arrived at their clients.
// The newest generation of each grant is remembered, so that a grant costs one mark per
// rotation and not one per request.
type arrivals struct {
	queue  chan Mark
	shards *[arrivalShards]arrivalShard
}

type arrivalShard struct {
	mu    sync.RWMutex
	bySID map[string]int64
}

func newArrivals() arrivals {
	a := arrivals{make(chan Mark, confirmQueue), new([arrivalShards]arrivalShard)}
	for i := range a.shards {
		a.shards[i].bySID = make(map[string]int64)
	}
	return a
}

// Confirm notes that an access token of a generation was presented: the client holds
// what came with it. From then on the former refresh token gets no refresh token any
// more. It takes a lookup in memory, waits for nothing and may be called for every
// request, or only for the first sight of a token; generations that are not current are
// nothing to it. generation must be of a token whose signature was verified.
func (s *Service) Confirm(sid string, generation uint64) {
	if generation < 1 || generation > maxGen || sid == "" { // the first generation has none before it
		return
	}
	gen := int64(generation)
	sh := s.arrived.shard(sid)
	sh.mu.RLock()
	known := sh.bySID[sid]
	sh.mu.RUnlock()
	if known >= gen || !sh.learn(sid, gen) {
		return
	}
	select {
	case s.arrived.queue <- Mark{sid, gen}:
	default: // Run is far behind: the next request tries again
		sh.unlearn(sid, gen)
	}
}

func (a arrivals) shard(sid string) *arrivalShard {
	h := uint32(2166136261) // FNV-1a
	for i := range len(sid) {
		h = (h ^ uint32(sid[i])) * 16777619
	}
	return &a.shards[h%arrivalShards]
}

// learn reports whether the generation is news.
func (sh *arrivalShard) learn(sid string, gen int64) bool {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	known, ok := sh.bySID[sid]
	if known >= gen {
		return false
	}
	if !ok && len(sh.bySID) >= confirmKnown/arrivalShards {
		for other := range sh.bySID { // map order is random enough
			delete(sh.bySID, other)
			break
		}
	}
	sh.bySID[sid] = gen
	return true
}

func (sh *arrivalShard) unlearn(sid string, gen int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.bySID[sid] == gen {
		delete(sh.bySID, sid)
	}
}

// Run writes what Confirm was told, many marks in one transaction, until ctx ends; then
// it writes what is left and returns nil. While the store fails it tries again, and
// takes no more than one batch.
func (s *Service) Run(ctx context.Context) error {
	var batch []Mark
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		queue := s.arrived.queue
		if len(batch) >= confirmQueue {
			queue = nil // the batch waits for the store, and marks for the batch
		}
		select {
		case <-ctx.Done():
			s.write(context.WithoutCancel(ctx), s.drain(batch))
			return nil
		case m := <-queue:
			if batch = append(batch, m); len(batch) == 1 {
				timer.Reset(confirmEvery)
			}
		case <-timer.C:
			if s.write(ctx, batch) {
				batch = batch[:0]
			} else {
				timer.Reset(confirmAgain)
			}
		}
	}
}

func (s *Service) drain(batch []Mark) []Mark {
	for {
		select {
		case m := <-s.arrived.queue:
			batch = append(batch, m)
		default:
			return batch
		}
	}
}

func (s *Service) write(ctx context.Context, batch []Mark) bool {
	if len(batch) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err := s.store.ConfirmFamilies(ctx, batch)
	if err != nil {
		s.options.Load().Log.Warn("refresh tokens that have arrived could not be noted; tried again", "count", len(batch), "error", err)
	}
	return err == nil
}
