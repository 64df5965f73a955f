package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// device is a browser's part of Device Bound Session Credentials, written from the
// specification.
type device struct {
	key *ecdsa.PrivateKey
	t   *testing.T
}

func newDevice(t *testing.T) device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return device{key, t}
}

// proof is a JWT for a challenge, as a string of RFC 9651. register brings the key along.
func (d device) proof(challenge string, register bool) string {
	d.t.Helper()
	b64 := base64.RawURLEncoding.EncodeToString
	header := map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}
	if register {
		point, _ := d.key.PublicKey.Bytes()
		header["jwk"] = map[string]any{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
	}
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(map[string]any{"jti": challenge})
	input := b64(h) + "." + b64(c)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, d.key, sum[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return `"` + input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)) + `"`
}

// asNetworkStack posts as the network stack of a browser does: no page stands behind it.
func asNetworkStack(t *testing.T, c *harness.Client, path string, header ...string) harness.Answer {
	t.Helper()
	header = append([]string{"Origin", "", "X-Sanmon-Csrf", "", "Sec-Fetch-Site", "", "Sec-Fetch-Mode", ""}, header...)
	return c.Do(t, c.Request(t, "POST", path, nil, header...))
}

var (
	registrationField = regexp.MustCompile(`^\(ES256\);path="(/\.sanmon/dbsc/register)";challenge="([A-Za-z0-9_-]+)"$`)
	challengeField    = regexp.MustCompile(`^"([A-Za-z0-9_-]+)";id="(ses_[A-Za-z0-9]+)"$`)
)

func bindingGate(t *testing.T, top string) *harness.Gate {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, TLS: "{ self_signed: true }", Top: top, Routes: `
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: private, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session] }
`})
	g.AddUser(t, writer, "writer")
	return g
}

