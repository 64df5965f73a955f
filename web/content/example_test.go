package content_test

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/web/content"
)

func ExampleEscaper() {
	var e content.Escaper
	out := e.Push(nil, []byte(`{"comment":"<scr`)) // in pieces of any size
	out = e.Push(out, []byte(`ipt>alert(1)</script>"}`))
	fmt.Printf("%s\n", e.Close(out))
	// Output:
	// {"comment":"\u003cscript\u003ealert(1)\u003c/script\u003e"}
}

func ExampleSettle() {
	body := []byte(`{"comment":"<script>"}`)
	fmt.Println(content.Settle("text/html", body, true))
	// Output:
	// application/json json_as_html_corrected
}
