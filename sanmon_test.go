package sanmon_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	sessions "github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/origin"
)

const (
	public  = "https://app.example.com"
	host    = "app.example.com"
	session = "good-session"
	key     = "smk_live_000000000001_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2vG8vN" // sanmon:allow sanmon-key a vector of docs/formats.md
)

var (
	now     = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	binding = []byte("binding of the good session")
)

// people stands in for the identity and key layers: one session and one key, both of
// a writer.
type people struct{ slot, keySlot caller.Slot }

var (
	whole  = &caller.Rights{Whole: true}
	writer = &caller.Rights{Roles: []string{"writer"}}
	reader = &caller.Rights{Roles: []string{"reader"}}
)

func (p *people) Judge(_ context.Context, cookie string, _ sessions.Client, _ time.Time, into *caller.Caller) (bool, error) {
	switch cookie {
	case session:
		*into = caller.Caller{Kind: caller.Session, Subject: "usr_1", Name: "ada@example.com", Email: "ada@example.com", SID: "ses_1", Credential: whole, Principal: writer, AuthTime: now, Bindings: [][]byte{binding}, Slot: &p.slot}
		return false, nil
	case "broken-store":
		return false, errors.New("disk on fire")
	}
	return false, refusal.New(refusal.LoginRequired, "no session")
}

type keyring struct{ *people }

func (k keyring) Judge(_ context.Context, presented string, _ netip.Addr, _ time.Time, into *caller.Caller) error {
	if presented != key {
		return refusal.New(refusal.KeyInvalid, "unknown")
	}
	*into = caller.Caller{Kind: caller.Key, Subject: "svc_1", Name: "service:importer", KeyID: "000000000001", Credential: reader, Principal: writer, Slot: &k.keySlot}
	return nil
}
func (keyring) Looks(s string) bool { return strings.HasPrefix(s, "smk_") }
func (keyring) InURL(s string) bool { return strings.Contains(s, "smk_live_") }

type signer struct{}

func (signer) For(upstream string, c *caller.Caller, _ uint64, scopes func() []string, _ time.Time) (string, error) {
	return "signed:" + upstream + ":" + c.Subject + ":" + strings.Join(scopes(), " "), nil
}

