package origin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/origin"
)

func ExamplePolicy_Read() {
	p := origin.Policy{Public: []string{"https://app.example.com"}}
	r := &exchange.Request{Method: "POST", Fields: exchange.Header{
		"Sec-Fetch-Site": {"same-origin"}, // says so, but
		"Origin":         {"https://evil.example"},
	}}
	v, err := p.Read(r)
	fmt.Println(err)
	fmt.Println(v.Admit(origin.Effectful(r), origin.Ambient(r.Fields)))
	// Output:
	// <nil>
	// origin_foreign: Origin is https://evil.example, not ours (if browsers see this site there, it must be public_url)
}

func ExampleHandler() {
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "saved") })
	h := origin.Handler(app, origin.Policy{Public: []string{"https://app.example.com"}})
	for _, from := range []string{"https://app.example.com", "https://evil.example"} {
		r := httptest.NewRequest("POST", "/notes", nil)
		r.Header.Set("Origin", from)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 403
}
