package markup_test

import (
	"fmt"
	"os"

	"github.com/sanmon-gate/sanmon/web/markup"
)

// A page passes in pieces; the form that posts to us gets its field, the other one does not.
func ExampleInjector() {
	j := markup.NewInjector(markup.Page{
		Origin: "https://app.example.com", Path: "/notes/", Charset: "utf-8", Shape: markup.Document,
		Field: "_sanmon", Token: func(path string) string { return "token_for" + path[1:6] },
		Meta: "token", Script: "/.sanmon/csrf.js",
	})
	var out []byte
	for _, piece := range []string{"<!doctype html><he", "ad><title>Notes</title>\n<form method=post act", "ion=save></form>\n<form method=post action=//other.example/></form>\n"} {
		out = j.Push(out, []byte(piece))
	}
	out = j.Close(out)
	_, _ = os.Stdout.Write(out)
	fmt.Printf("%d form, reason %q\n", j.Report().Forms, j.Report().Reason)
	// Output:
	// <!doctype html><head><meta name=sanmon content=token><script src=/.sanmon/csrf.js></script><title>Notes</title>
	// <form method=post action=save><input type=hidden name=_sanmon value=token_fornotes></form>
	// <form method=post action=//other.example/></form>
	// 1 form, reason ""
}

func ExampleScanner() {
	page := []byte(`<p title="<form>">text<form action=/search>`)
	s := markup.Scanner{Want: markup.NamesOf(markup.Form)}
	for len(page) > 0 {
		n, event := s.Scan(page)
		if event == markup.TagEvent {
			action, _ := markup.Attribute(s.Tag().Attrs, "action")
			fmt.Printf("form at %d posts to %s\n", s.Tag().Start, action)
		}
		page = page[n:]
	}
	// Output: form at 22 posts to /search
}
