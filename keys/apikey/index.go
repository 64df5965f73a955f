package apikey

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/secret"
)

const (
	shardBits = 10
	slab      = 256 // entries that Load allocates at once
	// storeTimeout bounds one read of the store on behalf of a request.
	storeTimeout = 2 * time.Second
	// storeReads bounds the requests that read the store at the same time; it is
	// read by requests only while memory cannot be trusted.
	storeReads = 64
)

// Loader is the part of Store that an Index needs.
type Loader interface {
	KeyByID(ctx context.Context, id string) (Record, error)
	EachKey(ctx context.Context, yield func(Record) error) error
	TouchKeys(ctx context.Context, uses []Use) error
}

// Options of an Index.
type Options struct {
	Env     Env          // the server's environment: keys of the other one are refused
	Peppers *secret.Ring // of secret.PurposePepper; must hold a key before the first Judge
	Owners  Owners
	// Stale reports that the change feed is behind, so that memory may not be true:
	// every key is then read from the store. nil means never.
	Stale func() bool
	// Remacs moves keys that are used under an old pepper to the newest. nil: they stay.
	Remacs Remacer
	// Refresh reads the peppers again; it is called, once a second at most, when a key hangs
	// on one that is not there: another node may have made it a moment ago. nil: nobody.
	Refresh func(context.Context) error
	// Now is the clock of Run; nil means time.Now.
	Now func() time.Time
	// Alarm writes the event of a canary key that was used, off the request. nil: nobody
	// hears of it.
	Alarm func(context.Context, audit.Event) error
	// Failed is told when last uses could not be written. nil: nobody.
	Failed func(error)
}

// Index holds every key in memory and judges presented ones. Reading takes no lock.
// Load it before use and give it every change of the feed. It is safe for concurrent
// use.
type Index struct {
	o      Options
	store  Loader
	macs   macs
	shards [1 << shardBits]atomic.Pointer[shard]
	alarms chan audit.Event
	// foreign has the prefixes of keys of elsewhere; nil: there are none.
	foreign atomic.Pointer[[]string]
	reads   chan struct{} // one token for each request that reads the store

	held  atomic.Int64  // keys in memory that wait for a person
	write chan struct{} // holds one token: the right to publish
	in    *interner     // of who holds the token
	doubt doubt
	uses  uses

	remacs    remacs
	refreshed atomic.Int64 // when Refresh was last called, seconds since 1970
}

// shard is replaced as a whole: a change copies a thousandth of the index.
type shard map[ID]*entry

