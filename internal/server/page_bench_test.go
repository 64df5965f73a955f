package server

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/internal/proxy"
)

// pageBackend answers every request with a page of 20 KiB with three forms, at the least
// cost that a backend can have.
func pageBackend(b *testing.B) string {
	const text = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief. "
	page := "<!doctype html><html lang=en><head><meta charset=utf-8><title>Notes</title><link rel=stylesheet href=/app.css></head><body>" +
		strings.Repeat("<section class=\"card\"><h2>A title</h2><p class=\"text\">"+text+"</p><form method=\"post\" action=\"/s/notes\"><label>Title <input name=\"title\"></label><button>Save</button></form></section>", 3)
	for len(page) < 20<<10 {
		page += "<div class=\"item\"><a href=\"/s/17\">Note</a> <span class=\"date\">2026-11-25</span><p>" + text + text + "</p></div>\n"
	}
	answer := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: Wed, 25 Nov 2026 12:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", len(page), page))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				r := bufio.NewReader(c)
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						if _, err := c.Write(answer); err != nil {
							return
						}
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// discard is a client that takes everything and costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) FlushError() error           { return nil }
func (d *discard) EnableFullDuplex() error     { return nil }

// BenchmarkPage compares a page of 20 KiB with three forms through the gate, with all of
// layer 1, with the same page through a bare reverse proxy.
func BenchmarkPage(b *testing.B) {
	backend := pageBackend(b)
	target, err := url.Parse(backend)
	if err != nil {
		b.Fatal(err)
	}
	h, gate, _ := house(b, http.NotFoundHandler())
	for name, up := range h.State().Backends {
		up.Close()
		next, err := newBackend(name, backend)
		if err != nil {
			b.Fatal(err)
		}
		h.State().Backends[name] = next
	}
	h.Account = nil
	bare := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
	for _, row := range []struct {
		name    string
		handler http.Handler
		dest    string
	}{{"bare", bare, "document"}, {"gate-picture", h, "image"}, {"gate-page", h, "document"}} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest("GET", "/s/notes", nil)
				r.Host = strings.TrimPrefix(gate.URL, "http://")
				r.RemoteAddr = "127.0.0.1:4711"
				r.Header = http.Header{"Cookie": {"sanmon=good"}, "Accept": {"text/html"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {row.dest}, "Accept-Encoding": {"gzip, br"}, "User-Agent": {"bench"}}
				w := discard{header: http.Header{}}
				row.handler.ServeHTTP(&w, r.WithContext(context.Background()))
				if row.name == "gate-page" && w.header.Get("Cache-Control") != "private, no-store" {
					b.Fatal("the page got no token: ", w.header)
				}
			}
		})
	}
}

func newBackend(name, url string) (*proxy.Backend, error) {
	return proxy.New(proxy.Options{Name: name, URL: url})
}
