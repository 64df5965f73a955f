package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/proxy"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/subrequest"
	"github.com/sanmon-gate/sanmon/web/target"
	"pgregory.net/rapid"
)

var binding = []byte("binding")

// one knows the session "good"; "panic" breaks it.
type one struct{ slot caller.Slot }

func (o *one) Judge(_ context.Context, cookie string, _ session.Client, now time.Time, into *caller.Caller) (bool, error) {
	switch cookie {
	case "good":
		*into = caller.Caller{Kind: caller.Session, Subject: "usr_1", SID: "ses_1", Credential: &caller.Rights{Whole: true}, Principal: &caller.Rights{}, AuthTime: now, Bindings: [][]byte{binding}, Slot: &o.slot}
		return false, nil
	case "panic":
		panic("a secret that must not be printed")
	}
	return false, refusal.New(refusal.LoginRequired, "no session")
}

type noKeys struct{}

func (noKeys) Judge(context.Context, string, netip.Addr, time.Time, *caller.Caller) error {
	return refusal.New(refusal.KeyInvalid, "none")
}
func (noKeys) Looks(string) bool { return false }
func (noKeys) InURL(string) bool { return false }

type unsigned struct{}

func (unsigned) For(string, *caller.Caller, uint64, func() []string, time.Time) (string, error) {
	return "assertion", nil
}

// plainPortal answers refusals plainly.
type plainPortal struct{}

func (plainPortal) Serve(w http.ResponseWriter, _ *http.Request, _ *sanmon.Passage) *refusal.Refusal {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (plainPortal) Deny(w http.ResponseWriter, _ *exchange.Request, _ *sanmon.Passage, _ subrequest.Profile, no *refusal.Refusal) int {
	http.Error(w, no.Error(), no.Status())
	return no.Status()
}

func (plainPortal) Refuse(w http.ResponseWriter, r *http.Request, _ *sanmon.Passage, no *refusal.Refusal) int {
	no.ServeHTTP(w, r)
	return no.Status()
}

// house is a handler in front of a backend.
func house(t testing.TB, backend http.Handler) (*Handler, *httptest.Server, func() []Record) {
	t.Helper()
	up := httptest.NewServer(backend)
	t.Cleanup(up.Close)
	gate := httptest.NewUnstartedServer(nil)
	public := "http://" + gate.Listener.Addr().String()
	host := strings.TrimPrefix(public, "http://")
	c := &config.Config{
		PublicURL: public, PublicHost: host, Upstreams: map[string]*config.Upstream{"app": {Name: "app", URL: up.URL, Timeout: 2 * time.Second}},
		Routes: []*config.Route{
			{ID: "public", Path: "/p/{rest...}", AnyMethod: true, Boundary: []caller.Kind{caller.Anonymous}, Upstream: "app", MaxBody: 1 << 20, Limits: []config.Limit{{Name: "route", Rate: config.Rate{Count: 1e6, Per: time.Second, Burst: 1e6}, Per: "route"}}},
			{ID: "session", Path: "/s/{rest...}", AnyMethod: true, Boundary: []caller.Kind{caller.Session}, Upstream: "app", MaxBody: 1 << 20},
		},
	}
	s, err := Compile(c, Layers{
		Sessions: &one{}, Keys: noKeys{}, Assertions: unsigned{}, Limits: limit.NewTable(0), Tunnels: &proxy.Tunnels{},
		Tokens: &csrf.Tokens{Ring: secret.NewRing(secret.PurposeCSRF, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))}), Origin: public},
	}, portal.Cookies{Insecure: true}, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.Portal = plainPortal{}
	var mu sync.Mutex
	var records []Record
	h := &Handler{Account: func(r *Record) {
		mu.Lock()
		defer mu.Unlock()
		kept := *r
		kept.Passage, kept.Request = &sanmon.Passage{Route: r.Passage.Route, Caller: r.Passage.Caller}, &exchange.Request{ID: r.Request.ID}
		records = append(records, kept)
	}}
	h.Use(s)
	gate.Config.Handler = h
	gate.Start()
	t.Cleanup(gate.Close)
	return h, gate, func() []Record {
		mu.Lock()
		defer mu.Unlock()
		return append([]Record{}, records...)
	}
}

