package e2e_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const soakRoutes = `
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: echo, match: { path: "/echo/{rest...}", methods: [GET, POST] }, boundary: public, ` + open + ` }
  - { id: private, match: { path: "/private/{rest...}", methods: [GET, POST] }, boundary: [session, key, token], require: ["notes:read"] }
  - { id: form-page, match: { path: "/form", methods: [GET] }, boundary: [session], output: { csp: strict } }
  - { id: form, match: { path: "/form", methods: [POST] }, boundary: [session], require: ["notes:write"] }
  - { id: once, match: { path: "/echo-once", methods: [POST] }, boundary: [session], csrf: once }
  - { id: limited, match: { path: "/limited", methods: [GET] }, boundary: [key], limit: { rate: 10/m, burst: 5, per: caller } }
  - { id: upload, match: { path: "/upload", methods: [POST, PUT] }, boundary: [session, key] }
  - { id: events, match: { path: "/events" }, boundary: [session] }
  - { id: ws, match: { path: "/ws", methods: [GET] }, boundary: [session] }
`

// soak is one long run: everything at once, for as long as SANMON_SOAK says.
type soak struct {
	t       *testing.T
	g       *harness.Gate
	ctx     context.Context
	options harness.Options

	mu      sync.Mutex
	counts  map[string]int // what was done, and how it ended
	wrong   map[string]int // what should not have happened
	down    time.Time      // until when the backend may be away
	samples []sample
}

// sample is what the process holds at one moment.
type sample struct {
	at                                time.Duration
	goroutines, descriptors, resident float64
	store                             float64 // MiB of the database
	requests                          int
}

// TestSoak: hours of people, programs, attackers, operators and backends that restart. What
// the process holds in the last quarter is what it held in the second; nothing is refused
// that should pass, nothing passes that should not, the trail is whole, and it stops in
// time. `make soak SOAK=2h`.
func TestSoak(t *testing.T) {
	lasts, err := time.ParseDuration(os.Getenv("SANMON_SOAK"))
	if err != nil {
		t.Skip("a long run is for: make soak SOAK=10m")
	}
	backend := harness.StartBackend(t, harness.FastAPI, 0)
	o := harness.Options{Upstream: backend.URL, Routes: soakRoutes, Env: []string{"ROBOT_SECRET=" + serviceSecret}, Top: oauthTop + "session: { max_per_user: 50 }\nlog: { level: error }\n"}
	g := harness.StartGate(t, o)
	g.AddUser(t, writer, "writer")
	g.AddUser(t, reader, "reader")
	g.AddKey(t, "service:robot", "--role", "reader")
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	s := &soak{t: t, g: g, ctx: ctx, options: o, counts: map[string]int{}, wrong: map[string]int{}}

	var all sync.WaitGroup
	for name, loop := range map[string]func(){
		"people": s.people, "more people": s.people, "a tab that stays": s.tab, "keys": s.keys, "tokens": s.tokens, "a thief": s.thief,
		"attackers": s.attackers, "clients that leave": s.leavers, "slow clients": s.slow, "sockets": s.sockets, "operator": s.operator,
	} {
		all.Go(func() {
			for s.ctx.Err() == nil && !t.Failed() {
				loop()
				s.rest(50 * time.Millisecond)
			}
			t.Logf("%s: done", name)
		})
	}
	all.Go(func() { s.restarts(backend, lasts/5) })
	begun := time.Now()
	for s.ctx.Err() == nil && !t.Failed() {
		s.sample(time.Since(begun))
		s.rest(max(lasts/60, time.Second))
	}
	cancel()
	all.Wait()
	s.judge()
}

func (s *soak) rest(d time.Duration) {
	select {
	case <-time.After(d/2 + rand.N(d)):
	case <-s.ctx.Done():
	}
}

// saw counts an outcome; good says whether it is one that may be.
func (s *soak) saw(what string, good bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
	if !good {
		s.wrong[what]++
	}
}

// away reports whether the backend is being restarted.
func (s *soak) away() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.down)
}

// do sends a request and expects one of the statuses, or none when the run ends.
func (s *soak) do(what string, c *harness.Client, req *http.Request, want ...int) (a harness.Answer, ok bool) {
	excused := s.away()
	a, err := c.Try(req)
	excused = excused || s.away()
	switch {
	case s.ctx.Err() != nil:
		return a, false
	case err != nil:
		s.saw(fmt.Sprintf("%s: %.120s", what, err), excused)
		return a, false
	}
	ok = slices.Contains(want, a.Status)
	s.saw(fmt.Sprintf("%s: %d %s", what, a.Status, a.Code()), ok || excused && (a.Status == 502 || a.Status == 504))
	return a, ok
}

