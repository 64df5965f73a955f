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
	"github.com/sanmon-gate/sanmon/identity/adopt"
	sessions "github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

const (
	adopted = "adopted-session" // of a person of the backend "app"
	foreign = "foreign-session" // of a person of another backend
)

// guests stands in for the keeper of sessions: whom backends have signed in, beside the good
// session, which is signed in at "app", too.
type guests struct {
	*people
	none    caller.Rights
	fail    error
	adopted []string // cookies that logins came with
	follows int
	left    []string
}

func (g *guests) Judge(ctx context.Context, cookie string, from sessions.Client, at time.Time, into *caller.Caller) (bool, error) {
	sid := map[string]string{adopted: "ses_app", foreign: "ses_wiki", "new": "ses_new"}[cookie]
	if sid == "" {
		return g.people.Judge(ctx, cookie, from, at, into)
	}
	*into = caller.Caller{Kind: caller.App, Subject: "app:app", Name: "app:app", SID: sid, Credential: &g.none, Principal: &g.none, AuthTime: now, Bindings: [][]byte{[]byte("binding of " + cookie)}, Slot: &caller.Slot{}}
	return false, nil
}

func (g *guests) Held(_ context.Context, sid, upstream string, _ time.Time) (adopt.Held, error) {
	h := adopt.Held{Upstream: upstream}
	if upstream == "app" && (sid == "ses_app" || sid == "ses_1" || sid == "ses_new") {
		h.Since, h.Cookies = now, []adopt.Cookie{{Name: "sessionid", Path: "/", Value: secret.NewString("kept")}}
	}
	return h, g.fail
}

func (g *guests) Lend(c *caller.Caller, h adopt.Held) {
	c.Kind, c.Credential, c.Principal = caller.App, &g.none, &g.none
}

func (g *guests) Adopt(_ context.Context, cookie string, _ adopt.Held, _ sessions.Meta, _ time.Time) (secret.Value, error) {
	g.adopted = append(g.adopted, cookie)
	return secret.NewString("new"), g.fail
}

func (g *guests) Follow(context.Context, string, string, []adopt.Cookie, time.Time) error {
	g.follows++
	return g.fail
}

func (g *guests) Leave(_ context.Context, sid, _ string, _ sessions.Meta, _ time.Time) (bool, error) {
	g.left = append(g.left, sid)
	return g.fail == nil, g.fail
}

// appGate is a gate whose backend signs its own people in at /login/.
func appGate(t testing.TB) (*sanmon.Gate, *guests) {
	t.Helper()
	g := newGate(t)
	k := &guests{people: &people{}}
	master, err := secret.NewMaster(secret.New(make([]byte, secret.MasterSize)))
	if err != nil {
		t.Fatal(err)
	}
	g.Sessions, g.Apps, g.Visitors, g.VisitorCookie = k, k, &adopt.Box{Master: master}, "__Host-sanmon-app"
	g.PreBinding = func(v string) []byte {
		if v == "" {
			return nil
		}
		return []byte("pre " + v)
	}
	g.NewPre = func() string { return "made" }
	g.Failures = rate(t, 2, 2)
	rules := &adopt.Rules{Upstream: "app", Origin: public, Cookies: []string{"sessionid"}, Login: []string{"/login/"}, Logout: []string{"/logout/"}}
	app, mixed, anyone := policy.BoundaryOf(caller.App), policy.BoundaryOf(caller.Session, caller.App), policy.BoundaryOf(caller.Anonymous)
	extra := []*policy.Route{
		{ID: "open", Path: "/open", Methods: []string{"GET", "POST"}, Boundary: anyone}, {ID: "mixed", Path: "/mixed", Methods: []string{"GET"}, Boundary: mixed, Require: []string{"notes:read"}},
		{ID: "rest", Path: "/{rest...}", Boundary: app}, {ID: "counted", Path: "/counted", Methods: []string{"GET"}, Boundary: app},
	}
	var all []policy.Route
	for _, r := range g.Routes {
		all = append(all, *r.Route)
	}
	for _, r := range extra {
		r.Host = host
		all = append(all, *r)
		g.Routes = append(g.Routes, &sanmon.Route{Route: r, Upstream: "app", CSRF: csrf.Session, MaxBody: -1, Floor: g.Routes[0].Floor, App: rules})
	}
	g.Routes[len(g.Routes)-1].Limits = []sanmon.Limit{{Policy: rate(t, 1, 1), Scope: "counted"}}
	if g.Table, err = policy.Compile(1, map[string][]string{"writer": {"notes:read", "notes:write"}}, all); err != nil {
		t.Fatal(err)
	}
	for i, r := range g.Routes {
		r.Route = g.Table.Route(i)
	}
	return g, k
}