func ask(t *testing.T, method, url, body string, fields ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func TestTheFormTokenNeverReachesTheBackend(t *testing.T) {
	var got string
	var length int64
	h, gate, _ := house(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, length = string(b), r.ContentLength
	}))
	token := h.State().Gate.Tokens.Issue(csrf.Session, binding, "", time.Now())
	form := "a=1&_sanmon=" + url.QueryEscape(token) + "&b=2"
	res := ask(t, "POST", gate.URL+"/s/x", form, "Cookie: sanmon=good; app=1", "Origin: "+gate.URL, "Content-Type: application/x-www-form-urlencoded")
	if res.StatusCode != 200 || got != "a=1&b=2" || length != int64(len("a=1&b=2")) {
		t.Errorf("status %d, body %q, length %d", res.StatusCode, got, length)
	}
}

func TestAFaultIsARefusalAndTheServerGoesOn(t *testing.T) {
	_, gate, records := house(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	res := ask(t, "GET", gate.URL+"/s/x", "", "Cookie: sanmon=panic")
	if res.StatusCode != 500 {
		t.Fatalf("status %d", res.StatusCode)
	}
	if res := ask(t, "GET", gate.URL+"/s/x", "", "Cookie: sanmon=good"); res.StatusCode != 200 {
		t.Errorf("afterwards: %d", res.StatusCode)
	}
	waitFor(t, func() bool { return len(records()) == 2 })
	first := records()[0]
	if first.Refusal == nil || first.Refusal.Code != refusal.Internal || strings.Contains(first.Refusal.Error(), "must not be printed") || !strings.Contains(first.Refusal.Error(), "goroutine") {
		t.Errorf("told: %v", first.Refusal)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it did not happen within a second")
}

// Visits are pooled: nobody's request may show in another's (tinyauth CVE-2026-33544).
func TestConcurrentVisitsDoNotMix(t *testing.T) {
	_, gate, _ := house(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path+" "+r.Header.Get("Sanmon-Assertion")+" "+r.Header.Get("X-Mark"))
	}))
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			mark := strings.Repeat("m", i+1)
			path, cookie, want := "/p/", "", ""
			if i%2 == 1 {
				path, cookie, want = "/s/", "sanmon=good", "assertion"
			}
			res := ask(t, "GET", gate.URL+path+mark, "", "X-Mark: "+mark, "Cookie: "+cookie)
			b, _ := io.ReadAll(res.Body)
			if string(b) != path+mark+" "+want+" "+mark {
				t.Errorf("%d: %q", i, b)
			}
		})
	}
	all.Wait()
}

