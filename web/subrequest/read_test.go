package subrequest_test

import (
	"maps"
	"net/textproto"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/subrequest"
)

const prefix = "/.sanmon/forward-auth"

// ask is a question: method, target behind the prefix, Host, and "Name: value" lines.
func ask(method, rest, host string, lines ...string) *exchange.Request {
	h := exchange.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		name = textproto.CanonicalMIMEHeaderKey(name)
		h[name] = append(h[name], value)
	}
	return &exchange.Request{Method: method, Target: prefix + rest, Host: host, Fields: h}
}

// The questions as nginx 1.22, Caddy 2.6, Traefik v3 and Envoy v1.3x send them.
var (
	nginx   = []string{"X-Original-URL: https://app.example.com/notes/1?x=%20y", "X-Original-Method: GET", "X-Forwarded-For: 203.0.113.7"}
	caddy   = []string{"X-Forwarded-Method: GET", "X-Forwarded-Proto: https", "X-Forwarded-Host: app.example.com", "X-Forwarded-Uri: /notes/1?x=%20y", "X-Forwarded-For: 203.0.113.7"}
	traefik = append([]string{"X-Forwarded-Port: 443", "X-Forwarded-Server: edge", "X-Real-Ip: 203.0.113.7"}, caddy...)
	envoy   = []string{"X-Forwarded-Proto: https", "X-Envoy-Internal: true", "X-Forwarded-For: 203.0.113.7"}
)

