package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkTokenRoute is one request at the listener of a running gate, by access token
// and by session, in turns; the metric is the CPU time of the one by that of the other,
// client and backend included. It should be no more than 1.
func BenchmarkTokenRoute(b *testing.B) {
	g := startGate(b, b.TempDir(), "step_up")
	ada := g.person("ada", "writer")
	ask := func(name, value string) *http.Request {
		req, err := http.NewRequestWithContext(b.Context(), "GET", g.public+"/notes", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Host = "localhost:8080"
		// Heads of the same size, as in bench/: a token is longer than a cookie.
		req.Header = http.Header{"X-Forwarded-For": {home}, name: {value}, "X-Fill": {strings.Repeat("z", 900-len(name)-len(value))}}
		return req
	}
	byToken, bySession := ask("Authorization", "Bearer "+g.token(ada)), ask("Cookie", "sanmon="+ada.cookie)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: (&net.Dialer{Timeout: time.Second}).DialContext}}
	defer client.CloseIdleConnections()
	block := func(req *http.Request) (cost time.Duration) {
		before := cpuTime(b)
		for range 50 {
			res, err := client.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != 200 || !strings.Contains(string(body), "Sanmon-Assertion") {
				b.Fatalf("%d %s", res.StatusCode, body)
			}
		}
		return cpuTime(b) - before
	}
	block(byToken)
	block(bySession)
	var token, session time.Duration
	b.ReportAllocs()
	for b.Loop() {
		token += block(byToken)
		session += block(bySession)
	}
	b.ReportMetric(float64(token)/float64(session), "token/session")
	b.ReportMetric(float64(token.Microseconds())/float64(50*b.N), "µs-CPU/token-request")
}

// cpuTime is what this process has used of the processors.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
