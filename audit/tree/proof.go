package tree

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sanmon-gate/sanmon/audit"
)

// Proof says, to everybody who has the public key, that an event is in the trail.
type Proof struct {
	Event      audit.Event
	Path       tlog.RecordProof
	Checkpoint string // signed note
}

const (
	proofHead = "c2sp.org/tlog-proof@v1\n"
	// maxProof bounds a proof that is read: an event, 63 hashes and a note.
	maxProof = 128 << 10
)

// ErrProof says that a proof does not hold. What stands around it says why.
var ErrProof = errors.New("the proof does not hold")

// Prove makes the proof of an event in the tree of a signed checkpoint. r reads the
// stored hashes.
func Prove(ev audit.Event, c Checkpoint, signed string, r tlog.HashReader) (Proof, error) {
	if ev.Seq < 1 || ev.Seq > c.Size {
		return Proof{}, fmt.Errorf("event %d is not among the %d of the checkpoint (sign a newer one with: sanmon audit checkpoint)", ev.Seq, c.Size)
	}
	path, err := tlog.ProveRecord(c.Size, ev.Seq-1, r)
	if err != nil {
		return Proof{}, fmt.Errorf("prove event %d: %w", ev.Seq, err)
	}
	return Proof{ev, path, signed}, nil
}

// String is the portable form (c2sp.org/tlog-proof). Its extra line holds the canonical
// line of the event.
func (p Proof) String() string {
	var b strings.Builder
	b.WriteString(proofHead + "extra ")
	b.WriteString(base64.StdEncoding.EncodeToString(p.Event.AppendCanonical(nil)))
	b.WriteString("\nindex " + strconv.FormatInt(p.Event.Seq-1, 10) + "\n")
	for _, h := range p.Path {
		b.WriteString(h.String() + "\n")
	}
	b.WriteString("\n" + p.Checkpoint)
	return b.String()
}

// OpenProof checks a portable proof and returns the event and the checkpoint that
// it proves it by. Every error is ErrProof.
func OpenProof(text string, keys note.Verifiers) (audit.Event, Checkpoint, error) {
	p, index, err := readProof(text)
	if err != nil {
		return audit.Event{}, Checkpoint{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	c, err := Open(p.Checkpoint, keys)
	if err != nil {
		return audit.Event{}, Checkpoint{}, fmt.Errorf("%w: %w", ErrProof, err)
	}
	if index != p.Event.Seq-1 {
		return audit.Event{}, c, fmt.Errorf("%w: the event has number %d and stands at %d", ErrProof, p.Event.Seq, index)
	}
	if index < 0 || index >= c.Size {
		return audit.Event{}, c, fmt.Errorf("%w: event %d is not among the %d of the checkpoint", ErrProof, p.Event.Seq, c.Size)
	}
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, index, (&Hasher{}).Leaf(&p.Event)); err != nil {
		return audit.Event{}, c, fmt.Errorf("%w: the event is not the one in the tree", ErrProof)
	}
	return p.Event, c, nil
}

func readProof(text string) (p Proof, index int64, err error) {
	head, signed, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if len(text) > maxProof || len(lines) < 3 || lines[0]+"\n" != proofHead || len(lines) > 3+63 {
		return p, 0, errors.New("it is no c2sp.org/tlog-proof@v1 with an event")
	}
	extra, isExtra := strings.CutPrefix(lines[1], "extra ")
	line, err := base64.StdEncoding.Strict().DecodeString(extra)
	if err != nil || !isExtra {
		return p, 0, errors.New("its second line is not the event")
	}
	if p.Event, err = audit.ParseCanonical(line); err != nil {
		return p, 0, err
	}
	digits, isIndex := strings.CutPrefix(lines[2], "index ")
	index, err = strconv.ParseInt(digits, 10, 64)
	if err != nil || !isIndex || strconv.FormatInt(index, 10) != digits {
		return p, 0, errors.New("its third line is not the index")
	}
	for _, line := range lines[3:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return p, 0, errors.New("a line is no hash")
		}
		p.Path = append(p.Path, tlog.Hash(h))
	}
	p.Checkpoint = signed
	return p, index, nil
}