func as(cookie string) string { return "Cookie: __Host-sanmon=" + cookie }

func TestJudgeApp(t *testing.T) {
	g, _ := appGate(t)
	token := func(binding string) string {
		return "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, []byte(binding), "", now)
	}
	for _, tt := range []struct {
		name, method, target string
		fields               []string
		want                 refusal.Code
	}{
		{"nobody", "GET", "/orders", nil, refusal.LoginRequired},
		{"nobody with the backend's own cookie", "GET", "/orders", []string{"Cookie: sessionid=kept"}, refusal.LoginRequired},
		{"who is signed in", "GET", "/orders", []string{as(adopted)}, ""},
		{"who is signed in at another backend", "GET", "/orders", []string{as(foreign)}, refusal.LoginRequired},
		{"our person, signed in there", "GET", "/orders", []string{cookie}, ""},
		{"a key", "GET", "/orders", []string{bearer}, refusal.LoginRequired},
		{"a session of ours at a route of ours", "GET", "/mixed", []string{cookie}, ""},
		{"scopes are not the backend's to give", "GET", "/mixed", []string{as(adopted)}, refusal.PermissionMissing},
		{"a route of ours for who is signed in there", "GET", "/notes/1", []string{as(adopted)}, refusal.LoginRequired},
		{"a change without token", "POST", "/orders", []string{as(adopted), same, ours}, refusal.CSRFMissing},
		{"a change", "POST", "/orders", []string{as(adopted), same, ours, token("binding of " + adopted)}, ""},
		{"a change with somebody else's token", "POST", "/orders", []string{as(adopted), same, ours, token("binding of " + foreign)}, refusal.CSRFInvalid},

		{"the login page", "GET", "/login/", nil, ""},
		{"the login page with a dead session", "GET", "/login/", []string{as("dead")}, ""},
		{"the login page with a key", "GET", "/login/", []string{bearer}, refusal.LoginRequired},
		{"the login page while the store is down", "GET", "/login/", []string{as("broken-store")}, refusal.Internal},
		{"a login without anything", "POST", "/login/", []string{same, ours}, refusal.CSRFMissing},
		{"a login with a token that nothing binds", "POST", "/login/", []string{same, ours, token("")}, refusal.CSRFInvalid},
		{"a login without token", "POST", "/login/", []string{"Cookie: __Host-sanmon-pre=p", same, ours}, refusal.CSRFMissing},
		{"a login", "POST", "/login/", []string{"Cookie: __Host-sanmon-pre=p", same, ours, token("pre p")}, ""},
		{"a login by the form of another browser", "POST", "/login/", []string{"Cookie: __Host-sanmon-pre=p", same, ours, token("pre q")}, refusal.CSRFInvalid},
		{"a login from another site", "POST", "/login/", []string{"Cookie: __Host-sanmon-pre=p", "Sec-Fetch-Site: cross-site", theirs, token("pre p")}, refusal.OriginForeign},
		{"a login of who is signed in", "POST", "/login/", []string{as(adopted), same, ours, token("binding of " + adopted)}, ""},
		{"below the login path", "GET", "/login/x", nil, refusal.LoginRequired},
		{"another spelling of it", "GET", "/login%2F", nil, refusal.TargetAmbiguous},
	} {
		_, err := ask(g, tt.method, tt.target, "", tt.fields...)
		if got := code(err); got != tt.want {
			t.Errorf("%s: %q, want %q (%v)", tt.name, got, tt.want, err)
		}
	}
}

func code(err error) refusal.Code {
	if no := refusal.From(err); no != nil {
		return no.Code
	}
	return ""
}

