package target_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sanmon-gate/sanmon/web/target"
)

func ExampleParse() {
	t, err := target.Parse("GET", "/tags/caf%C3%A9?page=2")
	fmt.Println(t.Path, t.Decoded, t.Query, err)
	_, err = target.Parse("GET", "/public/%2e%2e/admin")
	fmt.Println(err)
	// Output:
	// /tags/caf%C3%A9 /tags/café page=2 <nil>
	// target_ambiguous: the path has a dot segment (send the path it leads to)
}

func ExampleHost() {
	fmt.Println(target.Host("APP.Example.com.:443", "https"))
	// Output: app.example.com <nil>
}

func ExampleSafeReturn() {
	fmt.Println(target.SafeReturn("/notes?page=2"))
	fmt.Println(target.SafeReturn(`/\evil.example`))
	// Output:
	// /notes?page=2 true
	// / false
}

func ExampleHandler() {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello") })
	h := target.Handler(app, target.Options{})
	for _, path := range []string{"/notes", "/a%2Fb"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 hello
	// 400 {"type":"about:blank","title":"The address of this request can be read in more than one way.","status":400,"code":"target_ambiguous"}
}