// newGate compiles a gate with one route of each sort.
func newGate(t testing.TB) *sanmon.Gate {
	t.Helper()
	session, both, anyone := policy.BoundaryOf(caller.Session), policy.BoundaryOf(caller.Session, caller.Key), policy.BoundaryOf(caller.Anonymous)
	routes := []sanmon.Route{
		{Route: &policy.Route{ID: "home", Path: "/", Methods: []string{"GET", "HEAD"}, Boundary: anyone}},
		{Route: &policy.Route{ID: "contact", Path: "/contact", Methods: []string{"POST"}, Boundary: anyone}},
		{Route: &policy.Route{ID: "landing", Path: "/landing", Methods: []string{"GET", "POST"}, Boundary: anyone}, CrossSite: true, Types: []string{"application/x-www-form-urlencoded"}},
		{Route: &policy.Route{ID: "misdeclared", Path: "/misdeclared", Methods: []string{"POST"}, Boundary: session}, CrossSite: true, CSRFExempt: true},
		{Route: &policy.Route{ID: "read", Path: "/notes/{id}", Methods: []string{"GET", "HEAD"}, Boundary: both, Require: []string{"notes:read"}}},
		{Route: &policy.Route{ID: "write", Path: "/notes", Methods: []string{"POST"}, Boundary: both, Require: []string{"notes:write"}}, Types: []string{"application/json", "application/x-www-form-urlencoded"}, MaxBody: 100},
		{Route: &policy.Route{ID: "page", Path: "/page", Methods: []string{"POST"}, Boundary: session}, CSRF: csrf.Page},
		{Route: &policy.Route{ID: "once", Path: "/once", Methods: []string{"POST"}, Boundary: session}, CSRF: csrf.Once},
		{Route: &policy.Route{ID: "exempt", Path: "/exempt", Methods: []string{"POST"}, Boundary: session}, CSRFExempt: true},
		{Route: &policy.Route{ID: "act", Path: "/act", Methods: []string{"GET"}, Effect: policy.EffectWrite, Boundary: session}},
		{Route: &policy.Route{ID: "ws", Path: "/ws", Methods: []string{"GET"}, Boundary: both}},
		{Route: &policy.Route{ID: "fresh", Path: "/fresh", Methods: []string{"GET"}, Boundary: session, Fresh: time.Minute}},
		{Route: &policy.Route{ID: "office", Path: "/office", Methods: []string{"GET"}, Boundary: session}, Networks: network.List{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}},
		{Route: &policy.Route{ID: "limited", Path: "/limited", Methods: []string{"GET"}, Boundary: session}, Limits: []sanmon.Limit{{Policy: rate(t, 1, 1), Scope: "limited"}}},
	}
	compiled := make([]policy.Route, len(routes))
	g := &sanmon.Gate{
		Scheme: "https", Host: host, Reserved: []string{"/.sanmon/"}, Cookies: []string{"__Host-sanmon", "__Host-sanmon-pre"},
		Origin: origin.Policy{Public: []string{public}}, Limits: limit.NewTable(0), Harden: map[string]headers.CookieOptions{},
		Tokens: &csrf.Tokens{Ring: secret.NewRing(secret.PurposeCSRF, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))}), Origin: public, Spent: &csrf.MemorySpent{}},
	}
	p := &people{}
	g.Sessions, g.Keys, g.Assertions = p, keyring{p}, signer{}
	floor, err := headers.NewFloor(headers.FloorOptions{HTTPS: true, HSTS: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for i := range routes {
		r := &routes[i]
		r.Host, r.Upstream, r.Floor = host, "app", floor
		if r.CSRF == 0 {
			r.CSRF = csrf.Session
		}
		if r.MaxBody == 0 {
			r.MaxBody = -1
		}
		compiled[i] = *r.Route
		g.Routes = append(g.Routes, r)
	}
	g.Table, err = policy.Compile(1, map[string][]string{"reader": {"notes:read"}, "writer": {"notes:read", "notes:write"}}, compiled)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range g.Routes {
		r.Route = g.Table.Route(i)
	}
	return g
}

func rate(t testing.TB, count, burst int) *limit.Policy {
	p, err := limit.NewPolicy("route", limit.Rate{Count: count, Per: time.Hour, Burst: burst})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text is a whole body.
type text string

func (b text) Prefix(n int) ([]byte, bool, error) {
	return []byte(b)[:min(n, len(b))], len(b) <= n, nil
}

// ask judges one request. fields are "Name: value".
func ask(g *sanmon.Gate, method, target, body string, fields ...string) (*sanmon.Passage, error) {
	h := exchange.Header{}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		h[name] = append(h[name], value)
	}
	r := &exchange.Request{ID: "req", Method: method, Target: target, Host: host, Secure: true, Peer: netip.MustParseAddr("203.0.113.9"), Fields: h, Length: int64(len(body)), Now: now}
	p := &sanmon.Passage{}
	return p, g.Judge(context.Background(), r, text(body), p)
}

const (
	cookie   = "Cookie: __Host-sanmon=" + session
	bearer   = "Authorization: Bearer " + key
	same     = "Sec-Fetch-Site: same-origin"
	ours     = "Origin: " + public
	theirs   = "Origin: https://evil.example"
	isJSON   = "Content-Type: application/json"
	isForm   = "Content-Type: application/x-www-form-urlencoded"
	upgrade  = "Upgrade: websocket"
	connects = "Connection: Upgrade"
)

// One request, one verdict: each row is a request and the code of its refusal.
func TestJudge(t *testing.T) {
	g := newGate(t)
	token := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, binding, "", now)
	other := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, []byte("another session"), "", now)
	page := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Page, binding, "POST /page", now)
	for _, tt := range []struct {
		name, method, target, body string
		fields                     []string
		want                       refusal.Code
	}{
		{"public", "GET", "/", "", nil, ""},
		{"public with a bad session: not evaluated", "GET", "/", "", []string{"Cookie: __Host-sanmon=bad"}, ""},
		{"dot segments", "GET", "/notes/../", "", nil, refusal.TargetAmbiguous},
		{"encoded slash", "GET", "/notes/a%2fb", "", []string{cookie}, refusal.TargetAmbiguous},
		{"no route", "GET", "/nowhere", "", nil, refusal.RouteUnknown},
		{"no method", "PUT", "/notes", "", nil, refusal.MethodNotAllowed},
		{"repeated Authorization", "GET", "/notes/1", "", []string{bearer, bearer}, refusal.HeaderAmbiguous},
		{"key in the query", "GET", "/notes/1?k=" + key, "", nil, refusal.CredentialInURL},
		{"access_token in the query", "GET", "/?access_token=x", "", nil, refusal.CredentialInURL},
		{"access_token in the query, encoded", "GET", "/?a=b&access%5Ftoken=x", "", nil, refusal.CredentialInURL},
		{"Host beside :authority", "GET", "/", "", []string{"Host: " + host}, ""},
		{"Host against :authority", "GET", "/", "", []string{"Host: other.example"}, refusal.HeaderAmbiguous},

		{"nobody", "GET", "/notes/1", "", nil, refusal.LoginRequired},
		{"session", "GET", "/notes/1", "", []string{cookie}, ""},
		{"bad session", "GET", "/notes/1", "", []string{"Cookie: __Host-sanmon=bad"}, refusal.LoginRequired},
		{"two sessions", "GET", "/notes/1", "", []string{cookie + "; __Host-sanmon=other"}, refusal.CredentialAmbiguous},
		{"key", "GET", "/notes/1", "", []string{bearer}, ""},
		{"key as X-Api-Key", "GET", "/notes/1", "", []string{"X-Api-Key: " + key}, ""},
		{"session and key", "GET", "/notes/1", "", []string{cookie, bearer}, refusal.CredentialAmbiguous},
		{"two keys", "GET", "/notes/1", "", []string{bearer, "X-Api-Key: " + key}, refusal.CredentialAmbiguous},
		{"a bad key never falls through", "GET", "/notes/1", "", []string{bearer + "x"}, refusal.KeyInvalid},
		{"a token that nobody issued", "GET", "/notes/1", "", []string{"Authorization: Bearer eyJh.e30.c2ln"}, refusal.TokenInvalid},
		{"basic", "GET", "/notes/1", "", []string{"Authorization: Basic YTpi"}, refusal.TokenInvalid},
		{"the store is gone", "GET", "/notes/1", "", []string{"Cookie: __Host-sanmon=broken-store"}, refusal.Internal},

		{"key without the scope", "POST", "/notes", "{}", []string{bearer, isJSON}, refusal.PermissionMissing},
		{"key where only sessions go", "GET", "/fresh", "", []string{bearer}, refusal.LoginRequired},
		{"write with token", "POST", "/notes", "{}", []string{cookie, same, ours, token, isJSON}, ""},
		{"write with token, no word about the origin", "POST", "/notes", "{}", []string{cookie, token, isJSON}, ""},
		{"write without token", "POST", "/notes", "{}", []string{cookie, same, ours, isJSON}, refusal.CSRFMissing},
		{"write with another session's token", "POST", "/notes", "{}", []string{cookie, same, ours, other, isJSON}, refusal.CSRFInvalid},
		{"write from another site, token or not", "POST", "/notes", "{}", []string{cookie, theirs, token, isJSON}, refusal.OriginForeign},
		{"the worse of the two counts", "POST", "/notes", "{}", []string{cookie, same, theirs, token, isJSON}, refusal.OriginForeign},
		{"a sibling site is foreign", "POST", "/notes", "{}", []string{cookie, "Sec-Fetch-Site: same-site", token, isJSON}, refusal.OriginForeign},
		{"typed into the address bar", "POST", "/notes", "{}", []string{cookie, "Sec-Fetch-Site: none", token, isJSON}, refusal.OriginForeign},
		{"a key from another site", "POST", "/notes", "{}", []string{bearer, theirs, isJSON}, refusal.OriginForeign},
		{"a session token on a page route", "POST", "/page", "", []string{cookie, ours, token}, refusal.CSRFInvalid},
		{"page token", "POST", "/page", "", []string{cookie, ours, page}, ""},
		{"page token elsewhere", "POST", "/notes", "{}", []string{cookie, ours, page, isJSON}, refusal.CSRFInvalid},
		{"exempt from our page", "POST", "/exempt", "", []string{cookie, ours}, ""},
		{"exempt from nowhere", "POST", "/exempt", "", []string{cookie}, refusal.OriginForeign},
		{"GET with an effect", "GET", "/act", "", []string{cookie, same}, refusal.CSRFMissing},
		{"GET with an effect and a session token in the query", "GET", "/act?_sanmon=" + strings.TrimPrefix(token, "X-Sanmon-Csrf: "), "", []string{cookie, same}, refusal.CSRFInvalid},

		{"public write from our page", "POST", "/contact", "x", []string{ours, "Cookie: app=1"}, ""},
		{"public write from elsewhere", "POST", "/contact", "x", []string{theirs}, refusal.OriginForeign},
		{"public write by a program", "POST", "/contact", "x", nil, ""},
		{"public write with cookies from nowhere", "POST", "/contact", "x", []string{"Cookie: app=1"}, refusal.OriginForeign},

		{"landing from elsewhere", "POST", "/landing", "x", []string{theirs, "Sec-Fetch-Site: cross-site", isForm}, ""},
		{"landing with cookies from nowhere", "POST", "/landing", "x", []string{"Cookie: app=1", isForm}, ""},
		{"landing is judged by everything else", "POST", "/landing", "x", []string{theirs, isJSON}, refusal.TypeNotAllowed},
		{"no socket lands", "GET", "/landing", "", []string{theirs, upgrade, connects}, refusal.OriginForeign},
		{"nothing lands where sessions count", "POST", "/misdeclared", "", []string{cookie, theirs}, refusal.OriginForeign},

		{"socket from our page", "GET", "/ws", "", []string{cookie, ours, upgrade, connects}, ""},
		{"socket from elsewhere", "GET", "/ws", "", []string{cookie, theirs, upgrade, connects}, refusal.OriginForeign},
		{"socket from nowhere", "GET", "/ws", "", []string{cookie, upgrade, connects}, refusal.OriginForeign},
		{"a write that says it is a socket", "POST", "/once", "", []string{cookie, ours, upgrade, connects}, refusal.HeaderAmbiguous},
		{"socket with a body", "GET", "/ws", "x", []string{cookie, ours, upgrade, connects}, refusal.HeaderAmbiguous},
		{"socket with a key", "GET", "/ws", "", []string{bearer, upgrade, connects}, ""},

		{"fresh", "GET", "/fresh", "", []string{cookie}, ""},
		{"wrong network", "GET", "/office", "", []string{cookie}, refusal.NetworkDenied},
		{"too large", "POST", "/notes", strings.Repeat("x", 101), []string{cookie, ours, token, isJSON}, refusal.BodyTooLarge},
		{"wrong type", "POST", "/notes", "<x/>", []string{cookie, ours, token, "Content-Type: text/xml"}, refusal.TypeNotAllowed},
		{"no type", "POST", "/notes", "x", []string{cookie, ours, token}, refusal.TypeNotAllowed},
		{"type with parameter", "POST", "/notes", "{}", []string{cookie, ours, token, isJSON + "; charset=utf-8"}, ""},
		{"our own address", "GET", "/.sanmon/login", "", nil, ""},
		{"our own address from elsewhere", "POST", "/.sanmon/login", "x", []string{theirs}, refusal.OriginForeign},
	} {
		_, err := ask(g, tt.method, tt.target, tt.body, tt.fields...)
		var got refusal.Code
		if err != nil {
			got = refusal.From(err).Code
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q (%v)", tt.name, got, tt.want, err)
		}
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	g := newGate(t)
	r := &exchange.Request{Method: "GET", Target: "/", Host: host, Peer: netip.MustParseAddr("203.0.113.9"), Fields: exchange.Header{"X-Forwarded-Proto": {"https"}}, Now: now}
	err := g.Judge(context.Background(), r, nil, &sanmon.Passage{})
	if code := refusal.From(err).Code; code != refusal.HTTPSRequired {
		t.Errorf("%s: an untrusted peer's X-Forwarded-Proto was believed (%v)", code, err)
	}
}

