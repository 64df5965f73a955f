package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
)

// louder is a filter that makes a body one byte longer for each "a".
type louder struct{ closed *atomic.Int32 }

func (l louder) Push(dst, src []byte) []byte {
	return append(dst, bytes.ReplaceAll(src, []byte("a"), []byte("aa"))...)
}
func (l louder) Close(dst []byte) []byte { l.closed.Add(1); return append(dst, '.') }

// TestAhead: what is looked at first arrives as if it had not been; a body that was seen
// as a whole keeps a right length behind a filter.
func TestAhead(t *testing.T) {
	for _, tt := range []struct {
		size     int  // of the body
		chunked  bool // no Content-Length from the backend
		want     int  // how much is asked for
		filtered bool
		whole    bool  // seen as a whole
		length   int64 // of the answer; -1 chunked
	}{
		{10, false, 1 << 20, false, true, 10},
		{10, false, 1 << 20, true, true, 21},
		{10, true, 1 << 20, true, true, 21},
		{10, false, 0, true, false, 21}, // net/http itself knows the length of so little
		{maxAhead, false, 1 << 20, true, true, 2*maxAhead + 1},
		{maxAhead + 2, false, 1 << 20, true, false, -1},
		{1 << 20, false, 1 << 20, true, false, -1},
		{1 << 20, true, 1, false, false, -1},
		{1 << 20, false, 1, false, false, 1 << 20},
		{0, false, 1 << 20, false, false, 0},
	} {
		t.Run(fmt.Sprintf("%+v", tt), func(t *testing.T) {
			var closed atomic.Int32
			var seen atomic.Bool
			body := strings.Repeat("a", tt.size)
			app := backend(t, func(w http.ResponseWriter, _ *http.Request) {
				if !tt.chunked {
					w.Header().Set("Content-Length", fmt.Sprint(tt.size))
				} else {
					w.(http.Flusher).Flush()
				}
				_, _ = io.WriteString(w, body)
			})
			f := forwarder(t, app, Options{}, func(_ *http.Request, out *Outgoing) {
				out.Ahead = func(_ int, _ http.Header, head []byte) bool { return len(head) < tt.want }
				out.Release = func(_ int, h http.Header, head []byte, whole bool) Content {
					if seen.Store(whole); len(head) > maxAhead+1 || tt.want == 0 && len(head) > 0 {
						t.Errorf("%d bytes were shown", len(head))
					}
					if !tt.filtered {
						return Content{}
					}
					h.Del("Content-Length")
					return Content{Filter: louder{&closed}}
				}
			})
			res, err := http.Get(f.URL)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			want := body
			if tt.filtered {
				want = strings.ReplaceAll(body, "a", "aa") + "."
			}
			if err != nil || string(got) != want || res.ContentLength != tt.length {
				t.Errorf("%d bytes, length %d, %v; want %d and %d", len(got), res.ContentLength, err, len(want), tt.length)
			}
			if tt.filtered && closed.Load() != 1 || seen.Load() != tt.whole {
				t.Errorf("closed %d times, whole %v", closed.Load(), seen.Load())
			}
		})
	}
}

// TestRefusedAnswer: nothing of an answer that Release refuses is sent, and its connection
// is not used again half read.
func TestRefusedAnswer(t *testing.T) {
	var closed atomic.Int32
	app := backend(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "a=1")
		_, _ = io.WriteString(w, "secret")
	})
	f := forwarder(t, app, Options{}, func(_ *http.Request, out *Outgoing) {
		out.Ahead = func(int, http.Header, []byte) bool { return true }
		out.Release = func(int, http.Header, []byte, bool) Content {
			return Content{Filter: louder{&closed}, Refuse: refusal.New(refusal.Internal, "no")}
		}
	})
	for range 2 {
		res, err := http.Get(f.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if strings.Contains(string(body), "secret") || res.Header["Set-Cookie"] != nil || refusal.From(f.failure()).Code != refusal.Internal {
			t.Errorf("%d %v %s, %v", res.StatusCode, res.Header, body, f.failure())
		}
	}
	if closed.Load() != 2 {
		t.Errorf("the filter was closed %d times", closed.Load())
	}
}

// TestAheadOfABrokenBody: a backend that ends too early is seen by the client as before.
func TestAheadOfABrokenBody(t *testing.T) {
	r := rawBackend(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
	f := forwarder(t, r.url, Options{}, func(_ *http.Request, out *Outgoing) {
		out.Ahead = func(int, http.Header, []byte) bool { return true }
		out.Release = func(_ int, _ http.Header, head []byte, whole bool) Content {
			if string(head) != "half" || whole {
				t.Errorf("%q, whole %v", head, whole)
			}
			return Content{}
		}
	})
	res, err := http.Get(f.URL)
	if err == nil {
		_, err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	}
	if err == nil || f.cut() == nil {
		t.Error("a body that broke off was taken for complete")
	}
}