func TestADeadBackendIsADeclaredRefusal(t *testing.T) {
	_, gate, _ := house(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	if res := ask(t, "POST", gate.URL+"/p/x", "x"); res.StatusCode != 502 {
		t.Errorf("a backend that hangs up: %d", res.StatusCode)
	}
}

func TestBodyBeyondItsBoundWithoutALength(t *testing.T) {
	_, gate, _ := house(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	req, _ := http.NewRequestWithContext(t.Context(), "POST", gate.URL+"/p/x", io.LimitReader(zeros{}, 2<<20))
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 413 {
		t.Errorf("status %d", res.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRequestIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := (IDs{}).New()
		if len(id) != 26 || !wellFormed(id) || seen[id] {
			t.Fatalf("%q", id)
		}
		seen[id] = true
	}
	for _, bad := range []string{"", "a b", "a\nb", "a\"b", strings.Repeat("x", 129), "é"} {
		if wellFormed(bad) {
			t.Errorf("%q", bad)
		}
	}
}

// A line is one JSON object on one line, whatever a request contains.
func TestLinesAreJSON(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := rapid.String()
		raw := func(label string) string { return string(rapid.SliceOf(rapid.Byte()).Draw(rt, label)) }
		rec := &Record{
			Request: &exchange.Request{ID: s.Draw(rt, "id"), Method: raw("method")},
			Passage: &sanmon.Passage{
				Target: target.Target{Path: raw("path")}, Host: raw("host"), Addr: netip.MustParseAddr("203.0.113.9"),
				Caller: caller.Caller{Kind: caller.Session, Subject: s.Draw(rt, "subject"), SID: "ses_1"},
				Route:  &sanmon.Route{Route: &policy.Route{ID: s.Draw(rt, "route")}},
			},
			Status: 500, Started: time.Now(), Took: time.Second,
			Refusal: &refusal.Refusal{Code: refusal.Internal, Reason: raw("reason"), Err: errors.New(raw("cause"))},
		}
		line := rec.appendLine(nil)
		if n := strings.Count(string(line), "\n"); n != 1 || line[len(line)-1] != '\n' {
			rt.Fatalf("%d line ends: %q", n, line)
		}
		var back map[string]any
		if err := json.Unmarshal(line, &back); err != nil {
			rt.Fatalf("%v: %q", err, line)
		}
		if want := rec.Request.ID; want != "" && back["request_id"] != strings.ToValidUTF8(want, "\ufffd") {
			rt.Fatalf("request_id %q became %q", want, back["request_id"])
		}
	})
}

// journal keeps events in memory, and can be out of order.
type journal struct {
	mu     sync.Mutex
	events []audit.Event
	broken bool
}

func (j *journal) Record(_ context.Context, ev audit.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken {
		return errors.New("disk full")
	}
	j.events = append(j.events, ev)
	return nil
}

func refused(code refusal.Code, addr string) *Record {
	return &Record{
		Request: &exchange.Request{ID: "req"}, Started: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Refusal: &refusal.Refusal{Code: code},
		Passage: &sanmon.Passage{Addr: netip.MustParseAddr(addr), Route: &sanmon.Route{Route: &policy.Route{ID: "r"}}},
	}
}

func TestRefusalsAreGatheredAndNeverLost(t *testing.T) {
	j := &journal{broken: true}
	c := &Refusals{Journal: j, Logger: slog.New(slog.DiscardHandler)}
	for range 1000 {
		c.Add(refused(refusal.KeyInvalid, "203.0.113.9"))
	}
	c.Add(refused(refusal.CSRFMissing, "203.0.113.77"))
	c.Add(refused(refusal.RouteUnknown, "203.0.113.9")) // says nothing about access, and can wait
	c.Add(refused(refusal.LoginFailed, "203.0.113.9"))  // has an event of its own
	c.flush(t.Context(), false)
	j.broken = false
	c.Add(refused(refusal.KeyInvalid, "203.0.113.200")) // the same /24
	c.flush(t.Context(), false)
	if n := len(j.events); n != 2 {
		t.Errorf("%d events before the slow ones", n)
	}
	c.flush(t.Context(), true)
	got := map[audit.Name]string{}
	for _, ev := range j.events {
		got[ev.Event] += ev.Network + " " + ev.Detail + ";"
	}
	const other = "203.0.113.0/24 code=route_unknown count=1;"
	if len(got) != 2 || !strings.HasPrefix(got[audit.AccessRefused], "203.0.113.0/24 code=key_invalid count=1001 last=2026-11-25T12:00:00Z also=req,req,") || !strings.HasSuffix(got[audit.AccessRefused], ";"+other) || got[audit.CSRFRefused] != "203.0.113.0/24 code=csrf_missing count=1;" {
		t.Errorf("%v", got)
	}
}

// Whoever is refused may ask at once what became of the request id.
func TestTheFirstRefusalOfAKindIsWrittenAtOnce(t *testing.T) {
	j := &journal{}
	c := &Refusals{Journal: j, Logger: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	details := func() string {
		j.mu.Lock()
		defer j.mu.Unlock()
		all := []string{}
		for _, ev := range j.events {
			all = append(all, ev.Detail)
		}
		return strings.Join(all, ";")
	}
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		running := c.news != nil
		c.mu.Unlock()
		if running {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("Run does not run")
		}
	}
	c.Add(refused(refusal.KeyInvalid, "203.0.113.9"))
	for deadline := time.Now().Add(time.Second); details() == "" && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for range 7 {
		c.Add(refused(refusal.KeyInvalid, "203.0.113.10"))
	}
	if got := details(); got != "code=key_invalid count=1" {
		t.Errorf("before the period is over: %q", got)
	}
	stop()
	if err := <-done; err != nil || details() != "code=key_invalid count=1;code=key_invalid count=7 last=2026-11-25T12:00:00Z also=req,req,req,req,req,req" {
		t.Errorf("%v, %q", err, details())
	}
}

func TestAFloodOfNetworksIsBounded(t *testing.T) {
	c := &Refusals{Journal: &journal{}, Logger: slog.New(slog.DiscardHandler)}
	for i := range 5000 {
		c.Add(refused(refusal.KeyInvalid, netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}).String()))
	}
	if n := len(c.kinds); n > maxRefusals+1 {
		t.Errorf("%d kinds are held", n)
	}
	total := 0
	for _, one := range c.kinds {
		total += one.n
	}
	if total != 5000 {
		t.Errorf("%d of 5000 were counted", total)
	}
}