func TestFormTokenIsFoundAndCut(t *testing.T) {
	g := newGate(t)
	body := "title=a&_sanmon=" + g.Tokens.Issue(csrf.Session, binding, "", now) + "&body=b"
	p, err := ask(g, "POST", "/notes", body[:len(body)-len("&body=b")], cookie, ours, isForm)
	if refusal.From(err) != nil && refusal.From(err).Code != refusal.BodyTooLarge {
		t.Fatal(err)
	}
	if rest := body[:p.Cut.Start] + body[p.Cut.End:]; rest != "title=a&body=b" {
		t.Errorf("the backend would get %q", rest)
	}
}

func TestOnceIsUsedUpByARequestThatPassed(t *testing.T) {
	g := newGate(t)
	token := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Once, binding, "POST /once", now)
	if _, err := ask(g, "POST", "/once", "", cookie, ours, token); err != nil {
		t.Fatal(err)
	}
	_, err := ask(g, "POST", "/once", "", cookie, ours, token)
	if code := refusal.From(err).Code; code != refusal.CSRFSpent {
		t.Errorf("second use: %s", code)
	}
}

func TestEffectfulGetTakesAOnceTokenFromItsQuery(t *testing.T) {
	g := newGate(t)
	token := g.Tokens.Issue(csrf.Once, binding, "GET /act", now)
	p, err := ask(g, "GET", "/act?a=1&_sanmon="+token+"&b=2", "", cookie, same)
	if err != nil {
		t.Fatal(err)
	}
	if p.Query != "a=1&b=2" {
		t.Errorf("the backend would get the query %q", p.Query)
	}
}

