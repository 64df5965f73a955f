package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// areaRoutes opens everything but /private, and a second closed area for a key with one
// right only. If gate and backend ever read a target differently, an anonymous request
// is served by "private".
const areaRoutes = `
  - { id: private-root, match: { path: "/private" }, boundary: [session, key], require: ["notes:read"] }
  - { id: private, match: { path: "/private/{rest...}" }, boundary: [session, key], require: ["notes:read"] }
  - { id: echo, match: { path: "/echo/{rest...}" }, boundary: [key], require: ["notes:write"] }
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: open, match: { path: "/{rest...}", methods: [GET, HEAD, POST, PUT] }, boundary: public, ` + open + ` }
`

// pathCorpus is one list of request-targets for every reader of a path. Sources: research
// of 125 gateway vulnerabilities (class C1), RFC 3986, the WHATWG URL standard.
func pathCorpus() []string {
	steps := []string{ // what may stand between a public prefix and the closed area
		"../", "./", "..//", "/../", "//", "///", "/./", "%2e%2e/", "%2E%2E/", "%2e./", ".%2e/", ".%2E/", "..%2f", "..%2F", "%2e%2e%2f", "%2E%2E%2F",
		"..%5c", "..%5C", "%2e%2e%5c", "..\\", "\\..\\", "\\", "%5c", "%252e%252e%252f", "%252e%252e/", "..%252f", "%25252e%25252e/", "..;/", "..;x=y/", ";/../", ";x/../",
		"..%3b/", "..%00/", "%00/../", "..%0d/", "..%0a/", "..%09/", "%20../", "..%20/", ".../", "....//", "..../", "..%c0%af", "%c0%ae%c0%ae/", "%e0%80%ae%e0%80%ae/", "%f0%80%80%ae./",
		"..%ef%bc%8f", "%ef%bc%8e%ef%bc%8e/", "..%e2%88%95", "..%u002f", "%u002e%u002e/", "%%32%65%%32%65/", "%2/../", "%/../", "%zz/../", "..%2", "x/../../", "x/./../../", "?/../", "#/../", "%23/../", "%3f/../",
	}
	prefixes := []string{"/open/", "/", "/open/a/", "/static/css/", "/echo/"}
	var all []string
	for _, p := range prefixes {
		for _, s := range steps {
			all = append(all, p+s+"private/x")
		}
	}
	return append(all,
		"/private", "/private/", "/private/x", "/Private/x", "/PRIVATE/x", "/%70rivate/x", "/%70%72%69%76%61%74%65/x", "/privat%65/x", "/private%2fx", "/private%2Fx", "/private%5cx", "/private\\x",
		"/private;x", "/private;x=y/z", "/private/;x", "/private;/x", "/private%3bx/y", "/private%00", "/private%00/x", "/private%20/x", "/private%09/x", "/private./x", "/private.//x", "/private//x", "/private/./x", "/private/../x",
		"/private/%2e", "/private/%2e%2e", "/private/..", "/private/.", "/private/x/..", "/private/x/../../open", "/private/x%2f..%2f..%2fopen", "/private?", "/private?x", "/private/x?a=../..", "/private#x", "/private%23x", "/private/x#/open", "/private/x%23/open",
		"//private/x", "///private/x", "/./private/x", "/.//private/x", "//localhost/private/x", "//evil.example/private/x", "/%2fprivate/x", "/%2Fprivate/x", "/%5cprivate/x", "/\\private/x", "\\private\\x", "/%2e/private/x", "/%252fprivate/x", "/open%2f..%2fprivate/x",
		"/open/%2e%2e%2fprivate%2fx", "/open/..%2fprivate%2fx", "/open?/../private/x", "/open?x=/private/x", "/open#/private/x", "/open#/../private/x", "/open%23/../private/x", "/open%3f/../private/x", "/open;/private/x", "/open;a=b/../private/x",
		"*", "private/x", "?private", "", " /private/x", "/ private/x", "/\tprivate/x", "/private /x", "/private\tx", "/private/\x00x", "/private/\x01", "/private/\x7f", "/private/\xff", "/priv\xc3\xa4te/x", "/priv%c3%a4te/x", "/%ff/private/x", "/private/%ff",
		"/private/%", "/private/%1", "/private/%zz", "/private/%u0041", "/open/%", "/open/%1", "/open/%zz", "/%2e%2e/%2e%2e/private/x", "/../private/x", "/../../private/x", "/..", "/.", "/../", "/./", "/..;/private/x", "/.;/private/x", "/;/private/x",
		"http://localhost/private/x", "HTTP://LOCALHOST/private/x", "http://evil.example/private/x", "https://localhost/private/x", "http://localhost@evil.example/private/x", "http:/private/x", "http:private/x", "http:///private/x", "ftp://localhost/private/x", "javascript:private",
		"/open/\u2025/private/x", "/open/%e2%80%a5/private/x", "/ｐrivate/x", "/%ef%bd%90rivate/x", "/private\u200b/x", "/private%e2%80%8b/x", "/priv%61te/x", "/p%72ivate/%78", "/private/x;jsessionid=1", "/private/x.css", "/private/x%2ecss", "/private/x/.css", "/private/x%00.css", "/private/x%0d%0aX-Evil:1",
		"/open/x", "/open/a%20b", "/open/a+b", "/open/%41", "/open/%7e", "/open/~", "/open/a,b", "/open/a=b", "/open/a&b", "/open/a:b", "/open/a@b", "/open/$a", "/open/!", "/open/'", "/open/(a)", "/open/*", "/open/%e3%81%82", "/open/a?b=c", "/open/a?b=%2f..%2f", "/open/a?b=c&d=%zz", "/open/a?%", "/open/a?a=b#c", "/open/...", "/open/..a", "/open/a..", "/open/.a", "/open/a.b", "/open/-", "/open/_",
		"/"+strings.Repeat("a", 2000), "/"+strings.Repeat("a/", 500), "/open/"+strings.Repeat("../", 200)+"private/x", "/"+strings.Repeat("%2e%2e/", 100)+"private/x",
	)
}

