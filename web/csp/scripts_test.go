package csp_test

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/web/csp"
)

// learn pushes a page in pieces of n bytes and returns the texts that were told, marked
// with "!" where they hold a value of the request.
func learn(t testing.TB, page string, n int, values ...string) []string {
	t.Helper()
	var told []string
	s := csp.NewScripts(csp.Sighting{Route: "r"}, values, func(s csp.Sighting) {
		if s.Route != "r" || len(s.Beginning) < 320 && s.Hash != sha256.Sum256(s.Beginning) {
			t.Errorf("%q: the hash is of something else", s.Beginning)
		}
		mark := ""
		if s.Reflected {
			mark = "!"
		}
		told = append(told, mark+string(s.Beginning))
	})
	var out []byte
	for rest := page; len(rest) > 0; {
		k := min(n, len(rest))
		out = s.Push(out, []byte(rest[:k]))
		rest = rest[k:]
	}
	if out = s.Close(out); string(out) != page {
		t.Errorf("the page was changed: %q", out)
	}
	return told
}

func TestScripts(t *testing.T) {
	for _, tt := range []struct {
		page   string
		values []string
		want   []string
	}{
		{"<script>a()</script>", nil, []string{"a()"}},
		{"<head><SCRIPT type='text/JavaScript'>a()</SCRIPT ><p><script type=module>b()</script>", nil, []string{"a()", "b()"}},
		{"<script>a('</scripty>')</script>", nil, []string{"a('</scripty>')"}},
		{"<script><!-- <script>x</script> --></script>", nil, []string{"<!-- <script>x</script> -->"}},
		{"<script>a\r\nb\rc\n</script>", nil, []string{"a\nb\nc\n"}}, // CSP hashes what the parser made of it
		{"<script>é</script>", nil, []string{"é"}},
		{"<script>\xff</script><script>\x00</script>", nil, nil},
		{"<script src=/x.js></script><script src>a()</script>", nil, nil},
		{"<script nonce=abc>a()</script>", nil, nil},
		{"<script type=application/json>{}</script><script type='text/template'><p></script><script type=application/ld+json>{}</script>", nil, nil},
		{"<script type=importmap>{}</script>", nil, []string{"{}"}},
		{"<template><script>a()</script></template>", nil, nil},
		{"<noscript><script>a()</script></noscript>", nil, nil},
		{"<svg><script>a()</script></svg>", nil, nil},
		{"<!-- <script>a()</script> --><textarea><script>b()</script></textarea><style><script>c()</script></style>", nil, nil},
		{"<script></script><script> \n </script>", nil, nil},
		{"<script>a()", nil, nil},
		{"<p title='<script>a()</script>'>", nil, nil},
		{"<script>q = 'needle'</script><script>b()</script>", []string{"needle"}, []string{"!q = 'needle'", "b()"}},
		{"<script>" + strings.Repeat("x", 64<<10+1) + "</script><script>b()</script>", nil, []string{"b()"}},
	} {
		for _, n := range []int{1, 2, 7, 1 << 20} {
			if n == 1 && len(tt.page) > 1000 {
				continue
			}
			if diff := cmp.Diff(tt.want, learn(t, tt.page, n, tt.values...)); diff != "" {
				t.Errorf("%.80q by %d: -want +got\n%s", tt.page, n, diff)
			}
		}
	}
	if n := len(learn(t, strings.Repeat("<script>a()</script>", 300), 100)); n != 256 {
		t.Errorf("%d scripts of one page", n)
	}
}

// However a page is cut into pieces, the same is told.
func TestScriptsPieces(t *testing.T) {
	parts := []string{"<script>", "</script>", "a()", "<!--", "-->", "<script", " src=x>", "</scr", "\r", "\n", "<template>", "</template>", "<p>", "<svg>", "</svg>", "\x00"}
	rapid.Check(t, func(t *rapid.T) {
		page := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 30).Draw(t, "page"), "")
		n := rapid.IntRange(1, 9).Draw(t, "n")
		collect := func(n int) (all []string) {
			s := csp.NewScripts(csp.Sighting{}, nil, func(s csp.Sighting) { all = append(all, string(s.Beginning)) })
			for rest := []byte(page); len(rest) > 0; {
				k := min(n, len(rest))
				s.Push(nil, rest[:k])
				rest = rest[k:]
			}
			return all
		}
		if diff := cmp.Diff(collect(1<<20), collect(n)); diff != "" {
			t.Fatalf("%q by %d: %s", page, n, diff)
		}
	})
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		template, path, query string
		want                  string
		complete              bool
	}{
		{"/notes", "/notes", "", "", true},
		{"/notes/{id}", "/notes/abcd", "", "abcd", true},
		{"/notes/{id}", "/notes/abc", "", "", true}, // too short to tell
		{"/x/{rest...}", "/x/aaaa/bbbb", "", "aaaa bbbb", true},
		{"/", "/", "q=alert%281%29&n=1", "alert%281%29 alert(1)", true},
		{"/", "/", "q=a+b+c", "a+b+c a b c", true},
		{"/", "/", "q=%zzzz", "%zzzz", true},
		{"/", "/", "q=" + strings.Repeat("x", 5000), "", false},
		{"/", "/", strings.Repeat("q=aaaa&", 33), strings.TrimSpace(strings.Repeat("aaaa ", 32)), false},
	} {
		got, complete := csp.Values(tt.template, tt.path, tt.query)
		if strings.Join(got, " ") != tt.want || complete != tt.complete {
			t.Errorf("%s %s?%.40s: %q, %v", tt.template, tt.path, tt.query, got, complete)
		}
	}
}

func BenchmarkScripts(b *testing.B) {
	page := []byte("<!doctype html><html><head><script>" + strings.Repeat("f();", 200) + "</script></head><body>" + strings.Repeat("<p>Some prose of a page, as pages have it.</p>\n", 400))
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	var dst []byte
	for b.Loop() {
		s := csp.NewScripts(csp.Sighting{Now: time.Time{}}, []string{"needle"}, func(csp.Sighting) {})
		dst = s.Push(dst[:0], page)
	}
	if !bytes.Equal(dst, page) {
		b.Fatal("changed")
	}
}
