package e2e_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// BenchmarkForwardAuth compares the processor time of requests through nginx that asks
// Sanmon with that through the same nginx that asks a trivial auth server, in rounds that
// alternate. The figures are of the processes, not of the clock:
//
//	go test ./e2e -run xxx -bench ForwardAuth -benchtime 40000x
func BenchmarkForwardAuth(b *testing.B) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"ok":true}`)) }))
	defer backend.Close()
	port, err := harness.FreePort()
	if err != nil {
		b.Fatal(err)
	}
	site := fmt.Sprintf("localhost:%d", port)
	g := harness.StartGate(b, harness.Options{Upstream: backend.URL, Config: `version: 1
public_url: https://` + site + `
listen: { public: "{PUBLIC}", admin: "{ADMIN}" }
tls: { behind_proxy: true }
client_ip: { trusted_proxies: ["127.0.0.0/8"] }
forward_auth: { profile: nginx }
log: { level: warn }
store: sqlite:./data/sanmon.db
master_key: file:./data/master.key
limits: { network: { rate: 1000000/s, burst: 1000000 }, failures: { rate: 100000/10m, burst: 100000 } }
upstreams: { app: { url: "{UPSTREAM}" } }
roles: { reader: ["notes:read"] }
session: { rotate: 1d, absolute: 2d }
routes:
  - { id: private, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session], require: ["notes:read"] }
`})
	g.AddUser(b, reader, "reader")
	trivial, trivialProcess := harness.StartTrivialAuth(b)
	other, err := harness.FreePort()
	if err != nil {
		b.Fatal(err)
	}
	fronts := [2]*harness.Process{
		harness.StartFront(b, harness.Nginx, port, g.Direct(), backend.URL),
		harness.StartFront(b, harness.Nginx, other, trivial, backend.URL),
	}
	servers := [2]*harness.Process{g.Process, trivialProcess}
	g.URL, g.Addr, g.Secure = "https://"+site, fmt.Sprintf("127.0.0.1:%d", port), true
	ada := g.Client(b)
	ada.Login(b, reader)
	cookie := g.CookieName() + "=" + ada.Cookie(b)
	urls := [2]string{fmt.Sprintf("https://127.0.0.1:%d", port), fmt.Sprintf("https://127.0.0.1:%d", other)}

	const rounds = 4
	var auth, all [2]time.Duration
	for range rounds {
		for i := range 2 {
			before, beforeFront := harness.CPU(b, servers[i]), harness.CPU(b, fronts[i])
			load(b, urls[i]+"/private/x", site, cookie, max(1, b.N/rounds))
			used := harness.CPU(b, servers[i]) - before
			auth[i] += used
			all[i] += used + harness.CPU(b, fronts[i]) - beforeFront
		}
	}
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(b.N) }
	b.ReportMetric(per(auth[0]), "sanmon-cpu-µs/op")
	b.ReportMetric(per(auth[1]), "trivial-cpu-µs/op")
	if auth[1] > 0 {
		b.ReportMetric(float64(auth[0])/float64(auth[1]), "auth-ratio")
		b.ReportMetric(float64(all[0])/float64(all[1]), "with-nginx-ratio")
	}
}

// load sends n requests over eight connections.
func load(b *testing.B, url, host, cookie string, n int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	bare := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 8}}
	defer bare.CloseIdleConnections()
	for range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				req, err := http.NewRequest("GET", url, nil)
				if err != nil {
					b.Error(err)
					return
				}
				req.Host = host
				req.Header.Set("Cookie", cookie)
				req.Header.Set("Sec-Fetch-Site", "same-origin")
				res, err := bare.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != 200 {
					b.Errorf("status %d", res.StatusCode)
					return
				}
			}
		})
	}
	wg.Wait()
}