func TestPathsAreReadAsOne(t *testing.T) {
	corpus := pathCorpus()
	if len(corpus) < 400 {
		t.Fatalf("the corpus has %d targets, want at least 400", len(corpus))
	}
	for _, kind := range []string{harness.FastAPI, harness.Django, harness.Flask} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			g, key := areas(t, kind)
			var answered, refused int
			for _, target := range corpus {
				for _, credential := range []string{"", key} {
					if checkTarget(t, g, target, credential) {
						answered++
					} else {
						refused++
					}
				}
			}
			t.Logf("%d targets: %d served, %d refused", len(corpus), answered, refused)
			if answered < 40 || refused < 40 {
				t.Errorf("%d served and %d refused: the test does not tell them apart", answered, refused)
			}
		})
	}
}

// areas is the gate in front of one framework, and a key that may write notes and not
// read them: it opens "echo" and not "private".
func areas(t *testing.T, kind string) (*harness.Gate, string) {
	t.Helper()
	b := harness.SharedBackend(t, kind)
	var key harness.Key
	g := harness.SharedGate(t, "areas-"+kind, func() harness.Options {
		return harness.Options{Upstream: b.URL, Routes: areaRoutes}
	}, func(g *harness.Gate) {
		g.AddUser(t, writer, "writer")
		key = g.AddKey(t, writer, "--scope", "notes:write")
	})
	if key.Key == "" {
		key = g.AddKey(t, writer, "--scope", "notes:write")
	}
	return g, key.Key
}

// checkTarget sends one target and holds the backend's word against the gate's. It
// reports whether the request was served.
func checkTarget(t *testing.T, g *harness.Gate, target, key string) bool {
	t.Helper()
	request := get(g, target)
	if key != "" {
		request = get(g, target, "X-Api-Key: "+key)
	}
	all := g.Raw(t, request)
	if len(all) != 1 {
		t.Errorf("%q: %d answers, want 1", target, len(all))
		return false
	}
	a := all[0]
	if a.Status >= 400 && a.Status < 500 {
		return false
	}
	if why := ambiguousTarget(target); why != "" {
		t.Errorf("%q: status %d for a target with %s, want 400", target, a.Status, why)
	}
	if a.Status != 200 {
		t.Errorf("%q: status %d, want 200 or 4xx\n%s", target, a.Status, clip(a.Body))
		return false
	}
	var s served
	if err := json.Unmarshal(a.Body, &s); err != nil || s.Framework == "" {
		t.Errorf("%q: served something that is no echo: %s", target, clip(a.Body))
		return false
	}
	sentPath, sentQuery, _ := strings.Cut(target, "?")
	switch {
	case s.Area == "private":
		t.Errorf("%q: served by the closed area as %q", target, s.Path)
	case s.Area == "echo" && key == "":
		t.Errorf("%q: served by the keyed area as %q", target, s.Path)
	case s.RawPath != sentPath:
		t.Errorf("%q: the backend got path %q: not the bytes that were judged", target, s.RawPath)
	case s.Query != sentQuery:
		t.Errorf("%q: the backend got query %q", target, s.Query)
	}
	return true
}

