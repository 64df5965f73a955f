package scan

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// credentials finds what is a secret in any text: our keys and refresh tokens by their
// checksums, private keys by their forms. seen says which of the words stand in b.
func credentials(all []form, b []byte, seen uint64, report func(hit)) {
	if seen&hasKey != 0 {
		for _, s := range apikey.Find(b) {
			report(hit{rule: sanmonKey, at: s.Start, mask: [2]int{s.Secret, s.End}})
		}
	}
	if seen&hasRefresh != 0 {
		refreshTokens(b, report)
	}
	if seen&hasEncoded != 0 {
		encoded(all, b, report)
	}
	if seen&hasPrivate != 0 {
		privateKeys(b, report)
	}
}

// refreshTokens finds refresh tokens, written plainly or percent-encoded once (RFC 3986,
// Section 2.1), in full or in part.
func refreshTokens(b []byte, report func(hit)) {
	read := func(at int) (next int) {
		end, hidden := percentRefresh(b, at)
		if end == 0 {
			return 0
		}
		report(hit{rule: sanmonRefresh, at: at, mask: [2]int{hidden, end}})
		return end
	}
	for at, n := 0, 0; ; at = max(read(at+n), at+n+1) {
		if n = bytes.Index(b[at:], []byte(refresh.Prefix)); n < 0 {
			break
		}
	}
	for at, n := 0, 0; ; at += n + 1 {
		if n = bytes.IndexByte(b[at:], '%'); n < 0 || at+n+2 >= len(b) {
			return
		}
		// The first that is encoded says where the token began.
		v, err := hex.DecodeString(string(b[at+n+1 : at+n+3]))
		if err != nil {
			continue
		}
		if before := strings.IndexByte(refresh.Prefix, v[0]); before >= 0 && at+n >= before {
			read(at + n - before)
		}
	}
}

// percentRefresh reads a refresh token that begins at b[at]: its end, 0 if it is none, and
// where what is secret in it begins.
func percentRefresh(b []byte, at int) (end, hidden int) {
	var text [refresh.Size]byte
	for n := range text {
		if at >= len(b) {
			return 0, 0
		}
		c, width := b[at], 1
		if c == '%' && at+2 < len(b) {
			if v, err := hex.DecodeString(string(b[at+1 : at+3])); err == nil {
				c, width = v[0], 3
			}
		}
		if n < len(refresh.Prefix) && c != refresh.Prefix[n] || n >= len(refresh.Prefix) && !isBase62(c) {
			return 0, 0
		}
		text[n] = c
		if at += width; n == len(refresh.Prefix)-1 {
			hidden = at
		}
	}
	if !wholeRefresh(text[:]) {
		return 0, 0
	}
	return at, hidden
}

func isBase62(c byte) bool { return isDigit(c) || 'a' <= c|32 && c|32 <= 'z' }

func base62(n uint32) []byte {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		out[i] = alphabet[n%62]
		n /= 62
	}
	return out
}

// privateForm is one form of private keys. A heading alone, as in code that looks for one,
// is no key: so many characters of body must follow.
type privateForm struct {
	head *regexp.Regexp
	body int
}

// privateForms are PEM (RFC 7468, OpenSSH), PuTTY and age.
func privateForms() []privateForm {
	return []privateForm{
		{regexp.MustCompile(`-----BEGIN ([A-Z0-9]+ ){0,3}PRIVATE KEY( BLOCK)?-----`), 40},
		{regexp.MustCompile(`PuTTY-User-Key-File-[23]: `), 40},
		{regexp.MustCompile(`AGE-SECRET-KEY-1[0-9A-Z]{58}`), 0},
	}
}

// maxPrivate is how long a private key without an end is taken to be, in bytes; RSA with
// 16384 bits has 13 thousand.
const maxPrivate = 16 << 10

func privateKeys(b []byte, report func(hit)) {
	for _, f := range privateForms() {
		for _, m := range f.head.FindAllIndex(b, 1000) {
			start, end := m[1], min(m[1]+maxPrivate, len(b))
			if f.body == 0 {
				start, end = m[0]+16, m[1]
			} else if n := bytes.Index(b[start:end], []byte("-----END")); n >= 0 {
				end = start + n
			}
			if f.body == 0 || keyBody(b[start:end]) >= f.body {
				report(hit{rule: privateKey, at: m[0], mask: [2]int{start, end}})
			}
		}
	}
	jwks(b, report)
}

// keyBody counts the longest run of base64, over line ends as they are written in texts
// and string literals.
func keyBody(b []byte) int {
	longest, run := 0, 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case isBase62(c) || c == '+' || c == '/' || c == '=':
			if c == 'n' && i > 0 && b[i-1] == '\\' {
				continue
			}
			run++
			longest = max(longest, run)
		case bytes.IndexByte([]byte("\r\n\\\"' \t+,"), c) >= 0:
			if c == ' ' && i > 0 && isBase62(b[i-1]) {
				run = 0 // words of a sentence
			}
		default:
			run = 0
		}
	}
	return longest
}

// jwks finds JSON web keys with a private part: "d" beside "kty" (RFC 7518, Section 6).
func jwks(b []byte, report func(hit)) {
	for at := 0; ; {
		n := bytes.Index(b[at:], []byte(`"kty"`))
		if n < 0 {
			return
		}
		at += n + 5
		open := bytes.LastIndexByte(b[max(0, at-4096):at], '{')
		if open < 0 {
			continue
		}
		open += max(0, at-4096)
		var key struct{ Kty, D, K string }
		dec := json.NewDecoder(bytes.NewReader(b[open:min(len(b), open+8192)]))
		if dec.Decode(&key) != nil {
			continue
		}
		if len(key.D) >= 40 || key.Kty == "oct" && len(key.K) >= 40 {
			report(hit{rule: privateKey, at: open, mask: [2]int{open + 1, open + int(dec.InputOffset()) - 1}})
		}
	}
}
