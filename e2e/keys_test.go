package e2e_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

func TestKeyLifeCycle(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	k := g.AddKey(t, "service:reports", "--role", "reader", "--expires", "90d")
	if !regexp.MustCompile(`^smk_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$`).MatchString(k.Key) || k.Key[9:21] != k.ID {
		t.Fatalf("key of the form %.21s…, id %s", k.Key, k.ID)
	}
	// The command has ended, so the running server has 250 ms from here.
	eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Status == 200 })
	want(t, "as bearer", c.Get(t, "/notes", "Authorization", "Bearer "+k.Key), 200, "")
	want(t, "beyond its role", c.PostJSON(t, "/notes", map[string]string{"title": "x"}, "X-Api-Key", k.Key), 403, "permission_missing")
	want(t, "on a route without keys", c.Get(t, "/form", "X-Api-Key", k.Key), 401, "login_required")

	var shown map[string]any
	g.CLIJSON(t, &shown, "", "key", "show", k.ID)
	for _, name := range []string{"id", "owner", "roles", "scopes", "networks", "limit", "environment", "created_at", "expires_at", "last_used_at", "last_used_network", "revoked_at", "replaces"} {
		if _, ok := shown[name]; !ok {
			t.Errorf("key show has no %q", name)
		}
	}
	if out := g.CLI(t, "", "key", "list", "--json"); strings.Contains(out, k.Key) || strings.Contains(out, k.Key[22:54]) {
		t.Error("key list prints the secret")
	}

	var rotated harness.Key
	g.CLIJSON(t, &rotated, "", "key", "rotate", k.ID, "--overlap", "1h")
	eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/notes", "X-Api-Key", rotated.Key).Status == 200 })
	want(t, "the old key in the overlap", c.Get(t, "/notes", "X-Api-Key", k.Key), 200, "")
	if rotated.ID == k.ID {
		t.Error("rotation kept the id")
	}
	var now harness.Key
	g.CLIJSON(t, &now, "", "key", "rotate", rotated.ID, "--now")
	eventually(t, 250*time.Millisecond, func() bool {
		return c.Get(t, "/notes", "X-Api-Key", rotated.Key).Code() == "key_invalid" && c.Get(t, "/notes", "X-Api-Key", now.Key).Status == 200
	})
	g.CLI(t, "", "key", "revoke", now.ID)
	eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/notes", "X-Api-Key", now.Key).Code() == "key_invalid" })
}

// TestKeyGrants: DESIGN §7: roles alone give the roles' grants, scopes alone the scopes,
// both the intersection, neither nothing; and never more than the owner may.
func TestKeyGrants(t *testing.T) {
	g := notes(t)
	g.AddUser(t, "grants@example.com", "writer")
	c := g.Client(t)
	for _, row := range []struct {
		flags       string
		read, write int
	}{
		{"--role reader", 200, 403}, {"--role writer", 200, 201}, {"--scope notes:read", 200, 403}, {"--scope notes:write", 403, 201},
		{"--role reader --scope notes:write", 403, 403}, {"--role writer --scope notes:read", 200, 403}, {"--role reader --role writer", 200, 201}, {"", 403, 403},
	} {
		k := g.AddKey(t, "grants@example.com", strings.Fields(row.flags)...)
		eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Code() != "key_invalid" })
		want(t, "read with "+row.flags, c.Get(t, "/notes", "X-Api-Key", k.Key), row.read, "")
		want(t, "write with "+row.flags, c.PostJSON(t, "/notes", map[string]string{"title": "x"}, "X-Api-Key", k.Key), row.write, "")
	}
	// The owner's live rights count as well: the double evaluation.
	k := g.AddKey(t, "grants@example.com", "--role", "writer")
	write := func() harness.Answer {
		return c.PostJSON(t, "/notes", map[string]string{"title": "x"}, "X-Api-Key", k.Key)
	}
	eventually(t, 250*time.Millisecond, func() bool { return write().Status == 201 })
	g.CLI(t, "", "user", "roles", "grants@example.com", "reader")
	eventually(t, 250*time.Millisecond, func() bool { return write().Code() == "permission_missing" })
	want(t, "reading goes on", c.Get(t, "/notes", "X-Api-Key", k.Key), 200, "")
	g.CLI(t, "", "user", "disable", "grants@example.com")
	eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Status == 401 })
}

