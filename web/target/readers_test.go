package target_test

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/web/target"
	"pgregory.net/rapid"
)

// unquote is Python's urllib.parse.unquote_to_bytes: what is no escape stays.
func unquote(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.Write(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// wsgi is how gunicorn and Django read a target: urlsplit drops tabs and line ends, takes
// "//" for a host, cuts at "#" and "?"; PATH_INFO is unquoted once and read as UTF-8.
func wsgi(raw string) (pathInfo, query string) {
	raw = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(strings.TrimLeft(raw, "\x00 "))
	if strings.HasPrefix(raw, "//") {
		_, raw, _ = strings.Cut(raw[2:], "/")
		raw = "/" + raw
	}
	raw, _, _ = strings.Cut(raw, "#")
	p, q, _ := strings.Cut(raw, "?")
	return strings.ToValidUTF8(unquote(p), "\ufffd"), q
}

// asgi is how uvicorn reads one: cut at "?", unquote once as UTF-8 with replacement.
func asgi(raw string) (scopePath, query string) {
	p, q, _ := strings.Cut(raw, "?")
	return strings.ToValidUTF8(unquote(p), "\ufffd"), q
}

// servlet is how a Java container reads a path: parameters go, dot segments go, empty
// segments go, backslashes are slashes.
func servlet(raw string) string {
	p, _, _ := strings.Cut(raw, "?")
	segments := strings.Split(p, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	p = strings.ReplaceAll(unquote(strings.Join(segments, "/")), `\`, "/")
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// agrees reports how the readers differ about a target that Parse accepts, "" if not at all.
func agrees(raw string) string {
	got, err := target.Parse("GET", raw)
	if err != nil {
		return ""
	}
	rebuilt := got.Path
	if got.HasQuery {
		rebuilt += "?" + got.Query
	}
	if rebuilt != raw || got.Raw != raw {
		return "Path and Query are not the target"
	}
	if again, err := target.Parse("GET", got.Raw); err != nil || again != got {
		return "parsing again gives another result"
	}
	want := strings.ReplaceAll(got.Decoded, "%2F", "/")
	if p, q := wsgi(raw); p != want || q != got.Query {
		return fmt.Sprintf("WSGI reads %q ? %q", p, q)
	}
	if p, q := asgi(raw); p != want || q != got.Query {
		return fmt.Sprintf("ASGI reads %q ? %q", p, q)
	}
	u, err := url.ParseRequestURI(raw)
	if err != nil || u.Path != want || u.RawQuery != got.Query || u.Host != "" || u.Scheme != "" || u.User != nil || u.Fragment != "" {
		return fmt.Sprintf("net/url reads %+v, %v", u, err)
	}
	if strings.Count(unquote(got.Decoded), "%2F") != 0 || len(unquote(got.Decoded)) != len(want) {
		return "decoding twice gives another path"
	}
	if !utf8.ValidString(got.Decoded) || strings.ContainsFunc(got.Decoded, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\\' }) {
		return "Decoded has a byte that some parsers act on"
	}
	if !got.Semicolon && servlet(raw) != want {
		return fmt.Sprintf("a normalising server reads %q", servlet(raw))
	}
	if got.Admit(target.Options{}) == nil && strings.ContainsAny(got.Decoded, ";") {
		return "a semicolon was admitted"
	}
	if got.Admit(target.Options{}) == nil && strings.Count(got.Decoded, "/") != strings.Count(want, "/") {
		return "a separator was hidden"
	}
	return ""
}

// What is accepted has one meaning for every reader.
func TestReadersAgree(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"/", "/", "/", "a", "b", "admin", "public", ".", "..", "...", "%2e", "%2E", "%2f", "%2F", "%5c", `\`, ";", "%3b", "x=1", "%25", "25", "2e", "2f", "%", "%2",
		"%00", "%0a", "%7f", "%20", "%23", "#", "%3f", "?", "&", "=", "%c3%a9", "%c0%af", "%ff", "é", " ", "\t", "+", "%2b", "@", ":", "[", "|", "~", "%61", "%41",
	})
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		raw := "/" + strings.Join(rapid.SliceOfN(piece, 0, 9).Draw(t, "pieces"), "")
		if why := agrees(raw); why != "" {
			t.Fatalf("%q: %s", raw, why)
		}
		if _, err := target.Parse("GET", raw); err == nil {
			accepted++
		}
	})
	if accepted == 0 {
		t.Error("no target was accepted: the property says nothing")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"/", "/a/b?c=d", "/%2e%2e/x", "/a%2fb", "/a;b", "/%25%32%65", "/caf%c3%a9", "//x", "/a/./b", `/\x`, "/a%00", "*", "http://x/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if why := agrees(raw); why != "" {
			t.Errorf("%q: %s", raw, why)
		}
	})
}

func FuzzHost(f *testing.F) {
	for _, s := range []string{"app.example.com", "APP.example.com.:443", "[::1]:8443", "127.0.0.1", "a@b", "0x7f.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := target.Host(raw, "https")
		if err != nil {
			return
		}
		if again, err := target.Host(got, "https"); err != nil || again != got {
			t.Errorf("Host(%q) = %q, and of that %q, %v", raw, got, again, err)
		}
		u, err := url.Parse("https://" + got + "/")
		if err != nil || u.Host != got || u.User != nil || u.Path != "/" || got != strings.ToLower(got) || u.Port() == "443" {
			t.Errorf("Host(%q) = %q, which net/url reads as %+v, %v", raw, got, u, err)
		}
	})
}

// A browser that follows SafeReturn's answer stays at the origin (WHATWG URL: tabs and
// line ends go, backslashes are slashes).
func FuzzSafeReturn(f *testing.F) {
	for _, s := range []string{"/a?b", `/\x`, "//x", "/\t/x", "https://x", "/.sanmon/account", "/%2fx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got, ok := target.SafeReturn(next)
		if ok != (got == next) && next != "/" {
			t.Errorf("SafeReturn(%q) = %q, %v", next, got, ok)
		}
		browser := strings.NewReplacer("\t", "", "\r", "", "\n", "", `\`, "/").Replace(strings.TrimFunc(got, func(r rune) bool { return r <= ' ' }))
		base := &url.URL{Scheme: "https", Host: "app.example.com", Path: "/.sanmon/login"}
		if u, err := base.Parse(browser); err != nil || u.Host != "app.example.com" || u.Scheme != "https" {
			t.Errorf("SafeReturn(%q) = %q, which leads to %v, %v", next, got, u, err)
		}
	})
}
