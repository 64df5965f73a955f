package markup

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	field = "<input type=hidden name=_sanmon value=TOKEN>"
	top   = "<meta name=sanmon content=META><script src=/.sanmon/csrf.js></script>"
)

func testPage(s Shape) Page {
	return Page{
		Origin: "https://app.example.com", Path: "/notes/1", Charset: "utf-8", Shape: s, Field: "_sanmon",
		Token: func(string) string { return "TOKEN" }, Meta: "META", Script: "/.sanmon/csrf.js",
	}
}

// run pushes page in pieces of size n.
func run(p Page, page string, n int) (string, Report) {
	j := NewInjector(p)
	var out []byte
	for len(page) > 0 {
		k := min(n, len(page))
		out = j.Push(out, []byte(page[:k]))
		page = page[k:]
	}
	return string(j.Close(out)), j.Report()
}

// In the pages below, $ is where the field belongs and ^ where the head's part does.
func marked(page string) (in, want string) {
	in = strings.NewReplacer("$", "", "^", "").Replace(page)
	return in, strings.NewReplacer("$", field, "^", top).Replace(page)
}

func TestForms(t *testing.T) {
	for _, page := range []string{
		`<form method=post>$<p></form>`, `<FORM METHOD='POST'>$`, `<form method="PoSt" action=/x>$`, `<form action="" method=post>$`, `<form method=post action=" ">$`,
		`<form>`, `<form method=get>`, `<form method=dialog>`, `<form method="">`, `<form method=" post">`, `<form method=post method=get>$`, `<form method=get method=post>`, `<form method="p&#111;st">$`,
		`<form/method=post/>`, `<form/method=post//>`, `<form/method=post />$`, `<form method=post/>`, `<form method = post >$`, `<form title='>' method=post>$`, `<form title="method=post">`,
		`<form method=post action=https://app.example.com/x>$`, `<form method=post action=HTTPS://APP.example.com:443/x>$`, `<form method=post action=//app.example.com/x>$`, `<form method=post action=//app.example.com>$`,
		`<form method=post action=https://evil.example/>`, `<form method=post action=//evil.example/>`, `<form method=post action=/\evil.example>`, `<form method=post action=\\evil.example>`, `<form method=post action=///evil.example>`,
		`<form method=post action=http://app.example.com/x>`, `<form method=post action=https://app.example.com:8443/x>`, `<form method=post action=https://app.example.com@evil.example/>`, `<form method=post action=https://app.example.com.evil.example/>`,
		`<form method=post action=https:evil.example>`, `<form method=post action=https:/evil.example>`, `<form method=post action=https:///evil.example>`, `<form method=post action=mailto:a@b>`, `<form method=post action=javascript:x()>`, `<form method=post action=data:,x>`,
		"<form method=post action='\t//evil.example'>", "<form method=post action='/\n/evil.example'>", "<form method=post action='ht\ttps://evil.example'>", "<form method=post action='\x01//evil.example'>",
		`<form method=post action="&#47;&#47;evil.example">`, `<form method=post action="&sol;/evil.example">`, `<form method=post action="&#x2F;save">$`, `<form method=post action="/&Tab;/evil.example">`, `<form method=post action="https&colon;//evil.example">`, `<form method=post action="&#47/evil.example">`,
		`<form method=post action="/a?b=1&amp;c=2">$`, `<form method=post action="/a?b=1&c=2">$`, `<form method=post action="?next=//evil.example">$`, `<form method=post action="#top">$`, `<form method=post action="../x">$`,
		// forms that are none
		`<form method=post>$<form method=post></form><form method=post>$</form>`, `<form action=https://evil.example method=post><form method=post action=/x>`, `<form><form method=post>`,
		`<template><form method=post>$</form></template><form method=post>$`, `<template><form method=post>$<form method=post>$</template>`, `<form><template><form method=post>$</template><form method=post></form>`,
		`<template><table><form method=post></table></template><form method=post>$`, `<table><tr><td><form method=post>$</table>`, `<noscript><form method=post>$</form></noscript><form method=post>$`,
		`<svg><form method=post></svg><form method=post>$`, `<svg><g/><title><form method=post>$</form></title></svg>`, `<svg><foreignObject><form method=post>$</form></foreignObject></svg>`, `<svg><p><form method=post>$`, `<math><mi><form method=post>$</form></mi></math>`,
		`<math><annotation-xml encoding="text/html"><form method=post>$</form></annotation-xml></math>`, `<math><annotation-xml><form method=post></annotation-xml></math>`, `<svg><font><form method=post></font></svg>`, `<svg><font size=1><form method=post>$`,
		`<svg><style><form method=post></style></svg>`, `<svg><style><!--</style><form method=post>--></svg>`, `<svg><![CDATA[<form method=post>]]></svg><form method=post>$`, `<svg/><![CDATA[<form method=post>]]>`, `<svg><desc/><style></style><form method=post></svg>`,
		// text that looks like markup
		`<!--<form method=post>--><form method=post>$`, `<p title="<form method=post>">`, `<script>'<form method=post>'</script>`, `<script><!--<script></script><form method=post>--></script><form method=post>$`, `<textarea><form method=post></textarea>`,
		`<title><form method=post></title>`, `<style><form method=post></style>`, `<xmp><form method=post></xmp>`, `<iframe srcdoc="<form method=post>"><form method=post></iframe>`, `<noembed><form method=post></noembed>`, `<noframes><form method=post></noframes>`, `<plaintext><form method=post>`,
		`<!x <form method=post><form method=post>$`, `<?x <form method=post><form method=post>$`, `</x <form method=post><form method=post>$`, `<!DOCTYPE x "<form method=post>"><form method=post>$`,
		// base
		`<base href=/app/><form method=post action=x>$`, `<base href=https://evil.example/><form method=post action=x><form method=post>`, `<base href=https://evil.example/><form method=post>$`, `<base href=https://evil.example/><form method=post action=https://app.example.com/x>$`,
		`<base href=https://evil.example/><form method=post action=/x>`, `<base href=//evil.example><form method=post action=x>`, `<base href=http://other.example/><form method=post action=//app.example.com/x>`, `<base href=data:x><form method=post action=x>`, `<base target=x><form method=post action=x>$`, `<template><base href=//evil.example></template><form method=post action=x>$`,
		`<base href=/a/><base href=https://evil.example/><form method=post action=x>`, `<noscript><base href=/x/></noscript><form method=post action=y>`, `<noscript><base href=/x/></noscript><form method=post action=/y>$`, `<svg><base href=//evil.example /></svg><form method=post action=x>$`,
	} {
		in, want := marked(page)
		for n := 1; n <= len(in); n++ {
			got, r := run(testPage(Fragment), in, n)
			if got != want || r.Reason != "" {
				t.Errorf("%q in pieces of %d: %q (%s), want %q", in, n, got, r.Reason, want)
				break
			}
		}
	}
}

