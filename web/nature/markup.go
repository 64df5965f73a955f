package nature

import "strings"

// FindMarkup says what markup a text carries, in words ("a start tag"), or "" when every
// character of it stands for itself. It reads as the HTML tokenizer does (HTML, Section
// 13.2.5.6 and on): "a < b", "<3" and "<=" are text.
//
// A tag that is not closed counts when something could come of it once a page follows:
// its name is one of HTML's, or an event handler or style comes after. So "x<y then" is
// text and "<img src=x onerror=…" is not. "<alice@example.com>" counts as text: it is an
// element without attributes, and people write it.
func FindMarkup(text string) string {
	at := strings.IndexByte(text, '<')
	if at < 0 {
		return ""
	}
	m := marks{text: text, closed: strings.LastIndexByte(text, '>'), end: -1, handler: -2}
	for at >= 0 {
		if kind := m.opens(at + 1); kind != "" {
			return kind
		}
		next := strings.IndexByte(text[at+1:], '<')
		if next < 0 {
			return ""
		}
		at += 1 + next
	}
	return ""
}

// marks are what is looked for once in a text, so that one of a million "<" costs no more
// than its length.
type marks struct {
	text    string
	closed  int // where the last ">" stands, -1 none
	end     int // where the name ends that begins before it; len(text) when none does
	handler int // where the last attribute stands that can run something; -2 not looked for
}

// opens says what begins with the "<" before at.
func (m *marks) opens(at int) string {
	rest := m.text[at:]
	closed := m.closed >= at
	switch {
	case rest == "":
	case letter(rest[0]):
		return m.tag(at, "a start tag", closed)
	case rest[0] == '/' && len(rest) > 1 && letter(rest[1]):
		return m.tag(at+1, "an end tag", closed)
	case rest[0] == '/' && len(rest) > 1 && rest[1] != '>' && closed:
		return "a comment" // bogus: HTML, Section 13.2.5.7
	case strings.HasPrefix(rest, "!--"):
		return "a comment"
	case rest[0] == '!' && closed:
		return "a declaration"
	case rest[0] == '?' && closed:
		return "a processing instruction"
	}
	return ""
}

// tag judges the tag whose name begins at.
func (m *marks) tag(at int, kind string, closed bool) string {
	if m.end < at {
		m.end = len(m.text)
		if i := strings.IndexAny(m.text[at:], "\t\n\f\r />"); i >= 0 {
			m.end = at + i
		}
	}
	if m.end == len(m.text) {
		return "" // the text ends in the name: nothing of it reaches an attribute
	}
	name := m.text[at:m.end]
	if closed {
		if m.text[m.end] == '>' && mailbox(name) {
			return ""
		}
		return kind
	}
	if element(name) || m.runs(at) {
		return kind
	}
	return ""
}

// runs reports whether an attribute that can run something follows.
func (m *marks) runs(at int) bool {
	if m.handler == -2 {
		m.handler = lastHandler(m.text)
	}
	return m.handler > at
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// mailbox reports whether the name of a tag is an e-mail address.
func mailbox(name string) bool {
	if len(name) > 254 { // RFC 5321, Section 4.5.3.1.3
		return false
	}
	local, domain, ok := strings.Cut(name, "@")
	plain := func(r rune) bool {
		return r >= 0x80 || !letter(byte(r)) && (r < '0' || r > '9') && !strings.ContainsRune("._%+-", r)
	}
	return ok && local != "" && domain != "" && !strings.ContainsFunc(local, plain) && !strings.ContainsFunc(domain, plain)
}

// lastHandler returns where the last attribute that can run something stands in text,
// -1 when there is none: on…= or style=, after white space, a slash or a quote.
func lastHandler(text string) int {
	for eq := strings.LastIndexByte(text, '='); eq >= 0; eq = strings.LastIndexByte(text[:eq], '=') {
		name := strings.TrimRight(text[max(0, eq-64):eq], "\t\n\f\r ")
		if i := strings.LastIndexAny(name, "\t\n\f\r /\"'"); i >= 0 {
			word := strings.ToLower(name[i+1:])
			if len(word) > 2 && strings.HasPrefix(word, "on") || word == "style" {
				return eq
			}
		}
	}
	return -1
}