// TestDeviceBoundSession: the protocol from the login to the end, and what a thief of each
// half has.
func TestDeviceBoundSession(t *testing.T) {
	t.Parallel()
	g := bindingGate(t, "")
	c, d := g.Client(t), newDevice(t)
	a := c.TryLogin(t, writer, harness.Password)
	m := registrationField.FindStringSubmatch(a.Header.Get("Secure-Session-Registration"))
	if a.Status != 200 || m == nil {
		t.Fatalf("login: %d, %q", a.Status, a.Header.Get("Secure-Session-Registration"))
	}
	want(t, "before the registration", c.Get(t, "/private/x"), 200, "")

	for what, response := range map[string]string{"nothing": "", "no string": "x y", "another challenge": newDevice(t).proof("x", true), "no key": d.proof(m[2], false)} {
		want(t, "a registration with "+what, asNetworkStack(t, c, m[1], "Secure-Session-Response", response), 422, "input_invalid")
	}
	want(t, "a registration by nobody", asNetworkStack(t, g.Client(t), m[1], "Secure-Session-Response", d.proof(m[2], true)), 401, "login_required")
	a = asNetworkStack(t, c, m[1], "Secure-Session-Response", d.proof(m[2], true))
	if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
		t.Fatalf("registration: %d %s\n%s", a.Status, a.Body, harness.LogOf(a.Header.Get("X-Request-Id")))
	}
	var said struct {
		ID      string `json:"session_identifier"`
		Refresh string `json:"refresh_url"`
		Scope   struct {
			Origin  string `json:"origin"`
			Include bool   `json:"include_site"`
		} `json:"scope"`
		Credentials []struct{ Type, Name, Attributes string } `json:"credentials"`
	}
	a.JSON(t, &said)
	if said.Refresh != "/.sanmon/dbsc/refresh" || said.Scope.Origin != g.URL || said.Scope.Include || len(said.Credentials) != 1 || said.Credentials[0].Name != "__Host-sanmon-bound" {
		t.Errorf("instructions %s", a.Body)
	}
	line := a.Header.Get("Set-Cookie")
	for _, attribute := range append(strings.Split(said.Credentials[0].Attributes, "; "), "Max-Age=570") {
		if !strings.Contains(line, "; "+attribute) {
			t.Errorf("%q lacks %s, which the browser was told", line, attribute)
		}
	}
	want(t, "a second registration", asNetworkStack(t, c, m[1], "Secure-Session-Response", newDevice(t).proof(m[2], true)), 422, "input_invalid")
	want(t, "with both cookies", c.Get(t, "/private/x"), 200, "")
	if a := c.TryLogin(t, writer, harness.Password); a.Status != 200 || a.Header.Get("Secure-Session-Registration") != "" {
		t.Errorf("signing in again: %d, and another key is asked for: %q", a.Status, a.Header.Get("Secure-Session-Registration"))
	}
	stolen := c.Cookie(t)

	// The next cookie: first a challenge, then the proof.
	a = asNetworkStack(t, c, said.Refresh, "Sec-Secure-Session-Id", `"`+said.ID+`"`)
	n := challengeField.FindStringSubmatch(a.Header.Get("Secure-Session-Challenge"))
	if a.Status != 403 || n == nil || n[2] != said.ID {
		t.Fatalf("refresh without proof: %d %q", a.Status, a.Header.Get("Secure-Session-Challenge"))
	}
	proof := d.proof(n[1], false)
	for range 2 {
		a = asNetworkStack(t, c, said.Refresh, "Sec-Secure-Session-Id", `"`+said.ID+`"`, "Secure-Session-Response", proof)
		if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Set-Cookie"), "__Host-sanmon-bound=") {
			t.Fatalf("refresh: %d %s\n%s", a.Status, a.Body, harness.LogOf(a.Header.Get("X-Request-Id")))
		}
	}
	for what, row := range map[string]struct {
		id, response string
		status       int
	}{
		"a stale challenge": {said.ID, d.proof(m[2], false), 403}, "a thief's key": {said.ID, newDevice(t).proof(n[1], false), 401},
		"another id": {"ses_other", proof, 401}, "no string": {said.ID, "x y", 422},
	} {
		if a := asNetworkStack(t, c, said.Refresh, "Sec-Secure-Session-Id", `"`+row.id+`"`, "Secure-Session-Response", row.response); a.Status != row.status || strings.Contains(a.Header.Get("Set-Cookie"), "bound") {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	want(t, "a refresh that names nothing", asNetworkStack(t, c, said.Refresh), 422, "input_invalid")

	// Who has copied the long-lived cookie, once the half minute is over.
	thief := holding(t, g, stolen)
	for end := time.Now().Add(45 * time.Second); time.Now().Before(end) && thief.Get(t, "/private/x").Status != 401; time.Sleep(500 * time.Millisecond) {
	}
	want(t, "the thief", thief.Get(t, "/private/x"), 401, "login_required")
	if s := thief.Session(t, ""); s.Authenticated {
		t.Error("the thief has a session")
	}
	want(t, "the thief's refresh", asNetworkStack(t, thief, said.Refresh, "Sec-Secure-Session-Id", `"`+said.ID+`"`, "Secure-Session-Response", newDevice(t).proof(n[1], false)), 401, "login_required")
	want(t, "the owner, all the while", c.Get(t, "/private/x"), 200, "")
	if n := strings.Count(g.CLI(t, "", "audit", "export"), `"event":"session.bound"`); n != 1 {
		t.Errorf("%d session.bound", n)
	}

	// Whoever has the cookie alone has no token to sign the owner out with. A browser that has
	// lost the short cookie does, and nobody goes on with what it leaves behind.
	thief.CSRF = thief.Session(t, "").CSRFToken
	want(t, "the thief's logout", thief.Post(t, "/.sanmon/logout", "application/json", ""), 403, "csrf_invalid")
	left := holding(t, g, stolen)
	left.CSRF = c.Session(t, "").CSRFToken
	if a := left.Post(t, "/.sanmon/logout", "application/json", ""); a.Status != 204 || !strings.Contains(strings.Join(a.Header["Set-Cookie"], "|"), "__Host-sanmon-bound=;") {
		t.Errorf("logout: %d %q", a.Status, a.Header["Set-Cookie"])
	}
	want(t, "both cookies after the logout", c.Get(t, "/private/x"), 401, "login_required")
	owner := holding(t, g, stolen)
	want(t, "a refresh after the logout", asNetworkStack(t, owner, said.Refresh, "Sec-Secure-Session-Id", `"`+said.ID+`"`), 401, "login_required")
}

// TestDeviceBindingOff: nothing is offered, and the endpoints say so.
func TestDeviceBindingOff(t *testing.T) {
	g := bindingGate(t, "dbsc: off")
	c := g.Client(t)
	a := c.TryLogin(t, writer, harness.Password)
	if a.Status != 200 || a.Header.Get("Secure-Session-Registration") != "" {
		t.Errorf("%d %q", a.Status, a.Header.Get("Secure-Session-Registration"))
	}
	want(t, "register", asNetworkStack(t, c, "/.sanmon/dbsc/register", "Secure-Session-Response", `"x"`), 404, "route_unknown")
	want(t, "get", c.Do(t, c.Request(t, http.MethodGet, "/.sanmon/dbsc/refresh", nil)), 405, "method_not_allowed")
}