func TestKeyRestrictions(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	away := g.AddKey(t, writer, "--role", "reader", "--network", "203.0.113.0/24")
	here := g.AddKey(t, writer, "--role", "reader", "--network", "127.0.0.0/8", "--network", "203.0.113.0/24")
	short := g.AddKey(t, writer, "--role", "reader", "--expires", "1s")
	few := g.AddKey(t, writer, "--role", "reader", "--limit", "3/m")
	time.Sleep(250 * time.Millisecond)
	want(t, "from a strange network", c.Get(t, "/notes", "X-Api-Key", away.Key), 403, "network_denied")
	want(t, "from its network", c.Get(t, "/notes", "X-Api-Key", here.Key), 200, "")
	for range 3 {
		want(t, "inside its limit", c.Get(t, "/notes", "X-Api-Key", few.Key), 200, "")
	}
	want(t, "beyond its limit", c.Get(t, "/notes", "X-Api-Key", few.Key), 429, "rate_limited")
	time.Sleep(time.Second)
	want(t, "expired", c.Get(t, "/notes", "X-Api-Key", short.Key), 401, "key_invalid")
}

// TestHalfAKeyIsNoKey: RT 75, 93 and what else a client may send for a key.
func TestHalfAKeyIsNoKey(t *testing.T) {
	g := notes(t)
	k := newKey(t, g, writer, "--role", "writer").Key
	for _, field := range []string{
		"X-Api-Key: " + k[:59], "X-Api-Key: " + k + "A", "X-Api-Key: " + strings.ToUpper(k), "X-Api-Key: " + k[:30], "X-Api-Key: smk_live_", "X-Api-Key:", "X-Api-Key: x", "X-Api-Key: \"" + k + "\"", "X-Api-Key: " + k + "," + k,
		"Authorization: Bearer", "Authorization: Bearer ", "Authorization: bearer " + k[:59], "Authorization: " + k, "Authorization: Basic " + k, "Authorization: Bearer " + k + " " + k, "Authorization: Token " + k,
	} {
		a := harness.One(t, g.Raw(t, get(g, "/notes", field)))
		if a.Status != 401 && a.Status != 400 {
			t.Errorf("%.30s… = %d", field, a.Status)
		}
	}
	both := harness.One(t, g.Raw(t, get(g, "/notes", "X-Api-Key: "+k, "Authorization: Bearer "+k)))
	want(t, "two credentials", both, 400, "credential_ambiguous")
	// An invalid key does not fall through to the session that is also there.
	c := signedIn(t, g, writer)
	a := c.Get(t, "/notes", "X-Api-Key", flip(k))
	if a.Status < 400 || a.Status > 401 {
		t.Errorf("a bad key beside a good session = %d", a.Status)
	}
}

// TestKeysInAddresses: refused wherever they stand, and the log does not keep them.
func TestKeysInAddresses(t *testing.T) {
	g := notes(t)
	k := g.AddKey(t, writer, "--role", "writer").Key
	for _, target := range []string{"/notes?key=" + k, "/notes?a=b&api_key=" + k, "/echo/" + k, "/notes?q=x" + k + "y", "/?" + k, "/notes?access_token=abc", "/notes?k=" + strings.Replace(k, "_", "%5F", 2), "/nowhere/" + k} {
		a := harness.One(t, g.Raw(t, get(g, target)))
		want(t, fmt.Sprintf("%.20s…", target), a, 400, "credential_in_url")
	}
	time.Sleep(200 * time.Millisecond)
	if out := g.Output(); strings.Contains(out, k) || strings.Contains(out, k[22:54]) {
		t.Error("the log shows a key")
	}
}

// TestPossessionRevokes: who holds a key may end it: DESIGN §7, always 204.
func TestPossessionRevokes(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	for what, send := range map[string]func(string) harness.Answer{
		"JSON": func(k string) harness.Answer {
			return c.PostJSON(t, "/.sanmon/revoke-key", map[string]string{"key": k})
		},
		"form": func(k string) harness.Answer { return c.Post(t, "/.sanmon/revoke-key", urlencoded, "key="+k) },
		"bearer": func(k string) harness.Answer {
			return c.Post(t, "/.sanmon/revoke-key", "", "", "Authorization", "Bearer "+k)
		},
	} {
		k := g.AddKey(t, writer, "--role", "reader").Key
		eventually(t, 250*time.Millisecond, func() bool { return c.Get(t, "/notes", "X-Api-Key", k).Status == 200 })
		want(t, what, send(k), 204, "")
		want(t, what+": at once", c.Get(t, "/notes", "X-Api-Key", k), 401, "key_invalid")
		want(t, what+": again", send(k), 204, "")
		want(t, what+": an unknown key", send(flip(k)), 204, "")
	}
}

