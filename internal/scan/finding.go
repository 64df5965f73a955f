package scan

import (
	"cmp"
	"slices"
)

// Severity is how bad a finding is. The order is that of the numbers.
type Severity int

// The severities.
const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

// String gives the word that reports use.
func (s Severity) String() string {
	switch s {
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	default:
		return "critical"
	}
}

// Finding is one place that a rule objects to. It holds no credential: what a rule found
// is masked in Excerpt and left out of Fingerprint.
type Finding struct {
	Rule        string `json:"rule"`
	Severity    string `json:"severity"`
	File        string `json:"file"` // slash-separated, as it was named
	Line        int    `json:"line"` // from 1
	Column      int    `json:"column"`
	Commit      string `json:"commit,omitempty"` // of the history, where it comes from there
	Why         string `json:"why"`
	Remedy      string `json:"remedy"`
	Excerpt     string `json:"excerpt"`
	Fingerprint string `json:"fingerprint"` // stays when lines above are added or removed
}

// Allowed is a finding that a comment in the source permits, with its reason.
type Allowed struct {
	Rule   string `json:"rule"`
	File   string `json:"file"`
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// hit is what a rule reports: where, and which bytes must not be shown.
type hit struct {
	rule  string
	at    int
	mask  [2]int // secret bytes; empty when nothing is secret
	label string // the place in Why's "%s", if it has one
}

func sortFindings(f []Finding) {
	slices.SortFunc(f, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Commit, b.Commit), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
}