// What a backend is sent under the name of its session is what we hold, whatever came.
func TestForwardApp(t *testing.T) {
	g, _ := appGate(t)
	visitor, err := g.Visitors.Seal(adopt.Jar{{Upstream: "app", Cookies: []adopt.Cookie{{Name: "sessionid", Path: "/", Value: secret.NewString("visitor")}}}}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, method, target, cookie, want string }{
		{"who is signed in", "GET", "/orders", "__Host-sanmon=" + adopted + "; csrftoken=t", "csrftoken=t; sessionid=kept"},
		{"a planted cookie", "GET", "/orders", "sessionid=planted; __Host-sanmon=" + adopted + "; sessionid=again", "sessionid=kept"},
		{"our person", "GET", "/orders", "__Host-sanmon=" + session, "sessionid=kept"},
		{"the login page of who is signed in", "GET", "/login/", "__Host-sanmon=" + adopted, ""},
		{"a visitor", "GET", "/login/", "sessionid=planted; __Host-sanmon-app=" + visitor, "sessionid=visitor"},
		{"a visitor whose cookie was changed", "GET", "/login/", "__Host-sanmon-app=" + visitor[1:], ""},
		{"a visitor on a public page", "GET", "/open", "__Host-sanmon-app=" + visitor, "sessionid=visitor"},
		{"a public page", "GET", "/open", "__Host-sanmon=" + adopted, "sessionid=kept"},
		{"a public page with a dead session", "GET", "/open", "__Host-sanmon=dead; sessionid=planted", ""},
		{"a change on a public page, which nothing proves", "POST", "/open", "__Host-sanmon=" + adopted + "; sessionid=planted; a=b", "a=b"},
	} {
		p, err := ask(g, tt.method, tt.target, "", "Cookie: "+tt.cookie, same, ours)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		out := map[string][]string{}
		if err := g.Forward(p, out); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(out["Cookie"], "|"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Names that only we could know by are not handed to a backend that knows better.
func TestRemoteUserIsNobodys(t *testing.T) {
	g, _ := appGate(t)
	for _, r := range g.Routes {
		r.Plain = true
	}
	p, err := ask(g, "GET", "/orders", "", as(adopted))
	out := map[string][]string{}
	if err != nil || g.Forward(p, out) != nil {
		t.Fatal(err)
	}
	if out["Remote-User"] != nil || out["Remote-Groups"] != nil || len(out["Sanmon-Assertion"]) != 1 {
		t.Errorf("%v", out)
	}
}

// What the answers of the backend make of the session, and what the browser gets.
func TestAdopt(t *testing.T) {
	for _, tt := range []struct {
		name, method, target, cookie string
		status                       int
		header                       exchange.Header
		want                         string // what the browser is given: session, ended, pre, visitor, visitor gone
		kept                         []string
	}{
		{"the login page", "GET", "/login/", "", 200, exchange.Header{"Content-Type": {"text/html"}}, "pre", nil},
		{"the login page sets a cookie", "GET", "/login/", "", 200, exchange.Header{"Set-Cookie": {"sessionid=v", "csrftoken=t"}}, "pre visitor", []string{"csrftoken=t"}},
		{"a login", "POST", "/login/", "__Host-sanmon-pre=p", 302, exchange.Header{"Location": {"/"}, "Set-Cookie": {"csrftoken=t; Path=/", " SessionID=other", "sessionid=s; HttpOnly"}}, "session", []string{"csrftoken=t; Path=/", " SessionID=other"}},
		{"a login that failed", "POST", "/login/", "__Host-sanmon-pre=p", 200, exchange.Header{"Content-Type": {"text/html; charset=utf-8"}}, "", nil},
		{"a page", "GET", "/orders", "__Host-sanmon=" + adopted, 200, exchange.Header{"Set-Cookie": {"sessionid=kept"}}, "", nil},
		{"a page with a new cookie", "GET", "/orders", "__Host-sanmon=" + adopted, 200, exchange.Header{"Set-Cookie": {"sessionid=other"}}, "follow", nil},
		{"the cookie is deleted", "GET", "/orders", "__Host-sanmon=" + adopted, 200, exchange.Header{"Set-Cookie": {"sessionid=; Max-Age=0; Path=/"}}, "ended", nil},
		{"a logout", "GET", "/logout/", "__Host-sanmon=" + adopted, 302, exchange.Header{"Location": {"/"}}, "ended", nil},
		{"a public page of somebody who is signed in", "GET", "/open", "__Host-sanmon=" + adopted, 200, exchange.Header{"Set-Cookie": {"sessionid=other"}}, "follow", nil},
		{"a public page of nobody", "GET", "/open", "", 200, exchange.Header{"Set-Cookie": {"sessionid=v"}}, "visitor", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, k := appGate(t)
			fields := []string{same, ours}
			if tt.cookie != "" {
				fields = append(fields, "Cookie: "+tt.cookie)
			}
			if tt.method == "POST" {
				fields = append(fields, "X-Sanmon-Csrf: "+g.Tokens.Issue(csrf.Session, []byte("pre p"), "", now))
			}
			p, err := ask(g, tt.method, tt.target, "", fields...)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Adopt(context.Background(), p, tt.status, tt.header, now); err != nil {
				t.Fatal(err)
			}
			h, got := p.Handover, []string{}
			for word, is := range map[string]bool{"session": string(h.Session.Expose()) == "new", "ended": h.Ended, "pre": h.Pre == "made", "visitor": h.Visiting && h.Visitor != "", "visitor gone": h.Visiting && h.Visitor == "", "follow": k.follows == 1} {
				if is {
					got = append(got, word)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != tt.want {
				t.Errorf("given %q, want %q", got, tt.want)
			}
			if !slices.Equal(tt.header["Set-Cookie"], tt.kept) {
				t.Errorf("passed on: %q, want %q", tt.header["Set-Cookie"], tt.kept)
			}
		})
	}
}

// An answer whose cookies could not be kept is not sent.
func TestAdoptFailsClosed(t *testing.T) {
	g, k := appGate(t)
	p, err := ask(g, "GET", "/orders", "", as(adopted))
	if err != nil {
		t.Fatal(err)
	}
	k.fail = errors.New("disk on fire")
	for what, line := range map[string]string{"followed": "sessionid=other", "ended": "sessionid=; Max-Age=0"} {
		h := exchange.Header{"Set-Cookie": {line}}
		if err := g.Adopt(context.Background(), p, 200, h, now); err == nil || h["Set-Cookie"] != nil {
			t.Errorf("%s: %v, %v", what, err, h)
		}
	}
}

// Failed logins count, and then even the right password has to wait. The page does not.
func TestGuessingAtABackend(t *testing.T) {
	g, _ := appGate(t)
	try := func() (*sanmon.Passage, error) {
		return ask(g, "POST", "/login/", "", "Cookie: __Host-sanmon-pre=p", same, ours, "X-Sanmon-Csrf: "+g.Tokens.Issue(csrf.Session, []byte("pre p"), "", now))
	}
	for range 2 {
		p, err := try()
		if err != nil || g.Adopt(context.Background(), p, 403, exchange.Header{}, now) != nil {
			t.Fatal(err)
		}
	}
	if _, err := try(); code(err) != refusal.RateLimited {
		t.Errorf("%v", err)
	}
	if _, err := ask(g, "GET", "/login/", ""); err != nil {
		t.Errorf("the page: %v", err)
	}
}

// People of one backend have one subject: limits count their sessions.
func TestLimitsCountTheSession(t *testing.T) {
	g, _ := appGate(t)
	for _, row := range []struct {
		cookie string
		want   refusal.Code
	}{{adopted, ""}, {adopted, refusal.RateLimited}, {"new", ""}} {
		if _, err := ask(g, "GET", "/counted", "", as(row.cookie)); code(err) != row.want {
			t.Errorf("%s: %v", row.cookie, err)
		}
	}
}

// Another proxy in front would hand the backend's cookies to the browser.
func TestForwardAuthCannotAdopt(t *testing.T) {
	g, _ := appGate(t)
	r := &exchange.Request{ID: "req", Method: "GET", Target: "/orders", Host: host, Secure: true, Peer: netip.MustParseAddr("203.0.113.9"), Fields: exchange.Header{"Cookie": {"__Host-sanmon=" + adopted}}, Now: now}
	if err := g.Judge(context.Background(), r, nil, &sanmon.Passage{Unseen: true}); code(err) != refusal.RouteUnknown {
		t.Errorf("%v", err)
	}
}

// A connection that stays open is judged again as it was judged first.
func TestAgainForApp(t *testing.T) {
	g, k := appGate(t)
	p, err := ask(g, "GET", "/orders", "", as(adopted))
	if err != nil || g.Again(context.Background(), p) != nil {
		t.Fatal(err, g.Again(context.Background(), p))
	}
	g.Sessions, g.Apps = revoked{}, k
	if g.Again(context.Background(), p) == nil {
		t.Error("a session that has ended goes on")
	}
}

func BenchmarkJudgeApp(b *testing.B) {
	g, _ := appGate(b)
	r := &exchange.Request{ID: "req", Method: "GET", Target: "/orders", Host: host, Secure: true, Peer: netip.MustParseAddr("203.0.113.9"), Fields: exchange.Header{"Cookie": {"__Host-sanmon=" + adopted}}, Now: now}
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Judge(context.Background(), r, nil, &sanmon.Passage{}); err != nil {
			b.Fatal(err)
		}
	}
}
