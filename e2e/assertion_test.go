package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// asserted is what the FastAPI application found in the assertion, checked with PyJWT as
// the documentation tells a backend to check it.
type asserted struct {
	Claims map[string]any `json:"claims"`
	Header map[string]any `json:"header"`
	Token  string         `json:"token"`
}

// verified is a gate whose backend verifies against the gate's own jwks.json.
func verified(t *testing.T) *harness.Gate {
	t.Helper()
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	g := harness.NewGate(t, harness.Options{Upstream: fmt.Sprintf("http://127.0.0.1:%d", port), Routes: `
  - { id: assertion, match: { path: "/assertion" }, boundary: [session, key] }
  - { id: open, match: { path: "/echo/{rest...}" }, boundary: public }
`})
	harness.StartBackend(t, harness.FastAPI, port, "JWKS_URL="+g.URL+"/.sanmon/jwks.json", "ASSERTION_ISSUER="+g.URL, "ASSERTION_AUDIENCE=upstream:app")
	g.Start(t)
	g.AddUser(t, writer, "writer")
	g.AddUser(t, reader, "reader")
	return g
}

func TestAssertionIsVerifiedByPyJWT(t *testing.T) {
	g := verified(t)
	c := signedIn(t, g, writer)
	session := c.Session(t, "")
	a := c.Get(t, "/assertion")
	want(t, "with a session", a, 200, "")
	var got asserted
	a.JSON(t, &got)
	for name, wanted := range map[string]any{"iss": g.URL, "aud": "upstream:app", "sub": session.Subject, "email": writer, "scope": "notes:read notes:write"} {
		if fmt.Sprint(got.Claims[name]) != wanted {
			t.Errorf("claim %s = %v, want %v", name, got.Claims[name], wanted)
		}
	}
	if got.Header["alg"] != "ES256" || got.Header["typ"] != "snm-id+jwt" || got.Header["kid"] == nil || len(got.Header) != 3 {
		t.Errorf("header %v", got.Header)
	}
	if exp, iat := number(got.Claims["exp"]), number(got.Claims["iat"]); exp-iat != 60 || time.Now().Unix()-iat > 31 {
		t.Errorf("iat %d, exp %d", iat, exp)
	}
	if strings.Contains(got.Token, c.Cookie(t)) {
		t.Error("the assertion carries the session secret")
	}
	checkSignature(t, g, got.Token)

	k := g.AddKey(t, "service:cron", "--role", "reader")
	eventually(t, 250*time.Millisecond, func() bool { return g.Client(t).Get(t, "/assertion", "X-Api-Key", k.Key).Status == 200 })
	got = asserted{}
	g.Client(t).Get(t, "/assertion", "X-Api-Key", k.Key).JSON(t, &got)
	if got.Claims["key_id"] != k.ID || got.Claims["scope"] != "notes:read" || got.Claims["email"] != nil && got.Claims["email"] != "" || got.Claims["sid"] != nil && got.Claims["sid"] != "" {
		t.Errorf("with a key: %v", got.Claims)
	}
	if s := echoed(t, g.Client(t).Get(t, "/echo/x", "Sanmon-Assertion", got.Token)); s.value("Sanmon-Assertion") != "" {
		t.Error("a client's assertion passes on a public route")
	}
}

func number(v any) int64 { f, _ := v.(float64); return int64(f) }

// checkSignature verifies the token with the standard library against jwks.json, whose
// members are public only (RFC 7517, RFC 7518 Section 6.2).
func checkSignature(t *testing.T, g *harness.Gate, token string) {
	t.Helper()
	a := g.Client(t).Get(t, "/.sanmon/jwks.json")
	want(t, "jwks.json", a, 200, "")
	var set struct{ Keys []map[string]string }
	a.JSON(t, &set)
	parts := strings.Split(token, ".")
	var header struct{ Kid string }
	raw, _ := base64.RawURLEncoding.DecodeString(parts[0])
	_ = json.Unmarshal(raw, &header)
	i := slices.IndexFunc(set.Keys, func(k map[string]string) bool { return k["kid"] == header.Kid })
	if i < 0 {
		t.Fatalf("jwks.json has no key %q", header.Kid)
	}
	key := set.Keys[i]
	if _, private := key["d"]; private || key["kty"] != "EC" || key["crv"] != "P-256" || key["alg"] != "ES256" || key["use"] != "sig" {
		t.Errorf("jwks.json: private member %v, %s %s %s %s", private, key["kty"], key["crv"], key["alg"], key["use"])
	}
	point := []byte{4} // uncompressed, SEC 1, Section 2.3.3
	for _, name := range []string{"x", "y"} {
		b, err := base64.RawURLEncoding.DecodeString(key[name])
		if err != nil || len(b) != 32 {
			t.Fatalf("coordinate %s has %d bytes: %v", name, len(b), err)
		}
		point = append(point, b...)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		t.Fatalf("signature of %d bytes: %v", len(signature), err)
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Error("the signature does not verify")
	}
}

// TestAssertionsDoNotMixCallers: many callers at once each get their own (RT 92), and
// changed rights are in the next one.
func TestAssertionsDoNotMixCallers(t *testing.T) {
	g := verified(t)
	who := map[string]*harness.Client{writer: signedIn(t, g, writer), reader: signedIn(t, g, reader)}
	done := make(chan error, 8)
	for i := range 8 {
		email := []string{writer, reader}[i%2]
		go func() {
			for range 25 {
				a, err := who[email].Try(who[email].Request(t, "GET", "/assertion", nil))
				var got asserted
				if err == nil {
					err = json.Unmarshal(a.Body, &got)
				}
				if err == nil && got.Claims["email"] != email {
					err = fmt.Errorf("%s got the assertion of %v", email, got.Claims["email"])
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	g.CLI(t, "", "user", "roles", writer, "reader")
	eventually(t, 250*time.Millisecond, func() bool {
		var got asserted
		who[writer].Get(t, "/assertion").JSON(t, &got)
		return got.Claims["scope"] == "notes:read"
	})
}
