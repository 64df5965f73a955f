package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const limitedRoutes = `
  - { id: several, match: { path: "/echo/several" }, boundary: [session, key], limit: [ { rate: 100/h, burst: 5, per: caller }, { rate: 100/h, burst: 3, per: route } ] }
  - { id: quota, match: { path: "/echo/quota" }, boundary: [session, key], limit: { quota: 3/month, per: subject } }
  - { id: slow, match: { path: "/slow", methods: [GET] }, boundary: [session, key], limit: { concurrency: 1 } }
  - { id: events, match: { path: "/events", methods: [GET] }, boundary: [session, key], limit: { concurrency: 1, per: route } }
  - { id: theirs, match: { path: "/headers/{name}" }, boundary: public, limit: { rate: 100/h } }
`

// TestSeveralLimits: all of a route's limits hold, none is used up by a request that
// another one refuses, and each is told.
func TestSeveralLimits(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: limitedRoutes})
	g.AddUser(t, writer, "writer")
	ada := signedIn(t, g, writer)
	for i := range 3 {
		a := ada.Get(t, "/echo/several")
		want(t, "several", a, 200, "")
		if got, w := a.Header["Ratelimit"], fmt.Sprintf(`"route";r=%d;t=36, "route-2";r=%d;t=36`, 4-i, 2-i); len(got) != 1 || got[0] != w {
			t.Errorf("RateLimit %q, want %q", got, w)
		}
		if got := a.Header["Ratelimit-Policy"]; len(got) != 1 || got[0] != `"route";q=100;w=3600, "route-2";q=100;w=3600` {
			t.Errorf("RateLimit-Policy %q", got)
		}
	}
	for range 3 {
		a := ada.Get(t, "/echo/several")
		want(t, "several, refused", a, 429, "rate_limited")
		if got := a.Header.Get("Ratelimit"); !strings.HasPrefix(got, `"route";r=2;`) {
			t.Errorf("a refused request used up the other limit: %q", got)
		}
	}
	one, two := newKey(t, g, writer, "--role", "reader"), newKey(t, g, writer, "--role", "reader")
	for i, k := range []harness.Key{one, two, one} {
		want(t, "quota "+strconv.Itoa(i), g.Client(t).Get(t, "/echo/quota", "X-Api-Key", k.Key), 200, "")
	}
	a := ada.Get(t, "/echo/quota")
	want(t, "quota over all keys and sessions", a, 429, "rate_limited")
	if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 31*86400 || !strings.Contains(a.Header.Get("Ratelimit-Policy"), `"route-month";q=3;w=2678400`) {
		t.Errorf("%v", a.Header)
	}
}

// TestOwnLimitsOfAKey: a key carries several limits; all of them hold, all or none, beside
// those of the route, and its answers tell where they stand.
func TestOwnLimitsOfAKey(t *testing.T) {
	t.Parallel()
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: "  - { id: open, match: { path: \"/{rest...}\" }, boundary: key }\n"})
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	k := newKey(t, g, writer, "--role", "reader", "--limit", "100/h", "--limit", "quota:3/month")
	if out := g.CLI(t, "", "key", "show", k.ID, "--json"); !strings.Contains(strings.ReplaceAll(out, " ", ""), `"limit":"100/h,quota:3/month"`) {
		t.Errorf("key show: %s", out)
	}
	for i := range 5 {
		a := c.Get(t, "/echo/x", "X-Api-Key", k.Key)
		status, left := 200, fmt.Sprintf(`"key";r=%d;`, 99-i)
		if i > 2 {
			status, left = 429, `"key";r=97;` // a refused request uses up nothing
		}
		if got := a.Header.Get("Ratelimit"); a.Status != status || !strings.HasPrefix(got, left) || !strings.Contains(got, fmt.Sprintf(`"key-quota";r=%d;`, max(0, 2-i))) {
			t.Errorf("request %d: %d, RateLimit %q", i, a.Status, got)
		}
	}

	one := newKey(t, g, writer, "--role", "reader", "--limit", "concurrency:1")
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	slow := c.Request(t, "GET", "/slow?s=30", nil, "X-Api-Key", one.Key).WithContext(ctx)
	go func() {
		defer close(gone)
		for ctx.Err() == nil { // it may meet a probe, and be the one that is refused
			_, _ = c.Try(slow)
		}
	}()
	probe := func() int { return c.Get(t, "/echo/x", "X-Api-Key", one.Key).Status }
	eventually(t, 10*time.Second, func() bool { return probe() == 429 })
	cancel()
	<-gone
	eventually(t, 10*time.Second, func() bool { return probe() == 200 })

	for _, bad := range []string{"quota:3/h", "fast", "concurrency:0"} {
		if r := g.Run(t, "", "key", "create", "--owner", writer, "--role", "reader", "--limit", bad); r.Exit == 0 || !strings.Contains(r.Stderr, bad[max(0, strings.Index(bad, ":")+1):]) {
			t.Errorf("--limit %s: %+v", bad, r)
		}
	}
}

