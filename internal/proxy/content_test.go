package proxy

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// brackets puts each piece between brackets, holds the last byte of each back, and counts
// how often it was closed.
type brackets struct {
	held   []byte
	closed atomic.Int32
}

func (b *brackets) Push(dst, src []byte) []byte {
	dst = append(append(append(dst, '['), b.held...), src[:len(src)-1]...)
	b.held = append(b.held[:0], src[len(src)-1])
	return append(dst, ']')
}

func (b *brackets) Close(dst []byte) []byte {
	b.closed.Add(1)
	return append(dst, b.held...)
}

func filtering(f *brackets) func(*http.Request, *Outgoing) {
	return func(_ *http.Request, out *Outgoing) {
		out.Release = func(_ int, h http.Header, _ []byte, _ bool) Content {
			h.Del("Content-Length")
			return Content{Filter: f}
		}
	}
}

func TestFilteredBody(t *testing.T) {
	for _, row := range []struct{ method, answer, want string }{
		{"GET", "Content-Length: 5\r\n\r\nhello", "[hell]o"},
		{"GET", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "[hell]o"},
		{"GET", "Content-Length: 0\r\n\r\n", ""},
		{"HEAD", "Content-Length: 5\r\n\r\n", ""},
	} {
		var filter brackets
		f := forwarder(t, rawBackend(t, "HTTP/1.1 200 OK\r\n"+row.answer).url, Options{}, filtering(&filter))
		req, _ := http.NewRequest(row.method, f.URL, nil)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(body) != row.want || err != nil || filter.closed.Load() != 1 {
			t.Errorf("%s %q: %q, %v, closed %d times", row.method, row.answer, body, err, filter.closed.Load())
		}
	}
}

// A body that breaks off stays broken, and its filter is closed.
func TestFilteredBodyThatBreaksOff(t *testing.T) {
	var filter brackets
	f := forwarder(t, rawBackend(t, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello").url, Options{}, filtering(&filter))
	res, err := http.Get(f.URL)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err == nil || filter.closed.Load() != 1 {
		t.Errorf("%v, closed %d times", err, filter.closed.Load())
	}
}

// What a filter gives for a piece leaves before the next piece is there.
func TestFilteredStreamDoesNotWait(t *testing.T) {
	next := make(chan string)
	var filter brackets
	f := forwarder(t, backend(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		for piece := range next {
			_, _ = io.WriteString(w, piece)
			w.(http.Flusher).Flush()
		}
	}), Options{}, filtering(&filter))
	res, err := http.Get(f.URL) // the head comes before the body
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	for _, piece := range []struct{ sent, want string }{{"one ", "[one]"}, {"two ", "[ two]"}} {
		select {
		case next <- piece.sent:
		case <-time.After(5 * time.Second):
			t.Fatal("the backend is stuck")
		}
		n, err := res.Body.Read(buf)
		if string(buf[:n]) != piece.want || err != nil {
			t.Errorf("%q, %v, want %q", buf[:n], err, piece.want)
		}
	}
	close(next)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}

func TestDecodedBody(t *testing.T) {
	f := forwarder(t, rawBackend(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").url, Options{}, func(_ *http.Request, out *Outgoing) {
		out.Release = func(_ int, h http.Header, _ []byte, _ bool) Content {
			h.Del("Content-Length")
			return Content{Decode: func(r io.Reader) io.Reader {
				b, _ := io.ReadAll(r)
				return bytes.NewReader(bytes.ToUpper(b))
			}}
		}
	})
	res, err := http.Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if !strings.EqualFold(string(body), "hello") || string(body) == "hello" {
		t.Errorf("%q", body)
	}
}
