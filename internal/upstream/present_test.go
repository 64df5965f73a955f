package upstream

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestPresent: of a body that is longer than the buffer, what has come is given in one
// piece. What has not come is not waited for.
func TestPresent(t *testing.T) {
	text := strings.Repeat("page", 5<<10)
	written, more := make(chan struct{}, 1), make(chan struct{})
	b := serve(t, Options{}, func(c net.Conn) {
		for request(c) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text)+1, text)
			written <- struct{}{}
			<-more
			_, _ = io.WriteString(c, ".")
		}
	})
	room, together := make([]byte, 64<<10), false
	for range 50 { // even a loopback may take its time
		r, err := b.Do(context.Background(), get())
		if err != nil {
			t.Fatal(err)
		}
		<-written
		first, err := r.Read(room) // would hang if it waited for the last byte
		if err != nil {
			t.Fatal(err)
		}
		together = together || first == len(text)
		more <- struct{}{}
		n, err := io.ReadFull(r, room[first:len(text)+1])
		if err != nil || string(room[:first+n]) != text+"." {
			t.Fatalf("%d and %d bytes, %v", first, n, err)
		}
		if n, err := r.Read(room); n != 0 || err != io.EOF {
			t.Fatalf("at the end: %d bytes, %v", n, err)
		}
		_ = r.Close()
	}
	if !together {
		t.Error("it never came in one piece")
	}
	if n := b.conns.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// TestPresentIsCut: a connection that is cut while it has more is an error, as ever.
func TestPresentIsCut(t *testing.T) {
	text := strings.Repeat("page", 5<<10)
	b := serve(t, Options{}, func(c net.Conn) {
		request(c)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(text)+1, text)
	})
	q := get()
	q.Idle = time.Minute
	if _, body, err := do(t, b.Pool, q); err != io.ErrUnexpectedEOF || body != text {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}
