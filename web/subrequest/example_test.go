package subrequest_test

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/subrequest"
)

func Example() {
	asked := &exchange.Request{Method: "GET", Target: "/.sanmon/forward-auth", Host: "sanmon", Fields: exchange.Header{
		"X-Original-Url":    {"https://app.example.com/notes/1"},
		"X-Original-Method": {"DELETE"},
	}}
	q, err := subrequest.Nginx.Read(asked, "/.sanmon/forward-auth")
	fmt.Println(q.Request.Method, q.Request.Host, q.Request.Target, err)

	asked.Fields = exchange.Header{"X-Original-Url": {"https://app.example.com/notes/1"}}
	_, err = subrequest.Nginx.Read(asked, "/.sanmon/forward-auth")
	fmt.Println(err)
	// Output:
	// DELETE app.example.com /notes/1 <nil>
	// target_ambiguous: forward-auth: X-Original-Method is missing (let the proxy send it)
}
