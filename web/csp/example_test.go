package csp_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sanmon-gate/sanmon/web/csp"
)

// A program without the gate: the template puts the nonce on its own scripts.
func ExampleHandler() {
	output, err := csp.NewOutput(csp.Enforce, csp.Strict{}, "")
	if err != nil {
		panic(err)
	}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<script nonce=%s>start()</script>", csp.NonceOf(r.Context())) //nature:allow a nonce is base64 that csp made
	})
	res := httptest.NewRecorder()
	csp.Handler(page, output).ServeHTTP(res, httptest.NewRequest("GET", "/", nil))

	nonce := csp.ParseList(res.Header()["Content-Security-Policy"])[0].Nonce()
	fmt.Println(strings.Contains(res.Body.String(), "nonce="+nonce), len(nonce), res.Header().Get("Cache-Control"))
	// Output: true 32 private, no-store
}

// A policy of a framework is tightened, never replaced.
func ExampleTighten() {
	backend := csp.ParseList([]string{"default-src 'self'; script-src 'self' 'nonce-Zm9v'"})
	fmt.Println(csp.Tighten(backend, csp.Parse("object-src 'none'; base-uri 'none'; form-action 'self'")))
	// Output: object-src 'none'; base-uri 'none'; form-action 'self'
}
