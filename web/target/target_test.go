package target_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/target"
)

func TestParseAccepts(t *testing.T) {
	for _, tt := range []struct {
		raw  string
		want target.Target
	}{
		{"/", target.Target{Path: "/", Decoded: "/"}},
		{"/notes/7", target.Target{Path: "/notes/7", Decoded: "/notes/7"}},
		{"/notes/", target.Target{Path: "/notes/", Decoded: "/notes/"}},
		{"/a?", target.Target{Path: "/a", Decoded: "/a", HasQuery: true}},
		{"/a?b=1&c=%0A?/../x", target.Target{Path: "/a", Decoded: "/a", HasQuery: true, Query: "b=1&c=%0A?/../x"}},
		{"/admin?x=/public", target.Target{Path: "/admin", Decoded: "/admin", HasQuery: true, Query: "x=/public"}}, // RT 6
		{"/%E5%AE%88%E9%96%80", target.Target{Path: "/%E5%AE%88%E9%96%80", Decoded: "/守門"}},
		{"/caf%c3%a9", target.Target{Path: "/caf%c3%a9", Decoded: "/café"}},
		{"/a%20b", target.Target{Path: "/a%20b", Decoded: "/a b"}},
		{"/a+b", target.Target{Path: "/a+b", Decoded: "/a+b"}},
		{"/%61dmin", target.Target{Path: "/%61dmin", Decoded: "/admin"}},
		{"/tags/c%23", target.Target{Path: "/tags/c%23", Decoded: "/tags/c#"}}, // RT 7: data, and no public path
		{"/what%3f", target.Target{Path: "/what%3f", Decoded: "/what?"}},
		{"/100%25", target.Target{Path: "/100%25", Decoded: "/100%"}},
		{"/100%25zz", target.Target{Path: "/100%25zz", Decoded: "/100%zz"}},
		{"/...", target.Target{Path: "/...", Decoded: "/..."}},
		{"/.well-known/x", target.Target{Path: "/.well-known/x", Decoded: "/.well-known/x"}},
		{"/a..b/.c/d.", target.Target{Path: "/a..b/.c/d.", Decoded: "/a..b/.c/d."}},
		{"/f%2etxt", target.Target{Path: "/f%2etxt", Decoded: "/f.txt"}},
		{"/~u/!$&'()*+,=:@-._", target.Target{Path: "/~u/!$&'()*+,=:@-._", Decoded: "/~u/!$&'()*+,=:@-._"}},
		{"/a[1]|^", target.Target{Path: "/a[1]|^", Decoded: "/a[1]|^"}},
		{"/a%2Fb", target.Target{Path: "/a%2Fb", Decoded: "/a%2Fb", EncodedSlash: true}},
		{"/a%2fb", target.Target{Path: "/a%2fb", Decoded: "/a%2Fb", EncodedSlash: true}}, // RT 4
		{"/a%2f", target.Target{Path: "/a%2f", Decoded: "/a%2F", EncodedSlash: true}},
		{"/a;v=1/b", target.Target{Path: "/a;v=1/b", Decoded: "/a;v=1/b", Semicolon: true}},
		{"/a%3Bv", target.Target{Path: "/a%3Bv", Decoded: "/a;v", Semicolon: true}},
		{"/a%3bv", target.Target{Path: "/a%3bv", Decoded: "/a;v", Semicolon: true}},
		{"/a;..", target.Target{Path: "/a;..", Decoded: "/a;..", Semicolon: true}},
		{"/?" + strings.Repeat("q", 8190), target.Target{Path: "/", Decoded: "/", HasQuery: true, Query: strings.Repeat("q", 8190)}},
	} {
		tt.want.Raw = tt.raw
		got, err := target.Parse("GET", tt.raw)
		if err != nil {
			t.Errorf("Parse(%q): %v", tt.raw, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Parse(%q): -want +got\n%s", tt.raw, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, raw := range []string{
		"", "*", "x", "?q", "http://app.example.com/", "https://evil.example/", "app.example.com:443", "//evil.example/x", // forms
		"/public/../admin", "/public/..", "/..", "/.", "/./a", "/a/.", "/a/./b", // RT 1, 10
		"/%2e%2e/admin", "/a/%2E%2e/b", "/a/.%2e/b", "/a/%2e./b", "/%2e", "/a/%2E/", // RT 2
		"/%2e%2e%2fadmin", "/a/..%2fadmin", "/a%2f..%2fb", "/a%2f..", "/a%2f.", "/a%2F%2e%2E/b", // RT 2, 3
		"/a/..;/b", "/a/.;x=1/b", "/a/%2e%2e;/b", "/a/..%3bx/b", "/..;", "/..;a/..", // Tomcat
		"/a//b", "//a", "//", "/a//", "/a/%2f/b", "/%2fa", "/a%2f%2fb", "/a%2f/b", "/;x/a", "/a/;/b", "/%3bx/a", "/;", // RT 21, 22
		`/a\b`, "/a%5cb", "/a%5Cb", `/\evil.example`, `/..\admin`, "/a%5c..%5cb", // RT 16
		"/a%00", "/a%00.txt", "/%0d%0aSet-Cookie:x", "/a%09b", "/a%1f", "/a%7f", "/a%7F", "/a\x00b", "/a\tb", "/a\x7f", "/a\r\nb",
		"/a%252e%252e/b", "/%25%32%65", "/a%2525", "/a%25a0", "/%252f", "/%25%32%46", "/a%25%61%62", "/%25%25%34%31", // double
		"/a%", "/a%2", "/a%zz", "/a%2g", "/%", "/%u002e", "/a%/b", "/a%?b=11", // escapes
		"/caf\xc3\xa9", "/\xff", "/a b", "/a#b", "/admin#/public", "/#", `/"`, "/<x>", "/{id}", "/a`", // RT 7, 9, 20
		"/%ff", "/%c3", "/%c0%af", "/%c0%ae%c0%ae/", "/%e0%80%af", "/%ed%a0%80", "/%f4%90%80%80", "/%80", // UTF-8
		"/a?b c", "/a?b#c", "/a?\xe9", "/a?b\x00", "/a?x\n", "/a?\x7f", "/a?q=100%", "/a?q=%4", "/a?q=%zz",
		"/" + strings.Repeat("a", 8192),
	} {
		got, err := target.Parse("GET", raw)
		if r := refusal.From(err); r == nil || r.Code != refusal.TargetAmbiguous {
			t.Errorf("Parse(%q) = %+v, %v, want target_ambiguous", raw, got, err)
		}
		if got != (target.Target{}) {
			t.Errorf("Parse(%q) refuses, yet returns %+v", raw, got)
		}
	}
}

func TestParseMethod(t *testing.T) {
	for _, tt := range []struct {
		method string
		want   refusal.Code
	}{
		{"GET", ""}, {"HEAD", ""}, {"POST", ""}, {"PUT", ""}, {"PATCH", ""}, {"DELETE", ""}, {"OPTIONS", ""},
		{"PROPFIND", ""}, {"M-SEARCH", ""}, {"VERSION-CONTROL", ""}, {strings.Repeat("A", 32), ""},
		{"TRACE", refusal.MethodNotAllowed}, {"CONNECT", refusal.MethodNotAllowed},
		{"", refusal.TargetAmbiguous}, {strings.Repeat("A", 33), refusal.TargetAmbiguous},
		{"get", refusal.TargetAmbiguous}, {"Post", refusal.TargetAmbiguous}, {"trace", refusal.TargetAmbiguous}, {"Connect", refusal.TargetAmbiguous},
		{"GET ", refusal.TargetAmbiguous}, {"G\tT", refusal.TargetAmbiguous}, {"GET\x00", refusal.TargetAmbiguous}, {"G(T", refusal.TargetAmbiguous},
		{"GET\r\nX", refusal.TargetAmbiguous}, {"GÉT", refusal.TargetAmbiguous}, {"G/T", refusal.TargetAmbiguous}, {"G:T", refusal.TargetAmbiguous},
	} {
		_, err := target.Parse(tt.method, "/")
		if got := code(err); got != tt.want {
			t.Errorf("Parse(%q, /): %q, want %q", tt.method, got, tt.want)
		}
	}
	if _, err := target.Parse("OPTIONS", "*"); code(err) != refusal.TargetAmbiguous {
		t.Errorf("OPTIONS *: %v", err)
	}
	if _, err := target.Parse("CONNECT", "app.example.com:443"); code(err) != refusal.MethodNotAllowed {
		t.Errorf("CONNECT: %v", err)
	}
}

func TestAdmit(t *testing.T) {
	const semi, slash = 1, 2
	for _, tt := range []struct {
		raw  string
		need int
	}{
		{"/a", 0}, {"/a?x;y=%2f%3b", 0},
		{"/a;b", semi}, {"/a%3bb", semi}, {"/secret;foo=bar", semi},
		{"/a%2fb", slash}, {"/a%2F", slash},
		{"/a;%2fb", semi | slash},
	} {
		parsed, err := target.Parse("GET", tt.raw)
		if err != nil {
			t.Fatal(err)
		}
		for open := range 4 {
			err := parsed.Admit(target.Options{Semicolon: open&semi != 0, EncodedSlash: open&slash != 0})
			want := refusal.Code("")
			if tt.need&^open != 0 {
				want = refusal.TargetAmbiguous
			}
			if got := code(err); got != want {
				t.Errorf("%q open %b: %q, want %q", tt.raw, open, got, want)
			}
		}
	}
}

// The reason goes to logs: whatever stands in the target must not.
func TestReasonsQuoteNothing(t *testing.T) {
	const key = "smk_live_0123456789AB"
	for _, raw := range []string{"/" + key + "/../x", "/" + key + "%00", "/a?key=" + key + " ", "http://" + key, "/" + key + "//", "/%25%34%31" + key, "/" + key + "%ff"} {
		_, err := target.Parse("GET", raw)
		if err == nil || strings.Contains(err.Error(), key) {
			t.Errorf("Parse(%q): %v", raw, err)
		}
	}
}

func code(err error) refusal.Code {
	if r := refusal.From(err); r != nil {
		return r.Code
	}
	return ""
}
