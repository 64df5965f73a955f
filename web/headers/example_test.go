package headers_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

func ExampleCheck() {
	fmt.Println(headers.Check(exchange.Header{"Origin": {"https://app.example.com", "https://evil.example"}}))
	// Output: header_ambiguous: Origin comes 2 times (send it once)
}

func ExampleForwardable() {
	for _, name := range []string{"Accept", "Remote-User", "Remote_user", "Connection"} {
		fmt.Println(name, headers.Forwardable(name))
	}
	// Output:
	// Accept true
	// Remote-User false
	// Remote_user false
	// Connection false
}

func ExampleHardenCookie() {
	fmt.Println(headers.HardenCookie("sessionid=x; Path=/", headers.CookieOptions{Secure: true}))
	fmt.Println(headers.HardenCookie("__Host-sanmon=x", headers.CookieOptions{Secure: true}))
	// Output:
	// sessionid=x; Path=/; Secure; HttpOnly; SameSite=Lax true
	//  false
}

func ExampleHandler() {
	floor, err := headers.NewFloor(headers.FloorOptions{HTTPS: true, HSTS: 365 * 24 * time.Hour})
	if err != nil {
		panic(err)
	}
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Powered-By", "app/1.0")
		http.SetCookie(w, &http.Cookie{Name: "sessionid", Value: "x"})
		fmt.Fprintf(w, "user %q", r.Header.Get("Remote-User"))
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Remote-User", "mallory")
	w := httptest.NewRecorder()
	headers.Handler(app, floor, headers.CookieOptions{Secure: true}).ServeHTTP(w, r)
	for _, name := range []string{"Content-Security-Policy", "Strict-Transport-Security", "X-Powered-By", "Set-Cookie"} {
		fmt.Println(name, w.Header()[name])
	}
	fmt.Println(w.Body)
	// Output:
	// Content-Security-Policy [object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self']
	// Strict-Transport-Security [max-age=31536000; includeSubDomains]
	// X-Powered-By []
	// Set-Cookie [sessionid=x; Secure; HttpOnly; SameSite=Lax]
	// user ""
}
