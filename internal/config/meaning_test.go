package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// accept parses the minimal configuration with one line replaced.
func accept(t *testing.T, line int, text string) *Config {
	t.Helper()
	c, err := parse("sanmon.yaml", []byte(edit(line, text)), now)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "2d": 48 * time.Hour, "1d2h3m4s": 93784 * time.Second, "0s": 0, "90m": 90 * time.Minute} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s: %s %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "5", "1.5h", "1ms", "1h 30m", "30s1m", "-1s", "1D", "9999999s", "999999d", "1h1h", "s"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q is %s", text, got)
		}
	}
}

func TestRatesAndSizes(t *testing.T) {
	for text, want := range map[string]perTime{"10/m": {10, time.Minute}, "100/s": {100, time.Second}, "30/10m": {30, 10 * time.Minute}, "5/1h30m": {5, 90 * time.Minute}, "1/d": {1, 24 * time.Hour}} {
		if got, err := rate().parse(text); err != nil || got != any(want) {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"10", "10/", "/m", "0/s", "10/0s", "10/w", "-1/s", "1.5/s", "10/31d", "10000000/s1"} {
		if got, err := rate().parse(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	for text, want := range map[string]int64{"0B": 0, "512B": 512, "64KiB": 65536, "1MiB": 1048576, "2GiB": 2147483648} {
		if got, err := size(0, 1<<40).parse(text); err != nil || got != any(want) {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"1", "1MB", "1kib", "-1B", "1.5MiB", "999999999999GiB"} {
		if got, err := size(0, 1<<40).parse(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestPublicOrigins(t *testing.T) {
	for text, host := range map[string]string{
		"https://app.example.com": "app.example.com", "https://app.example.com:8443": "app.example.com:8443", "http://localhost:8080": "localhost:8080",
		"http://127.0.0.1": "127.0.0.1", "http://[::1]:8080": "[::1]:8080", "https://xn--bcher-kva.example": "xn--bcher-kva.example", "https://203.0.113.7": "203.0.113.7",
	} {
		got, err := publicURL().parse(text)
		if err != nil || got.(site).hostport() != host || got.(site).String() != text {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "app.example.com", "https://", "https://:8443", "https://a:0", "https://a:65536", "https://a b", "https://bücher.example", "https://-a.example", "https://a..b",
		"https://1.2.3", "https://1.2.3.4.5", "https://0x7f.1", "https://[::1", "https://[fe80::1%25eth0]", "https://[0:0::1]", "https://[::ffff:1.2.3.4]x", "http://0.0.0.0", "http://127.0.0.2", "HTTPS://a.example", "https://a.example.", "https://a_b.example"} {
		if got, err := publicURL().parse(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestProfiles(t *testing.T) {
	c := accept(t, 7, `  - { id: x, match: { path: "/x" }, boundary: session, profile: api, input: { max_body: 1KiB }, require: ["notes:read"] }
profiles:
  api: { input: { max_body: 1MiB, types: [application/json] }, require: ["notes:write"], limit: { rate: 10/m }, csrf: page, fresh: 5m }`)
	r := c.Routes[0]
	got := []any{r.Profile, r.MaxBody, r.Types, r.Require, r.Limits, r.CSRF.Kind, r.Fresh}
	want := []any{"api", int64(1024), []string{"application/json"}, []string{"notes:read"}, []Limit{{Name: "route", Rate: Rate{10, time.Minute, 10}, Per: "caller"}}, "page", 5 * time.Minute}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What a profile brings is judged on the route that takes it, at the profile's place.
	checkRefused(t, []refused{{7, route("boundary: key, profile: p") + "\nprofiles: { p: { csrf: page } }", `8:24: route "x" has csrf, but takes no session (remove it: keys and tokens are not sent by browsers on their own)`}})
}

func TestMethodsAndEffects(t *testing.T) {
	for text, want := range map[string]string{
		`match: { path: "/x" }, boundary: public`:                                                   "GET,HEAD false",
		`match: { path: "/x" }, boundary: session`:                                                  "* true",
		`match: { path: "/x", methods: [POST, GET] }, boundary: session`:                            "GET,HEAD,POST true",
		`match: { path: "/x", methods: [GET] }, boundary: session, effect: write`:                   "GET,HEAD true",
		`match: { path: "/x", methods: [OPTIONS] }, boundary: session`:                              "OPTIONS false",
		`match: { path: "/x", methods: [POST] }, boundary: public, effect: { read: "search only" }`: "POST false",
		`match: { path: "/x", methods: [POST] }, boundary: public, limit: { rate: 1/s }`:            "POST true",
	} {
		r := accept(t, 7, "  - { id: x, "+text+" }").Routes[0]
		methods := strings.Join(r.Methods, ",")
		if r.AnyMethod {
			methods += "*"
		}
		if got := methods + " " + map[bool]string{true: "true", false: "false"}[r.writes()]; got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestSwitchedOffWithReason(t *testing.T) {
	c := accept(t, 2, `public_url: https://a.example
tls: { self_signed: true, hsts: { off: "an older site shares the name" } }
limits: { network: { off: "the load balancer limits" } }`)
	if c.TLS.HSTS != 0 || !c.Limits.Network.Zero() || c.Limits.Failures != (Rate{30, 10 * time.Minute, 30}) || len(c.Warnings) != 2 {
		t.Errorf("%+v", c)
	}
	c = accept(t, 7, route(`boundary: session, input: { max_body: { off: "uploads of any size" } }, csrf: { exempt: "native client" }`))
	if r := c.Routes[0]; r.MaxBody != -1 || r.CSRF != (CSRF{"exempt", "native client"}) {
		t.Errorf("%+v", r)
	}
}

func TestRampAndIsolation(t *testing.T) {
	c := accept(t, 2, "public_url: https://a.example\ntls: { self_signed: true, hsts: { ramp: 2026-12-01 } }")
	if want := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC); c.TLS.HSTS != 365*24*time.Hour || c.TLS.Ramp != want || len(c.Warnings) != 0 {
		t.Errorf("%+v %v", c.TLS, c.Warnings)
	}
	for text, want := range map[string]string{
		`output: { csp: floor }`:                                    " ",
		`output: { coop: same-origin, corp: same-origin }`:          "same-origin same-origin",
		`output: { coop: noopener-allow-popups }`:                   "noopener-allow-popups ",
		`output: { coop: { unsafe_none: "opened by a partner" } }`:  "unsafe-none ",
		`output: { corp: { same_site: "images of the shop" } }`:     " same-site",
		`output: { corp: { cross_origin: "a widget for others" } }`: " cross-origin",
	} {
		r := accept(t, 7, route("boundary: public, "+text)).Routes[0]
		if got := r.COOP + " " + r.CORP; got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestCrossSite(t *testing.T) {
	c := accept(t, 7, route(`boundary: public, effect: write, limit: { rate: 1/s }, cross_site: { reason: "the provider posts back", cookies: [sessionid] }`))
	if got := c.Routes[0].CrossSite; !got.Declared() || got.Reason != "the provider posts back" || len(got.Cookies) != 1 || got.Cookies[0] != "sessionid" {
		t.Errorf("%+v", got)
	}
}

// A default gives way to a shorter window; tests and operators shorten one key.
func TestShorterWindow(t *testing.T) {
	c := accept(t, 8, "session: { absolute: 10s }\ntoken: { refresh_absolute: 20s }")
	if c.Session.Idle != 10*time.Second || c.Token.RefreshIdle != 20*time.Second {
		t.Errorf("%+v %+v", c.Session, c.Token)
	}
}

func TestStores(t *testing.T) {
	for text, want := range map[string]Reference{
		"store: sqlite:x.db":                                              {"sqlite", "x.db", ""},
		"store: sqlite:/var/lib/x.db":                                     {"sqlite", "/var/lib/x.db", ""},
		`store: "postgres://me@db/x?sslmode=verify-full"`:                 {"postgres", "postgres://me@db/x?sslmode=verify-full", ""},
		`store: { url: "postgresql://me@db/x", password: file:./p }`:      {"postgres", "postgresql://me@db/x", "file:p"},
		`store: { url: "postgres://me@db/x", password: cred:pgpassword }`: {"postgres", "postgres://me@db/x", "cred:pgpassword"},
		`store: "postgres:///x?host=/run/postgresql"`:                     {"postgres", "postgres:///x?host=/run/postgresql", ""},
	} {
		if got := accept(t, 8, text).Store; got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, row := range []struct {
		line       int
		text, want string
	}{
		{8, `listen: { admin: ":9443" }`, `8:18: listen.admin can be reached from other machines (use "127.0.0.1:9443", or a management network)`},
		{7, route(`boundary: key, require: ["notes:delete"]`), `7:62: route "x" requires "notes:delete", which no role grants (add it to a role)`},
		{7, route(`boundary: token`), `7:47: route "x" takes access tokens, but there is no client that could get one (add one to clients)`},
		{7, `  - { id: x, match: { path: "/{rest...}" }, boundary: public }`, `7:55: route "x" makes everything public that no other route names (name the public parts)`},
		{8, "csp: { learn: true }", `8:15: csp.learn is on, but every route has the floor only: nothing is learned (set output.csp: observe on a route)`},
		{8, "login: { password: false, passkey: false }", `8:20: routes take a session, but there is no way to sign in (set login.password: true)`},
		{8, "observe_all: { until: 2026-11-25 }", `8:14: observe_all has ended on 2026-11-25: everything is enforced (remove it)`},
		{8, "observe_all: { until: 2026-11-25T12:00:00Z }", `8:14: observe_all has ended on 2026-11-25: everything is enforced (remove it)`},
		{8, "observe_all: { until: 2026-11-26 }", `8:14: observe_all: until 2026-11-26T00:00:00Z, checks report and do not refuse`},
		{7, `  - { id: x, match: { path: "/x", methods: [GET] }, boundary: session, csrf: page }`, `7:78: route "x" has csrf, but only reads: no token is asked for (remove it, or declare effect: write)`},
	} {
		c := accept(t, row.line, row.text)
		if len(c.Warnings) != 1 || strings.TrimPrefix(c.Warnings[0].Error(), "sanmon.yaml:") != row.want {
			t.Errorf("%s: %v, want %s", row.text, c.Warnings, row.want)
		}
		if past := strings.Contains(row.text, "-25"); past && !c.ObserveAll.IsZero() {
			t.Error("observe_all goes on after its date")
		}
	}
	if c := accept(t, 8, `listen: { admin: off }`); c.Listen.Admin != "" || len(c.Warnings) != 0 {
		t.Errorf("%+v", c)
	}
}

// Where files are named, they stand beside the configuration.
func TestContentPolicyMeaning(t *testing.T) {
	c := accept(t, 7, route("boundary: session, output: { csp: strict }")+"\ncsp: { learn: true, approved: a/approved.yaml, report_sample: true }")
	if c.Routes[len(c.Routes)-1].CSP != "strict" || c.CSP != (CSP{Learn: true, Approved: "a/approved.yaml", Sample: true}) {
		t.Errorf("%+v", c.CSP)
	}
	if c := accept(t, 8, "log: { level: info }"); c.CSP != (CSP{}) {
		t.Errorf("by default: %+v", c.CSP)
	}
}
