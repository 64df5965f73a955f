package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// credentialKind is one of ours that a checksum tells from everything else.
type credentialKind struct {
	rule   string
	prefix string
	size   int
	whole  func(text []byte) bool
}

// credentialKinds are the kinds of docs/formats.md that have a checksum. Session cookies,
// codes and webhook secrets have none that could be checked without a key.
var credentialKinds = [...]credentialKind{
	{sanmonKey, "smk_", apikey.Size, func(text []byte) bool { s, ok := apikey.At(text, 0); return ok && s.Valid }},
	{sanmonRefresh, refresh.Prefix, refresh.Size, wholeRefresh},
}

// wholeRefresh: smr_, 77 characters and the CRC-32 of all before (docs/formats.md).
func wholeRefresh(text []byte) bool {
	if len(text) != refresh.Size || !bytes.HasPrefix(text, []byte(refresh.Prefix)) {
		return false
	}
	for _, c := range text[len(refresh.Prefix):] {
		if !isBase62(c) {
			return false
		}
	}
	return string(base62(crc32.ChecksumIEEE(text[:len(text)-6]))) == string(text[len(text)-6:])
}

// form is how a credential is encoded, by what its beginning becomes.
type form struct {
	kind  credentialKind
	name  string // as a finding says it
	mark  string // what the prefix becomes, as far as no neighbour has a part in it
	known string // the characters that are told by the mark
	skip  int    // of the mark, to where the rest begins
	hex   bool
}

// forms are hexadecimal and base64, which for what stands at the first, second or third place of
// a group of three bytes is another text (RFC 4648, Section 4). Our characters become the
// same in base64 and base64url: none has the bits that make + or /, - or _.
func forms() []form {
	var out []form
	for _, k := range credentialKinds {
		digits := hex.EncodeToString([]byte(k.prefix))
		out = append(out, form{kind: k, name: " in hexadecimal", mark: digits, hex: true}, form{kind: k, name: " in hexadecimal", mark: strings.ToUpper(digits), hex: true})
		for shift := range 3 {
			text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + k.prefix))
			from, to := (shift*8+5)/6, (shift+len(k.prefix))*8/6 // characters that the prefix alone makes
			known := (3 - shift) % 3                             // bytes up to the next group of three
			out = append(out, form{kind: k, name: " in base64", mark: text[from:to], known: k.prefix[:known], skip: (4 - from) % 4})
		}
	}
	return out
}

// encoded finds the credentials that stand in a form of their own.
func encoded(all []form, b []byte, report func(hit)) {
	for _, f := range all {
		for at := 0; at+len(f.mark) <= len(b); at++ {
			n := bytes.Index(b[at:], []byte(f.mark))
			if n < 0 {
				break
			}
			at += n
			if end := f.decode(b, at); end > 0 {
				report(hit{rule: f.kind.rule, at: at, mask: [2]int{at + len(f.mark), end}, label: f.name})
			}
		}
	}
}

// decode returns where the whole credential ends whose mark is at b[at], 0 if it is none.
func (f form) decode(b []byte, at int) (end int) {
	text := append(make([]byte, 0, 96), f.known...)
	bits, held := 0, uint32(0)
	width := 6
	if f.hex {
		width = 4
	}
	for i := at + f.skip; len(text) < f.kind.size; i++ {
		if i = brokenLine(b, i); i >= len(b) {
			return 0
		}
		v := f.digit(b[i])
		if v > 63 {
			return 0
		}
		held, bits, end = held<<width|uint32(v), bits+width, i+1
		if bits >= 8 {
			bits -= 8
			text = append(text, byte(held>>bits))
		}
	}
	if !f.kind.whole(text) {
		return 0
	}
	return end
}

// digit is the value of a character, 255 for none.
func (f form) digit(c byte) byte {
	switch {
	case isDigit(c) && f.hex:
		return c - '0'
	case f.hex && 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	case f.hex:
		return 255
	case 'A' <= c && c <= 'Z':
		return c - 'A'
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26
	case isDigit(c):
		return c - '0' + 52
	case c == '+' || c == '-': // with the bits of a neighbour
		return 62
	case c == '/' || c == '_':
		return 63
	}
	return 255
}

// maxIndent is how far a line may be indented that goes on with the one before.
const maxIndent = 64

// brokenLine skips the end of a line and the blanks before the next, as programs break long
// lines (RFC 2045, Section 6.8; base64 and xxd do, too), written out or as \n.
func brokenLine(b []byte, i int) int {
	start := i
	for i+1 < len(b) && (b[i] == '\r' || b[i] == '\n' || b[i] == '\\' && (b[i+1] == 'n' || b[i+1] == 'r')) {
		if b[i] == '\\' {
			i++
		}
		i++
	}
	if i == start {
		return i
	}
	for n := 0; n < maxIndent && i < len(b) && (b[i] == ' ' || b[i] == '\t'); n++ {
		i++
	}
	return i
}