func TestGivesUp(t *testing.T) {
	long := strings.Repeat("x", MaxTag)
	for _, row := range []struct {
		page string
		want Reason
	}{
		{`<select><xmp></select><form method=post></xmp>`, InSelect}, {`<select><form method=post>`, InSelect}, {`<select><svg></select>`, InSelect}, {`<form action=//evil.example><select></form></select><form method=post>`, InSelect},
		{`<select><option>a</select><form method=post>$</form>`, ""}, {`<select><input><form method=post>$</form>`, ""}, {`<select><script></script></select><form method=post>$`, ""}, {`<select><select><form method=post>$`, ""},
		{`<frameset><form method=post>`, InFrameset}, {`<div><svg></div><style><form method=post>`, InForeign}, {`<svg><foreignObject><div></foreignObject></svg><form method=post>`, InForeign},
		{`<svg><foreignObject><p></p><![CDATA[<form method=post>`, InCDATA}, {`<template><col><form method=post>`, InTemplate}, {`<template><col><xmp><form method=post>`, InTemplate}, {`<template><colgroup><col></colgroup></template><form method=post>$`, ""},
		{`<noscript><p title="</noscript><form method=post>">`, InNoscript}, {`<noscript><!--</noscript><form method=post>-->`, InNoscript}, {`<noscript><style></noscript><form method=post>`, InNoscript}, {`<noscript><form></noscript><form method=post>`, InNoscript},
		{`<noscript title="</noscript>"><p></p></noscript><form method=post>$`, ""}, {`<noscript></noscript ><form method=post>$`, ""}, {`<noscript></noscript x='</noscript>'><form method=post>`, InNoscript},
		{`<form title=` + long + ` method=post>`, TagTooLong}, {`<p title=` + long + `><form method=post>$`, ""}, {`<svg>` + strings.Repeat("<g>", maxForeign) + `<form method=post>`, TooDeep}, {strings.Repeat("<template>", maxTemplate+1) + `<form method=post>`, TooDeep},
		{"\xff\xfe<\x00f\x00", BadCharset}, {"\xfe\xff\x00<", BadCharset}, {"\xef\xbb\xbf<form method=post>$", ""},
	} {
		in, want := marked(row.page)
		for _, n := range []int{1, 2, 3, 5, 8, 13, 1 << 20} {
			got, r := run(testPage(Fragment), in, n)
			if got != want || r.Reason != row.want {
				t.Errorf("%.80q in pieces of %d: %.200q (%q), want %q", in, n, got, r.Reason, row.want)
			}
		}
	}
}

