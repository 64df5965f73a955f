package csp

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Mode says what becomes of the strict policy.
type Mode uint8

// The modes. The floor of package headers is enforced in every one of them.
const (
	Floor   Mode = iota // nothing beside the floor
	Observe             // the strict policy is reported, not enforced
	Enforce             // the strict policy is enforced
)

// Output adds the policies of a route to its documents. It is immutable and safe for
// concurrent use.
type Output struct {
	mode      Mode
	strict    Strict
	before    string // the strict policy up to the nonce
	after     string // and from its end
	bare      string // the strict policy without a nonce
	trusted   string // the report on DOM sinks
	endpoint  string // value of Reporting-Endpoints
	ownScript string // URL of our script, for policies that go by host
}

// mark stands where the nonce goes while a template is made. No source can contain it.
const mark = "0nonce0"

// NewOutput prepares the policies of one route. script is the absolute URL of the one
// script that the gate adds to pages.
func NewOutput(mode Mode, s Strict, script string) (*Output, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if h, ok := parseHost(script); script != "" && (!ok || h.scheme == "" || strings.ContainsAny(script, space+";,'\"")) {
		return nil, badScript(script)
	}
	o := &Output{mode: mode, strict: s, bare: s.policy("").String(), trusted: s.trusted().String(), ownScript: script}
	o.before, o.after, _ = strings.Cut(s.policy(mark).String(), mark)
	if s.Report != "" && !s.Plain {
		o.endpoint = endpoint + `="` + s.Report + `"`
	}
	return o, nil
}

type badScript string

func (s badScript) Error() string { return "csp: " + string(s) + " is no URL of a script" }

// Mode returns the mode.
func (o *Output) Mode() Mode { return o.mode }

// Nonced reports whether documents of the route get a nonce. A nil Output has none.
func (o *Output) Nonced() bool { return o != nil && o.mode != Floor }

// Policy returns the strict policy with a nonce, for people to read.
func (o *Output) Policy(nonce string) Policy { return o.strict.policy(nonce) }

// with is the strict policy with a nonce.
func (o *Output) with(nonce string) string {
	if nonce == "" {
		return o.bare
	}
	return o.before + nonce + o.after
}

// Page is what is known of a document that is about to be released.
type Page struct {
	Nonce  string // given to the backend with the request; "" none was
	Script bool   // our script will be put into it
}

// Edits appends to buf what has to change in the header of a document, and returns it with
// the nonce that our own script shall carry, "" for none. It must run before the edits of
// the floor, which then adds only what is still missing.
//
// A backend's policy that already stops injected scripts is adopted: its nonces, hashes
// and hosts are its own, and the strict policy is not put beside it. One that does not gets
// the strict policy beside it, with the backend's nonce if it has one: the page's scripts
// carry that. A backend's policy is never loosened but for our own script, and then by the
// least: by its nonce, else by the exact URL of the script.
//
// What carries a nonce is not stored: a nonce that comes twice is worth nothing.
func (o *Output) Edits(page Page, res exchange.Fields, buf []headers.Edit) ([]headers.Edit, string) {
	theirs := res.Values(Field)
	if len(theirs) == 0 && o.mode == Floor {
		return buf, ""
	}
	var policies []Policy
	adopted := false
	if len(theirs) > 0 {
		policies = ParseList(theirs)
		adopted = stops(policies)
	}
	nonce := page.Nonce
	if len(policies) > 0 {
		buf, nonce = o.adopt(policies, page, buf)
	}
	if o.mode == Floor {
		return buf, nonce
	}
	return o.ours(nonce, adopted, buf), nonce
}

// ours adds what is ours: the strict policy in its mode, the report on DOM sinks, the
// collector, and that the document is not stored.
func (o *Output) ours(nonce string, adopted bool, buf []headers.Edit) []headers.Edit {
	strict := !adopted
	switch {
	case strict && o.mode == Enforce:
		buf = append(buf, headers.Edit{Name: Field, Value: o.with(nonce), Op: headers.Add},
			headers.Edit{Name: ReportOnly, Value: o.trusted, Op: headers.Add})
	case strict:
		buf = append(buf, headers.Edit{Name: ReportOnly, Value: o.with(nonce) + "; require-trusted-types-for 'script'", Op: headers.Add})
	default:
		buf = append(buf, headers.Edit{Name: ReportOnly, Value: o.trusted, Op: headers.Add})
	}
	if o.endpoint != "" {
		buf = append(buf, headers.Edit{Name: "Reporting-Endpoints", Value: o.endpoint, Op: headers.Add})
	}
	return append(buf, headers.Edit{Name: "Cache-Control", Value: "private, no-store", Op: headers.Set})
}

func stops(policies []Policy) bool {
	for _, p := range policies {
		if p.StopsInjection() {
			return true
		}
	}
	return false
}