// TestRateLimitFields: five at once, then 429 with Retry-After; RateLimit and
// RateLimit-Policy on every answer; one caller's use is not another's.
func TestRateLimitFields(t *testing.T) {
	g := notes(t)
	c := g.Client(t)
	k, other := g.AddKey(t, writer, "--role", "reader"), g.AddKey(t, writer, "--role", "reader")
	time.Sleep(250 * time.Millisecond)
	for i := range 5 {
		a := c.Get(t, "/limited", "X-Api-Key", k.Key)
		want(t, fmt.Sprintf("request %d", i+1), a, 200, "")
		if a.Header.Get("RateLimit") == "" || a.Header.Get("RateLimit-Policy") == "" {
			t.Errorf("request %d: RateLimit %q, RateLimit-Policy %q", i+1, a.Header.Get("RateLimit"), a.Header.Get("RateLimit-Policy"))
		}
		if want := fmt.Sprintf("r=%d", 4-i); !strings.Contains(a.Header.Get("RateLimit"), want) {
			t.Errorf("request %d: RateLimit %q, want %s", i+1, a.Header.Get("RateLimit"), want)
		}
	}
	a := c.Get(t, "/limited", "X-Api-Key", k.Key)
	want(t, "the sixth", a, 429, "rate_limited")
	if s := a.Header.Get("Retry-After"); s == "" || s == "0" || a.Header.Get("RateLimit") == "" {
		t.Errorf("429: Retry-After %q, RateLimit %q", s, a.Header.Get("RateLimit"))
	}
	want(t, "another key", c.Get(t, "/limited", "X-Api-Key", other.Key), 200, "")
	a = c.Get(t, "/limited")
	want(t, "nobody", a, 401, "login_required")
	if s := a.Header.Get("RateLimit"); !strings.Contains(s, "r=5") {
		t.Errorf("401 on a limited route: RateLimit %q, want r=5: DESIGN §7, on every answer", s)
	}
}

// TestNetworkLimitBeforeAuthentication: limits.network admits its burst and then refuses
// everybody from there, signed in or not.
func TestNetworkLimitBeforeAuthentication(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Limits: "{ network: { rate: 1/m, burst: 20 }, failures: { rate: 5/10m, burst: 5 } }",
		Routes: "  - { id: home, match: { path: \"/\" }, boundary: public }\n  - { id: private, match: { path: \"/private/{rest...}\" }, boundary: [key] }\n"})
	c := g.Client(t)
	for i := range 5 {
		want(t, fmt.Sprintf("bad key %d", i+1), c.Get(t, "/private/x", "X-Api-Key", "smk_live_x"), 401, "key_invalid")
	}
	want(t, "bad key 6", c.Get(t, "/private/x", "X-Api-Key", "smk_live_x"), 429, "rate_limited")
	for i := range 14 {
		want(t, fmt.Sprintf("request %d", i+7), c.Get(t, "/"), 200, "")
	}
	last := c.Get(t, "/")
	want(t, "request 21", last, 429, "rate_limited")
	if last.Header.Get("RateLimit") == "" || last.Header.Get("RateLimit-Policy") == "" {
		t.Errorf("429: RateLimit %q, RateLimit-Policy %q", last.Header.Get("RateLimit"), last.Header.Get("RateLimit-Policy"))
	}
}

// TestKeyListJSON: the shape that programs read.
func TestKeyListJSON(t *testing.T) {
	g := notes(t)
	k := g.AddKey(t, "service:lister", "--role", "reader", "--limit", "10/m", "--network", "127.0.0.0/8")
	var list []map[string]any
	if err := json.Unmarshal([]byte(g.CLI(t, "", "key", "list", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e["id"] == k.ID {
			if fmt.Sprint(e["owner"]) != "service:lister" || fmt.Sprint(e["roles"]) != "[reader]" || fmt.Sprint(e["limit"]) != "10/m" || fmt.Sprint(e["networks"]) != "[127.0.0.0/8]" || fmt.Sprint(e["environment"]) != "live" {
				t.Errorf("key list: %v", e)
			}
			return
		}
	}
	t.Error("key list does not have the key")
}
