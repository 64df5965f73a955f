package tree

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Verifier checks a whole trail in one pass, holding one page of it at a time.
type Verifier struct {
	Source Source
	Keys   note.Verifiers // whose signatures count; nil: no key is known
	// Trusted says that Keys are all keys that ever signed here, so that a stored
	// checkpoint of another is forged. Else it may only be that the wrong key was given.
	Trusted bool
	Anchors []Anchor // what was kept elsewhere; see ReadAnchors
	Page    int      // rows at once; 0: 1000
}

// pass is one verification under way.
type pass struct {
	*Verifier
	report   Report
	hasher   Hasher
	tree     Builder
	last     time.Time
	origin   string
	stored   []Stored // next checkpoints, smallest first
	after    int64    // size of the last checkpoint that was read
	ended    bool     // no more are stored
	anchors  []Anchor
	anchored int64 // size of the last anchor that fitted
	unknown  int64 // stored checkpoints whose signature could not be checked
}

// Run verifies. The error says that the trail could not be read; everything else is in
// the report.
func (v *Verifier) Run(ctx context.Context) (Report, error) {
	p := &pass{Verifier: v, after: -1, report: Report{Verdict: Intact, Findings: []Finding{}, Warnings: []Finding{}}}
	if p.Page <= 0 {
		p.Page = 1000
	}
	ends, err := v.Source.Ends(ctx)
	if err != nil {
		return p.report, err
	}
	p.ends(ends)
	p.sortAnchors()
	if err := p.signed(ctx); err != nil { // of the empty tree
		return p.report, err
	}
	if err := p.rows(ctx, min(ends.Head, ends.Last)); err != nil {
		return p.report, err
	}
	p.report.Records, p.report.Root = p.tree.Size(), p.tree.Root()
	if err := p.beyond(ctx); err != nil {
		return p.report, err
	}
	p.judgeKeys()
	return p.report, nil
}

// ends compares what is there with what was counted.
func (p *pass) ends(e Ends) {
	if e.First < 0 || e.First == 0 && e.Last > 0 {
		p.report.found(EventForeign, 0, "there is an event with number %d, below the first", e.First)
	}
	if e.Last > e.Head {
		p.report.found(EventForeign, e.Head+1, "there are events up to %d, and %d were counted", e.Last, e.Head)
	}
	if e.Last < e.Head {
		p.report.found(TailCut, e.Last+1, "there are events up to %d, and %d were counted", e.Last, e.Head)
	}
}

