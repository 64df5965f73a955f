package main

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

const decisionYAML = `version: 1
public_url: http://localhost:8080
listen: { public: "127.0.0.1:0", admin: "off" }
store: sqlite:./sanmon.db
master_key: file:./master.key
upstreams: { app: { url: "http://127.0.0.1:9" } }
roles: { writer: ["notes:read", "notes:write"] }
routes:
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: read, match: { path: "/notes/{id}", methods: [GET] }, boundary: [session, token, key], require: ["notes:read"], limit: { rate: 1000000/s, per: caller } }
  - { id: write, match: { path: "/notes", methods: [POST] }, boundary: [session], require: ["notes:write"] }
limits: { network: { rate: 1000000/s, burst: 1000000 } }
`

// real is a gate over real layers on SQLite, with one session and one key.
type real struct {
	gate        *sanmon.Gate
	layers      *layers
	cookie, key string
	access      string // token of a grant of the session
	from        netip.Addr
}

func newReal(tb testing.TB) *real {
	tb.Helper()
	dir, ctx, now := tb.TempDir(), tb.Context(), time.Now()
	if err := source.WriteMaster(filepath.Join(dir, "master.key")); err != nil {
		tb.Fatal(err)
	}
	path := filepath.Join(dir, "sanmon.yaml")
	if err := os.WriteFile(path, []byte(decisionYAML), 0o600); err != nil {
		tb.Fatal(err)
	}
	c, err := config.Load(path)
	if err != nil {
		tb.Fatal(err)
	}
	store, err := openStore(ctx, c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	l, err := openLayers(ctx, c, store, slog.New(slog.DiscardHandler), func() bool { return false }, func() bool { return false })
	if err != nil {
		tb.Fatal(err)
	}
	state, err := l.compile(c, 1)
	if err != nil {
		tb.Fatal(err)
	}
	r := &real{gate: state.Gate, layers: l, from: netip.MustParseAddr("203.0.113.9")}
	ada := principal.Record{ID: "usr_ada", Kind: principal.User, Name: "ada@example.com", Roles: []string{"writer"}, CreatedAt: now}
	if err := store.CreatePrincipal(ctx, ada, audit.Event{At: now, Event: audit.UserAdded}); err != nil {
		tb.Fatal(err)
	}
	secretValue, begun, err := l.keeper.Begin(ctx, ada, session.Meta{From: r.from, Device: "test"}, now)
	if err != nil {
		tb.Fatal(err)
	}
	_, key, err := l.service.Create(ctx, apikey.Spec{Owner: ada.ID, Env: apikey.Live, Roles: []string{"writer"}, Limit: "1000000/s"}, "cli", now)
	if err != nil {
		tb.Fatal(err)
	}
	granted, err := l.grants.Begin(ctx, refresh.Grant{User: ada.ID, Parent: begun.SID, Client: "mobile", Scope: []string{"notes:read"}, AuthTime: now, From: r.from, Now: now})
	if err != nil {
		tb.Fatal(err)
	}
	minted, err := l.issuer.Mint(token.Grant{Subject: ada.ID, ClientID: "mobile", SID: granted.Family.SID, Scope: "notes:read", AuthTime: now, ACR: "aal1", AMR: []string{"pwd"}, Generation: 1}, now)
	if err != nil {
		tb.Fatal(err)
	}
	r.cookie, r.key, r.access = string(secretValue.Expose()), string(key.Expose()), string(minted.Token.Expose())
	return r
}

// fields is the header that a browser or program sends, about 1 KiB.
func fields(name, value string) exchange.Header {
	return exchange.Header{
		"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"},
		"Accept":     {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "Accept-Language": {"en,ja;q=0.7"},
		"Accept-Encoding": {"gzip, deflate, br, zstd"}, "Connection": {"keep-alive"}, "Upgrade-Insecure-Requests": {"1"},
		"Sec-Fetch-Dest": {"document"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-User": {"?1"}, "Priority": {"u=0, i"},
		name: {value},
	}
}

func (r *real) judge(tb testing.TB, x *exchange.Request, p *sanmon.Passage, out map[string][]string) {
	*p = sanmon.Passage{}
	if err := r.gate.Judge(context.Background(), x, nil, p); err != nil {
		tb.Fatal(err)
	}
	clear(out)
	if err := r.gate.Forward(p, out); err != nil {
		tb.Fatal(err)
	}
}

// The whole warm decision over real layers: judged, and the header for the backend
// built with its assertion. At most 3 µs and 10 allocations are asked for.
func BenchmarkDecision(b *testing.B) {
	r := newReal(b)
	for _, bb := range []struct{ name, method, target, field, value string }{
		{"public", "GET", "/", "X-None", "1"},
		{"session", "GET", "/notes/1", "Cookie", "sanmon=" + r.cookie},
		{"token", "GET", "/notes/1", "Authorization", "Bearer " + r.access},
		{"key", "GET", "/notes/1", "Authorization", "Bearer " + r.key},
		{"write", "POST", "/notes", "Cookie", "sanmon=" + r.cookie},
	} {
		b.Run(bb.name, func(b *testing.B) {
			h := fields(bb.field, bb.value)
			now := time.Now()
			if bb.method == "POST" {
				h[csrf.HeaderName] = []string{r.token(b, now)}
				h["Origin"] = []string{"http://localhost:8080"}
			}
			x := &exchange.Request{ID: "req", Method: bb.method, Target: bb.target, Host: "localhost:8080", Peer: r.from, Fields: h, Now: now}
			p, out := &sanmon.Passage{}, make(map[string][]string, 20)
			b.ReportAllocs()
			for b.Loop() {
				r.judge(b, x, p, out)
			}
		})
	}
}

// token is a CSRF token of the session.
func (r *real) token(tb testing.TB, now time.Time) string {
	x := &exchange.Request{ID: "req", Method: "GET", Target: "/notes/1", Host: "localhost:8080", Peer: r.from, Fields: fields("Cookie", "sanmon="+r.cookie), Now: now}
	p := &sanmon.Passage{}
	r.judge(tb, x, p, map[string][]string{})
	return r.layers.tokens.Issue(csrf.Session, p.Caller.Bindings[0], "", now)
}

// The assertion is minted once per caller and rights, then reused.
func TestAssertionIsReusedUntilRightsChange(t *testing.T) {
	r := newReal(t)
	now := time.Now()
	x := &exchange.Request{ID: "req", Method: "GET", Target: "/notes/1", Host: "localhost:8080", Peer: r.from, Fields: fields("Cookie", "sanmon="+r.cookie), Now: now}
	first, second, third := map[string][]string{}, map[string][]string{}, map[string][]string{}
	p := &sanmon.Passage{}
	r.judge(t, x, p, first)
	r.judge(t, x, p, second)
	if first["Sanmon-Assertion"][0] != second["Sanmon-Assertion"][0] {
		t.Error("a second assertion was signed for the same caller and rights")
	}
	x.Now = now.Add(45 * time.Second)
	r.judge(t, x, p, third)
	if first["Sanmon-Assertion"][0] == third["Sanmon-Assertion"][0] {
		t.Error("an assertion of 45 s was sent again, though it ends at 60 s")
	}
}