func TestLimitIsToldAndEnforced(t *testing.T) {
	g := newGate(t)
	if _, err := ask(g, "GET", "/limited", "", cookie); err != nil {
		t.Fatal(err)
	}
	p, err := ask(g, "GET", "/limited", "", cookie)
	no := refusal.From(err)
	if no == nil || no.Code != refusal.RateLimited || no.RetryAfter != time.Hour {
		t.Fatalf("second: %v", err)
	}
	fields := map[string]string{}
	for name, value := range p.RateFields() {
		fields[name] = value
	}
	if fields["RateLimit-Policy"] != `"route";q=1;w=3600` || fields["RateLimit"] != `"route";r=0;t=3600` {
		t.Errorf("%v", fields)
	}
}

// A request that is refused before its limits are asked uses nothing of them, and its
// answer tells where they stand (DESIGN §7: on every answer).
func TestARefusalBeforeTheLimitTellsItAndCountsNothing(t *testing.T) {
	g := newGate(t)
	for range 3 {
		p, err := ask(g, "GET", "/limited", "")
		if no := refusal.From(err); no == nil || no.Code != refusal.LoginRequired {
			t.Fatal(err)
		}
		g.Standing(p)
		fields := map[string]string{}
		for name, value := range p.RateFields() {
			fields[name] = value
		}
		if fields["RateLimit-Policy"] != `"route";q=1;w=3600` || fields["RateLimit"] != `"route";r=1;t=3600` {
			t.Errorf("%v", fields)
		}
	}
	if _, err := ask(g, "GET", "/limited", "", cookie); err != nil {
		t.Error(err)
	}
}