// rows goes through the trail up to the last event that was there at the beginning.
func (p *pass) rows(ctx context.Context, last int64) error {
	for p.tree.Size() < last {
		rows, err := p.Source.Rows(ctx, p.tree.Size(), p.Page)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			p.report.found(EventMissing, p.tree.Size()+1, "event %d is missing", p.tree.Size()+1)
			return nil
		}
		for i := range rows {
			if p.tree.Size() >= last {
				return nil
			}
			if !p.row(&rows[i]) {
				return nil // numbers behind a gap say nothing
			}
			if err := p.signed(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// row takes one event into the tree; false when it is not the next one.
func (p *pass) row(r *Row) bool {
	seq := p.tree.Size() + 1
	if r.Event.Seq != seq {
		p.report.found(EventMissing, seq, "event %d is missing; the next one that is there is %d", seq, r.Event.Seq)
		return false
	}
	hashes := p.tree.Add(p.hasher.Leaf(&r.Event))
	switch {
	case same(r.Hashes, hashes):
	case len(r.Hashes) < tlog.HashSize || tlog.Hash(r.Hashes) != hashes[0]:
		p.report.found(EventEdited, seq, "event %d (%s) does not fit its hash", seq, r.Event.Event)
	case p.report.FirstBad == 0: // else it follows from what was found already
		p.report.found(HashesEdited, seq, "the hashes stored with event %d are not those of the events up to it", seq)
	}
	if back := p.last.Sub(r.Event.At); back > Tolerance {
		p.report.warn(ClockBack, seq, "event %d is %s older than the one before it", seq, back.Round(time.Second))
	}
	p.last = r.Event.At
	return true
}

// signed compares the tree with every checkpoint and anchor of its size.
func (p *pass) signed(ctx context.Context) error {
	if err := p.more(ctx); err != nil {
		return err
	}
	size := p.tree.Size()
	for len(p.stored) > 0 && p.stored[0].Size <= size {
		p.stand(p.stored[0])
		p.stored = p.stored[1:]
		if err := p.more(ctx); err != nil {
			return err
		}
	}
	for len(p.anchors) > 0 && p.anchors[0].Size <= size {
		p.compare(p.anchors[0].Checkpoint, AnchorDiffers, "the anchor "+p.anchors[0].Where)
		p.anchors = p.anchors[1:]
	}
	return nil
}

// more reads the next page of checkpoints.
func (p *pass) more(ctx context.Context) (err error) {
	if len(p.stored) > 0 || p.ended {
		return nil
	}
	if p.stored, err = p.Source.Checkpoints(ctx, p.after, p.Page); err != nil {
		return err
	}
	if p.ended = len(p.stored) == 0; !p.ended {
		p.after = p.stored[len(p.stored)-1].Size
	}
	return nil
}

// stand judges one stored checkpoint whose size the tree has reached.
func (p *pass) stand(s Stored) {
	c, ok := p.open(s)
	if !ok {
		return
	}
	if p.compare(c, CheckpointDiffers, fmt.Sprintf("the checkpoint of %d events", s.Size)) {
		p.report.Checkpoints++
	}
}

// open checks the signature of a stored checkpoint.
func (p *pass) open(s Stored) (Checkpoint, bool) {
	if p.Keys == nil {
		p.unknown++
		return Checkpoint{}, false
	}
	c, err := Open(s.Note, p.Keys)
	switch {
	case errors.Is(err, ErrUnknownKey) && !p.Trusted:
		p.unknown++
	case err != nil:
		p.report.found(CheckpointForged, 0, "the checkpoint stored for %d events: %v", s.Size, err)
	case c.Size != s.Size:
		p.report.found(CheckpointForged, 0, "the checkpoint stored for %d events was signed over %d", s.Size, c.Size)
	default:
		return c, true
	}
	return c, false
}

// compare holds the tree against a good checkpoint of its size.
func (p *pass) compare(c Checkpoint, code, what string) bool {
	if p.origin == "" {
		p.origin = c.Origin
	}
	switch {
	case c.Origin != p.origin:
		p.report.found(code, 0, "%s is of the trail %q, and this is %q", what, c.Origin, p.origin)
	case c.Size == p.tree.Size() && c.Root == p.tree.Root():
		p.report.Signed = c.Size
		if code == AnchorDiffers {
			p.anchored = c.Size
		}
		return true
	}
	from := p.report.Signed + 1
	if code == AnchorDiffers { // checkpoints in the database may be of another history
		from = p.anchored + 1
	}
	if bad := p.report.FirstBad; bad >= from { // it is known which event it is
		p.report.found(code, bad, "%s has another root", what)
		return false
	}
	p.report.found(code, min(from, c.Size), "%s has another root: one of the events %d to %d was changed, and the hashes with it", what, min(from, c.Size), c.Size)
	return false
}

// beyond judges the checkpoints and anchors that the trail does not reach.
func (p *pass) beyond(ctx context.Context) error {
	size := p.tree.Size()
	for {
		if err := p.more(ctx); err != nil {
			return err
		}
		if len(p.stored) == 0 {
			break
		}
		for _, s := range p.stored {
			if c, ok := p.open(s); ok && c.Size > size { // one that came while we read is of events behind ours
				if err := p.reached(ctx, c.Size, fmt.Sprintf("the checkpoint of %d events", c.Size), TailCut); err != nil {
					return err
				}
			}
		}
		p.stored = nil
	}
	for _, a := range p.anchors {
		if err := p.reached(ctx, a.Size, "the anchor "+a.Where, TailCut); err != nil {
			return err
		}
	}
	return nil
}

// reached says whether the trail has grown to a size by now. A trail that grows while it
// is verified has newer checkpoints than the end where the pass began.
func (p *pass) reached(ctx context.Context, size int64, what, code string) error {
	ends, err := p.Source.Ends(ctx)
	if err != nil {
		return err
	}
	if now := min(ends.Last, ends.Head); now < size {
		p.report.found(code, now+1, "%s was signed over %d events, and there are %d: the newest were cut off, or an older database was put back", what, size, now)
	}
	return nil
}

// judgeKeys says what it means that signatures could not be checked: the key was rotated
// and an older one given, or somebody signed with a key of their own.
func (p *pass) judgeKeys() {
	if p.unknown == 0 {
		return
	}
	p.report.Findings = append(p.report.Findings, Finding{KeyUnknown, 0, fmt.Sprintf("%d stored checkpoints are signed by no key that is known here (give all keys that sanmon audit key prints)", p.unknown)})
	if p.report.Verdict == Intact {
		p.report.Verdict = Unverifiable
	}
}
