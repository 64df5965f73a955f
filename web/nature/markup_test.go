package nature_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/web/nature"
	"golang.org/x/net/html"
)

// Markup by the HTML tokenizer's rules (HTML, Section 13.2.5); the lower half is text that
// people write, and must stay so.
func TestFindMarkup(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"<b>", "a start tag"}, {"x<B>y", "a start tag"}, {"</p>", "an end tag"}, {"<br/>", "a start tag"}, {"<svg/onload=alert(1)>", "a start tag"},
		{"<img src=x onerror=alert(1)>", "a start tag"}, {"<x onclick=f()>", "a start tag"}, {"<my-widget>", "a start tag"}, {"<a:/onclick=f()>", "a start tag"},
		{"<!-- x", "a comment"}, {"<!doctype html>", "a declaration"}, {"<![CDATA[x]]>", "a declaration"}, {"<?php x ?>", "a processing instruction"}, {"</ x>", "a comment"},
		{"<img src=x onerror=alert(1) ", "a start tag"}, {"<script ", "a start tag"}, {"<x onclick=f() ", "a start tag"}, {"<x\nonclick = f()//", "a start tag"},
		{"<x/style=x", "a start tag"}, {"</div x", "an end tag"}, {"a < b <i>c", "a start tag"}, {"<<b>", "a start tag"}, {"<\u0000<b>", "a start tag"},
		{"<a@b/onclick=f()>", "a start tag"}, {"<a@b onclick=f()>", "a start tag"},
		// By the same rules these are tags, although nobody meant one: the known false positives.
		{"List<String> x", "a start tag"}, {"a<b and c>d", "a start tag"}, {"#include <stdio.h>", "a start tag"}, {"if a <b then", "a start tag"},

		{"", ""}, {"plain", ""}, {"a < b", ""}, {"a > b", ""}, {"<3", ""}, {"i <= n", ""}, {"<-", ""}, {"<<", ""}, {"<>", ""}, {"</>", ""}, {"x<y", ""}, {"x<y then", ""},
		{"for (i=0;i<n;i++) f()", ""}, {"1<2 && 3>2", ""}, {"Alice <alice@example.com>", ""}, {"&lt;b&gt;", ""}, {"\u003c", ""}, {"<", ""}, {"a</", ""}, {"wow <!", ""},
		{"ノート < メモ", ""}, {"<ノート>", ""}, {"x<y and one is two", ""}, {"\"quoted\" and 'quoted'", ""},
	} {
		if got := nature.FindMarkup(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

// Time is that of reading, whatever the text (no timed test: a bound that only a square
// would miss).
func TestFindMarkupIsLinear(t *testing.T) {
	for _, unit := range []string{"<", "<x ", "<!", "</", "<x=", "<a", "= ", "on=", "<x on", "<a<a<b@"} {
		text := strings.Repeat(unit, 1<<20/len(unit))
		begun := time.Now()
		nature.FindMarkup(text)
		nature.FindMarkup(text + " ")
		nature.FindMarkup(text + ">")
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("%q repeated to 1 MiB took %v", unit, took)
		}
	}
}

// Whatever the standard tokenizer takes for a tag, comment or declaration is found, but
// for e-mail addresses.
func FuzzFindMarkup(f *testing.F) {
	for _, s := range []string{"<b>", "a<b", "<!-->", "</x y>", "<?>", "<a@b>", "x <y z=1>", "<!x>", "<a <b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := nature.FindMarkup(s)
		z := html.NewTokenizer(strings.NewReader(s))
		for {
			switch z.Next() {
			case html.ErrorToken:
				return
			case html.TextToken:
			default:
				raw := string(z.Raw())
				open := !strings.HasSuffix(raw, ">") && (raw[1] == '!' || raw[1] == '?' || raw[1] == '/') // a comment to the end
				if got == "" && !open && !strings.Contains(raw, "@") && raw != "</>" {
					t.Fatalf("%q: the tokenizer sees %q", s, raw)
				}
			}
		}
	})
}

