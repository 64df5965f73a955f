package markup

import "strings"

// head is how far the search for the place of the script has come. The script belongs
// before everything that runs or loads: behind the head's start tag, or where the head is
// implied (WHATWG HTML, Sections 13.2.6.4.1 to 13.2.6.4.4).
type head uint8

const (
	headAhead head = iota // before the head
	headOpen              // in the head, which has yet to say how it is encoded
	headDone
)

// prescanned is how many bytes browsers search for a declaration of the encoding (WHATWG
// HTML, Section 13.2.3.2). It must not be pushed behind them.
const prescanned = 1024

// before reports whether the script belongs before the tag or text that was reported ahead.
func (j *Injector) before(e Event) bool {
	name, end := j.scan.Name()
	switch {
	case j.head == headDone:
		return false
	case e == TextAhead:
	case end && name != Head && name != Body && name != HTML && name != BR && j.head == headAhead:
		return false // dropped by the browser
	case end:
	case j.head == headAhead && (name == HTML || name == Head):
		return false // the script goes behind a head
	case j.waits(name):
		j.head = headOpen
		return false
	}
	if j.page.Shape == Either && j.head == headAhead && !j.scan.Doctype() && !j.opened {
		j.head = headDone // a fragment after all
		j.wants()
		return false
	}
	return true
}

// waits reports whether the script has to stay behind an element that may declare the
// encoding, or that may stand before one.
func (j *Injector) waits(n Name) bool {
	return j.charset == undeclared && j.scan.Start() < prescanned && (n == Meta || n == Title) &&
		(j.page.Shape != Either || j.scan.Doctype() || j.opened || j.head == headOpen)
}

// headTag reacts to a start tag of html, head or meta.
func (j *Injector) headTag(dst []byte, t *Tag) []byte {
	if t.Name == Meta {
		return j.metaTag(dst, t)
	}
	j.opened = true
	if t.Name != Head || j.head != headAhead {
		return dst
	}
	if j.charset == undeclared {
		j.head = headOpen
		return dst
	}
	return j.script(dst)
}

func (j *Injector) metaTag(dst []byte, t *Tag) []byte {
	if j.charset != undeclared || t.InTemplate {
		return dst
	}
	if j.charset = byMeta(t.Attrs); j.charset == undeclared {
		return dst
	}
	if j.charset != incompatible && j.head == headOpen {
		return j.script(dst)
	}
	j.wants()
	return dst
}

// script writes what the head gets.
func (j *Injector) script(dst []byte) []byte {
	j.head, j.report.Head = headDone, true
	if inert(j.page.Meta) {
		dst = append(dst, "<meta name=sanmon content="...)
		dst = append(dst, j.page.Meta...)
		dst = append(dst, '>')
	}
	dst = append(dst, "<script "...)
	if quotable(j.page.Nonce) {
		dst = append(dst, "nonce="...)
		dst = append(dst, j.page.Nonce...)
		dst = append(dst, ' ')
	}
	dst = append(dst, "src="...)
	dst = append(dst, j.page.Script...)
	dst = append(dst, "></script>"...)
	j.wants()
	return dst
}

// quotable reports whether a nonce needs no quotes. It is base64 in either alphabet.
func quotable(nonce string) bool {
	for i := range len(nonce) {
		c := nonce[i]
		if !isAlpha(c) && (c < '0' || c > '9') && !strings.ContainsRune("+/_-=", rune(c)) {
			return false
		}
	}
	return nonce != "" && !strings.Contains(nonce, "--")
}
