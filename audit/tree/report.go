package tree

import (
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Verdict is the result of verifying a trail.
type Verdict string

// The verdicts.
const (
	Intact       Verdict = "intact"
	Tampered     Verdict = "tampered"
	Unverifiable Verdict = "not verifiable"
)

// What is found. All but KeyUnknown and ClockBack say that the trail was changed.
const (
	EventEdited       = "event_edited"        // an event is not the one that was written
	HashesEdited      = "hashes_edited"       // stored hashes are not those of the events
	EventMissing      = "event_missing"       // a number is missing between two others
	EventForeign      = "event_foreign"       // a number below 1 or above the last that was given out
	TailCut           = "tail_cut"            // the newest events are gone: fewer than were counted or signed
	CheckpointForged  = "checkpoint_forged"   // a stored checkpoint that no key of this trail signed
	CheckpointDiffers = "checkpoint_differs"  // events below a signed checkpoint are not those it was signed over
	AnchorDiffers     = "anchor_differs"      // and the same of an anchor: another history, or a restored older database
	AnchorForged      = "anchor_forged"       // an anchor line with a signature that does not fit
	KeyUnknown        = "key_unknown"         // nothing is signed by a key that is known here
	ClockBack         = "clock_went_backward" // an event is much older than the one before it
)

// Finding is one thing that is wrong.
type Finding struct {
	Code   string `json:"code"`
	Seq    int64  `json:"seq,omitempty"` // the first event concerned
	Detail string `json:"detail"`
}

// maxFindings bounds what a report lists; the rest is counted.
const maxFindings = 20

// Report is what verifying found out.
type Report struct {
	Verdict     Verdict   `json:"verdict"`
	Records     int64     `json:"records"`
	Root        tlog.Hash `json:"root"` // over the records
	Checkpoints int64     `json:"checkpoints"`
	Signed      int64     `json:"signed"`    // records that a good checkpoint or anchor covers
	Anchors     int64     `json:"anchors"`   // good lines
	FirstBad    int64     `json:"first_bad"` // lowest event that is not as it was written; 0: none
	Findings    []Finding `json:"findings"`
	More        int64     `json:"more_findings,omitempty"`
	Warnings    []Finding `json:"warnings"`
}

func (r *Report) found(code string, seq int64, format string, args ...any) {
	r.Verdict = Tampered
	if seq > 0 && (r.FirstBad == 0 || seq < r.FirstBad) {
		r.FirstBad = seq
	}
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{code, seq, fmt.Sprintf(format, args...)})
}

func (r *Report) warn(code string, seq int64, format string, args ...any) {
	if len(r.Warnings) < maxFindings {
		r.Warnings = append(r.Warnings, Finding{code, seq, fmt.Sprintf(format, args...)})
	}
}

// Tolerance is how much older an event may be than the one before it: nodes have clocks
// of their own, and refusals that were gathered say when the first came.
const Tolerance = 10 * time.Minute

// Forge adds what ReadAnchors found forged.
func (r *Report) Forge(where ...string) {
	for _, w := range where {
		r.found(AnchorForged, 0, "the anchor %s", w)
	}
}
