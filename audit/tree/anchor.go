package tree

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Line is one line of an anchor file, and the body of an anchor webhook: a JSON object.
type Line struct {
	Size       int64     `json:"size"`
	Root       string    `json:"root"`
	At         time.Time `json:"at"`
	Checkpoint string    `json:"checkpoint"` // the signed note; the other members only repeat it
}

// NewLine is the line of a signed checkpoint.
func NewLine(c Checkpoint, signed string, at time.Time) Line {
	return Line{c.Size, c.Root.String(), at.UTC().Truncate(time.Microsecond), signed}
}

// Anchor is a checkpoint that was kept outside of the database.
type Anchor struct {
	Checkpoint
	Where string // for people: "line 3"
}

// ErrAnchor says that an anchor file cannot be used.
var ErrAnchor = errors.New("no anchor")

// ReadAnchors reads an anchor file: lines of JSON as the server writes them, signed notes
// as sanmon audit checkpoint prints them, or both. A last line that was not finished is
// left out. Signatures are checked; forged holds the places of those that do not fit. The
// error is ErrAnchor when there is nothing to compare with, or that of reading.
func ReadAnchors(r io.Reader, keys note.Verifiers) (good []Anchor, forged []string, err error) {
	a := &anchorReader{keys: keys}
	if err := a.read(r); err != nil {
		return nil, nil, err
	}
	if len(a.good)+len(a.forged) == 0 {
		if a.unknown > 0 {
			return nil, nil, fmt.Errorf("%w: %d checkpoints, none signed by a key that is known here (give the public key with --pub)", ErrAnchor, a.unknown)
		}
		return nil, nil, fmt.Errorf("%w: the file holds no checkpoint", ErrAnchor)
	}
	if a.unknown > 0 {
		a.forged = append(a.forged, fmt.Sprintf("%d of an unknown key", a.unknown))
	}
	return a.good, a.forged, nil
}

// Newest returns the largest checkpoint that is kept in r in the form of ReadAnchors; the
// zero Anchor when there is none. One of the trail origin counts also where its key is
// unknown: a store that was put back to the time before a rotation of keys does not know
// the newest. Who may write r can so claim what they like, and gain only that less is
// trusted.
func Newest(r io.Reader, keys note.Verifiers, origin string) (newest Anchor, err error) {
	a := &anchorReader{keys: keys, origin: origin}
	if err := a.read(r); err != nil {
		return Anchor{}, err
	}
	for _, c := range append(a.good, a.claimed) {
		if c.Size > newest.Size {
			newest = c
		}
	}
	return newest, nil
}

// read reads all of r.
func (a *anchorReader) read(r io.Reader) error {
	lines := bufio.NewReaderSize(io.LimitReader(r, maxAnchors), maxLine)
	for {
		line, err := readLine(lines)
		whole := err == nil
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read the anchor: %w", err)
		}
		a.number++
		a.line(line, whole)
		if !whole {
			a.flush()
			return nil
		}
	}
}

// maxAnchors bounds what is read of an anchor file: a checkpoint a minute for ten years.
const maxAnchors = 4 << 30

// maxLine bounds a line of it: a note, and what JSON makes of its line ends and letters.
const maxLine = 128 << 10

// readLine reads a line with its end. Of one that is too long nothing is kept, and what
// stands for it is no anchor: whoever may append to the file must not fill our memory.
func readLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return string(line), err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.ReadSlice('\n')
	}
	return "{\n", err
}

// anchorReader collects lines until they are a note.
type anchorReader struct {
	keys    note.Verifiers
	number  int
	text    strings.Builder // of a note that is not complete
	begun   int             // its first line
	signed  bool            // a signature line was there
	good    []Anchor
	forged  []string
	unknown int
	origin  string // whose claims are kept; "": nobody's
	claimed Anchor // the largest checkpoint of an unknown key of that trail
}

const signaturePrefix = "— "

func (a *anchorReader) line(line string, whole bool) {
	switch {
	case strings.HasPrefix(line, "{"):
		a.flush()
		a.json(line, whole)
		return
	case strings.TrimSpace(line) == "" && (a.signed || a.text.Len() == 0):
		a.flush()
		return
	case a.signed && !strings.HasPrefix(line, signaturePrefix):
		a.flush() // the next note begins
	}
	if a.text.Len() == 0 {
		a.begun = a.number
	}
	if a.text.Len()+len(line) > MaxNote {
		a.flush()
		return
	}
	a.signed = a.signed || strings.HasPrefix(line, signaturePrefix)
	a.text.WriteString(line)
}

func (a *anchorReader) json(line string, whole bool) {
	var l Line
	if json.Unmarshal([]byte(line), &l) != nil {
		if whole {
			a.forge(fmt.Sprintf("line %d: no anchor", a.number))
		}
		return // else the writer was cut off in the middle of it
	}
	a.take(l.Checkpoint, a.number)
}

func (a *anchorReader) flush() {
	if a.text.Len() > 0 {
		a.take(strings.TrimSuffix(a.text.String(), "\n")+"\n", a.begun)
	}
	a.text.Reset()
	a.signed = false
}

func (a *anchorReader) take(signed string, number int) {
	where := fmt.Sprintf("line %d", number)
	c, err := Open(signed, a.keys)
	switch {
	case err == nil:
		a.good = append(a.good, Anchor{c, where})
	case errors.Is(err, ErrUnknownKey):
		a.unknown++
		if a.origin != "" && c.Origin == a.origin && c.Size > a.claimed.Size {
			a.claimed = Anchor{c, where}
		}
	default:
		a.forge(where + ": " + err.Error())
	}
}

// maxForged is how many forged lines are named.
const maxForged = 1000

func (a *anchorReader) forge(what string) {
	if len(a.forged) < maxForged {
		a.forged = append(a.forged, what)
	}
}

// sortAnchors orders them by size, once, and counts them.
func (p *pass) sortAnchors() {
	p.anchors = slices.SortedStableFunc(slices.Values(p.Anchors), func(x, y Anchor) int { return cmp.Compare(x.Size, y.Size) })
	p.report.Anchors = int64(len(p.anchors))
}
