package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// canary is a secret that was planted. Nothing may show it in any spelling.
type canary struct {
	what  string
	value string // as it is presented
	core  string // the part that is secret
}

// piece is how many characters of a secret in a row already count as shown.
const piece = 16

// spellings are the ways in which a value may hide in an output, each with its name.
func (c canary) spellings() map[string][]byte {
	all := map[string][]byte{}
	add := func(name, s string) {
		if len(s) >= 8 {
			all[name] = []byte(s)
		}
	}
	for at := 0; at+piece <= len(c.core); at += piece / 2 {
		add(fmt.Sprintf("characters %d to %d", at, at+piece), c.core[at:at+piece])
	}
	core := []byte(c.core)
	add("whole", c.core)
	add("hexadecimal", hex.EncodeToString(core))
	add("HEXADECIMAL", strings.ToUpper(hex.EncodeToString(core)))
	add("hexadecimal with escapes", escaped(core, `\x%02x`))
	add("percent-encoded, each byte", escaped(core, "%%%02X"))
	add("percent-encoded, each byte, lower case", escaped(core, "%%%02x"))
	add("UTF-16 escapes of JSON", escaped(core, `\u%04x`))
	add("decimal list", strings.Trim(fmt.Sprint(core), "[]"))
	add("decimal list with commas", strings.ReplaceAll(strings.Trim(fmt.Sprint(core), "[]"), " ", ","))
	add("query-escaped", url.QueryEscape(c.core))
	add("path-escaped", url.PathEscape(c.core))
	add("JSON", strings.Trim(fmt.Sprintf("%q", c.core), `"`))
	add("HTML", html.EscapeString(c.core))
	backwards := slices.Clone(core)
	slices.Reverse(backwards)
	add("backwards", string(backwards))
	add("upper case", strings.ToUpper(c.core))
	add("lower case", strings.ToLower(c.core))
	// Base64 of anything that contains it: the three places at which it may begin, without
	// the characters at the edges, which depend on the neighbours.
	for shift := range 3 {
		whole := append(bytes.Repeat([]byte{0}, shift), core...)
		for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
			s := enc.EncodeToString(whole)
			add(fmt.Sprintf("%s at %d", name, shift), s[(shift*8+5)/6:len(core)*8/6+shift-1])
		}
	}
	return all
}

func escaped(b []byte, format string) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, format, c)
	}
	return s.String()
}

// places are outputs by name.
type places map[string][]byte

// search fails for every canary that an output shows.
func (p places) search(t *testing.T, canaries []canary) {
	t.Helper()
	for _, c := range canaries {
		spellings := c.spellings()
		for where, text := range p {
			for how, spelling := range spellings {
				if at := bytes.Index(text, spelling); at >= 0 {
					t.Errorf("%s shows %s (%s):\n%q", where, c.what, how, text[max(0, at-200):min(len(text), at+len(spelling)+60)])
					break // the others are of the same place, or found when this one is gone
				}
			}
		}
	}
}

// TestCanariesAreFound: the search finds what it claims to find.
func TestCanariesAreFound(t *testing.T) {
	c := canary{"a secret", "kQ7#x/Zp+0w&R3<mN9\"tY2 vB5", "kQ7#x/Zp+0w&R3<mN9\"tY2 vB5"}
	for name, text := range map[string]string{
		"plain": "a " + c.core + " b", "half": c.core[8:24], "base64": base64.StdEncoding.EncodeToString([]byte("user:" + c.core + "!")),
		"base64 0": base64.StdEncoding.EncodeToString([]byte("abc" + c.core + "xyz")), "base64 1": base64.URLEncoding.EncodeToString([]byte("abcd" + c.core)),
		"hex": fmt.Sprintf("%x", "a"+c.core+"b"), "HEX": fmt.Sprintf("%X", c.core), "query": "q=" + url.QueryEscape("x"+c.core), "quoted": fmt.Sprintf("%q", c.core),
		"bytes": fmt.Sprint([]byte("_" + c.core + "_")), "HTML": html.EscapeString("<" + c.core + ">"), "list": fmt.Sprintf("%#v", []byte(c.core))[:0] + strings.ReplaceAll(fmt.Sprint([]byte(c.core)), " ", ","),
	} {
		found := slices.ContainsFunc(slices.Collect(mapValues(c.spellings())), func(s []byte) bool { return bytes.Contains([]byte(text), s) })
		if !found {
			t.Errorf("%s: not found in %s", name, text)
		}
	}
	for how, s := range c.spellings() {
		if strings.Contains("the quick brown fox jumps over the lazy dog 0123456789", string(s)) {
			t.Errorf("%s is found where it is not", how)
		}
	}
}

func mapValues(m map[string][]byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}
