package upstream

import (
	"errors"
	"testing"
)

// waiting is a connection on which nothing more comes.
type waiting struct{ script }

var errWaits = errors.New("a read waits")

func (w *waiting) Read(p []byte) (int, error) {
	if len(w.left) == 0 {
		return 0, errWaits
	}
	return w.script.Read(p)
}

// Where Here says yes, Read gives something without a wait.
func TestHere(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for answer, want := range map[string]bool{
		chunked: false, chunked + "5": false, chunked + "5\r": false, chunked + "5\r\n": false, chunked + "5\r\nh": true, chunked + "5;x\r\nhello\r\n": true,
		chunked + "0\r\n": false, chunked + "0\r\nX: y\r\n": false, chunked + "0\r\n\r\n": false, chunked + "00\r\nX": false, chunked + "05\r\nh": false, // too careful
		"HTTP/1.1 200 OK\r\n\r\n": false, "HTTP/1.1 200 OK\r\n\r\nh": true,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n": false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nh": true,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n": false,
		chunked + "zz\r\nh":                            true, // the fault is here
	} {
		c := &conn{net: &waiting{script{left: []byte(answer), step: 1 << 20}}, buf: make([]byte, readBuffer), kill: func() {}}
		r, err := c.answer(get())
		if err != nil {
			t.Fatalf("%q: %v", answer, err)
		}
		if got := r.Here(); got != want {
			t.Errorf("%q: %v, want %v", answer, got, want)
		}
		if !want {
			continue
		}
		if n, err := r.Read(make([]byte, 10)); n == 0 && (err == nil || errors.Is(err, errWaits)) {
			t.Errorf("%q: %d bytes, %v", answer, n, err)
		}
	}
}