func TestObserveAllReportsButNeverOpensADoor(t *testing.T) {
	g := newGate(t)
	g.ObserveUntil = now.Add(time.Hour)
	p, err := ask(g, "POST", "/notes", "{}", cookie, theirs, isJSON)
	if err != nil {
		t.Fatalf("observed checks refused: %v", err)
	}
	var codes []refusal.Code
	for _, no := range p.Observed {
		codes = append(codes, no.Code)
	}
	if !slices.Equal(codes, []refusal.Code{refusal.OriginForeign, refusal.CSRFMissing}) {
		t.Errorf("observed %v", codes)
	}
	for _, fields := range [][]string{{}, {"Authorization: Bearer smk_live_x"}, {bearer}} {
		if _, err := ask(g, "POST", "/notes", "{}", append(fields, isJSON)...); err == nil {
			t.Errorf("%v passed while observing", fields)
		}
	}
	g.ObserveUntil = now
	if _, err := ask(g, "POST", "/notes", "{}", cookie, theirs, isJSON); err == nil {
		t.Error("observing did not end")
	}
}

// What the backend sees is built from what was judged.
func TestForward(t *testing.T) {
	g := newGate(t)
	p, err := ask(g, "GET", "/notes/1", "", cookie+"; app=1", "Accept: text/html",
		"Sanmon-Assertion: forged", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil.example", "Remote-User: root", "X_forwarded_for: 6.6.6.6", "X.real.ip: 6.6.6.6",
		"Connection: keep-alive, Sanmon-Assertion, X-Custom", "X-Custom: hop", "X-Request-Id: forged", "X-Sanmon-Csrf: t", "Te: trailers")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	if err := g.Forward(p, out); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Accept": "text/html", "Accept-Encoding": "identity", "Cookie": "app=1", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": host,
		"X-Request-Id": "req", "Sanmon-Assertion": "signed:app:usr_1:notes:read notes:write",
	}
	for name, values := range out {
		if len(values) != 1 || want[name] != values[0] {
			t.Errorf("%s: %q", name, values)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is missing", name)
	}
}

