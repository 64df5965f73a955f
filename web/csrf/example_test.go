package csrf_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

func tokens() *csrf.Tokens {
	key := secret.Key{Version: 1, Value: secret.New(bytes.Repeat([]byte{7}, 32))} // keep yours sealed: secret.LoadRing
	return &csrf.Tokens{
		Ring:   secret.NewRing(secret.PurposeCSRF, key),
		Origin: "https://app.example.com",
		Spent:  &csrf.MemorySpent{},
	}
}

// A form that may be sent once: the second time is told apart from a forged one.
func Example() {
	t, now, session := tokens(), time.Now(), []byte("binding of the session")
	scope := csrf.Scope("POST", "/pay")

	token := t.Issue(csrf.Once, session, scope, now)
	for range 2 {
		proof, err := t.Verify(token, csrf.Once, [][]byte{session}, scope, now)
		if err == nil {
			err = t.Redeem(context.Background(), proof)
		}
		fmt.Println(err)
	}
	_, err := t.Verify(token, csrf.Once, [][]byte{session}, csrf.Scope("POST", "/other"), now)
	fmt.Println(refusal.From(err).Code)
	// Output:
	// <nil>
	// csrf_spent: the once token was used before (load the form again)
	// csrf_invalid
}

// A Go program that runs without the gate.
func ExampleGuard() {
	guard := &csrf.Guard{Tokens: tokens()}
	app := guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprint(w, "hello ", r.FormValue("name"))
			return
		}
		fmt.Fprint(w, csrf.Token(r)) // in a page: <input type="hidden" name="_sanmon" value="…">
	}))
	protected := http.NewCrossOriginProtection().Handler(app)

	page := httptest.NewRecorder()
	protected.ServeHTTP(page, httptest.NewRequest("GET", "/", nil))

	for _, token := range []string{page.Body.String(), ""} {
		r := httptest.NewRequest("POST", "/", strings.NewReader("name=Ann&_sanmon="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", strings.Split(page.Header().Get("Set-Cookie"), ";")[0])
		answer := httptest.NewRecorder()
		protected.ServeHTTP(answer, r)
		fmt.Println(answer.Code, strings.TrimSpace(answer.Body.String()))
	}
	// Output:
	// 200 hello Ann
	// 403 The form's security token is missing. Reload the page and try again.
}
