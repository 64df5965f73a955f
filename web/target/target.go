// Package target gives a request exactly one meaning: what is judged is byte for byte
// what is forwarded, and a target that two parsers could read differently is refused.
//
// Nothing is normalised. A gateway that cleans a path judges another path than the one
// it forwards; one that does not clean it judges another than the one its backend
// cleans. Refusing the difference is the only reading that both share.
package target

import (
	"github.com/sanmon-gate/sanmon/refusal"
)

// MaxLength is the longest target that is read, in bytes.
const MaxLength = 8 << 10

// Target is a request-target with one meaning. All fields but Decoded are substrings
// of Raw. It is a value: nothing in it changes after Parse.
type Target struct {
	Raw      string // as received, and as to be forwarded
	Path     string // up to "?", still encoded
	Query    string // after the first "?", still encoded
	HasQuery bool   // there was a "?", even if nothing follows

	// Decoded is Path decoded exactly once: what routes are matched against. An encoded
	// slash stays "%2F", so that it never separates segments here; no other byte of
	// Path can decode to that text, because double encoding is refused.
	Decoded string

	Semicolon    bool // Path has a ";" or "%3b"
	EncodedSlash bool // Path has a "%2f"
}

// Parse reads the method and the request-target of one request. Only origin-form is
// read (RFC 9112, Section 3.2.1): a gateway is no proxy for absolute-form, and neither
// OPTIONS * nor CONNECT means anything to a route. It allocates only when the path has
// an escape. Errors are refusals: target_ambiguous or method_not_allowed.
func Parse(method, raw string) (Target, error) {
	if err := checkMethod(method); err != nil {
		return Target{}, err
	}
	if len(raw) > MaxLength {
		return Target{}, ambiguous("the target has %d bytes, more than %d (send the data in the body)", len(raw), MaxLength)
	}
	if raw == "" || raw[0] != '/' {
		return Target{}, ambiguous("the target is not in origin-form (send /path?query, and the host as Host)")
	}
	t := Target{Raw: raw}
	if err := t.readPath(); err != nil {
		return Target{}, err
	}
	if t.HasQuery {
		if err := checkQuery(t.Query); err != nil {
			return Target{}, err
		}
	}
	return t, nil
}

// Options is what an upstream opened (upstreams.NAME.paths). The zero value admits
// neither form.
type Options struct {
	// Semicolon admits ";" and "%3b" in paths. A backend that cuts path parameters
	// (Java servlets do) must then not be guarded by rules about the rest of the segment.
	Semicolon bool
	// EncodedSlash admits "%2f" in paths. WSGI servers decode it to a separator; for
	// judging it stays part of its segment.
	EncodedSlash bool
}

// Admit refuses the forms of t that the upstream did not open.
func (t Target) Admit(o Options) error {
	switch {
	case t.Semicolon && !o.Semicolon:
		return ambiguous("the path has a semicolon, which some servers cut off (if the backend does not: paths: {semicolon: allow})")
	case t.EncodedSlash && !o.EncodedSlash:
		return ambiguous("the path has an encoded slash, which some servers decode to a separator (if the backend does not: paths: {encoded_slash: allow})")
	}
	return nil
}

// ambiguous never quotes the target: a key may stand in it.
func ambiguous(format string, args ...any) error {
	return refusal.New(refusal.TargetAmbiguous, format, args...)
}