func TestJudge(t *testing.T) {
	policies, err := nature.NewPolicies(nil)
	if err != nil {
		t.Fatal(err)
	}
	ugc, _ := policies.Get("ugc")
	basic, _ := policies.Get("basic")
	for _, tt := range []struct {
		policy *nature.Policy
		markup string
		want   string
	}{
		{ugc, "", ""}, {ugc, "plain & simple", ""}, {ugc, "a < b", ""}, {ugc, "<p>Hello &amp; <b>you</b></p>", ""}, {ugc, "<P>x</P>", ""}, {ugc, "<br><br/>", ""},
		{ugc, `<a href="https://example.com/?a=1&b=2">x</a>`, ""}, {ugc, `<a href='https://example.com/' rel="noopener">x</a>`, ""}, {ugc, `<a href=https://example.com/>x</a>`, ""},
		{ugc, `<img src="https://example.com/x.png" alt="a picture">`, ""}, {ugc, "<p>naïve 'quotes' \"x\"</p>", ""}, {ugc, "<ul>\r\n<li>1\r\n</ul>", ""},
		{ugc, "<script>x</script>", "a tag script that policy ugc does not leave as it is"}, {ugc, "<p onclick=x>y</p>", "a tag p that policy ugc does not leave as it is"},
		{ugc, `<a href="javascript:x">y</a>`, "a tag a that policy ugc does not leave as it is"}, {ugc, "<!-- x -->", "a comment that policy ugc does not leave as it is"},
		{ugc, "<x-y>z</x-y>", "a tag that policy ugc does not leave as it is"}, {ugc, "<p>x</p><img src=x onerror=f() ", "a start tag that is not closed"},
		{ugc, "<p>x</p><iframe src=//evil>", "a tag iframe that policy ugc does not leave as it is"}, {ugc, "<svg><script>x</script></svg>", "a tag svg that policy ugc does not leave as it is"},
		{ugc, `<p class="x">y</p>`, "a tag p that policy ugc does not leave as it is"},
		{basic, "<p><em>x</em></p>", ""}, {basic, `<a href="https://example.com/">x</a>`, "a tag a that policy basic does not leave as it is"},
	} {
		if got := tt.policy.Judge(tt.markup); got != tt.want {
			t.Errorf("%s %q: got %q, want %q", tt.policy.Name(), tt.markup, got, tt.want)
		}
	}
}

// What the judge lets through is, to a parser, what the sanitizer makes of it.
func FuzzJudge(f *testing.F) {
	policies, err := nature.NewPolicies(nil)
	if err != nil {
		f.Fatal(err)
	}
	ugc, _ := policies.Get("ugc")
	for _, s := range []string{"<p>a</p>", "<a href=https://x/ onclick=y>", "<b <i>", "<img src='x' alt=\">", "<table><td>x", "&lt;b&gt;<b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ugc.Judge(s) != "" {
			return
		}
		for _, bad := range []string{"script", "iframe", "onerror", "onclick", "javascript:"} {
			if n, clean := elements(s, bad), ugc.Sanitize(s); n && !elements(clean, bad) {
				t.Fatalf("%q passes and the sanitizer removes %s: %q", s, bad, clean)
			}
		}
	})
}

// elements reports whether the parsed page has an element, attribute or scheme of a name.
func elements(s, bad string) bool {
	root, err := html.Parse(strings.NewReader(s))
	if err != nil {
		return false
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == bad {
			return true
		}
		for _, a := range n.Attr {
			if a.Key == bad || (a.Key == "href" || a.Key == "src") && strings.HasPrefix(a.Val, bad) {
				return true
			}
		}
	}
	return false
}

func BenchmarkFindMarkup(b *testing.B) {
	prose := strings.Repeat("Some words that people write, and a < b now and then. ", 40)
	b.SetBytes(int64(len(prose)))
	b.ReportAllocs()
	for b.Loop() {
		nature.FindMarkup(prose)
	}
}

func BenchmarkJudge(b *testing.B) {
	policies, _ := nature.NewPolicies(nil)
	ugc, _ := policies.Get("ugc")
	page := strings.Repeat("<p>Some <b>words</b> that people write, with <a href=\"https://example.com/\">a link</a>.</p>\n", 24)
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		ugc.Judge(page)
	}
}
