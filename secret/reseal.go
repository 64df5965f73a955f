package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// Sealed is one sealed value of a store.
type Sealed struct {
	ID    string // of the row, unique in its kind
	Value []byte
}

// Resealed is a value that was sealed anew.
type Resealed struct {
	ID       string
	Old, New []byte
}

// ResealStore keeps sealed values of several kinds.
type ResealStore interface {
	// SealedPage returns up to limit values of a kind with an id above after, lowest first;
	// none is the end. The values of a kind that is small and belongs together come at once,
	// whatever limit says.
	SealedPage(ctx context.Context, kind, after string, limit int) ([]Sealed, error)
	// Reseal replaces values in one transaction, each only if it still is Old, and returns
	// how many. It writes the event keyset.rotated with detail, and what else makes other
	// nodes read again what they hold.
	Reseal(ctx context.Context, kind string, rows []Resealed, actor, detail string) (int, error)
}

// SealedKind is a kind of sealed values, and what each is sealed for.
type SealedKind struct {
	Name    string
	Purpose func(id string) string
}

// Resealer seals everything anew with the key that seals now, so that the one before it can
// go. It may be stopped at any time and run again, on several nodes at once, and while
// servers run: every value opens with one of both keys all the time.
type Resealer struct {
	Store  ResealStore
	Master *Master // opens with both keys
	Kinds  []SealedKind
	Actor  string // of the audit events
	Batch  int    // values of one transaction; 0: 200
}

// passes bounds how often a kind is read again because somebody sealed with the old key
// meanwhile.
const passes = 20

// Run reseals, and returns how many values of each kind it replaced. A value that opens
// with no key is left alone; the error names all of these.
func (r *Resealer) Run(ctx context.Context) (map[string]int, error) {
	done := map[string]int{}
	var lost []error
	for _, kind := range r.Kinds {
		for pass := 1; ; pass++ {
			n, left, unopened, err := r.pass(ctx, kind)
			done[kind.Name] += n
			if err != nil {
				return done, fmt.Errorf("seal %s anew: %w", kind.Name, err)
			}
			if left == n { // nobody was in between
				lost = append(lost, unopened...)
				break
			}
			if pass == passes {
				return done, fmt.Errorf("seal %s anew: others still seal with the key before (give every node the new master_key first)", kind.Name)
			}
		}
	}
	return done, errors.Join(lost...)
}

// pass reads a kind once. left is how many values needed sealing and opened.
func (r *Resealer) pass(ctx context.Context, kind SealedKind) (n, left int, lost []error, err error) {
	batch := r.Batch
	if batch <= 0 {
		batch = 200
	}
	for after := ""; ; {
		page, err := r.Store.SealedPage(ctx, kind.Name, after, batch)
		if err != nil || len(page) == 0 {
			return n, left, lost, err
		}
		after = page[len(page)-1].ID
		rows, unopened := r.anew(kind, page)
		lost = append(lost, unopened...)
		if len(rows) == 0 {
			continue
		}
		left += len(rows)
		detail := fmt.Sprintf("purpose=master sealed=%s count=%d key=%s", kind.Name, len(rows), r.Master.IDs()[0])
		done, err := r.Store.Reseal(ctx, kind.Name, rows, r.Actor, detail)
		n += done
		if err != nil {
			return n, left, lost, err
		}
	}
}

// anew seals what is not sealed with the key that seals now, and proves that it opens.
func (r *Resealer) anew(kind SealedKind, page []Sealed) (rows []Resealed, lost []error) {
	for _, s := range page {
		if r.Master.Seals(s.Value) {
			continue
		}
		purpose := kind.Purpose(s.ID)
		plain, err := r.Master.Open(purpose, s.Value)
		if err != nil {
			lost = append(lost, fmt.Errorf("%s %s was left as it is: %w", kind.Name, s.ID, err))
			continue
		}
		sealed, err := r.Master.Seal(purpose, plain.Expose())
		if err != nil {
			lost = append(lost, err)
			continue
		}
		if again, err := r.Master.Open(purpose, sealed); err != nil || !again.Equal(plain) {
			lost = append(lost, fmt.Errorf("%s %s was left as it is: it does not open after sealing: %w", kind.Name, s.ID, err))
			continue
		}
		rows = append(rows, Resealed{s.ID, bytes.Clone(s.Value), sealed})
	}
	return rows, lost
}

// Fits reports whether the master opens the server keys of all purposes, before anything is
// made or put in force with it. A store without keys fits every master.
func (m *Master) Fits(ctx context.Context, store KeyStore, purposes []string) error {
	for _, purpose := range purposes {
		if err := (&Ring{Purpose: purpose}).Load(ctx, store, m); err != nil {
			return err
		}
	}
	return nil
}
