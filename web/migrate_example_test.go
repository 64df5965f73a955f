package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/origin"
)

// Instead of csrf.Protect of gorilla/csrf, or nosurf.New: the origin outside, the token
// inside, and an answer of the program's own.
func Example_migrate() {
	ring := secret.NewRing(secret.PurposeCSRF, secret.Key{Version: 1, Value: secret.New(bytes.Repeat([]byte{7}, 32))})
	guard := &csrf.Guard{
		Tokens: &csrf.Tokens{Ring: ring, Origin: "https://app.example.com"},
		Refuse: func(w http.ResponseWriter, _ *http.Request, why *refusal.Refusal) { // was ErrorHandler, SetFailureHandler
			http.Error(w, "please load the page again", why.Status())
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(csrf.Token(r)) // was csrf.Token(r), nosurf.Token(r)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, _ *http.Request) {
		guard.Renew(w) // was nothing, or nosurf.RegenerateToken: tokens from before the login end
	})
	protected := origin.Handler(guard.Handler(mux), origin.Policy{Public: []string{"https://app.example.com"}})

	// Hooks have no token: they stay outside of the guard, by their whole path.
	all := http.NewServeMux() // was csrf.UnsafeSkipCheck, nosurf ExemptPath
	all.Handle("/", protected)
	all.HandleFunc("POST /hooks/payment", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "checked by its signature") })

	ask := func(method, path, token, cookie string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		if token != "" {
			r.Header.Set(csrf.HeaderName, token) // was X-CSRF-Token
			r.Header.Set("Cookie", cookie)
		}
		r.Header.Set("Origin", "https://app.example.com")
		w := httptest.NewRecorder()
		all.ServeHTTP(w, r)
		return w
	}
	page := ask("GET", "/token", "", "")
	cookie, _, _ := strings.Cut(page.Header().Get("Set-Cookie"), ";")
	var token string
	_ = json.Unmarshal(page.Body.Bytes(), &token)

	fmt.Println(ask("POST", "/login", "", "").Code)
	login := ask("POST", "/login", token, cookie)
	fmt.Println(login.Code)
	lines := login.Header()["Set-Cookie"]
	fresh, _, _ := strings.Cut(lines[len(lines)-1], ";")
	fmt.Println(ask("POST", "/login", token, fresh).Code, "a token from before the login")
	fmt.Println(ask("POST", "/hooks/payment", "", "").Code)
	// Output:
	// 403
	// 200
	// 403 a token from before the login
	// 200
}
