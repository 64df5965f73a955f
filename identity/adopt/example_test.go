package adopt_test

import (
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/identity/adopt"
)

// A backend signs somebody in: its cookie is held, and sent on the next request.
func Example() {
	rules := &adopt.Rules{Upstream: "shop", Origin: "https://shop.example.com", Cookies: []string{"sessionid"}, Login: []string{"/login/"}}
	now := time.Now()
	set, _ := adopt.ParseSet("sessionid=k7; Path=/; HttpOnly", "/login/", now)

	verdict, held := rules.Judge(adopt.Answer{Path: "/login/", Effect: true, Status: 302, Location: "/", Set: []adopt.Cookie{set}}, adopt.Held{Upstream: "shop"}, false, now)
	fmt.Println(verdict == adopt.Begin, held.Append("csrftoken=x", "/orders/", now))

	verdict, _ = rules.Judge(adopt.Answer{Path: "/orders/", Status: 403}, held, true, now)
	fmt.Println(verdict == adopt.Keep)
	// Output:
	// true csrftoken=x; sessionid=k7
	// true
}