// signIn is a person with a new session, or nil at the end of the run.
func (s *soak) signIn(email string) *harness.Client {
	c := s.g.Client(s.t)
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, harness.Password)
	a, ok := s.do("login", c, c.Request(s.t, "POST", "/.sanmon/login", strings.NewReader(body), "Content-Type", "application/json"), 200)
	if !ok {
		return nil
	}
	var session struct {
		Token string `json:"csrf_token"`
	}
	a.JSON(s.t, &session)
	if c.CSRF = session.Token; c.CSRF == "" {
		c.CSRF = c.Session(s.t, "").CSRFToken
	}
	return c
}

// people sign in, read, fill in forms, try what they may not, and leave by the door or not.
func (s *soak) people() {
	c := s.signIn(writer)
	if c == nil {
		return
	}
	defer c.HTTP.CloseIdleConnections()
	get := func(what, path string, want int, header ...string) harness.Answer {
		a, _ := s.do(what, c, c.Request(s.t, "GET", path, nil, header...), want)
		return a
	}
	for range 20 {
		page := get("page", "/form", 200, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
		if page.Status == 200 && !strings.Contains(string(page.Body), "_sanmon") {
			s.saw("page: without a token", false)
		}
		form := "title=" + url.QueryEscape(strings.Repeat("x", rand.IntN(2000)))
		s.do("form", c, c.Request(s.t, "POST", "/form", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded"), 200)
		s.do("form without a token", c, c.Request(s.t, "POST", "/form", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded", "X-Sanmon-Csrf", ""), 403)
		s.do("form of another site", c, c.Request(s.t, "POST", "/form", strings.NewReader(form), "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), 403)
		get("private", "/private/x", 200)
		get("nowhere", "/nowhere", 404)
		if s.rest(30 * time.Millisecond); s.ctx.Err() != nil {
			return
		}
	}
	var once struct {
		Token string `json:"csrf_token"`
	}
	if a := get("session", "/.sanmon/session?route=POST%20/echo-once", 200); a.Status == 200 {
		a.JSON(s.t, &once)
		for _, want := range []int{200, 409} {
			s.do(fmt.Sprintf("token that is good once (%d)", want), c, c.Request(s.t, "POST", "/echo-once", strings.NewReader("{}"), "Content-Type", "application/json", "X-Sanmon-Csrf", once.Token), want)
		}
	}
	if rand.IntN(2) == 0 {
		s.do("logout", c, c.Request(s.t, "POST", "/.sanmon/logout", nil), 200, 204)
		get("private after the logout", "/private/x", 401)
	}
}

// tab is a session that is used all the time.
func (s *soak) tab() {
	c := s.signIn(reader)
	if c == nil {
		return
	}
	defer c.HTTP.CloseIdleConnections()
	for s.ctx.Err() == nil {
		s.do("tab", c, c.Request(s.t, "GET", "/private/tab", nil), 200)
		s.do("tab may not write", c, c.Request(s.t, "POST", "/form", strings.NewReader("title=x"), "Content-Type", "application/x-www-form-urlencoded"), 403)
		s.rest(40 * time.Millisecond)
	}
}

// keys are made, used, limited, rotated and revoked, and guessed.
func (s *soak) keys() {
	c := s.g.Client(s.t)
	defer c.HTTP.CloseIdleConnections()
	key := s.g.AddKey(s.t, "service:robot", "--role", "reader")
	time.Sleep(2 * time.Second) // the index of the server is told
	use := func(what, path, key string, want ...int) {
		s.do(what, c, c.Request(s.t, "GET", path, nil, "Authorization", "Bearer "+key), want...)
	}
	for range 200 {
		use("key", "/private/x", key.Key, 200)
		use("key at its limit", "/limited", key.Key, 200, 429, 404) // 404 is the application's
		use("key that is none", "/private/x", key.Key[:len(key.Key)-1]+"-", 401)
		if s.rest(15 * time.Millisecond); s.ctx.Err() != nil {
			return
		}
	}
	var next harness.Key
	s.g.CLIJSON(s.t, &next, "", "key", "rotate", key.ID, "--overlap", "1h")
	time.Sleep(2 * time.Second)
	use("old key in its overlap", "/private/x", key.Key, 200)
	use("new key", "/private/x", next.Key, 200)
	for _, id := range []string{key.ID, next.ID} {
		s.g.CLI(s.t, "", "key", "revoke", id)
	}
	time.Sleep(2 * time.Second)
	use("revoked key", "/private/x", next.Key, 401)
}

// tokens are refreshed again and again.
func (s *soak) tokens() {
	person := s.signIn(writer)
	if person == nil {
		return
	}
	defer person.HTTP.CloseIdleConnections()
	g := grant(s.t, person)
	for range 100 {
		if status, code, err := g.rotate(); err != nil || status != 200 {
			s.saw(fmt.Sprintf("refresh: %d %s %v", status, code, err), s.ctx.Err() != nil)
			return
		}
		s.saw("refresh: 200", true)
		bare := s.g.Client(s.t)
		s.do("token", bare, bare.Request(s.t, "GET", "/private/x", nil, "Authorization", "Bearer "+g.access), 200)
		bare.HTTP.CloseIdleConnections()
		if s.rest(60 * time.Millisecond); s.ctx.Err() != nil {
			return
		}
	}
}

// thief uses a spent refresh token when nobody can have meant it any more.
func (s *soak) thief() {
	person := s.signIn(writer)
	if person == nil {
		return
	}
	defer person.HTTP.CloseIdleConnections()
	g := grant(s.t, person)
	spent := g.refresh
	for range 3 {
		if status, _, err := g.rotate(); err != nil || status != 200 {
			return
		}
	}
	s.rest(4 * time.Second)
	status, code, err := g.ask(url.Values{"grant_type": {"refresh_token"}, "client_id": {"app"}, "refresh_token": {spent}})
	if err == nil && s.ctx.Err() == nil {
		s.saw(fmt.Sprintf("spent token: %d %s", status, code), status == 400 && code == "invalid_grant")
		status, code, err = g.rotate()
		s.saw(fmt.Sprintf("its family: %d %s %v", status, code, err), status == 400 || s.ctx.Err() != nil)
	}
}

// attackers send what is nearly a request.
func (s *soak) attackers() {
	r := rand.New(rand.NewPCG(rand.Uint64(), 1))
	all := seeds(s.g, strings.Repeat("a", 100), "smk_live_"+strings.Repeat("a", 51))
	for range 20 {
		excused := s.away()
		request := mutate(r, all[r.IntN(len(all))], all)
		for _, status := range fire(s.g.Addr, request) {
			s.saw(fmt.Sprintf("attack: %d", status), status < 500 || excused || s.away() || status == 503 || s.ctx.Err() != nil)
		}
	}
}

// leavers go away in the middle: of an upload, of an answer, of a stream.
func (s *soak) leavers() {
	c := s.signIn(writer)
	if c == nil {
		return
	}
	defer c.HTTP.CloseIdleConnections()
	for range 50 {
		ctx, cancel := context.WithTimeout(s.ctx, time.Duration(20+rand.IntN(200))*time.Millisecond)
		var req *http.Request
		switch rand.IntN(3) {
		case 0:
			req = c.Request(s.t, "POST", "/upload", &endless{ctx}, "Content-Type", "application/octet-stream")
		case 1:
			req = c.Request(s.t, "GET", "/events?n=1000&gap=0.01", nil)
		default:
			req = c.Request(s.t, "GET", "/private/x", nil)
		}
		if res, err := c.HTTP.Do(req.WithContext(ctx)); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		cancel()
		if s.saw("left", true); s.ctx.Err() != nil {
			return
		}
	}
}

// endless is a body without an end.
type endless struct{ ctx context.Context }

func (e *endless) Read(p []byte) (int, error) {
	select {
	case <-time.After(2 * time.Millisecond):
		return min(len(p), 1000), nil
	case <-e.ctx.Done():
		return 0, e.ctx.Err()
	}
}

// slow clients begin a request and wait.
func (s *soak) slow() {
	conn, err := net.DialTimeout("tcp", s.g.Addr, 5*time.Second)
	if err != nil {
		s.saw("slow: no connection", false)
		return
	}
	defer func() { _ = conn.Close() }()
	head := get(s.g, "/")
	_, _ = io.WriteString(conn, head[:1+rand.IntN(len(head)-1)])
	s.saw("slow", true)
	s.rest(time.Second)
}

// sockets are open while their session ends.
func (s *soak) sockets() {
	c := s.signIn(writer)
	if c == nil {
		return
	}
	defer c.HTTP.CloseIdleConnections()
	conn, _, err := dialWS(s.t, s.g, c, s.g.URL)
	if err != nil {
		s.saw(fmt.Sprintf("socket: %.100s", err), s.away() || s.ctx.Err() != nil)
		s.rest(time.Second)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	s.rest(2 * time.Second)
	s.do("logout with a socket", c, c.Request(s.t, "POST", "/.sanmon/logout", nil), 200, 204)
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	s.saw("socket: cut", ctx.Err() == nil || s.ctx.Err() != nil)
}

// operator changes the configuration and the keys, and reads the trail.
func (s *soak) operator() {
	o := s.options
	o.Routes += fmt.Sprintf("  - { id: changing, match: { path: \"/changing%d\" }, boundary: public }\n", rand.IntN(1000))
	s.g.WriteConfig(s.t, s.g.Render(o))
	s.rest(5 * time.Second)
	purposes := []string{"assertion", "token", "csrf", "session", "refresh", "pepper"}
	purpose := purposes[rand.IntN(len(purposes))]
	r := s.g.Run(s.t, "", "keyset", "rotate", purpose)
	s.saw(fmt.Sprintf("keyset rotate: exit %d", r.Exit), r.Exit == 0 || strings.Contains(r.Stderr, "--now")) // the last change is too fresh
	s.rest(5 * time.Second)
	if out := s.g.CLI(s.t, "", "audit", "verify"); !strings.Contains(out, "intact") {
		s.saw("the trail: "+out, false)
	}
	s.saw("operated", true)
}

// restarts ends the backend and starts it again on its port.
func (s *soak) restarts(backend *harness.Backend, every time.Duration) {
	u, err := url.Parse(backend.URL)
	if err != nil {
		s.t.Error(err)
		return
	}
	var port int
	_, _ = fmt.Sscan(u.Port(), &port)
	for {
		select {
		case <-time.After(every):
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		s.down = time.Now().Add(time.Minute)
		s.mu.Unlock()
		backend.Stop()
		backend = harness.StartBackend(s.t, harness.FastAPI, port)
		s.mu.Lock()
		s.down = time.Now().Add(2 * time.Second)
		s.mu.Unlock()
		s.saw("backend restarted", true)
	}
}

func (s *soak) sample(at time.Duration) {
	g := s.g
	one := sample{at: at, goroutines: g.Metric(s.t, "go_goroutines"), descriptors: g.Metric(s.t, "process_open_fds"), resident: g.Metric(s.t, "process_resident_memory_bytes") / (1 << 20)}
	files, _ := filepath.Glob(filepath.Join(g.Dir, "data", "sanmon.db*"))
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			one.store += float64(info.Size()) / (1 << 20)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.counts {
		one.requests += n
	}
	s.samples = append(s.samples, one)
}

// judge compares the last quarter with the second, when everything has been in use.
func (s *soak) judge() {
	t := s.t
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		t.Logf("%8d  %s", s.counts[what], what)
	}
	for what, n := range s.wrong {
		t.Errorf("%d times: %s", n, what)
	}
	for i, one := range s.samples {
		if i%max(len(s.samples)/15, 1) == 0 {
			t.Logf("%8s  %5.0f goroutines  %4.0f descriptors  %6.1f MiB  store %6.1f MiB  %d done", one.at.Round(time.Second), one.goroutines, one.descriptors, one.resident, one.store, one.requests)
		}
	}
	n := len(s.samples)
	if n < 8 {
		t.Fatalf("%d samples are too few to judge", n)
	}
	for name, of := range map[string]func(sample) float64{
		"goroutines": func(x sample) float64 { return x.goroutines }, "descriptors": func(x sample) float64 { return x.descriptors }, "MiB resident": func(x sample) float64 { return x.resident },
	} {
		before, after := median(s.samples[n/4:n/2], of), median(s.samples[3*n/4:], of)
		t.Logf("%s: %.1f in the second quarter, %.1f in the last", name, before, after)
		if name == "MiB resident" && os.Getenv("SANMON_E2E_RACE") != "" {
			continue // the race detector's shadow of what was ever touched
		}
		if after > 1.15*before+16 {
			t.Errorf("%s grow: %.1f in the second quarter, %.1f in the last", name, before, after)
		}
	}
	if done, err := s.g.Exited(); done {
		t.Fatalf("the server ended: %v", err)
	}
	begun := time.Now()
	if err := s.g.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.g.Wait(15 * time.Second); err != nil {
		t.Errorf("the server did not stop well: %v", err)
	}
	t.Logf("stopped after %s", time.Since(begun).Round(time.Millisecond))
	if out := s.g.CLI(t, "", "audit", "verify"); !strings.Contains(out, "intact") {
		t.Errorf("the trail: %s", out)
	}
	for line := range strings.Lines(s.g.Output()) {
		if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, "panic") {
			t.Errorf("in the log: %.500s", line)
		}
	}
}

func median(all []sample, of func(sample) float64) float64 {
	values := make([]float64, len(all))
	for i, x := range all {
		values[i] = of(x)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
