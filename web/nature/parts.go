package nature

import (
	"bytes"
	"fmt"

	"github.com/sanmon-gate/sanmon/refusal"
)

// maxValues bounds the values of a multipart body that are no files, together.
const maxValues = 1 << 20

// Parts judges a multipart/form-data body while it passes, so that an upload of any size
// needs no memory but for its fields, which are at most 1 MiB together. It serves one
// body and one goroutine.
//
// The framing must be the one that browsers write (RFC 2046, Section 5.1.1; RFC 7578,
// Section 4.1): a boundary that stands anywhere else is a delimiter to some backends and
// text to others.
type Parts struct {
	*sink
	dash   []byte // "--" and the boundary
	held   []byte // what came and could not be read yet
	state  partsState
	part   part
	n      int   // parts so far
	values int   // bytes of values so far
	seen   int   // bytes of held in which no delimiter begins
	pushed int64 // bytes that came
	err    error
}

type partsState uint8

const (
	beforeFirst partsState = iota
	afterDelimiter
	inHeader
	inValue
	inFile
	afterLast
)

// Parts begins to judge a body of multipart/form-data. The error is a *refusal.Refusal.
func (f *Fields) Parts(contentType string) (*Parts, error) {
	media, params, err := mediaType(contentType)
	if err != nil {
		return nil, err
	}
	if media != "multipart/form-data" {
		return nil, refusal.New(refusal.TypeNotAllowed, "the body is not multipart/form-data")
	}
	return newParts(&sink{fields: f}, params["boundary"])
}

func newParts(s *sink, boundary string) (*Parts, error) {
	if !validBoundary(boundary) {
		return nil, malformed("the boundary of the multipart body cannot be read in one way only")
	}
	return &Parts{sink: s, dash: []byte("--" + boundary)}, nil
}

// Found returns the findings so far.
func (p *Parts) Found() []Finding { return p.found }

// Pushed returns how many bytes came so far.
func (p *Parts) Pushed() int64 { return p.pushed }

// Push judges the next bytes of the body. It keeps nothing of b. An error is a
// *refusal.Refusal, and final: the body cannot be read in one way only.
func (p *Parts) Push(b []byte) error {
	p.pushed += int64(len(b))
	if p.err != nil || p.full() {
		return p.err
	}
	rest := b
	if len(p.held) > 0 {
		p.held = append(p.held, b...)
		rest = p.held
	}
	for p.err == nil && !p.full() {
		var more bool
		if rest, more = p.step(rest); !more {
			break
		}
	}
	if len(rest) != len(p.held) || len(p.held) == 0 { // else nothing was taken of what is held
		p.held = append(p.held[:0], rest...)
	}
	return p.err
}

// Close says that the body is complete.
func (p *Parts) Close() error {
	if p.err == nil && !p.full() && (p.state != afterLast || len(p.held) > 0 && string(p.held) != crlf) {
		p.err = malformed("the multipart body does not end with its boundary")
	}
	return p.err
}

// step reads one thing of b and returns what follows; false when more must come first.
func (p *Parts) step(b []byte) ([]byte, bool) {
	switch p.state {
	case beforeFirst:
		return p.first(b)
	case afterDelimiter:
		return p.delimited(b)
	case inHeader:
		return p.header(b)
	case inValue, inFile:
		return p.content(b)
	}
	if len(b) > len(crlf) || string(b) != crlf[:len(b)] {
		p.err = malformed("something follows the end of the multipart body")
	}
	return b, false
}

func (p *Parts) first(b []byte) ([]byte, bool) {
	n := min(len(b), len(p.dash))
	if !bytes.Equal(b[:n], p.dash[:n]) {
		p.err = malformed("the multipart body does not begin with its boundary")
	}
	if n < len(p.dash) {
		return b, false
	}
	p.state = afterDelimiter
	return b[n:], true
}

func (p *Parts) delimited(b []byte) ([]byte, bool) {
	if len(b) < 2 {
		return b, false
	}
	switch string(b[:2]) {
	case crlf:
		p.state = inHeader
	case "--":
		p.state = afterLast
	default:
		p.err = malformed("a boundary of the multipart body does not end its line")
	}
	return b[2:], true
}

func (p *Parts) header(b []byte) ([]byte, bool) {
	header, rest, whole := bytes.Cut(b[:min(len(b), maxPartHeader)], []byte(crlf+crlf))
	if !whole {
		if len(b) >= maxPartHeader {
			p.err = malformed("a part of the multipart body has no end of its header")
		}
		return b, false
	}
	if bytes.Contains(header, p.dash) {
		p.err = malformed("the boundary stands inside a part of the multipart body")
		return b, false
	}
	p.n++
	if p.part, p.err = readHeader(string(header)); p.err != nil {
		return b, false
	}
	if kind := FindMarkup(p.part.name); kind != "" {
		p.report(nil, kind+" in its name", p.place)
	}
	p.state = inValue
	if p.part.file {
		p.state = inFile
	}
	return b[len(b[:min(len(b), maxPartHeader)])-len(rest):], true
}

func (p *Parts) place() string { return fmt.Sprintf("part %d of the form", p.n) }

// content reads up to the next delimiter. Of a file it keeps only what may be the
// beginning of one.
func (p *Parts) content(b []byte) ([]byte, bool) {
	from := min(p.seen, len(b))
	at := bytes.Index(b[from:], p.dash)
	if p.seen = 0; at < 0 {
		p.seen = max(0, len(b)-len(p.dash)+1) // what comes byte by byte is not read again and again
		if tail := len(p.dash) + len(crlf) - 1; p.state == inFile && len(b) > tail {
			p.seen = 0
			return b[len(b)-tail:], false
		}
		if p.state == inValue && p.values+len(b) > maxValues+len(p.dash)+len(crlf) {
			p.err = tooLarge()
		}
		return b, false
	}
	at += from
	content, framed := bytes.CutSuffix(b[:at], []byte(crlf))
	if !framed {
		p.err = malformed("the boundary stands inside a part of the multipart body")
		return b, false
	}
	if p.state == inValue {
		if p.values += len(content); p.values > maxValues {
			p.err = tooLarge()
			return b, false
		}
		p.value(p.fields.flat[p.part.name], string(content), p.place)
	}
	p.state = afterDelimiter
	return b[at+len(p.dash):], true
}

func tooLarge() error {
	return refusal.New(refusal.BodyTooLarge, "the fields of the form are longer than %d bytes together, so they cannot be judged (send less, or take fields from the route)", maxValues)
}
