package server

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/subrequest"
)

func TestAsks(t *testing.T) {
	for target, want := range map[string]bool{
		"/.sanmon/forward-auth": true, "/.sanmon/forward-auth?x": true, "/.sanmon/forward-auth/notes": true, "/.sanmon/forward-auth/": true,
		"/.sanmon/forward-authx": false, "/.sanmon/login": false, "/": false, "": false, "/x/.sanmon/forward-auth": false, "/.sanmon/Forward-Auth": false,
	} {
		if asks(target) != want {
			t.Errorf("asks(%q) = %v", target, !want)
		}
	}
}

// No refusal is a 2xx, which a proxy takes for a yes; nginx gets 401 and 403 only. A page
// that asks for confirmation, which is a 200 in line, is none here.
func TestDenyNeverSaysYes(t *testing.T) {
	pages, err := portal.NewPages("app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	f := &Front{PublicURL: "https://app.example.com", Portal: &portal.Portal{Pages: pages}}
	route := &sanmon.Route{Route: &policy.Route{ID: "r", Boundary: policy.BoundaryOf(caller.Session)}}
	codes := []refusal.Code{refusal.TargetAmbiguous, refusal.HeaderAmbiguous, refusal.CredentialAmbiguous, refusal.CredentialInURL, refusal.LoginRequired, refusal.LoginFailed, refusal.SessionExpired,
		refusal.TokenInvalid, refusal.TokenExpired, refusal.TokenRevoked, refusal.KeyInvalid, refusal.StepUpRequired, refusal.OriginForeign, refusal.HTTPSRequired, refusal.NetworkDenied, refusal.CSRFMissing,
		refusal.CSRFInvalid, refusal.PermissionMissing, refusal.RouteUnknown, refusal.MethodNotAllowed, refusal.CSRFSpent, refusal.BodyTooLarge, refusal.TypeNotAllowed, refusal.HostUnknown, refusal.InputInvalid,
		refusal.RateLimited, refusal.Internal, refusal.UpstreamUnreachable, refusal.Busy, refusal.UpstreamTimeout}
	page := exchange.Header{"Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"}, "Accept": {"text/html"}}
	for _, code := range codes {
		for _, fields := range []exchange.Header{{}, page} {
			for _, profile := range []subrequest.Profile{subrequest.Nginx, subrequest.Caddy, subrequest.Envoy, subrequest.Auto} {
				p := &sanmon.Passage{Request: &exchange.Request{ID: "id", Method: "GET", Fields: fields}, Route: route, Unseen: true}
				p.Target.Raw, p.Caller.Bindings = "/danger?x=1", [][]byte{{1}}
				w := httptest.NewRecorder()
				w.Header().Set("Sanmon-Assertion", "left over")
				no := refusal.New(code, "why")
				status := f.Deny(w, httptest.NewRequest("GET", ForwardAuthPath, nil), p, profile, no)
				if w.Code != status || status < 300 || profile == subrequest.Nginx && status != 401 && status != 403 || profile != subrequest.Nginx && len(fields) == 0 && status != no.Status() {
					t.Errorf("%s for %s: written %d, returned %d", code, profile, w.Code, status)
				}
				if w.Header().Get("Sanmon-Code") != string(code) || w.Header().Get("Sanmon-Assertion") != "" || w.Header().Get("X-Request-Id") != "id" {
					t.Errorf("%s for %s: %v", code, profile, w.Header())
				}
				if to := w.Header().Get("Location") + w.Header().Get("Sanmon-Location"); to != "" && !strings.HasPrefix(to, "https://app.example.com/") {
					t.Errorf("%s for %s leads to %q", code, profile, to)
				}
			}
		}
	}
}

// broken is a key layer that panics.
type broken struct{ noKeys }

func (broken) InURL(string) bool { panic("a fault") }

// A fault while a question is judged is no yes.
func TestForwardAuthFailsClosed(t *testing.T) {
	h, gate, _ := house(t, http.NotFoundHandler())
	s := h.State()
	s.Gate.Clients, s.Gate.Keys = network.Clients{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, broken{}
	s.ForwardAuth = subrequest.Auto
	res := ask(t, "GET", gate.URL+ForwardAuthPath, "", "X-Forwarded-Method: GET", "X-Forwarded-Uri: /p/x", "X-Forwarded-Host: "+strings.TrimPrefix(gate.URL, "http://"))
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("a fault answers %d, want 500", res.StatusCode)
	}
}

func BenchmarkForwardAuth(b *testing.B) {
	h, gate, _ := house(b, http.NotFoundHandler())
	h.Account = nil
	s := h.State()
	s.Gate.Clients = network.Clients{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Header: "X-Forwarded-For"}
	s.ForwardAuth = subrequest.Nginx
	header := http.Header{"X-Original-Url": {gate.URL + "/s/x?y=1"}, "X-Original-Method": {"GET"}, "X-Forwarded-For": {"203.0.113.7"}, "X-Forwarded-Proto": {"http"}, "Accept": {"*/*"}, "Accept-Language": {"en"},
		"Accept-Encoding": {"gzip"}, "User-Agent": {"test"}, "Cookie": {"sanmon=good"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Dest": {"empty"}}
	b.ReportAllocs()
	for b.Loop() {
		r := &http.Request{Method: "GET", RequestURI: ForwardAuthPath, Host: "x", Header: header, RemoteAddr: "127.0.0.1:1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody}
		w := &quiet{h: http.Header{}}
		h.ServeHTTP(w, r)
		if w.status != 200 {
			b.Fatal(w.status, w.h)
		}
	}
}

// quiet is a writer that only keeps the status.
type quiet struct {
	h      http.Header
	status int
}

func (w *quiet) Header() http.Header         { return w.h }
func (w *quiet) Write(b []byte) (int, error) { return len(b), nil }
func (w *quiet) WriteHeader(status int)      { w.status = status }