// ambiguousTarget says why DESIGN §7 refuses a target whatever the backend makes of it, ""
// when it does not. It is the text of the contract again, and no parser of the gate's.
func ambiguousTarget(target string) string {
	path, _, _ := strings.Cut(target, "?")
	for part, why := range map[string]string{"%2f": "an encoded slash", "%5c": "an encoded backslash", "%00": "an encoded NUL", "%3b": "an encoded semicolon", ";": "a semicolon", "\\": "a backslash", "#": "a fragment", "//": "an empty segment"} {
		if strings.Contains(strings.ToLower(path), part) {
			return why
		}
	}
	decoded, err := url.PathUnescape(path)
	switch {
	case !strings.HasPrefix(target, "/"):
		return "another form than origin-form"
	case err != nil:
		return "bad percent-encoding"
	case regexp.MustCompile(`(?i)%25[0-9a-f]{2}`).MatchString(path):
		return "double encoding"
	case !utf8.ValidString(decoded):
		return "bad UTF-8"
	}
	for segment := range strings.SplitSeq(decoded, "/") {
		if segment == "." || segment == ".." {
			return "a dot segment"
		}
	}
	return ""
}

// TestHostIsReadAsOne: RT 12–14, 26. A spelling of the public host is the public host,
// anything else is unknown.
func TestHostIsReadAsOne(t *testing.T) {
	g, _ := areas(t, harness.FastAPI)
	port := strings.TrimPrefix(publicHost(g), "localhost:")
	for _, c := range []struct {
		host   string
		status int
	}{
		{"localhost:" + port, 200}, {"LOCALHOST:" + port, 200}, {"LocalHost:" + port, 200}, {"localhost.:" + port, 200},
		{"localhost", 421}, {"localhost:1", 421}, {"evil.example", 421}, {"localhost.evil.example:" + port, 421}, {"127.0.0.1:" + port, 421},
		{"evil.localhost:" + port, 421}, {"[::1]:" + port, 421},
		{"", 400}, {"localhost:" + port + ":" + port, 400}, {"localhost:x", 400}, {"user@localhost:" + port, 400}, {"local host:" + port, 400}, {"localhost:" + port + "/x", 400}, {"localhost:" + port + ", evil.example", 400}, {"local_host:" + port, 0},
	} {
		a := harness.One(t, g.Raw(t, "GET /open/x HTTP/1.1\r\nHost: "+c.host+"\r\nConnection: close\r\n\r\n"))
		if c.status == 0 && a.Status >= 400 && a.Status < 500 {
			continue
		}
		if a.Status != c.status {
			t.Errorf("Host %q = %d, want %d\n%s", c.host, a.Status, c.status, clip(a.Body))
		}
	}
}

// TestMethodsThatAreNeverForwarded: TRACE and CONNECT, RFC 9110, Sections 9.3.6 and 9.3.8.
func TestMethodsThatAreNeverForwarded(t *testing.T) {
	g, _ := areas(t, harness.FastAPI)
	for _, method := range []string{"TRACE", "CONNECT", "TRACK", "DEBUG", "get", "Get", "PROPFIND", "G@T", "GET\t"} {
		t.Run(fmt.Sprintf("%q", method), func(t *testing.T) {
			for _, target := range []string{"/open/x", publicHost(g)} {
				a := harness.One(t, g.Raw(t, raw(g, method, target, "")))
				if a.Status < 400 || a.Status > 499 {
					t.Errorf("%s %s = %d, want 4xx", method, target, a.Status)
				}
			}
		})
	}
}