func TestConventions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile subrequest.Profile
		r       *exchange.Request
		as      subrequest.Profile
	}{
		{"nginx", subrequest.Nginx, ask("GET", "", "sanmon", nginx...), subrequest.Nginx},
		{"nginx, found", subrequest.Auto, ask("GET", "", "sanmon", nginx...), subrequest.Nginx},
		{"nginx, path alone", subrequest.Nginx, ask("GET", "", "app.example.com", "X-Original-URL: /notes/1?x=%20y", "X-Original-Method: GET", "X-Forwarded-Proto: https"), subrequest.Nginx},
		{"caddy", subrequest.Caddy, ask("GET", "?x=%20y", "app.example.com", caddy...), subrequest.Caddy},
		{"caddy, found", subrequest.Auto, ask("GET", "?x=%20y", "app.example.com", caddy...), subrequest.Caddy},
		{"traefik", subrequest.Traefik, ask("GET", "", "sanmon:8443", traefik...), subrequest.Traefik},
		{"traefik, found", subrequest.Auto, ask("GET", "", "sanmon:8443", traefik...), subrequest.Caddy},
		{"envoy", subrequest.Envoy, ask("GET", "/notes/1?x=%20y", "app.example.com", envoy...), subrequest.Envoy},
		{"envoy, found", subrequest.Auto, ask("GET", "/notes/1?x=%20y", "app.example.com", envoy...), subrequest.Envoy},
	} {
		q, err := tt.profile.Read(tt.r, prefix)
		r := q.Request
		if err != nil || q.Profile != tt.as || r.Method != "GET" || r.Target != "/notes/1?x=%20y" || r.Host != "app.example.com" || !r.Secure || r.Length != 0 {
			t.Errorf("%s: %+v, %v", tt.name, q, err)
			continue
		}
		for name := range r.Fields.All() {
			switch name {
			case "X-Original-Url", "X-Original-Method", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-Proto":
				t.Errorf("%s: the description is still in the header: %s", tt.name, name)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	with := func(base []string, more ...string) []string { return append(append([]string(nil), base...), more...) }
	without := func(base []string, name string) (rest []string) {
		for _, l := range base {
			if !strings.HasPrefix(l, name+":") {
				rest = append(rest, l)
			}
		}
		return rest
	}
	const target, header = refusal.TargetAmbiguous, refusal.HeaderAmbiguous
	for _, tt := range []struct {
		name    string
		profile subrequest.Profile
		r       *exchange.Request
		want    refusal.Code
	}{
		{"nothing said", subrequest.Auto, ask("GET", "", "a"), target},
		{"nginx without URL", subrequest.Nginx, ask("GET", "", "a", without(nginx, "X-Original-URL")...), target},
		{"nginx without method", subrequest.Nginx, ask("GET", "", "a", without(nginx, "X-Original-Method")...), target},
		{"caddy without URI", subrequest.Caddy, ask("GET", "", "a", without(caddy, "X-Forwarded-Uri")...), target},
		{"caddy without method", subrequest.Caddy, ask("GET", "", "a", without(caddy, "X-Forwarded-Method")...), target},
		{"envoy without path", subrequest.Envoy, ask("GET", "", "a", envoy...), target},
		{"nginx that is asked as Caddy", subrequest.Nginx, ask("GET", "", "a", caddy...), target},
		{"two conventions", subrequest.Auto, ask("GET", "", "a", with(nginx, "X-Forwarded-Uri: /public")...), target},
		{"two conventions, method", subrequest.Auto, ask("GET", "", "a", with(caddy, "X-Original-Method: GET")...), target},
		{"envoy and a URI", subrequest.Auto, ask("GET", "/x", "a", caddy...), target},
		{"a path behind nginx", subrequest.Nginx, ask("GET", "/public", "a", nginx...), target},
		{"another place", subrequest.Auto, &exchange.Request{Method: "GET", Target: "/x", Fields: exchange.Header{}}, target},
		{"off", "off", ask("GET", "", "a", nginx...), target},
		{"URL twice", subrequest.Nginx, ask("GET", "", "a", with(nginx, "X-Original-URL: /public")...), header},
		{"URI twice", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X-Forwarded-Uri: /public")...), header},
		{"method twice", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X-Forwarded-Method: GET")...), header},
		{"host twice", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X-Forwarded-Host: b")...), header},
		{"proto twice", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X-Forwarded-Proto: http")...), header},
		{"proto of neither", subrequest.Caddy, ask("GET", "", "a", with(without(caddy, "X-Forwarded-Proto"), "X-Forwarded-Proto: gopher")...), header},
		{"schemes differ", subrequest.Nginx, ask("GET", "", "a", with(nginx, "X-Forwarded-Proto: http")...), header},
		{"hosts differ", subrequest.Nginx, ask("GET", "", "a", with(nginx, "X-Forwarded-Host: other.example")...), header},
		{"hosts differ, path alone", subrequest.Nginx, ask("GET", "", "a", "X-Original-URL: /x", "X-Original-Method: GET", "X-Forwarded-Host: b"), header},
		{"envoy, hosts differ", subrequest.Envoy, ask("GET", "/x", "a", with(envoy, "X-Forwarded-Host: b")...), header},
		{"URL of another scheme", subrequest.Nginx, ask("GET", "", "a", "X-Original-URL: ftp://a/x", "X-Original-Method: GET"), target},
		{"URL without path", subrequest.Nginx, ask("GET", "", "a", "X-Original-URL: https://a", "X-Original-Method: GET"), target},
		{"URL without host", subrequest.Nginx, ask("GET", "", "a", "X-Original-URL: https:///x", "X-Original-Method: GET"), target},
		{"asked by POST", subrequest.Caddy, ask("POST", "", "a", caddy...), refusal.MethodNotAllowed},
		{"our assertion", subrequest.Caddy, ask("GET", "", "a", with(caddy, "Sanmon-Assertion: x")...), header},
		{"Remote-User", subrequest.Caddy, ask("GET", "", "a", with(caddy, "Remote-User: x")...), header},
		{"remote_user", subrequest.Caddy, ask("GET", "", "a", with(caddy, "remote_user: x")...), header},
		{"Remote.User", subrequest.Caddy, ask("GET", "", "a", with(caddy, "Remote.User: x")...), header},
		{"X_Forwarded_For", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X_Forwarded_For: 10.0.0.1")...), header},
		{"X_Sanmon_Csrf", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X_Sanmon_Csrf: x")...), header},
		{"X-Original-URL through Caddy", subrequest.Caddy, ask("GET", "", "a", with(caddy, "X-Original-URL: /public")...), header},
		{"method override", subrequest.Envoy, ask("GET", "/x", "a", with(envoy, "X-HTTP-Method-Override: DELETE")...), header},
	} {
		_, err := tt.profile.Read(tt.r, prefix)
		if no := refusal.From(err); err == nil || no.Code != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// A handshake whose hop-by-hop fields a proxy dropped is still one; an ordinary field with
// an underscore, which nothing of ours could be, may pass.
func TestWhatIsLeft(t *testing.T) {
	r := ask("GET", "", "app.example.com", append([]string{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Connection: close", "client_id: 7", "X-Sanmon-Csrf: t"}, caddy...)...)
	q, err := subrequest.Caddy.Read(r, prefix)
	if err != nil {
		t.Fatal(err)
	}
	f := q.Request.Fields
	if exchange.First(f, "Connection") != "Upgrade" || exchange.First(f, "Upgrade") != "websocket" || exchange.First(f, "X-Sanmon-Csrf") != "t" || exchange.First(f, "X-Forwarded-For") != "203.0.113.7" {
		t.Errorf("%v", f)
	}
	for _, method := range []string{"POST", "DELETE", "get"} {
		lines := append([]string{"X-Original-Method: " + method}, nginx[0], nginx[2])
		if q, err := subrequest.Nginx.Read(ask("GET", "", "a", lines...), prefix); err != nil || q.Request.Length != -1 || q.Request.Method != method {
			t.Errorf("%s: %+v %v, want a body of unknown length", method, q.Request, err)
		}
	}
}

// Whatever a proxy hands on: a description that is read is whole, one of its own fields,
// and the question itself is not changed.
func FuzzRead(f *testing.F) {
	f.Add("", "https://a/x?y", "GET", "/x", "POST", "https", "a")
	f.Add("/x?y", "", "", "", "", "http", "a,b")
	f.Add("?q", "/x", "GET", "", "", "wss", "")
	f.Fuzz(func(t *testing.T, rest, url, method, uri, forwarded, proto, host string) {
		h := exchange.Header{"Accept": {"a"}}
		for name, v := range map[string]string{"X-Original-Url": url, "X-Original-Method": method, "X-Forwarded-Uri": uri, "X-Forwarded-Method": forwarded, "X-Forwarded-Proto": proto, "X-Forwarded-Host": host} {
			if v != "" {
				h[name] = []string{v}
			}
		}
		before := maps.Clone(h)
		for _, p := range []subrequest.Profile{subrequest.Auto, subrequest.Nginx, subrequest.Caddy, subrequest.Envoy} {
			q, err := p.Read(&exchange.Request{Method: "GET", Target: prefix + rest, Host: "h", Fields: h}, prefix)
			if err != nil {
				continue
			}
			r := q.Request
			if r.Method == "" || !strings.HasPrefix(r.Target, "/") && r.Target != uri || r.Host == "" || q.Profile == subrequest.Auto {
				t.Fatalf("%s: %+v", p, q)
			}
			if r.Target != uri && r.Target != rest && !strings.HasSuffix(url, r.Target) {
				t.Fatalf("%s: target %q is nobody's", p, r.Target)
			}
		}
		if !maps.EqualFunc(before, h, func(a, b []string) bool { return a[0] == b[0] }) {
			t.Fatal("the question was changed")
		}
	})
}
