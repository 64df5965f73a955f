package token

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sanmon-gate/sanmon/identity/base64url"
)

// Claims is what an access token says (RFC 9068, Section 2.2, and RFC 7800). At rest and
// on the wire it is one JSON object, with the members in the order of this struct, without
// white space, and without those that are marked optional where they have no value. No
// string needs escaping: texts are printable ASCII without " and \.
type Claims struct {
	Issuer    string   // iss: the exact public_url
	Audience  string   // aud: exactly one
	Subject   string   // sub: principal id, opaque, never an e-mail address, never reused
	ClientID  string   // client_id
	SID       string   // sid: the session of the grant
	Scope     string   // scope: words with one space between; an upper bound; may be empty
	IssuedAt  int64    // iat, seconds; nbf is the same
	ExpiresAt int64    // exp, seconds
	ID        string   // jti: 119 random bits
	AuthTime  int64    // auth_time, seconds; optional: a client that acts for itself has none
	ACR       string   // acr; optional
	AMR       []string // amr (RFC 8176); optional
	JKT       string   // cnf.jkt: thumbprint of the key that a bearer has to prove; optional
	Gen       uint64   // gen: generation of the refresh family at issue, from 1; optional
}

// MaxSize bounds a token, in bytes. Longer ones are neither made nor read.
const MaxSize = 4096

// maxTime is the year 9999: a number of seconds above it is no date (RFC 8259, Section 6:
// interoperable integers end at 2^53 anyway).
const maxTime = 253402300799

// append appends the canonical JSON of c. Only values that check admits come out right.
func (c *Claims) append(b []byte) []byte {
	b = text(b, `{"iss":"`, c.Issuer)
	b = text(b, `","aud":"`, c.Audience)
	b = text(b, `","sub":"`, c.Subject)
	b = text(b, `","client_id":"`, c.ClientID)
	b = text(b, `","sid":"`, c.SID)
	b = text(b, `","scope":"`, c.Scope)
	b = strconv.AppendInt(append(b, `","iat":`...), c.IssuedAt, 10)
	b = strconv.AppendInt(append(b, `,"nbf":`...), c.IssuedAt, 10)
	b = strconv.AppendInt(append(b, `,"exp":`...), c.ExpiresAt, 10)
	b = append(text(b, `,"jti":"`, c.ID), '"')
	if c.AuthTime != 0 {
		b = strconv.AppendInt(append(b, `,"auth_time":`...), c.AuthTime, 10)
	}
	if c.ACR != "" {
		b = append(text(b, `,"acr":"`, c.ACR), '"')
	}
	if len(c.AMR) > 0 {
		b = append(text(b, `,"amr":["`, strings.Join(c.AMR, `","`)), `"]`...)
	}
	if c.JKT != "" {
		b = append(text(b, `,"cnf":{"jkt":"`, c.JKT), `"}`...)
	}
	if c.Gen != 0 {
		b = strconv.AppendUint(append(b, `,"gen":`...), c.Gen, 10)
	}
	return append(b, '}')
}

func text(b []byte, before, value string) []byte { return append(append(b, before...), value...) }

// check says what no token may say, or may not lack.
func (c *Claims) check() error {
	for _, f := range [...]struct{ name, value string }{
		{"iss", c.Issuer}, {"aud", c.Audience}, {"sub", c.Subject}, {"client_id", c.ClientID}, {"sid", c.SID}, {"jti", c.ID},
	} {
		if f.value == "" || !plain(f.value) {
			return fmt.Errorf("claim %s is empty, or is not printable ASCII without quotes and backslashes", f.name)
		}
	}
	for _, s := range append([]string{c.Scope, c.ACR}, c.AMR...) {
		if !plain(s) {
			return errors.New("scope, acr or amr is not printable ASCII without quotes and backslashes")
		}
	}
	switch {
	case !words(c.Scope):
		return errors.New("scope is not words with one space between them (RFC 6749, Section 3.3)")
	case len(c.AMR) > maxAMR || slices.Contains(c.AMR, ""):
		return fmt.Errorf("amr is more than %d words, or has an empty one", maxAMR)
	case c.JKT != "" && !thumbprint(c.JKT):
		return errors.New("cnf.jkt is no SHA-256 thumbprint in base64url (RFC 7638)")
	case c.IssuedAt <= 0 || c.ExpiresAt <= c.IssuedAt || c.ExpiresAt > maxTime || c.AuthTime < 0 || c.AuthTime > maxTime:
		return errors.New("a time is missing or out of range")
	}
	return nil
}

const maxAMR = 8

// plain reports that s needs no escape in JSON: printable ASCII without " and \.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// words reports that s is empty, or words with exactly one space between them.
func words(s string) bool {
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' ' && !strings.Contains(s, "  ")
}

// thumbprint reports that s is 32 bytes in base64url without padding, in the one form
// that has no bits left over.
func thumbprint(s string) bool {
	var buf [32]byte
	raw, ok := base64url.AppendDecode(buf[:0], s)
	return ok && len(raw) == len(buf)
}