func TestHead(t *testing.T) {
	for _, page := range []string{
		`<!doctype html><html><head>^<title>a</title></head>`, `<html lang=en><head data-x="a>b">^`, `<head>^`, "\xef\xbb\xbf<!doctype html>\n<html>\n<!-- c --><head>^",
		`<!doctype html>^<title>a</title>`, `<!doctype html>^text`, `<html>^<body>`, `<html> ^<p>`, `<html>^</html>`, `<html></p><head>^`, `^<p><head>`, `^text<head>`, `<html>^<script></script><head>`, `<!doctype html><!--<head>--><head>^`,
		`<html>^<form method=post>$`, `<head>^<form method=post>$`, `<header>x`, `<html>^<header>`, `^<!`, `<!doctype html>^<1`, `<!doctype html>^<`, `<html><head>^</head><head><head>`,
	} {
		if page == `<header>x` {
			page = "^" + page
		}
		if strings.HasSuffix(page, "<") || page == `^<!` {
			page = strings.Replace(page, "^", "", 1) // nothing follows: nothing is added
		}
		in, want := marked(page)
		for n := 1; n <= len(in); n++ {
			if got, r := run(testPage(Document), in, n); got != want || r.Reason != "" {
				t.Errorf("%q in pieces of %d: %q (%s), want %q", in, n, got, r.Reason, want)
				break
			}
		}
	}
}

func TestHeadWaitsForTheCharset(t *testing.T) {
	filler := "<!--" + strings.Repeat("x", prescanned) + "-->"
	for _, row := range []struct {
		page string
		want Reason
	}{
		{`<head><meta charset=utf-8>^<title>`, ""}, {`<head><title>a</title><meta charset=utf-8>^`, ""}, {`<head><meta name=a><META http-equiv=Content-Type content="text/html; charset=windows-1252">^<title>`, ""},
		{`<head>^<link><meta charset=utf-8>`, ""}, {`<head><title>a</title>^</head><body>`, ""}, {`<head><meta name=a>^text`, ""}, {`<!doctype html><meta charset=utf-8>^`, ""}, {`<!doctype html><title>a</title>^<p>`, ""},
		{`<head>` + filler + `^<meta charset=utf-8>`, ""}, {`<head><meta charset=iso-2022-jp><form method=post>`, BadCharset}, {`<head>^<script></script><meta charset=iso-2022-jp><form method=post>`, BadCharset},
		{`<head><meta charset=utf-16>^<form method=post>$`, ""}, {`<head><meta charset=nonsense>`, BadCharset},
	} {
		in, want := marked(row.page)
		p := testPage(Document)
		p.Charset = ""
		for n := 1; n <= len(in); n++ {
			if got, r := run(p, in, n); got != want || r.Reason != row.want {
				t.Errorf("%.100q in pieces of %d: %q (%s), want %q", in, n, got, r.Reason, row.want)
				break
			}
		}
	}
	for label, want := range map[string]Reason{"utf-8": "", "UTF8": "", `"windows-1251"`: "", "iso-8859-15": "", "Shift_JIS": "", "gb18030": "", "utf-16": BadCharset, "utf-16le": BadCharset, "utf-32": BadCharset, "iso-2022-jp": BadCharset, "iso-2022-kr": BadCharset, "hz-gb-2312": BadCharset, "utf-7": BadCharset, "x": BadCharset} {
		p := testPage(Fragment)
		p.Charset = label
		if _, r := run(p, "<p>", 9); r.Reason != want {
			t.Errorf("charset %s: %q, want %q", label, r.Reason, want)
		}
	}
}

