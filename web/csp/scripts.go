package csp

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/markup"
)

// Bounds of one script: longer ones belong into a file anyway, and more of them are not
// looked at.
const (
	maxScript  = 64 << 10
	maxPerPage = 256
)

// Sighting is one inline script of a page, as it was served.
type Sighting struct {
	Route     string
	Visitor   string   // session or network that got the page
	Hash      [32]byte // SHA-256 of the script's text
	Beginning []byte   // of the text; valid during the call
	Reflected bool     // it holds a value of the request
	Now       time.Time
}

// Scripts is a filter that changes nothing and tells of the inline scripts of a page that
// a hash could allow: those that browsers would run, without a nonce of their own. Where
// the scanner is not sure what a page means, nothing more is told of it.
//
// The page must be UTF-8 and not coded; browsers hash the text in UTF-8 after line ends
// became LF (CSP3, Section 6.7.3.4; HTML, Section 13.2.3.5). A script with NUL or with
// bytes that are not UTF-8 is left out.
type Scripts struct {
	sighting Sighting // what all have in common
	values   []string
	told     func(Sighting)

	scan  markup.Scanner
	base  int64  // offset in the page of the next Push
	from  int64  // offset in the page at which the script's text begins
	text  []byte // of the script so far
	in    bool   // inside a script that counts
	long  bool   // it is too long
	count int
}

var _ exchange.Watcher = (*Scripts)(nil)

// NewScripts returns the filter of one page. common has route, visitor and time; values
// are what the request brought, see Values.
func NewScripts(common Sighting, values []string, told func(Sighting)) *Scripts {
	return &Scripts{sighting: common, values: values, told: told, scan: markup.Scanner{Want: markup.NamesOf(markup.Script)}}
}

// Push implements exchange.Filter.
func (s *Scripts) Push(dst, src []byte) []byte {
	s.Look(src)
	return append(dst, src...)
}

// Look implements exchange.Watcher.
func (s *Scripts) Look(src []byte) {
	for at := 0; at < len(src) && s.scan.Reason() == "" && s.count < maxPerPage; {
		n, e := s.scan.Scan(src[at:])
		if s.in {
			s.add(src[at : at+n])
		}
		at += n
		if e == markup.TagEvent {
			s.tag(s.scan.Tag(), s.base+int64(at))
		}
	}
	s.base += int64(len(src))
}

// Close implements exchange.Filter. A script that never ended is none.
func (s *Scripts) Close(dst []byte) []byte { return dst }

func (s *Scripts) tag(t *markup.Tag, stop int64) {
	switch {
	case t.End && s.in:
		s.in = false
		if n := t.Start - s.from; !s.long && n >= 0 && n <= int64(len(s.text)) {
			s.end(s.text[:n])
		}
	case !t.End && !t.SelfClosing && counts(t):
		s.in, s.long, s.from, s.text = true, false, stop, s.text[:0]
	}
}

// add keeps the text, and the end tag that may begin in it.
func (s *Scripts) add(b []byte) {
	if s.long || len(s.text)+len(b) > maxScript+markup.MaxTag {
		s.long = true
		return
	}
	s.text = append(s.text, b...)
}

// counts reports whether a start tag begins an inline script that browsers run and that a
// hash could name.
func counts(t *markup.Tag) bool {
	if t.Foreign || t.InTemplate || t.InNoscript {
		return false
	}
	if _, external := markup.Attribute(t.Attrs, "src"); external {
		return false
	}
	if _, named := markup.Attribute(t.Attrs, "nonce"); named {
		return false
	}
	kind, ok := markup.Attribute(t.Attrs, "type")
	return !ok || executable(strings.ToLower(string(bytes.Trim(kind, space))))
}

// executable knows the types whose text a policy decides about (HTML, Section 4.12.1;
// MIME Sniffing, Section 4.6). Everything else is a block of data.
func executable(kind string) bool {
	switch kind {
	case "", "module", "importmap", "speculationrules",
		"application/ecmascript", "application/javascript", "application/x-ecmascript", "application/x-javascript",
		"text/ecmascript", "text/javascript", "text/jscript", "text/livescript", "text/x-ecmascript", "text/x-javascript":
		return true
	}
	return strings.HasPrefix(kind, "text/javascript1.")
}

// end tells of one script.
func (s *Scripts) end(text []byte) {
	if len(text) > maxScript || bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) || len(bytes.Trim(text, space)) == 0 {
		return
	}
	s.count++
	text = lineFeeds(text)
	seen := s.sighting
	seen.Hash, seen.Beginning, seen.Reflected = sha256.Sum256(text), text[:min(len(text), 2*maxSample)], s.reflects(text)
	s.told(seen)
}

// lineFeeds makes line ends LF, in place.
func lineFeeds(b []byte) []byte {
	if bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	out := b[:0]
	for i, c := range b {
		switch {
		case c != '\r':
			out = append(out, c)
		case i+1 == len(b) || b[i+1] != '\n':
			out = append(out, '\n')
		}
	}
	return out
}

func (s *Scripts) reflects(text []byte) bool {
	for _, v := range s.values {
		if bytes.Contains(text, []byte(v)) {
			return true
		}
	}
	return false
}