// What a used up limit refused says which one it was: the one of failed credentials is
// somebody who guesses.
func TestRefusalsNameTheLimit(t *testing.T) {
	j := &journal{}
	c := &Refusals{Journal: j, Logger: slog.New(slog.DiscardHandler)}
	failures, err := limit.NewPolicy("failures", limit.Rate{Count: 1, Per: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	one := refused(refusal.RateLimited, "203.0.113.9")
	one.Passage.Limits.Refused = failures
	c.Add(one)
	c.Add(refused(refusal.RateLimited, "203.0.113.9"))
	c.flush(t.Context(), true)
	got := map[string]bool{}
	for _, ev := range j.events {
		got[ev.Detail] = true
	}
	if len(got) != 2 || !got["code=rate_limited count=1 limit=failures"] || !got["code=rate_limited count=1"] {
		t.Errorf("%v", got)
	}
}

// A flood of addresses that are not there leaves room for what says something about access,
// and a store that is away makes nothing grow and loses no count.
func TestSlowRefusalsAreBoundedApart(t *testing.T) {
	j := &journal{broken: true}
	c := &Refusals{Journal: j, Logger: slog.New(slog.DiscardHandler)}
	for range 3 {
		for i := range 5000 {
			c.Add(refused(refusal.RouteUnknown, netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}).String()))
		}
		c.flush(t.Context(), true)
	}
	c.Add(refused(refusal.KeyInvalid, "203.0.113.9"))
	if n := len(c.kinds); n > maxSlow+2 || c.kinds[refusalKind{code: "key_invalid", route: "r", network: "203.0.113.0/24"}] == nil {
		t.Errorf("%d kinds are held", n)
	}
	total := 0
	for k, one := range c.kinds {
		if total += one.n; len(one.named) >= maxNamed {
			t.Errorf("%v names %d", k, len(one.named))
		}
	}
	if total != 15001 {
		t.Errorf("%d of 15001 were counted", total)
	}
}

func TestAdmin(t *testing.T) {
	a := &Admin{
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") }),
		JWKS:    func() []byte { return []byte(`{"keys":[]}`) }, NewID: (IDs{}).New,
		Ready: func(context.Context) error { return errors.New("gone") }, Stale: func() bool { return false },
		Token: func() (secret.Value, error) { return secret.NewString("t0ken"), nil },
	}
	for _, tt := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"GET", "/healthz", "", 200}, {"GET", "/readyz", "", 503}, {"GET", "/jwks.json", "", 200}, {"GET", "/.sanmon/jwks.json", "", 200},
		{"GET", "/metrics", "", 401}, {"GET", "/metrics", "Bearer wrong", 401}, {"GET", "/metrics", "Bearer t0ken", 200},
		{"GET", "/", "", 404}, {"POST", "/healthz", "", 404},
	} {
		r := httptest.NewRequest(tt.method, tt.path, nil)
		if tt.authorization != "" {
			r.Header.Set("Authorization", tt.authorization)
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s %s %q: %d, want %d", tt.method, tt.path, tt.authorization, w.Code, tt.want)
		}
	}
}

func TestLinesForPeople(t *testing.T) {
	got := string(forPeople([]byte(`{"time":"2026-11-25T12:00:00Z","msg":"refused","status":401,"reason":"a \"b\" = c","ok":true}` + "\n")))
	if want := `time=2026-11-25T12:00:00Z msg=refused status=401 reason="a \"b\" = c" ok=true` + "\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// keysInIDs knows one key, wherever it stands.
type keysInIDs struct{ noKeys }

func (keysInIDs) InURL(s string) bool { return strings.Contains(s, "smk_live_") }

// A request id is written to log and trail: of a trusted proxy it is kept, unless it
// brings a key along.
func TestRequestIDOfATrustedProxy(t *testing.T) {
	g := &sanmon.Gate{Keys: keysInIDs{}, Clients: network.Clients{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}
	for id, kept := range map[string]bool{"proxy-1": true, "smk_live_000000000001_x": false} {
		r := &exchange.Request{Peer: netip.MustParseAddr("192.0.2.1"), Fields: exchange.Header{"X-Request-Id": {id}}}
		if got := (IDs{}).of(g, r); (got == id) != kept {
			t.Errorf("%s became %s", id, got)
		}
	}
}
