package content

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Window is how much of a body is looked at before its header is sent.
const Window = 64 << 10

// Finding is what was found out about a body. Its text is a label of metrics and logs.
type Finding string

// The findings. Only those that say so were put right; the others are reported, because
// what is right cannot be told from what was seen.
const (
	JSONCorrected  Finding = "json_as_html_corrected"  // text/html that is JSON: now application/json
	JSONAsHTML     Finding = "json_as_html"            // the same, of a body too large to be sure
	CharsetAdded   Finding = "charset_added"           // text/html in UTF-8 that did not say so: now it does
	CharsetMissing Finding = "charset_missing"         // text/html without a charset, and none can be told
	TypeMissing    Finding = "content_type_missing"    // the floor made it application/octet-stream
	JSONInvalid    Finding = "json_invalid"            // typed JSON, and none
	JSONCoded      Finding = "json_coded_not_hardened" // JSON in a coding that was not taken off
)

// Wants reports whether more must be seen of a text/html body than head, its beginning,
// to settle its type: all of what may be JSON, and of what has no charset. Where it
// answers no, nothing is waited for.
func Wants(contentType string, head []byte) bool {
	if len(head) == 0 || looksLikeJSON(head) {
		return true
	}
	_, params, _ := strings.Cut(contentType, ";")
	_, named := Charset(params)
	return !named && !declares(head)
}

// Settle says what the Content-Type of a text/html body should be. head is its beginning,
// all of it when complete. Without a finding the type is right as it is.
//
// JSON typed text/html is a document to a browser that is sent there, with whatever
// markup its strings have. HTML without a charset is decoded as its bytes suggest, and
// whoever can put bytes there can suggest (HTML, Section 13.2.3.2).
func Settle(contentType string, head []byte, complete bool) (string, Finding) {
	if looksLikeJSON(head) {
		if complete && json.Valid(head) {
			return "application/json", JSONCorrected
		}
		var g grammar
		for i := 0; i < len(head); i++ {
			i = g.next(head, i)
		}
		if !complete && g.state != stopped {
			return contentType, JSONAsHTML
		}
	}
	essence, params, _ := strings.Cut(contentType, ";")
	if _, named := Charset(params); named || declares(head) || len(head) == 0 {
		return contentType, ""
	}
	if !unicoded(head, complete) {
		return contentType, CharsetMissing
	}
	essence = strings.Trim(essence, " \t") + "; charset=utf-8"
	if params = strings.Trim(params, " \t;"); params != "" {
		essence += "; " + params
	}
	return essence, CharsetAdded
}

func looksLikeJSON(head []byte) bool {
	head = bytes.TrimLeft(head, " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// unicoded reports whether a body is UTF-8. Of one that was not seen to its end, that is
// believed only when it has a character that shows it: ASCII may go on as anything.
func unicoded(head []byte, complete bool) bool {
	if !complete {
		for i := 0; i < utf8.UTFMax && len(head) > 0 && !utf8.Valid(head); i++ {
			head = head[:len(head)-1] // a character that is not complete yet
		}
	}
	if !utf8.Valid(head) {
		return false
	}
	return complete || utf8.RuneCount(head) < len(head)
}

// declares reports whether a document says itself how it is coded: by a byte order mark,
// an XML declaration, or a meta element with a charset. Any is believed, wherever it
// stands: the question is only whether ours may be added.
func declares(head []byte) bool {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")), bytes.HasPrefix(head, []byte("\xfe\xff")),
		bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("<?xml")), bytes.HasPrefix(head, []byte("<\x00")), bytes.HasPrefix(head, []byte("\x00<")):
		return true
	}
	for {
		at := bytes.IndexByte(head, '<')
		if at < 0 {
			return false
		}
		if head = head[at+1:]; !prefixFold(head, "meta") {
			continue
		}
		end := bytes.IndexByte(head, '>')
		if end < 0 {
			end = len(head)
		}
		for tag := head[:end]; len(tag) > 0; tag = tag[1:] {
			if prefixFold(tag, "charset") {
				return true
			}
		}
	}
}

func prefixFold(b []byte, lower string) bool {
	if len(b) < len(lower) {
		return false
	}
	for i := range len(lower) {
		if b[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}