// TestConcurrencyLimit: a place is free again however a request ends: by its answer, by
// its client, by a stream that is cut.
func TestConcurrencyLimit(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: limitedRoutes})
	g.AddUser(t, writer, "writer")
	ada := signedIn(t, g, writer)
	for _, tt := range []struct{ name, path, probe string }{
		{"a slow answer", "/slow?s=30", "/slow?s=0"},
		{"a stream", "/events?n=1000&gap=0.05", "/events?n=1&gap=0"},
	} {
		for round := range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			gone := make(chan struct{})
			req := ada.Request(t, "GET", tt.path, nil).WithContext(ctx)
			go func() {
				defer close(gone)
				for ctx.Err() == nil { // it may meet a probe, and be the one that is refused
					_, _ = ada.Try(req)
				}
			}()
			refused := false
			for end := time.Now().Add(10 * time.Second); !refused && time.Now().Before(end); {
				a := ada.Get(t, tt.probe)
				if refused = a.Status == 429; refused {
					if a.Code() != "rate_limited" || a.Header.Get("Retry-After") != "1" {
						t.Errorf("%s: %v", tt.name, a.Header)
					}
				}
			}
			if !refused {
				t.Fatalf("%s: a second request is never refused", tt.name)
			}
			cancel()
			<-gone
			for end := time.Now().Add(10 * time.Second); ada.Get(t, tt.probe).Status != 200; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s, round %d: the place of a client that left stays taken", tt.name, round)
				}
			}
		}
	}
}

// sharing is two gates of one site that count at the same server.
func sharing(t *testing.T, v *harness.Valkey, routes string) (nodes [2]*harness.Gate) {
	t.Helper()
	limiter := fmt.Sprintf("{ url: \"valkey://%s/0\", password: env:VALKEY_PASSWORD, timeout: 200ms }", v.Addr)
	copy(nodes[:], siteOf(t, routes, limiter, limiter))
	return nodes
}

// siteOf is a site of as many gates as there are ways to a limiter.
func siteOf(t *testing.T, routes string, limiters ...string) (nodes []*harness.Gate) {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	for _, limiter := range limiters {
		g := harness.StartGate(t, harness.Options{Upstream: app.URL, Env: []string{"VALKEY_PASSWORD=" + harness.ValkeyPassword}, Config: fmt.Sprintf(`version: 1
public_url: http://localhost:%d
listen: { public: "{PUBLIC}", admin: "{ADMIN}" }
limiter: %s
store: sqlite:./data/sanmon.db
master_key: file:./data/master.key
limits: { network: { rate: 100000/s, burst: 100000 }, failures: { rate: 30/h, burst: 30 } }
upstreams: { app: { url: "{UPSTREAM}" } }
roles: { reader: ["notes:read"] }
routes:
%s`, port, limiter, routes)})
		g.URL = fmt.Sprintf("http://localhost:%d", port)
		nodes = append(nodes, g)
	}
	return nodes
}

