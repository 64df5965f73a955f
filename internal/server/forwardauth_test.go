package server

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

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
				status := f.Deny(w, &exchange.Request{Method: "GET", Target: ForwardAuthPath, Fields: fields}, p, profile, no)
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

// readReply reads what InPlace wrote, and nothing may be left.
func readReply(t *testing.T, raw []byte) *http.Response {
	t.Helper()
	br := bufio.NewReader(bytes.NewReader(raw))
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatalf("%v: %q", err, raw)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || br.Buffered() > 0 {
		t.Fatalf("%v, %d bytes are left: %q", err, br.Buffered(), raw)
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

// A question is answered in place as it is through net/http: status, header and body.
func TestInPlaceAnswersAlike(t *testing.T) {
	h, gate, records := house(t, http.NotFoundHandler())
	s := h.State()
	s.Gate.Clients, s.ForwardAuth = network.Clients{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Header: "X-Forwarded-For"}, subrequest.Auto
	pages, err := portal.NewPages("app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	s.Portal = &Front{PublicURL: gate.URL, Portal: &portal.Portal{Pages: pages}}
	host := strings.TrimPrefix(gate.URL, "http://")
	nginx := func(target, method string, more ...string) http.Header {
		return header(append(more, "X-Original-Url: "+gate.URL+target, "X-Original-Method: "+method, "X-Request-Id: id-1", "Accept: */*")...)
	}
	caddy := func(target, method string, more ...string) http.Header {
		return header(append(more, "X-Forwarded-Uri: "+target, "X-Forwarded-Method: "+method, "X-Forwarded-Host: "+host, "X-Forwarded-Proto: http", "X-Request-Id: id-1", "Accept: text/html")...)
	}
	const good = "Cookie: sanmon=good"
	page := []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none"}
	for name, tt := range map[string]struct {
		header http.Header
		rest   string
		status int
	}{
		"yes":            {nginx("/s/x?y=%20", "GET", good), "", 200},
		"yes, Caddy":     {caddy("/s/x", "GET", good), "?a", 200},
		"nobody":         {nginx("/s/x", "GET"), "", 401},
		"nobody, page":   {caddy("/s/x", "GET", page...), "", 303},
		"nobody, HEAD":   {nginx("/s/x", "HEAD"), "", 401},
		"nobody, POST":   {caddy("/s/x", "POST"), "", 401},
		"no token":       {nginx("/s/x", "POST", good), "", 403},
		"no route":       {caddy("/nowhere", "GET", page...), "", 404},
		"ours":           {nginx("/.sanmon/login", "GET"), "", 403},
		"an identity":    {nginx("/s/x", "GET", good, "Remote-User: root"), "", 403},
		"no description": {header("Accept: */*", "X-Request-Id: id-1"), "", 400},
		"two":            {caddy("/s/x", "GET", "X-Original-Url: /p/x"), "", 400},
		"a panic":        {caddy("/s/x", "GET", "Cookie: sanmon=panic"), "", 500},
		"open":           {nginx("/p/x", "GET"), "", 200},
	} {
		before := len(records())
		r := httptest.NewRequest("GET", ForwardAuthPath+tt.rest, nil)
		r.Header, r.RemoteAddr, r.Host = tt.header, "127.0.0.1:1", host
		long := httptest.NewRecorder()
		h.ServeHTTP(long, r)
		out, ok := h.InPlace(t.Context(), &exchange.Request{Method: "GET", Target: ForwardAuthPath + tt.rest, Host: host, Peer: netip.MustParseAddr("127.0.0.1"), Fields: exchange.Header(tt.header.Clone())}, []byte("before"))
		out, cut := bytes.CutPrefix(out, []byte("before"))
		if !ok || !cut {
			t.Errorf("%s: not answered in place", name)
			continue
		}
		short := readReply(t, out)
		body, _ := io.ReadAll(short.Body)
		if short.Header.Get("Date") == "" || short.Header.Get("Content-Length") != strconv.Itoa(len(body)) {
			t.Errorf("%s: %v", name, short.Header)
		}
		if n := long.Header().Get("Content-Length"); n != "" && n != strconv.Itoa(long.Body.Len()) {
			t.Errorf("%s: %s bytes announced, %d written: a proxy waits for the rest", name, n, long.Body.Len())
		}
		want := http.Header{}
		for n, values := range long.Header() {
			want[http.CanonicalHeaderKey(n)] = values
		}
		for _, n := range []string{"Date", "Content-Length"} {
			short.Header.Del(n)
			want.Del(n)
		}
		if long.Code != tt.status || short.StatusCode != long.Code || string(body) != long.Body.String() || !maps.EqualFunc(short.Header, want, slices.Equal[[]string]) {
			t.Errorf("%s: %d %v %q\nthrough net/http: %d %v %q", name, short.StatusCode, short.Header, body, long.Code, want, long.Body)
		}
		if now := records(); len(now) != before+2 || now[before].Status != now[before+1].Status || now[before].Request.ID != "id-1" || now[before+1].Request.ID != "id-1" {
			t.Errorf("%s: accounted for as %+v", name, now[before:])
		}
	}
}

// Who is nobody's proxy, or asks where nobody answers, is left to the handler.
func TestInPlaceAnswersProxiesAlone(t *testing.T) {
	h, _, records := house(t, http.NotFoundHandler())
	s := h.State()
	s.Gate.Clients, s.ForwardAuth = network.Clients{Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, subrequest.Auto
	q := exchange.Request{Method: "GET", Target: ForwardAuthPath, Host: "x", Peer: netip.MustParseAddr("127.0.0.1"), Fields: exchange.Header(header("X-Original-Url: /p/x", "X-Original-Method: GET"))}
	other, longer, off := q, q, q
	other.Peer, longer.Target = netip.MustParseAddr("192.0.2.1"), ForwardAuthPath+"x"
	for name, r := range map[string]*exchange.Request{"another peer": &other, "another target": &longer, "off": &off} {
		if name == "off" {
			s = &State{Gate: s.Gate, Portal: s.Portal}
			h.Use(s)
		}
		if out, ok := h.InPlace(t.Context(), r, nil); ok || len(out) > 0 {
			t.Errorf("%s: answered %q", name, out)
		}
		h.Use(s)
	}
	if len(records()) > 0 {
		t.Errorf("accounted for: %+v", records())
	}
}

// No value ends its line, and none its response.
func TestReplyIsOneResponse(t *testing.T) {
	w := reply{header: http.Header{"Remote-User": {"a\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK"}, "Content-Length": {"99"}, "Bad\r\nName": {"x"}}}
	w.WriteHeader(403)
	w.WriteHeader(200)
	_, _ = w.Write([]byte("no"))
	res := readReply(t, w.append(nil, time.Unix(0, 0)))
	if res.StatusCode != 403 || res.ContentLength != 2 || res.Header.Get("X-Evil") != "" || res.Header.Get("Date") != "Thu, 01 Jan 1970 00:00:00 GMT" {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	if res := readReply(t, (&reply{header: http.Header{}}).append(nil, time.Now())); res.StatusCode != 500 {
		t.Errorf("nothing was said, and that is %d", res.StatusCode)
	}
}

func header(lines ...string) http.Header {
	h := http.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	return h
}