func TestPublicRoutesGetNoCredentialOfOurs(t *testing.T) {
	g := newGate(t)
	for _, tt := range []struct{ field, name string }{
		{"Authorization: Bearer " + key, "Authorization"}, {"X-Api-Key: " + key, "X-Api-Key"}, {cookie, "Cookie"},
		// Other spellings are no credentials of ours, and the key in them is one all the same.
		{"Authorization: Bearer\t" + key, "Authorization"}, {`Authorization: Token token="` + key + `"`, "Authorization"}, {`X-Api-Key: "` + key + `"`, "X-Api-Key"},
	} {
		p, err := ask(g, "GET", "/", "", tt.field)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]string{}
		if err := g.Forward(p, out); err != nil || out[tt.name] != nil {
			t.Errorf("%s reached the backend: %q, %v", tt.name, out[tt.name], err)
		}
	}
	p, _ := ask(g, "GET", "/", "", "Authorization: Bearer backends-own", "Cookie: app=1")
	out := map[string][]string{}
	if err := g.Forward(p, out); err != nil || out["Authorization"] == nil || out["Cookie"] == nil {
		t.Errorf("the backend's own credentials are its own: %v, %v", out, err)
	}
	if out["Sanmon-Assertion"] != nil {
		t.Error("nobody was asserted")
	}
}