// flood sends n requests to each node from several clients, and counts the answers.
func flood(t *testing.T, nodes [2]*harness.Gate, n int, path string, header ...string) map[int]int64 {
	t.Helper()
	var mu sync.Mutex
	counts := map[int]int64{}
	var wg sync.WaitGroup
	for i := range 6 {
		c := nodes[i%2].Client(t)
		wg.Go(func() {
			for range n / 3 {
				a, err := c.Try(c.Request(t, "GET", path, nil, header...))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				counts[a.Status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return counts
}

// TestSharedLimits: two nodes admit together what one would, exactly; a server that is gone
// makes each node count for itself and no request fail; one that is back is used again.
func TestSharedLimits(t *testing.T) {
	t.Parallel()
	v := harness.StartValkey(t, 0)
	nodes := sharing(t, v, `
  - { id: a, match: { path: "/echo/a" }, boundary: public, limit: { rate: 60/h, burst: 60, per: route } }
  - { id: b, match: { path: "/echo/b" }, boundary: public, limit: { rate: 40/h, burst: 40, per: route } }
  - { id: c, match: { path: "/echo/c" }, boundary: public, limit: { rate: 100000/s, per: route } }
  - { id: k, match: { path: "/echo/k" }, boundary: [key] }
`)
	if got := flood(t, nodes, 60, "/echo/a"); got[200] != 60 || got[429] != 60 {
		t.Errorf("two nodes with a limit of 60: %v, want 60 admitted and 60 refused", got)
	}
	if got := flood(t, nodes, 30, "/echo/k", "X-Api-Key", "smk_live_nonsense"); got[401] != 30 || got[429] != 30 {
		t.Errorf("failed credentials on two nodes with a limit of 30: %v, want 30 told why and 30 to wait", got)
	}
	for _, n := range nodes {
		if !strings.Contains(n.CLI(t, "", "check"), "counted for all nodes at valkey://"+v.Addr) {
			t.Error("check does not say where limits are counted")
		}
	}

	// Killed in the middle of a load: nothing fails.
	var stop atomic.Bool
	var answers, odd atomic.Int64
	var load sync.WaitGroup
	for i := range 4 {
		c := nodes[i%2].Client(t)
		load.Go(func() {
			for !stop.Load() {
				if a, err := c.Try(c.Request(t, "GET", "/echo/c", nil)); err != nil || a.Status != 200 {
					odd.Add(1)
				}
				answers.Add(1)
			}
		})
	}
	await(t, "load", func() bool { return answers.Load() > 200 })
	v.Kill()
	await(t, "the breakers to open", func() bool {
		return nodes[0].Metric(t, "sanmon_limiter_open") == 1 && nodes[1].Metric(t, "sanmon_limiter_open") == 1
	})
	if got := flood(t, nodes, 60, "/echo/b"); got[200] != 80 || got[429] != 40 {
		t.Errorf("without the server, a limit of 40 on two nodes: %v, want 40 admitted by each", got)
	}
	for _, n := range nodes {
		r := n.Run(t, "", "check")
		if r.Exit != 0 || !strings.Contains(r.Stderr, "does not answer within 200ms") {
			t.Errorf("check without the server: %+v", r)
		}
	}
	harness.StartValkey(t, v.Port)
	await(t, "the server to be used again", func() bool {
		return nodes[0].Metric(t, "sanmon_limiter_open") == 0 && nodes[1].Metric(t, "sanmon_limiter_open") == 0
	})
	before := nodes[0].Metric(t, `sanmon_limiter_questions_total{result="admitted"}`)
	await(t, "questions again", func() bool {
		return nodes[0].Metric(t, `sanmon_limiter_questions_total{result="admitted"}`) > before
	})
	stop.Store(true)
	load.Wait()
	if odd.Load() != 0 {
		t.Errorf("%d of %d requests failed while the server was killed and came back", odd.Load(), answers.Load())
	}
	if nodes[0].Metric(t, `sanmon_limiter_questions_total{result="skipped"}`) == 0 {
		t.Error("no question was skipped while the server was gone")
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting for %s", what)
		}
	}
}
