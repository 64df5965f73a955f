package csp

import (
	"encoding/json"
	"mime"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Bounds of what one request may report.
const (
	MaxBody    = 16 << 10 // bytes
	maxReports = 128      // entries of one batch
)

// Report is one violation as a browser told it. Every part was written by whoever sent
// it: anybody can send reports.
type Report struct {
	Document    string // URL of the page
	Directive   string // effective directive, known ones only
	Blocked     string // what was blocked: a keyword ("inline", "eval", …), an origin, or a scheme
	Disposition string // "enforce", "report", or "" where the browser does not say
	Sample      string // beginning of the script; "" mostly
	Source      string // URL of the file that did it
	Line        int    // in that file
}

// ReadReports reads the body of a report: of report-uri (CSP3, Section 5.3) or of the
// Reporting API (Reporting, Section 2.4; CSP3, Section 5.4). Reports about other things than
// violations of a policy are left out. What is no report is refused.
func ReadReports(contentType string, body []byte) ([]Report, error) {
	if len(body) > MaxBody {
		return nil, refusal.New(refusal.BodyTooLarge, "a report has more than %d bytes", MaxBody)
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = ""
	}
	switch media {
	case "application/csp-report", "application/json": // some browsers sent the latter
		return readOld(body)
	case "application/reports+json":
		return readBatch(body)
	}
	return nil, refusal.New(refusal.TypeNotAllowed, "a report is neither application/csp-report nor application/reports+json")
}

// oldReport is a report of report-uri.
type oldReport struct {
	Document    string  `json:"document-uri"`
	Effective   string  `json:"effective-directive"`
	Violated    string  `json:"violated-directive"`
	Blocked     string  `json:"blocked-uri"`
	Disposition string  `json:"disposition"`
	Sample      string  `json:"script-sample"`
	Source      string  `json:"source-file"`
	Line        float64 `json:"line-number"`
}

func readOld(body []byte) ([]Report, error) {
	var msg struct {
		Report *oldReport `json:"csp-report"`
	}
	if err := json.Unmarshal(body, &msg); err != nil || msg.Report == nil {
		return nil, malformed()
	}
	o := msg.Report
	if o.Effective == "" {
		o.Effective = o.Violated // old browsers: the whole directive
	}
	return []Report{made(o.Document, o.Effective, o.Blocked, o.Disposition, o.Sample, o.Source, o.Line)}, nil
}

// newReport is one entry of a batch.
type newReport struct {
	Type string          `json:"type"`
	URL  string          `json:"url"`
	Body json.RawMessage `json:"body"`
}

type newBody struct {
	Document    string  `json:"documentURL"`
	Effective   string  `json:"effectiveDirective"`
	Blocked     string  `json:"blockedURL"`
	Disposition string  `json:"disposition"`
	Sample      string  `json:"sample"`
	Source      string  `json:"sourceFile"`
	Line        float64 `json:"lineNumber"`
}

func readBatch(body []byte) ([]Report, error) {
	var batch []newReport
	if err := json.Unmarshal(body, &batch); err != nil || len(batch) > maxReports {
		return nil, malformed()
	}
	var all []Report
	for _, r := range batch {
		if r.Type != "csp-violation" {
			continue
		}
		var b newBody
		if err := json.Unmarshal(r.Body, &b); err != nil {
			return nil, malformed()
		}
		if b.Document == "" {
			b.Document = r.URL
		}
		all = append(all, made(b.Document, b.Effective, b.Blocked, b.Disposition, b.Sample, b.Source, b.Line))
	}
	return all, nil
}

// malformed says nothing of the body, which anybody may have written.
func malformed() error {
	return refusal.New(refusal.InputInvalid, "the body is no report of a content security policy")
}

// Bounds of the parts of a report, in bytes.
const (
	maxURL    = 2048
	maxSample = 160
)

func made(document, directive, blocked, disposition, sample, source string, line float64) Report {
	r := Report{
		Document: clip(document, maxURL), Directive: directiveName(directive), Blocked: blockedName(clip(blocked, maxURL)),
		Sample: printable(clip(sample, maxSample)), Source: clip(source, maxURL),
	}
	if disposition == "enforce" || disposition == "report" {
		r.Disposition = disposition
	}
	if line > 0 && line < 1e9 {
		r.Line = int(line)
	}
	return r
}
