package principal

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
)

// DefaultMax is how many principals a Directory keeps unless told otherwise.
const DefaultMax = 100_000

// loadTimeout bounds one read of the store; the readers waiting for it may give up
// earlier.
const loadTimeout = 5 * time.Second

// Principal is a principal as decisions see it. It is shared and never changed.
type Principal struct {
	ID       string
	Kind     Kind
	Name     string // e-mail address (user) or name (service)
	Email    string // "" for services
	Disabled bool
	Rights   *caller.Rights // Whole; the same pointer for as long as the roles are the same
	Version  int64
}

// Loader is the part of Store that a Directory reads.
type Loader interface {
	// PrincipalByID returns ErrNotFound when there is none.
	PrincipalByID(ctx context.Context, id string) (Record, error)
}

// Options of a Directory. The zero value is ready for use.
type Options struct {
	// Max bounds the principals in memory, default DefaultMax. Beyond it a random
	// one makes room.
	Max int
	// Stale reports that the change feed is behind, so that memory may not be true:
	// every Get then reads the store. nil means never.
	Stale func() bool
}

// Directory answers who a principal is and what it may do now, from memory that
// Apply keeps true. It is safe for concurrent use.
type Directory struct {
	store  Loader
	stale  func() bool
	seed   maphash.Seed
	shards [shardCount]shard
}

// NewDirectory returns an empty directory over store.
func NewDirectory(store Loader, o Options) *Directory {
	if o.Max <= 0 {
		o.Max = DefaultMax
	}
	if o.Stale == nil {
		o.Stale = func() bool { return false }
	}
	d := &Directory{store: store, stale: o.Stale, seed: maphash.MakeSeed()}
	for i := range d.shards {
		d.shards[i].init(max(1, o.Max/shardCount))
	}
	return d
}

// Get returns the principal of that id. ErrNotFound says that there is none; every
// other error is a refusal.Busy, so that callers fail closed. A warm Get takes one
// read lock and allocates nothing.
func (d *Directory) Get(ctx context.Context, id string) (*Principal, error) {
	s := d.shard(id)
	if d.stale() {
		return d.read(ctx, s, id)
	}
	if p := s.get(id); p != nil {
		return p, nil
	}
	f, first := s.join(id)
	if first {
		// The flight outlives the request that started it: others wait for it too.
		go d.fly(context.WithoutCancel(ctx), s, id, f)
	}
	select {
	case <-f.done:
		return f.p, f.err
	case <-ctx.Done():
		return nil, busy(ctx.Err())
	}
}

// Apply makes the next Get of a changed principal read the store. Changes of other
// kinds are ignored; applying one twice is harmless.
func (d *Directory) Apply(c change.Change) {
	if c.Kind == change.Principal {
		d.shard(c.ID).drop(c.ID)
	}
}

// Flush makes the next Get of every principal read the store: for a feed that was
// cut and cannot say what it missed.
func (d *Directory) Flush() {
	for i := range d.shards {
		d.shards[i].flush()
	}
}

// Len counts the principals in memory.
func (d *Directory) Len() int {
	n := 0
	for i := range d.shards {
		n += d.shards[i].len()
	}
	return n
}

func (d *Directory) shard(id string) *shard {
	return &d.shards[maphash.String(d.seed, id)%shardCount]
}

func (d *Directory) fly(ctx context.Context, s *shard, id string, f *flight) {
	f.p, f.err = d.load(ctx, s, id, f.gen)
	s.land(id, f)
	close(f.done)
}

// read bypasses memory, but leaves what it read there.
func (d *Directory) read(ctx context.Context, s *shard, id string) (*Principal, error) {
	return d.load(ctx, s, id, s.generation())
}

func (d *Directory) load(ctx context.Context, s *shard, id string, gen uint64) (*Principal, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	r, err := d.store.PrincipalByID(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		s.forget(id)
		return nil, ErrNotFound
	case err != nil:
		return nil, busy(err)
	}
	return s.put(id, view(r), gen), nil
}

func view(r Record) *Principal {
	p := &Principal{ID: r.ID, Kind: r.Kind, Name: r.Name, Disabled: r.Disabled, Version: r.Version,
		Rights: &caller.Rights{Roles: slices.Clone(r.Roles), Whole: true}}
	if r.Kind == User {
		p.Email = r.Name
	}
	return p
}

func busy(err error) error {
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err,
		Reason: "the principal could not be read from the store (is the database reachable?)"}
}
