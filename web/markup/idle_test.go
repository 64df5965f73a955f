package markup

import (
	"strings"
	"testing"
)

// Every name that the tokenizer acts on stops skipIdle, in any case, as start and end tag.
func TestWhatStopsSkipIdle(t *testing.T) {
	known := "base body button form frameset head html iframe input math meta noembed noframes noscript plaintext script select style svg template textarea title xmp"
	for name := range strings.FieldsSeq(known) {
		if n := nameOf([]byte(name)); n == Other || plainly.has(n) {
			t.Errorf("%s is skipped", name)
		}
		for _, tag := range []string{"<" + name + ">", "</" + name + ">", "<" + strings.ToUpper(name) + " a=\"b\">", "<" + name + "/>"} {
			if got := skipIdle([]byte("<p>text</p>"+tag), 0); got != 11 {
				t.Errorf("%s: at %d", tag, got)
			}
		}
	}
}

// Only what is whole and plain is skipped.
func TestSkipIdle(t *testing.T) {
	for src, want := range map[string]int{
		"":                                0,
		"text":                            4,
		"a<b>c</b>d":                      10,
		"<div class=\"a>b\"><span>":       23,
		"<h1>x</h1><br/><hr />":           21,
		"<a href=\"x\"data-y=\"<form>\">": 27,
		"a<":                              1,
		"a<di":                            1,
		"<p>a<div class":                  4,
		"<p>a</div ":                      4,
		"<p><div class=x>":                3,
		"<p><div class='x'>":              3,
		"<p><div hidden>":                 3,
		"<p><my-element>":                 3,
		"<p><!-- <form> -->":              3,
		"<p></p a>":                       3,
		"<p></>":                          3,
		"<p><1>":                          3,
		"<p><a\x00>":                      3,
		"<p><a/b>":                        3,
		"<p>" + "<" + strings.Repeat("a", 40) + ">": 3 + 42,
	} {
		if got := skipIdle([]byte(src), 0); got != want {
			t.Errorf("%q: %d, want %d", src, got, want)
		}
	}
}
