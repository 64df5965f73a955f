package config

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sanmon-gate/sanmon/caller"
)

// now is the clock of the tests.
var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func parseFile(t *testing.T, name string) *Config {
	t.Helper()
	src, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse("conf/"+name, src, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The example of the contract means what the contract says.
func TestDesignExample(t *testing.T) {
	c := parseFile(t, "design.yaml")
	want := &Config{
		Path: "conf/design.yaml", PublicURL: "https://app.example.com", PublicHost: "app.example.com", Environment: "live",
		Listen:      Listen{":8443", "127.0.0.1:9443"},
		TLS:         TLS{CertFile: "conf/tls/cert.pem", KeyFile: "conf/tls/key.pem", HSTS: 365 * 24 * time.Hour},
		ClientIP:    ClientIP{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Header: "X-Forwarded-For"},
		Store:       Reference{Driver: "sqlite", Address: "conf/data/sanmon.db"},
		ForwardAuth: ForwardAuth{"auto", true},
		MasterKey:   "file:conf/data/master.key",
		Secrets:     Secrets{Interval: time.Minute, MaxAge: 24 * time.Hour},
		Leaks:       Leaks{GitHub{Keys: "https://api.github.com/meta/public_keys/secret_scanning"}},
		Keys:        Keys{MaxAge: 5 * time.Second},
		Upstreams: map[string]*Upstream{"app": {Name: "app", URL: "http://127.0.0.1:8000", Timeout: 30 * time.Second,
			OpenAPI: "http://127.0.0.1:8000/openapi.json", HostFrom: "preserve"}},
		Session: Session{Idle: time.Hour, Absolute: 24 * time.Hour, Rotate: 15 * time.Minute, SameSite: "lax", Network: "step_up", AtMax: "evict_oldest"},
		Token: Token{AccessTTL: 5 * time.Minute, RefreshIdle: 336 * time.Hour, RefreshAbsolute: 720 * time.Hour,
			Redeliver: time.Minute, Race: 10 * time.Second},
		DBSC:   "opportunistic",
		Login:  Login{Password: true, Passkey: true, TOTP: "optional", PasswordLength: 15},
		Roles:  map[string][]string{"reader": {"notes:read"}, "writer": {"notes:write"}, "admin": {"*"}},
		Limits: Limits{Network: Rate{100, time.Second, 400}, Failures: Rate{30, 10 * time.Minute, 30}},
		Log:    Log{"info", "json"},
		Routes: []*Route{
			{ID: "assets", Line: 21, Path: "/static/{rest...}", Methods: []string{"GET", "HEAD"}, Upstream: "app",
				Boundary: []caller.Kind{caller.Anonymous}, CSRF: CSRF{Kind: "session"}, MaxBody: 100 << 20, FieldsMode: Enforce, CSP: "floor"},
			{ID: "home", Line: 22, Path: "/", Methods: []string{"GET", "HEAD"}, Upstream: "app",
				Boundary: []caller.Kind{caller.Anonymous}, CSRF: CSRF{Kind: "session"}, MaxBody: 100 << 20, FieldsMode: Enforce, CSP: "floor"},
			{ID: "notes-read", Line: 23, Path: "/notes/{id}", Methods: []string{"GET", "HEAD"}, Upstream: "app",
				Boundary: []caller.Kind{caller.Session, caller.Token, caller.Key}, Require: []string{"notes:read"},
				CSRF: CSRF{Kind: "session"}, MaxBody: 100 << 20, FieldsMode: Enforce, CSP: "floor"},
			{ID: "notes-write", Line: 27, Path: "/notes", Methods: []string{"POST"}, Upstream: "app", Effect: "write",
				Boundary: []caller.Kind{caller.Session, caller.Key}, Require: []string{"notes:write"}, Fresh: 10 * time.Minute,
				CSRF: CSRF{Kind: "session"}, Limits: []Limit{{Name: "route", Rate: Rate{10, time.Minute, 5}, Per: "caller"}},
				Network: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
				MaxBody: 1 << 20, Types: []string{"application/json"}, FieldsMode: Enforce, CSP: "floor",
				Fields: map[string]string{"title": "text", "body": "html(ugc)"}},
		},
	}
	ignore := cmpopts.IgnoreFields(Config{}, "Hash", "Warnings", "written")
	if diff := cmp.Diff(want, c, ignore, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Message, "access tokens") {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

// minimal is the shortest configuration; tests replace parts of it.
const minimal = `version: 1
public_url: http://localhost:8080
upstreams:
  app: { url: "http://127.0.0.1:8000" }
roles: { user: ["notes:read", "notes:write"] }
routes:
  - { id: home, match: { path: "/" }, boundary: session }
`

func TestMinimalHasTheDefaults(t *testing.T) {
	c, err := parse("sanmon.yaml", []byte(minimal), now)
	if err != nil {
		t.Fatal(err)
	}
	want := &Route{ID: "home", Line: 7, Path: "/", AnyMethod: true, Upstream: "app", Boundary: []caller.Kind{caller.Session},
		CSRF: CSRF{Kind: "session"}, MaxBody: 104857600, FieldsMode: Enforce, CSP: "floor"}
	if diff := cmp.Diff(want, c.Routes[0]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if c.TLS.HSTS != 0 || c.Store.Address != "data/sanmon.db" || c.MasterKey != "file:data/master.key" || c.Listen.Public != ":8443" || len(c.Warnings) != 0 {
		t.Errorf("%+v", c)
	}
}

func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return out
}
