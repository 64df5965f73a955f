package trail

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/secret"
)

// Store is what checkpoints are made of and kept in.
type Store interface {
	tree.Source
	// Hashes reads stored hashes of the tree.
	Hashes(ctx context.Context) tlog.HashReader
	// LastCheckpoint returns the newest one, the zero Stored when there is none.
	LastCheckpoint(ctx context.Context) (tree.Stored, error)
	// AddCheckpoint reports false when the newest checkpoint is not of prev events any
	// more: another node was first.
	AddCheckpoint(ctx context.Context, c tree.Checkpoint, note string, prev int64, actor string, now time.Time) (bool, error)
}

// Keys are the keys of checkpoints, for those who verify. Keys that are no Ed25519 seed
// are an error.
func Keys(ring *secret.Ring) (tree.PublicKeys, error) {
	var keys tree.PublicKeys
	for _, k := range ring.All() {
		private, err := privateKey(k)
		if err != nil {
			return nil, err
		}
		keys = append(keys, private.Public().(ed25519.PublicKey))
	}
	return keys, nil
}

func privateKey(k secret.Key) (ed25519.PrivateKey, error) {
	seed := k.Value.Expose()
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("audit key %d has %d bytes, want %d (make another: sanmon keyset rotate audit)", k.Version, len(seed), ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Signer signs the state of the trail. It never signs a tree that does not contain the
// one that was signed last, nor one of a database that went back in time while it lives.
// One goroutine may use it.
type Signer struct {
	Store Store
	Ring  *secret.Ring // of secret.PurposeAudit
	Actor string       // who the event names: "system", "cli"

	newest tree.Checkpoint // that this Signer has seen
}

// Expect tells the Signer of a checkpoint that was kept elsewhere: nothing is signed that is
// older, or another trail.
func (s *Signer) Expect(c tree.Checkpoint) {
	if c.Size > s.newest.Size {
		s.newest = c
	}
}

// ErrChanged says that the trail is not the one that was signed before, grown. Nothing
// is signed until a person has looked.
var ErrChanged = errors.New("the audit trail is not what was written; nothing is signed (see: sanmon audit verify)")

// Signed is a checkpoint with its note.
type Signed struct {
	tree.Checkpoint
	Note string
	At   time.Time
	New  bool // it was made now
}

// Line is the form for anchors.
func (s Signed) Line() tree.Line { return tree.NewLine(s.Checkpoint, s.Note, s.At) }

// Sign signs the trail as it is, unless nothing but the event of the last checkpoint was
// added since; then it returns that checkpoint. An empty trail is not signed: the zero
// Signed.
func (s *Signer) Sign(ctx context.Context, now time.Time) (Signed, error) {
	last, err := s.last(ctx)
	if err != nil {
		return Signed{}, err
	}
	ends, err := s.Store.Ends(ctx)
	if err != nil {
		return Signed{}, err
	}
	if ends.Last != ends.Head {
		return Signed{}, fmt.Errorf("%w: %d events were counted and the last one is %d", ErrChanged, ends.Head, ends.Last)
	}
	if ends.Head == 0 || last.Note != "" && ends.Head <= last.Size+1 && ends.Head >= last.Size {
		return last, nil
	}
	built, err := s.grow(ctx, last.Checkpoint, ends.Head)
	if err != nil {
		return Signed{}, err
	}
	return s.add(ctx, tree.Checkpoint{Origin: last.Origin, Size: built.Size(), Root: built.Root()}, last.Size, now)
}

// last opens the newest checkpoint. Its origin goes on; a trail without one gets its own.
func (s *Signer) last(ctx context.Context) (Signed, error) {
	stored, err := s.Store.LastCheckpoint(ctx)
	if err != nil {
		return Signed{}, err
	}
	if stored.Note == "" && s.newest.Size > 0 {
		return Signed{}, fmt.Errorf("%w: the checkpoint of %d events is gone", ErrChanged, s.newest.Size)
	}
	if stored.Note == "" {
		return Signed{Checkpoint: tree.Checkpoint{Origin: secret.NewID("sanmon-audit/")}}, nil
	}
	keys, err := Keys(s.Ring)
	if err != nil {
		return Signed{}, err
	}
	c, err := tree.Open(stored.Note, keys)
	if err != nil {
		return Signed{}, fmt.Errorf("%w: the checkpoint of %d events: %w", ErrChanged, stored.Size, err)
	}
	if c.Size < s.newest.Size || c.Size == s.newest.Size && c != s.newest || s.newest.Size > 0 && c.Origin != s.newest.Origin {
		return Signed{}, fmt.Errorf("%w: %d events were signed as %s before, and the newest checkpoint is of %d", ErrChanged, s.newest.Size, s.newest.Root, c.Size)
	}
	s.newest = c
	return Signed{Checkpoint: c, Note: stored.Note, At: stored.At}, nil
}

const page = 1000

// grow goes from the tree that was signed last to the one of size, event by event, and
// compares what is stored with what they are.
func (s *Signer) grow(ctx context.Context, last tree.Checkpoint, size int64) (*tree.Builder, error) {
	b, err := tree.Resume(last.Size, s.Store.Hashes(ctx))
	if err != nil {
		return nil, err
	}
	if last.Size > 0 && b.Root() != last.Root {
		return nil, fmt.Errorf("%w: the hashes of the first %d events", ErrChanged, last.Size)
	}
	var h tree.Hasher
	for b.Size() < size {
		rows, err := s.Store.Rows(ctx, b.Size(), page)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, fmt.Errorf("%w: event %d is missing", ErrChanged, b.Size()+1)
		}
		for _, r := range rows[:min(int64(len(rows)), size-b.Size())] {
			if r.Event.Seq != b.Size()+1 {
				return nil, fmt.Errorf("%w: event %d is missing", ErrChanged, b.Size()+1)
			}
			if string(tree.Join(b.Add(h.Leaf(&r.Event)))) != string(r.Hashes) {
				return nil, fmt.Errorf("%w: event %d", ErrChanged, r.Event.Seq)
			}
		}
	}
	return b, nil
}

func (s *Signer) add(ctx context.Context, c tree.Checkpoint, prev int64, now time.Time) (Signed, error) {
	by, err := s.signer(c.Origin)
	if err != nil {
		return Signed{}, err
	}
	signed, err := c.Sign(by)
	if err != nil {
		return Signed{}, err
	}
	added, err := s.Store.AddCheckpoint(ctx, c, signed, prev, s.Actor, now)
	if err != nil {
		return Signed{}, err
	}
	if !added {
		return s.last(ctx)
	}
	s.newest = c
	return Signed{c, signed, now, true}, nil
}

func (s *Signer) signer(origin string) (note.Signer, error) {
	key, err := privateKey(s.Ring.Current())
	if err != nil {
		return nil, err
	}
	return tree.NewSigner(origin, key)
}

// PublicKeys prints the keys as others need them to verify, newest last, one a line. It
// is empty before the first checkpoint, because keys are named for the trail.
func (s *Signer) PublicKeys(ctx context.Context) ([]string, error) {
	last, err := s.last(ctx)
	if err != nil || last.Note == "" {
		return nil, err
	}
	keys, err := Keys(s.Ring)
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(keys))
	for i, key := range keys {
		if lines[i], err = tree.PublicKey(last.Origin, key); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// Newest opens the newest checkpoint; its Note is empty when there is none.
func (s *Signer) Newest(ctx context.Context) (Signed, error) { return s.last(ctx) }
