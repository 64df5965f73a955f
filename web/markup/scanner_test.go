package markup

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// tagsOf lists the tags that a Scanner finds, pushed in pieces of size n.
func tagsOf(page []byte, n int) (tags []string, s *Scanner) {
	s = &Scanner{Want: All}
	for len(page) > 0 {
		piece := page[:min(n, len(page))]
		page = page[len(piece):]
		for len(piece) > 0 {
			k, e := s.Scan(piece)
			piece = piece[k:]
			if e == TagEvent {
				t := s.Tag()
				tags = append(tags, fmt.Sprintf("%d-%d %v", t.Start, t.Stop, t.End))
			}
		}
	}
	return tags, s
}

// oracle lists the tags that golang.org/x/net/html finds, reading a noscript as markup.
func oracle(page []byte) (tags []string) {
	z := html.NewTokenizer(bytes.NewReader(page))
	at := 0
	for {
		kind := z.Next()
		raw := z.Raw()
		if kind == html.ErrorToken {
			return tags
		}
		start := at
		at += len(raw)
		switch kind {
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			tags = append(tags, fmt.Sprintf("%d-%d %v", start, at, kind == html.EndTagToken))
		}
		if name, _ := z.TagName(); kind != html.EndTagToken && string(name) == "noscript" {
			z.NextIsNotRawText()
		}
	}
}

// corpus is markup at its limits, in the manner of the html5lib tests.
var corpus = []string{
	"", "<", "</", "<!", "<!-", "<a", "</a", "<a ", "<a b", "<a b=", "<a b='", "text", "a < b > c <3",
	"<a>", "</a>", "<a/>", "<A HREF=x>", "<a b='>' c=\">\" d=>e>", "<a =b>", "<a =>x>", "<a b==c>", "<a b=c/>", "<a/b/c>", "<a b = c>", "<a\tb\n=\r'c'\fd>",
	"<a b=\"x\"c>", "<a 'b'>", "<a\"b>c\">", "<a <b>", "<<a>", "<a<b>", "</ a>", "</>", "</1>", "<1>", "<?php echo '>' ?>", "<?>", "<!>", "<!x>y>", "</?>",
	"<!--x-->", "<!-->a", "<!--->a", "<!---->a", "<!--a--!>b", "<!--a--!b-->c", "<!--a--->b", "<!--a-b--c-->d", "<!--<!--a-->b", "<!--<!-->b", "<!--a<!--->b", "<!--a--!-->b", "<!--a--!--!>b", "<!--a>b", "<!-a>b", "<!-->", "<!--->",
	"<!doctype html><a>", "<!DOCTYPE html PUBLIC \">\"><a>", "<!DOC><a>", "<!doctypehtml><p>", "<!-<a>", "<!d<a>>",
	"<![CDATA[<a>]]><b>", "<![CDATA[x>y]]>z", "<![cdata[<a>]]>",
	"<title><a></title><b>", "<title></titl></title ><b>", "<TITLE></TiTlE/x><b>", "<textarea></textarea<a></textarea><b>", "<textarea>&lt;</textarea>",
	"<style><a></style><b>", "<style></style</style>", "<style></ style></style>", "<xmp><a></xmp>", "<iframe><a></iframe>", "<noembed><a></noembed>", "<noframes><a></noframes>",
	"<plaintext><a></plaintext>", "<noscript><a></noscript><b>", "<noscript><form></noscript>",
	"<script><a></script><b>", "<script></script", "<script>'</scrip</script>", "<script></script/><b>", "<script></script x='>'><b>",
	"<script><!--</script><b>", "<script><!--<script></script></script><b>", "<script><!--<script></script>--></script><b>", "<script><!--<script>--></script><b>",
	"<script><!-- <script </script> <a> --> <b></script><c>", "<script><!--<scriptx></script><b>", "<script><!-><script></script><b>", "<script><!---><script></script><b>",
	"<script><!--><script></script><b>", "<script><!-- - -- <script>-</script>--</script>-->x</script><b>", "<script><!--<SCRIPT/></SCRIPT/></script><b>", "<script><!--</scriptx></script><b>",
	"<script><!--<script>-->x</script><b>", "<script><!--<script>--<x</script>></script><b>", "<script>/*<!--*/ \"<script>\" </script> <b></script><c>",
	"<a title='</title>'>", "<title/><a></title>", "<a\x00b>", "<\x00a>", "<é>", "<a é=ü>", "<pre>\n<a>", "<a\r\nb>",
	strings.Repeat("<div><p class='a b'>x", 20) + strings.Repeat("</div>", 20),
}

func TestScannerReadsWhatTheTokenizerReads(t *testing.T) {
	pages := corpus
	for _, page := range corpus { // what follows shows in which state it ended
		pages = append(pages, page+"<i>", page+"><i>", page+"--><i>", page+"]]><i>", page+"'\"><i>", page+"</script></title></style><i>")
	}
	for _, page := range pages {
		want := oracle([]byte(page))
		for _, n := range []int{1, 2, 3, 7, 1 << 20} {
			got, s := tagsOf([]byte(page), n)
			if fmt.Sprint(got) != fmt.Sprint(want) || s.Reason() != "" {
				t.Errorf("%q in pieces of %d: %v (%q), want %v", page, n, got, s.Reason(), want)
			}
		}
	}
}

func FuzzScannerAgainstTokenizer(f *testing.F) {
	for _, page := range corpus {
		f.Add([]byte(page), 3)
	}
	f.Fuzz(func(t *testing.T, page []byte, n int) {
		if n < 1 || n > 1<<16 {
			n = 1
		}
		if hasAny(page, "<svg", "<math") { // the tree decides there, which a tokenizer does not know
			return
		}
		got, s := tagsOf(page, n)
		want := oracle(page)
		if s.Reason() != "" {
			want = want[:min(len(want), len(got))]
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", page, got, want)
		}
	})
}

func hasAny(page []byte, list ...string) bool {
	low := bytes.ToLower(page)
	for _, s := range list {
		if bytes.Contains(low, []byte(s)) {
			return true
		}
	}
	return false
}
