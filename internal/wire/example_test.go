package wire_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/wire"
)

func ExampleServer() {
	server, err := wire.New(wire.Config{
		Addr:      "127.0.0.1:0",
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "served") }),
		RequestID: func() string { return "4fJ2" },
		Refused:   func(r wire.Refusal) { fmt.Println("told:", r.RequestID, r.Reason) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Listen(); err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()

	c, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	answer, _ := io.ReadAll(c)
	_ = c.Close()
	status, _, _ := strings.Cut(string(answer), "\r\n")
	fmt.Println("client:", status)
	stop()
	fmt.Println("end:", <-done)
	// Output:
	// told: 4fJ2 Transfer-Encoding stands beside Content-Length [send one of them]
	// client: HTTP/1.1 400 Bad Request
	// end: <nil>
}