// NewIndex returns an empty Index over store. Until Load has succeeded every Judge
// reads the store.
func NewIndex(store Loader, o Options) (*Index, error) {
	if o.Env != Live && o.Env != Test {
		return nil, fmt.Errorf("key index: environment %q is neither live nor test", o.Env)
	}
	if o.Peppers == nil || o.Owners == nil {
		return nil, errors.New("key index: peppers and owners are needed")
	}
	if o.Stale == nil {
		o.Stale = func() bool { return false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	x := &Index{o: o, store: store, alarms: make(chan audit.Event, maxAlarms), reads: make(chan struct{}, storeReads), write: make(chan struct{}, 1), in: newInterner()}
	x.macs.peppers = o.Peppers
	x.doubt.everything()
	return x, nil
}

// Load reads every key and replaces what is in memory. On error memory stays as it
// is, in doubt: requests read the store until a Load succeeds.
func (x *Index) Load(ctx context.Context) error {
	if err := x.lock(ctx); err != nil {
		return fmt.Errorf("load API keys: %w", err)
	}
	defer x.unlock()
	seen := x.doubt.begin()
	x.in = newInterner()
	fresh := make([]shard, len(x.shards))
	var block []entry
	held := int64(0)
	err := x.store.EachKey(ctx, func(r Record) error {
		id, err := ParseID(r.ID)
		if err != nil {
			return fmt.Errorf("key with the id %q: %w", r.ID, err)
		}
		if len(block) == 0 {
			block = make([]entry, slab)
		}
		e := &block[0]
		block = block[1:]
		x.in.fill(e, &r)
		if old := x.lookup(id); old != nil && old.mac == e.mac {
			e.use.Store(old.use.Load())
		}
		held += e.waits()
		n := place(id)
		if fresh[n] == nil {
			fresh[n] = shard{}
		}
		fresh[n][id] = e
		return nil
	})
	if err != nil {
		x.doubt.everything()
		return fmt.Errorf("load API keys: %w", err)
	}
	for i := range fresh {
		x.shards[i].Store(&fresh[i])
	}
	x.held.Store(held)
	x.doubt.end(seen)
	return nil
}

// Apply reads a changed key again. Changes of other kinds are ignored; applying one
// twice is harmless. From the moment of the call the old state no longer counts:
// until the key has been read, and if that fails, requests read the store.
func (x *Index) Apply(ctx context.Context, c change.Change) {
	if c.Kind != change.Key {
		return
	}
	id, err := ParseID(c.ID)
	if err != nil {
		return // no key can have this id
	}
	_ = x.reload(ctx, id, x.doubt.add(id)) // on error the doubt stays, and Run tries again
}

// reload reads one key and ends the doubt about it, if that is no newer than seen.
func (x *Index) reload(ctx context.Context, id ID, seen uint64) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := x.lock(ctx); err != nil {
		return err
	}
	defer x.unlock()
	r, err := x.store.KeyByID(ctx, id.String())
	switch {
	case errors.Is(err, ErrNotFound):
		x.publish(id, nil)
	case err != nil:
		return err
	default:
		e := &entry{}
		x.in.fill(e, &r)
		x.publish(id, e)
	}
	x.doubt.remove(id, seen)
	return nil
}

// publish swaps one entry in, or out when e is nil.
func (x *Index) publish(id ID, e *entry) {
	p := &x.shards[place(id)]
	next := shard{}
	if old := p.Load(); old != nil {
		next = maps.Clone(*old)
		if next == nil {
			next = shard{}
		}
	}
	// The same key under a newer pepper is the same key.
	if old := next[id]; old != nil && e != nil && (old.mac == e.mac || old.owner == e.owner && old.pepper < e.pepper) {
		e.use.Store(old.use.Load())
	}
	x.held.Add(e.waits() - next[id].waits())
	if e == nil {
		delete(next, id)
	} else {
		next[id] = e
	}
	p.Store(&next)
}

// Flush doubts every key, for a feed that was cut and cannot say what it missed:
// requests read the store until Run has loaded everything again.
func (x *Index) Flush() { x.doubt.everything() }

// Doubtful is how long something in memory has not been known to be true, because a
// change could not be read; 0 when all of it is. What is in doubt is read from the store,
// so this is a measure of health and not of danger.
func (x *Index) Doubtful() time.Duration { return x.doubt.age() }

// Len counts the keys in memory.
func (x *Index) Len() int {
	n := 0
	for i := range x.shards {
		if s := x.shards[i].Load(); s != nil {
			n += len(*s)
		}
	}
	return n
}

// Held counts the keys in memory that are refused until a person decides, because the
// store was restored.
func (x *Index) Held() int { return int(x.held.Load()) }

func (x *Index) lookup(id ID) *entry {
	s := x.shards[place(id)].Load()
	if s == nil {
		return nil
	}
	return (*s)[id]
}

// place is the shard of an id. Ids are random; multiplying spreads their few bits.
func place(id ID) uint64 {
	h := binary.LittleEndian.Uint64(id[:8]) ^ uint64(binary.LittleEndian.Uint32(id[8:]))<<29
	return h * 0x9e3779b97f4a7c15 >> (64 - shardBits)
}

func (x *Index) lock(ctx context.Context) error {
	select {
	case x.write <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (x *Index) unlock() { <-x.write }