// Upgrade is a field of the connection and so never forwarded; the one that was judged is.
func TestForwardKeepsAJudgedUpgrade(t *testing.T) {
	g := newGate(t)
	p, err := ask(g, "GET", "/ws", "", cookie, ours, upgrade, connects)
	out := map[string][]string{}
	if err != nil || g.Forward(p, out) != nil || !slices.Equal(out["Upgrade"], []string{"websocket"}) {
		t.Errorf("Upgrade: %q, %v", out["Upgrade"], err)
	}
}

// A connection that stays open is judged once more when it is registered, whatever its
// credential: it may have been revoked in between, which cut nothing yet.
func TestAgainJudgesEveryCredential(t *testing.T) {
	for _, tt := range []struct{ name, credential string }{{"session", cookie}, {"key", bearer}} {
		g := newGate(t)
		p, err := ask(g, "GET", "/ws", "", tt.credential, ours, upgrade, connects)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Again(context.Background(), p); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		g.Sessions, g.Keys = revoked{}, revokedKeys{}
		if g.Again(context.Background(), p) == nil {
			t.Errorf("%s: a revoked one passed", tt.name)
		}
	}
}

type revoked struct{}

func (revoked) Judge(context.Context, string, sessions.Client, time.Time, *caller.Caller) (bool, error) {
	return false, refusal.New(refusal.LoginRequired, "revoked")
}

type revokedKeys struct{ keyring }

func (revokedKeys) Judge(context.Context, string, netip.Addr, time.Time, *caller.Caller) error {
	return refusal.New(refusal.KeyInvalid, "revoked")
}

func TestRelease(t *testing.T) {
	g := newGate(t)
	p, err := ask(g, "GET", "/", "")
	if err != nil {
		t.Fatal(err)
	}
	h := map[string][]string{
		"Content-Type": {"text/html; charset=utf-8"}, "Server": {"gunicorn"}, "X-Powered-By": {"x"},
		"Set-Cookie": {"sessionid=1; Path=/", "__Host-sanmon=stolen; Path=/; Secure"}, "X-Content-Type-Options": {"nosniff", "nosniff"},
	}
	g.Release(p, 200, h, nil, false, nil)
	if len(h["Set-Cookie"]) != 1 || !strings.Contains(h["Set-Cookie"][0], "HttpOnly") || !strings.Contains(h["Set-Cookie"][0], "SameSite=Lax") {
		t.Errorf("cookies: %q", h["Set-Cookie"])
	}
	if h["Server"] != nil || h["X-Powered-By"] != nil || len(h["X-Content-Type-Options"]) != 1 || h["X-Request-Id"][0] != "req" || h["Content-Security-Policy"] == nil || h["Strict-Transport-Security"] == nil {
		t.Errorf("%v", h)
	}
}

func BenchmarkJudgeSession(b *testing.B) { benchmarkJudge(b, cookie) }
func BenchmarkJudgeKey(b *testing.B)     { benchmarkJudge(b, bearer) }

func benchmarkJudge(b *testing.B, credential string) {
	g := newGate(b)
	name, value, _ := strings.Cut(credential, ": ")
	h := exchange.Header{name: {value}, "Accept": {"*/*"}, "User-Agent": {"bench"}, "Accept-Encoding": {"gzip"}, "Sec-Fetch-Site": {"same-origin"}, "Accept-Language": {"en"}}
	r := &exchange.Request{ID: "req", Method: "GET", Target: "/notes/1", Host: host, Secure: true, Peer: netip.MustParseAddr("203.0.113.9"), Fields: h, Now: now}
	p := &sanmon.Passage{}
	b.ReportAllocs()
	for b.Loop() {
		*p = sanmon.Passage{}
		if err := g.Judge(context.Background(), r, nil, p); err != nil {
			b.Fatal(err)
		}
	}
}
