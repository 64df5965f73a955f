package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// upstream serves three fixed answers as cheaply as net.Conn allows, so that little of a
// shared core goes into it. It understands what the proxies send: HTTP/1.1 with
// Content-Length or chunks. /check answers what the request carried.
func upstream(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	json := answer("application/json", jsonBody())
	page := htmlBody()
	html := answer("text/html; charset=utf-8", page)
	created := answer("application/json", []byte(`{"ok":true}`))
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go serve(c, json, html, created, page)
	}
}

func answer(contentType string, body []byte) []byte {
	return append(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nDate: Wed, 25 Nov 2026 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n", contentType, len(body)), body...)
}

func jsonBody() []byte {
	return fmt.Appendf(nil, `{"title":"note","body":"%s"}`, strings.Repeat("x", 1024-27))
}

// htmlBody is a page of 20 KiB with three forms: text, links and boxes as applications
// have them, the page of BenchmarkPage in internal/server.
func htmlBody() []byte {
	const text = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief. "
	page := "<!doctype html><html lang=en><head><meta charset=utf-8><title>Notes</title><link rel=stylesheet href=/app.css></head><body>" +
		strings.Repeat(`<section class="card"><h2>A title</h2><p class="text">`+text+`</p><form method="post" action="/s/notes"><label>Title <input name="title"></label><button>Save</button></form></section>`, 3)
	for len(page) < 20<<10 {
		page += `<div class="item"><a href="/s/17">Note</a> <span class="date">2026-11-25</span><p>` + text + text + "</p></div>\n"
	}
	return []byte(page + "</body></html>")
}

func serve(c net.Conn, json, html, created, page []byte) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		head, err := readHead(r)
		if err != nil {
			return
		}
		if err := skipBody(r, head); err != nil {
			return
		}
		out := json
		method, rest, _ := bytes.Cut(head, []byte(" "))
		path, _, _ := bytes.Cut(rest, []byte(" "))
		switch {
		case string(method) == "POST":
			out = created
		case bytes.HasSuffix(path, []byte("/slow.txt")):
			if slow(c, "text/plain; charset=utf-8", page) != nil {
				return
			}
			continue
		case bytes.HasSuffix(path, []byte("/slow.html")), bytes.HasSuffix(path, []byte("/slow/html")):
			if slow(c, "text/html; charset=utf-8", page) != nil {
				return
			}
			continue
		case bytes.HasSuffix(path, []byte("/html")):
			out = html
		case bytes.HasSuffix(path, []byte("/check")):
			out = answer("text/html", fmt.Appendf(nil, "assertion=%t credentials=%t", field(head, "sanmon-assertion") != "", strings.Contains(string(head), "smk_") || strings.Contains(field(head, "cookie"), "sanmon=")))
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}

// readHead returns a head with its blank line; it is valid until the next read.
func readHead(r *bufio.Reader) ([]byte, error) {
	for size := 1; ; {
		if _, err := r.Peek(size); err != nil {
			return nil, err
		}
		b, _ := r.Peek(r.Buffered())
		if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
			head := b[:i+4]
			_, err := r.Discard(i + 4)
			return head, err
		}
		size = len(b) + 1
	}
}

func skipBody(r *bufio.Reader, head []byte) error {
	if n := field(head, "content-length"); n != "" {
		size, err := strconv.Atoi(n)
		if err != nil {
			return err
		}
		_, err = r.Discard(size)
		return err
	}
	if field(head, "transfer-encoding") == "" {
		return nil
	}
	_, err := io.Copy(io.Discard, httputil.NewChunkedReader(r))
	if err == nil {
		_, err = r.ReadString('\n') // the blank line after the trailer
	}
	return err
}

// field finds a field by its lower-case name.
func field(head []byte, name string) string {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if n, v, ok := bytes.Cut(line, []byte(":")); ok && len(n) == len(name) && strings.EqualFold(string(n), name) {
			return strings.TrimSpace(string(v))
		}
	}
	return ""
}

// bare is the reference: httputil.ReverseProxy with a transport that keeps enough
// connections, a buffer pool, and nothing else.
func bare(addr, to string) error {
	target, err := url.Parse("http://" + to)
	if err != nil {
		return err
	}
	pool := make(buffers, 256)
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		BufferPool: pool,
		Transport: &http.Transport{
			MaxIdleConns: 1024, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
			DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, ResponseHeaderTimeout: 30 * time.Second,
		},
	}
	s := &http.Server{Addr: addr, Handler: proxy, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 75 * time.Second}
	return s.ListenAndServe()
}

// buffers is an httputil.BufferPool.
type buffers chan []byte

func (p buffers) Get() []byte {
	select {
	case b := <-p:
		return b
	default:
		return make([]byte, 32<<10)
	}
}

func (p buffers) Put(b []byte) {
	select {
	case p <- b:
	default:
	}
}
