package waf_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/sanmon-gate/sanmon/waf"
)

// A Go program that runs without the gate.
func ExampleEngine_Handler() {
	engine, err := waf.New(waf.Options{Exclude: []string{"ARGS:article"}})
	if err != nil {
		panic(err)
	}
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "found nothing") })
	h := engine.Handler(app, nil)
	for _, target := range []string{"/?q=plumber", "/?q=1%27+OR+%271%27%3D%271", "/?article=%3Cscript%3E"} {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("User-Agent", "example")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 422
	// 200
}