func TestShapes(t *testing.T) {
	for _, page := range []string{
		`<form method=post>$`, `<p>`, `text<html>`, `<title>a</title>`, `<!doctype html>^<p>`, `<html><head>^`, `<head>^<p>`, `<!--x--><div>`,
	} {
		in, want := marked(page)
		if got, _ := run(testPage(Either), in, 3); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	p := testPage(Document)
	p.Token, p.Meta, p.Nonce = nil, "", "abc+/9_-=="
	if got, _ := run(p, "<head><form method=post>", 99); got != "<head><script nonce=abc+/9_-== src=/.sanmon/csrf.js></script><form method=post>" {
		t.Errorf("without a token: %q", got)
	}
	p.Nonce = `x"><script>`
	if got, _ := run(p, "<head>", 99); got != "<head><script src=/.sanmon/csrf.js></script>" {
		t.Errorf("with a bad nonce: %q", got)
	}
	p = testPage(Fragment)
	p.Token = func(path string) string { return `x">` }
	if got, _ := run(p, "<form method=post>", 99); got != "<form method=post>" {
		t.Errorf("with a token that is not inert: %q", got)
	}
}

func TestActions(t *testing.T) {
	for _, row := range [][2]string{
		{"", "/notes/1"}, {"x", "/notes/x"}, {"./x", "/notes/x"}, {"../x", "/x"}, {"../../x", "/x"}, {"..", "/"}, {".", "/notes/"}, {"/a/./b/../c", "/a/c"}, {"/a/%2e%2E/b", "/b"}, {"/a/.%2e", "/"}, {"?q", "/notes/1"},
		{"/a b", "/a%20b"}, {"/é", "/%C3%A9"}, {"/a//b", "/a//b"}, {"/a\\b", "/a/b"}, {" /a ", "/a"}, {"/{a}|~", "/%7Ba%7D|~"}, {"https://app.example.com", "/"}, {"https://app.example.com?x", "/"},
	} {
		var got string
		p := testPage(Fragment)
		p.Token = func(path string) string { got = path; return "" }
		run(p, `<form method=post action="`+row[0]+`">`, 99)
		if got != row[1] {
			t.Errorf("%q: %q, want %q", row[0], got, row[1])
		}
	}
}

func TestForeignButtonsAreCounted(t *testing.T) {
	_, r := run(testPage(Fragment), `<button formaction=//evil.example></button><form method=post><button formaction=/x></button><button formaction=//evil.example></button><input type=submit formaction=https://evil.example></form><input formaction=//evil.example>`, 7)
	if r.Foreign != 2 || r.Forms != 1 {
		t.Errorf("%+v", r)
	}
}

// TestNothingWaits: what is not the name of a tag leaves with the bytes that brought it.
func TestNothingWaits(t *testing.T) {
	j := NewInjector(testPage(Document))
	for _, piece := range []string{"<!doctype html><html><head>", "<title>Wor", "king</title><p", ">Working", " 10%", " 50%", "<", "br", ">done", "<form method=post", " action=/x", ">"} {
		if out := string(j.Push(nil, []byte(piece))); !strings.HasPrefix(out, piece) {
			t.Errorf("%q came out as %q", piece, out)
		}
	}
}

// check judges with the tree that golang.org/x/net/html builds: every field is inside the
// form that its place promised, and nowhere else.
func check(t *testing.T, page []byte, r Report, out []byte) {
	t.Helper()
	if bytes.Contains(page, []byte("_sanmon")) {
		return
	}
	if back := bytes.ReplaceAll(bytes.ReplaceAll(out, []byte(field), nil), []byte(top), nil); !bytes.Equal(back, page) {
		t.Fatalf("%q: bytes changed: %q", page, out)
	}
	for _, scripting := range []bool{true, false} {
		doc, err := html.ParseWithOptions(bytes.NewReader(out), html.ParseOptionEnableScripting(scripting))
		if err != nil {
			return
		}
		fields := 0
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode && n.DataAtom == atom.Input && attr(n, "name") == "_sanmon" {
				fields++
				if f := owner(n); f == nil || !strings.EqualFold(attr(f, "method"), "post") || strings.Contains(attr(f, "action"), "evil") {
					t.Fatalf("scripting %v: a field strayed in %q", scripting, out)
				}
			}
		}
		if !scripting && fields != r.Forms && !hasAny(page, "<noscript", "<frameset") { // a frameset takes the body away
			t.Fatalf("%d fields in the tree of %q, %d were added", fields, out, r.Forms)
		}
	}
}

// owner is the form that a browser associates a field with: in a table the form element
// pointer, which is the empty form before it (WHATWG HTML, Section 13.2.6.4.9), else the
// form around it.
func owner(n *html.Node) *html.Node {
	if f := n.PrevSibling; f != nil && f.DataAtom == atom.Form && f.FirstChild == nil {
		return f
	}
	for f := n.Parent; f != nil; f = f.Parent {
		if f.DataAtom == atom.Form {
			return f
		}
	}
	return nil
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func FuzzFieldsAreInTheirForms(f *testing.F) {
	for _, page := range corpus {
		f.Add([]byte(page+"<form method=post>"), 1)
	}
	for _, page := range []string{
		`<svg><title><form method=post></title></svg>`, `<table><tr><form method=post><td>`, `<select><option><form method=post>`, `<noscript><form method=post></form></noscript>`, `<template><form method=post>`,
		`<form action=//evil method=post><table><form method=post>`, `<math><mtext><svg><desc><form method=post>`, `<b><form method=post><i></b><form method=post></form><form method=post>`, `<p><form method=post></p></form><form method=post>`,
	} {
		f.Add([]byte(page), 2)
	}
	f.Fuzz(func(t *testing.T, page []byte, n int) {
		if n < 1 || n > 1<<16 || len(page) > 1<<12 {
			n = 1
		}
		for _, shape := range []Shape{Fragment, Document} {
			out, r := run(testPage(shape), string(page), n)
			if whole, _ := run(testPage(shape), string(page), 1<<20); whole != out {
				t.Fatalf("%q: %q in pieces of %d, %q as a whole", page, out, n, whole)
			}
			check(t, page, r, []byte(out))
		}
	})
}
