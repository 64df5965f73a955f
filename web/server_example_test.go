// Package web_test holds the examples that use several packages of this layer together.
// docs/middleware.md shows them.
package web_test

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csp"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/nature"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/target"
)

const public = "https://app.example.com"

// Note says of each field what it is when it is put out.
type Note struct {
	ID    int    `out:"never"`
	Title string `out:"text"`
	Home  string `out:"url"`
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<script nonce="{{.Nonce}}" src="/app.js"></script>
<form method="post" action="/notes"><input type="hidden" name="_sanmon" value="{{.Token}}"><input name="title"></form>
{{range .Notes}}<p><a href="{{.Home}}">{{.Title}}</a></p>{{end}}
`))

// notes is the program: it knows nothing of the packages around it but the token, the
// nonce, and that what it shows goes through a view.
type notes struct {
	out *nature.Output
	all []Note
}

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		n.all = append(n.all, Note{ID: len(n.all) + 1, Title: r.FormValue("title"), Home: r.FormValue("home")})
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	views, err := n.out.View(n.all)
	if err != nil {
		http.Error(w, "cannot show this", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, map[string]any{"Nonce": csp.NonceOf(r.Context()), "Token": csrf.Token(r), "Notes": views})
}

// guarded puts the layer around a program, outermost last.
func guarded(app http.Handler, ring *secret.Ring) (http.Handler, error) {
	policy, err := csp.NewOutput(csp.Enforce, csp.Strict{}, "")
	if err != nil {
		return nil, err
	}
	floor, err := headers.NewFloor(headers.FloorOptions{HTTPS: true, HSTS: 365 * 24 * time.Hour})
	if err != nil {
		return nil, err
	}
	guard := &csrf.Guard{Tokens: &csrf.Tokens{Ring: ring, Origin: public}}

	h := csp.Handler(app, policy)                                      // the policy of pages, and their nonce
	h = guard.Handler(h)                                               // a token for every method that writes
	h = origin.Handler(h, origin.Policy{Public: []string{public}})     // from our own pages only
	h = headers.Handler(h, floor, headers.CookieOptions{Secure: true}) // the floor of every answer; no ambiguous header
	return target.Handler(h, target.Options{}), nil                    // one meaning for each address
}

func Example() {
	// A real program keeps its key sealed: secret.LoadRing.
	ring := secret.NewRing(secret.PurposeCSRF, secret.Key{Version: 1, Value: secret.New(bytes.Repeat([]byte{7}, 32))})
	app, err := guarded(&notes{out: nature.Must(nature.Options{})}, ring)
	if err != nil {
		panic(err)
	}
	get := httptest.NewRecorder()
	app.ServeHTTP(get, httptest.NewRequest("GET", "/", nil))
	cookie, _, _ := strings.Cut(get.Header().Get("Set-Cookie"), ";")
	token := regexp.MustCompile(`name="_sanmon" value="([^"]+)"`).FindStringSubmatch(get.Body.String())[1]

	send := func(from, token string) {
		form := url.Values{"title": {"<script>steal()</script>"}, "home": {"javascript:steal()"}, "_sanmon": {token}}
		r := httptest.NewRequest("POST", "/notes", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", cookie)
		r.Header.Set("Origin", from)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		fmt.Println(w.Code, from)
	}
	send("https://evil.example", token)
	send(public, "")
	send(public, token)

	again := httptest.NewRecorder()
	app.ServeHTTP(again, httptest.NewRequest("GET", "/", nil))
	fmt.Println(strings.Contains(again.Body.String(), `<p><a href="">&lt;script&gt;steal()&lt;/script&gt;</a></p>`))
	for _, name := range []string{"X-Content-Type-Options", "Strict-Transport-Security"} {
		fmt.Println(again.Header().Get(name))
	}
	// Output:
	// 403 https://evil.example
	// 403 https://app.example.com
	// 303 https://app.example.com
	// true
	// nosniff
	// max-age=31536000; includeSubDomains
}
