package markup

import (
	"bytes"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// Shape says what kind of page a response is.
type Shape uint8

// The shapes.
const (
	// Fragment is HTML that a script puts into its page: forms get their field, nothing else.
	Fragment Shape = iota
	// Document is a page of its own: the head gets the script too.
	Document
	// Either is for browsers that do not say which of them they asked for: a page that begins
	// as a document does is one.
	Either
)

// Page is what an Injector knows of the page it is for.
type Page struct {
	Origin  string // public origin that the page has, "https://app.example.com"
	Path    string // the path that it was asked for by, as in the request-target
	Charset string // parameter of Content-Type; "" when there is none
	Shape   Shape

	Field string // name of the field: letters, digits and "_"
	// Token returns the token for a form that posts to path, "" when it needs none. Nil
	// leaves forms alone. Tokens are of the alphabet [A-Za-z0-9_.].
	Token func(path string) string
	Meta  string // token for scripts, of the same alphabet; "" for no meta element
	// Script is the path of the script, "" for none. It needs no quotes and no escaping.
	Script string
	Nonce  string // of the script element; "" for none
}

// Report is what an Injector did.
type Report struct {
	Head    bool // the head got its script
	Forms   int  // forms that got a field
	Foreign int  // buttons of our forms that post elsewhere: their formaction takes a token along
	Unread  int  // forms whose action could not be read with certainty
	Reason  Reason
}

// Injector gives one page its tokens; it implements exchange.Filter. It holds back the
// name of a tag at most, and that only until the head has been found.
type Injector struct {
	page    Page
	scan    Scanner
	address address
	charset charset
	report  Report

	base    int64  // offset in the page of the next byte pushed
	held    []byte // bytes before it that have not left
	lead    bool   // the beginning has been looked at
	head    head
	opened  bool // an html or head start tag has been read
	based   bool // a base has been seen
	posting bool // inside a form of ours
}

var _ exchange.Filter = (*Injector)(nil)

// NewInjector returns the Injector of a page.
func NewInjector(p Page) *Injector {
	j := &Injector{page: p, charset: charsetOf(p.Charset), address: address{origin: p.Origin, path: p.Path, base: p.Path}}
	if !strings.HasPrefix(p.Path, "/") {
		j.scan.GiveUp(UnknownAddress)
	}
	if p.Shape == Fragment || p.Script == "" {
		j.head = headDone
	}
	j.wants()
	return j
}

// Report returns what was done so far. It is complete after Close.
func (j *Injector) Report() Report {
	r := j.report
	r.Reason = j.scan.Reason()
	return r
}

// wants tells the scanner which tags matter from here on.
func (j *Injector) wants() {
	j.address.utf8 = j.charset == unicode8
	j.scan.Ahead = j.head != headDone
	j.scan.Want = 0
	if j.page.Token != nil {
		j.scan.Want = NamesOf(Form, Base)
	}
	if j.posting {
		j.scan.Want |= NamesOf(Button, Input)
	}
	if j.head != headDone {
		j.scan.Want |= NamesOf(HTML, Head)
	}
	if j.charset == undeclared && (j.scan.Ahead || j.page.Token != nil) {
		j.scan.Want |= NamesOf(Meta)
	}
	if j.charset == incompatible {
		j.scan.GiveUp(BadCharset)
	}
}

// Push implements exchange.Filter.
func (j *Injector) Push(dst, src []byte) []byte {
	if len(src) == 0 {
		return dst
	}
	if !j.lead {
		var rest []byte
		if dst, rest = j.begin(dst, src); len(rest) == 0 {
			return dst
		}
		src = rest
	}
	if j.scan.Reason() != "" || !j.scan.Ahead && j.scan.Want == 0 {
		return append(j.release(dst), src...)
	}
	from, at := 0, 0 // what has left of src, what has been read of it
	for at < len(src) {
		n, e := j.scan.Scan(src[at:])
		at += n
		switch e {
		case TagEvent:
			dst = append(j.release(dst), src[from:at]...)
			from = at
			dst = j.behind(dst, j.scan.Tag())
		case NameAhead, TextAhead:
			if !j.before(e) {
				continue
			}
			if start := int(j.scan.Start() - j.base); start >= from {
				dst = append(j.release(dst), src[from:start]...)
				from = start
			}
			dst = j.release(j.script(dst))
		}
	}
	if j.scan.Ahead && j.scan.Undecided() && j.scan.Reason() == "" {
		if start := int(j.scan.Start() - j.base); start >= from {
			dst = append(j.release(dst), src[from:start]...)
			from = start
		}
		j.held = append(j.held, src[from:]...)
	} else {
		dst = append(j.release(dst), src[from:]...)
	}
	j.base += int64(len(src))
	return dst
}

// Close implements exchange.Filter.
func (j *Injector) Close(dst []byte) []byte { return j.release(dst) }

// release lets go of what was held back.
func (j *Injector) release(dst []byte) []byte {
	dst = append(dst, j.held...)
	j.held = j.held[:0]
	return dst
}

// begin looks for a byte order mark; rest is what is to be read then. Only where the first
// byte can be one does it wait for the third.
func (j *Injector) begin(dst, src []byte) (out, rest []byte) {
	b := src
	if len(j.held) > 0 {
		b = append(bytes.Clone(j.held), src...)
	}
	if len(b) < 3 && b[0] >= 0xef {
		j.held = append(j.held[:0], b...)
		return dst, nil
	}
	j.lead = true
	c, size := byMark(b)
	if size > 0 {
		j.charset = c
		j.wants()
	}
	j.held = j.held[:0]
	return append(dst, b[:size]...), b[size:]
}

// behind reacts to a tag that has just left.
func (j *Injector) behind(dst []byte, t *Tag) []byte {
	if t.Foreign {
		return dst
	}
	switch t.Name {
	case HTML, Head, Meta:
		if !t.End {
			return j.headTag(dst, t)
		}
	case Base:
		if href, ok := Attribute(t.Attrs, "href"); ok && !t.End && !t.InTemplate {
			j.address.setBase(href, !j.based, !t.InNoscript)
			j.based = j.based || !t.InNoscript
		}
	case Form:
		return j.form(dst, t)
	case Button, Input:
		j.button(t)
	}
	return dst
}
