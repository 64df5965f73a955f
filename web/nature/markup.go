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
	// Both are looked for once, so that a text of a million "<" costs no more than its length.
	closed := strings.LastIndexByte(text, '>')
	handler := -2
	for at >= 0 {
		rest := text[at+1:]
		kind, sure := opens(rest, closed > at)
		if kind != "" && !sure {
			if handler == -2 {
				handler = lastHandler(text)
			}
			sure = handler > at
		}
		if kind != "" && sure {
			return kind
		}
		next := strings.IndexByte(rest, '<')
		if next < 0 {
			return ""
		}
		at += 1 + next
	}
	return ""
}

// opens says what begins with the "<" before rest. sure is false when that depends on
// whether a handler follows. closed says that a ">" follows somewhere.
func opens(rest string, closed bool) (kind string, sure bool) {
	switch {
	case rest == "":
	case letter(rest[0]):
		return tag(rest, "a start tag", closed)
	case rest[0] == '/' && len(rest) > 1 && letter(rest[1]):
		return tag(rest[1:], "an end tag", closed)
	case rest[0] == '/' && len(rest) > 1 && rest[1] != '>' && closed:
		return "a comment", true // bogus: HTML, Section 13.2.5.7
	case strings.HasPrefix(rest, "!--"):
		return "a comment", true
	case rest[0] == '!' && closed:
		return "a declaration", true
	case rest[0] == '?' && closed:
		return "a processing instruction", true
	}
	return "", false
}

func tag(rest, kind string, closed bool) (string, bool) {
	end := strings.IndexAny(rest, "\t\n\f\r />")
	if end < 0 {
		return "", false // the text ends in the name: nothing of it reaches an attribute
	}
	name := rest[:end]
	if closed {
		if rest[end] == '>' && mailbox(name) {
			return "", false
		}
		return kind, true
	}
	return kind, element(name)
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// mailbox reports whether the name of a tag is an e-mail address.
func mailbox(name string) bool {
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
