package assertion

import (
	"bytes"
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

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/secret"
)

var t0 = time.Unix(1_780_000_000, 0)

func ring(t testing.TB, versions ...int) *secret.Ring {
	t.Helper()
	var keys []secret.Key
	for _, v := range versions {
		b, err := keyset.GenerateKey()
		if err != nil || len(b) != 32 {
			t.Fatal(len(b), err)
		}
		keys = append(keys, secret.Key{Version: v, Value: secret.New(b)})
	}
	return secret.NewRing(secret.PurposeAssertion, keys...)
}

func minter(t testing.TB, r *secret.Ring) *Minter {
	t.Helper()
	m, err := New(r, Options{Issuer: "https://app.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func session() *caller.Caller {
	return &caller.Caller{Kind: caller.Session, Subject: "usr_1", Email: "alice@example.com", Name: "alice@example.com", SID: "ses_1",
		Credential: &caller.Rights{Whole: true}, Principal: &caller.Rights{Roles: []string{"reader", "writer"}, Whole: true},
		AuthTime: t0.Add(-time.Hour), ExpiresAt: t0.Add(time.Hour), Slot: new(caller.Slot)}
}

type parts struct {
	header, claims map[string]any
	signing        string
	sig            []byte
}

func split(t *testing.T, jwt string) (p parts) {
	t.Helper()
	s := strings.Split(jwt, ".")
	if len(s) != 3 {
		t.Fatalf("%d segments", len(s))
	}
	var raw [3][]byte
	for i := range s {
		b, err := base64.RawURLEncoding.Strict().DecodeString(s[i])
		if err != nil {
			t.Fatal(err)
		}
		raw[i] = b
	}
	if json.Unmarshal(raw[0], &p.header) != nil || json.Unmarshal(raw[1], &p.claims) != nil {
		t.Fatal("no JSON")
	}
	p.signing, p.sig = s[0]+"."+s[1], raw[2]
	return p
}

type set struct{ Keys []map[string]string }

func jwks(t *testing.T, m *Minter) (s set) {
	t.Helper()
	if err := json.Unmarshal(keyset.JWKS(t0, m.Keys()), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// verify is RFC 7518, Section 3.4, by hand.
func verify(t *testing.T, key map[string]string, p parts) bool {
	t.Helper()
	x, _ := base64.RawURLEncoding.DecodeString(key["x"])
	y, _ := base64.RawURLEncoding.DecodeString(key["y"])
	if len(x) != 32 || len(y) != 32 || len(p.sig) != 64 {
		t.Fatalf("x %d, y %d, signature %d bytes", len(x), len(y), len(p.sig))
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(p.signing))
	return ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(p.sig[:32]), new(big.Int).SetBytes(p.sig[32:]))
}

func TestMint(t *testing.T) {
	m := minter(t, ring(t, 1))
	jwt, err := m.Mint("app", session(), []string{"notes:read", "notes:write"}, []string{"reader"}, t0)
	if err != nil {
		t.Fatal(err)
	}
	p, key := split(t, jwt), jwks(t, m).Keys[0]
	if d := cmp.Diff(map[string]any{"alg": "ES256", "kid": key["kid"], "typ": "snm-id+jwt"}, p.header); d != "" {
		t.Error(d)
	}
	jti, _ := p.claims["jti"].(string)
	if len(jti) != 20 {
		t.Errorf("jti %q", jti)
	}
	delete(p.claims, "jti")
	want := map[string]any{"iss": "https://app.example.com", "aud": "upstream:app", "sub": "usr_1", "sid": "ses_1",
		"email": "alice@example.com", "name": "alice@example.com", "roles": []any{"reader"}, "scope": "notes:read notes:write",
		"acr": "aal1", "amr": []any{"pwd"}, "auth_time": 1_779_996_400.0, "iat": 1_780_000_000.0, "nbf": 1_780_000_000.0, "exp": 1_780_000_060.0}
	if d := cmp.Diff(want, p.claims); d != "" {
		t.Error(d)
	}
	if !verify(t, key, p) {
		t.Error("the signature does not verify")
	}
	p.signing += "x"
	if verify(t, key, p) {
		t.Error("changed bytes verify")
	}
	// A short r or s must be padded: many signatures, all of 64 bytes.
	for range 600 {
		jwt, _ := m.Mint("app", session(), nil, nil, t0)
		if p := split(t, jwt); !verify(t, key, p) {
			t.Fatal("the signature does not verify")
		}
	}
}

func TestMintForAKey(t *testing.T) {
	m := minter(t, ring(t, 1))
	c := &caller.Caller{Kind: caller.Key, Subject: "svc_1", Name: "service:billing", KeyID: "abc", Credential: &caller.Rights{}, Principal: &caller.Rights{}}
	jwt, err := m.Mint("app", c, nil, nil, t0)
	if err != nil {
		t.Fatal(err)
	}
	p := split(t, jwt)
	for _, absent := range []string{"sid", "email", "auth_time", "acr", "amr"} {
		if _, ok := p.claims[absent]; ok {
			t.Errorf("claim %s of a key", absent)
		}
	}
	if p.claims["key_id"] != "abc" || p.claims["name"] != "service:billing" || p.claims["scope"] != "" || fmt.Sprint(p.claims["roles"]) != "[]" {
		t.Errorf("claims %v", p.claims)
	}
}

func TestAnAssertionEndsWithItsCredential(t *testing.T) {
	m := minter(t, ring(t, 1))
	c := session()
	c.ExpiresAt = t0.Add(7 * time.Second)
	jwt, _ := m.Mint("app", c, nil, nil, t0)
	if got := split(t, jwt).claims["exp"]; got != 1_780_000_007.0 {
		t.Errorf("exp %v, want the end of the session", got)
	}
}

func TestAStrangeNetworkHasNoAuthTime(t *testing.T) {
	c := session()
	c.AuthTime = time.Unix(0, 0)
	jwt, _ := minter(t, ring(t, 1)).Mint("app", c, nil, nil, t0)
	if got, ok := split(t, jwt).claims["auth_time"]; ok {
		t.Errorf("auth_time %v", got)
	}
}

// How a person authenticated is what the session or token says; a token names its client.
func TestFactorsAndClient(t *testing.T) {
	for _, c := range []*caller.Caller{
		{Kind: caller.Session, Subject: "usr_1", ACR: "aal2", AMR: []string{"pwd", "otp"}},
		{Kind: caller.Token, Subject: "usr_1", ACR: "aal2", AMR: []string{"pwd", "otp"}, ClientID: "mobile"},
	} {
		jwt, err := minter(t, ring(t, 1)).Mint("app", c, nil, nil, t0)
		if err != nil {
			t.Fatal(err)
		}
		got := split(t, jwt).claims
		client, _ := got["client_id"].(string)
		if got["acr"] != "aal2" || fmt.Sprint(got["amr"]) != "[pwd otp]" || client != c.ClientID {
			t.Errorf("%s: %v", c.Kind, got)
		}
	}
}

func TestNobodyIsNotAsserted(t *testing.T) {
	if jwt, err := minter(t, ring(t, 1)).Mint("app", &caller.Caller{}, nil, nil, t0); err == nil {
		t.Errorf("got %q", jwt)
	}
}

func TestJWKSIsPublic(t *testing.T) {
	r := ring(t, 1, 2, 3)
	m := minter(t, r)
	s := jwks(t, m)
	if len(s.Keys) != 3 {
		t.Fatalf("%d keys, want 3", len(s.Keys))
	}
	kids := map[string]bool{}
	for _, k := range s.Keys {
		kids[k["kid"]] = true
		for member := range k {
			if !slices.Contains([]string{"kty", "crv", "x", "y", "kid", "use", "alg"}, member) {
				t.Errorf("member %q", member)
			}
		}
		if k["kty"] != "EC" || k["crv"] != "P-256" || k["use"] != "sig" || k["alg"] != "ES256" {
			t.Errorf("key %v", k)
		}
	}
	if len(kids) != 3 {
		t.Error("kids are not unique")
	}
	for _, k := range r.All() {
		for _, form := range []string{base64.RawURLEncoding.EncodeToString(k.Value.Expose()), base64.StdEncoding.EncodeToString(k.Value.Expose()), fmt.Sprintf("%x", k.Value.Expose())} {
			if bytes.Contains(keyset.JWKS(t0, m.Keys()), []byte(form)) {
				t.Error("a private key is in the key set")
			}
		}
	}
	if jwt, _ := m.Mint("app", session(), nil, nil, t0); split(t, jwt).header["kid"] != s.Keys[2]["kid"] {
		t.Error("not signed by the current key")
	}
}

func TestBadKeysAreNotUsed(t *testing.T) {
	for name, b := range map[string][]byte{"empty": nil, "short": make([]byte, 31), "zero": make([]byte, 32), "order": bytes.Repeat([]byte{255}, 32)} {
		_, err := New(secret.NewRing("assertion", secret.Key{Version: 1, Value: secret.New(b)}), Options{Issuer: "x"})
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(secret.NewRing("assertion"), Options{Issuer: "x"}); err == nil {
		t.Error("empty ring: accepted")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{"issuer": {}, "ttl": {Issuer: "x", TTL: time.Hour}, "reuse": {Issuer: "x", Reuse: time.Minute}} {
		if _, err := New(ring(t, 1), o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestForReusesWhatIsStillTrue(t *testing.T) {
	m := minter(t, ring(t, 1))
	for _, c := range []struct {
		name   string
		change func(c *caller.Caller)
		gen    uint64
		after  time.Duration
		same   bool
	}{
		{"nothing changed", func(*caller.Caller) {}, 1, 29 * time.Second, true},
		{"too old", func(*caller.Caller) {}, 1, 30 * time.Second, false},
		{"clock went back", func(*caller.Caller) {}, 1, -time.Second, false},
		{"configuration", func(*caller.Caller) {}, 2, 0, false},
		{"roles", func(c *caller.Caller) { c.Principal = &caller.Rights{Roles: []string{"reader", "writer"}, Whole: true} }, 1, 0, false},
		{"grants", func(c *caller.Caller) { c.Credential = &caller.Rights{Whole: true} }, 1, 0, false},
		{"step-up", func(c *caller.Caller) { c.AuthTime = t0 }, 1, 0, false},
		{"strange network", func(c *caller.Caller) { c.AuthTime = time.Unix(0, 0) }, 1, 0, false},
		{"no slot", func(c *caller.Caller) { c.Slot = nil }, 1, 0, false},
	} {
		who, calls := session(), 0
		scopes := func() []string { calls++; return []string{"notes:read"} }
		first, err := m.For("app", who, 1, scopes, t0)
		if err != nil {
			t.Fatal(err)
		}
		c.change(who)
		second, err := m.For("app", who, c.gen, scopes, t0.Add(c.after))
		if err != nil || (first == second) != c.same || (calls == 1) != c.same {
			t.Errorf("%s: same %v, want %v; scopes called %d times (%v)", c.name, first == second, c.same, calls, err)
		}
	}
}

func TestForFollowsTheRing(t *testing.T) {
	r := ring(t, 1)
	m := minter(t, r)
	who := session()
	first, _ := m.For("app", who, 1, func() []string { return nil }, t0)
	m.keys = keyset.New(secret.NewRing("assertion", append(slices.Clone(r.All()), ring(t, 2).All()...)...), Type)
	second, _ := m.For("app", who, 1, func() []string { return nil }, t0)
	if first == second || len(jwks(t, m).Keys) != 2 {
		t.Error("the new key is not in use")
	}
}

func TestForKeepsUpstreamsApart(t *testing.T) {
	m, who, got := minter(t, ring(t, 1)), session(), map[string]string{}
	for round := range 2 {
		for _, up := range []string{"a", "b", "c", "d"} {
			jwt, _ := m.For(up, who, 1, func() []string { return nil }, t0)
			if split(t, jwt).claims["aud"] != "upstream:"+up {
				t.Error("another upstream's assertion")
			}
			if round == 1 && got[up] != jwt {
				t.Errorf("%s: minted again", up)
			}
			got[up] = jwt
		}
	}
	for i := range 20 {
		_, _ = m.For(fmt.Sprint("up", i), who, 1, func() []string { return nil }, t0)
	}
	n := 0
	for a := who.Slot.Assertion.Load(); a != nil; a = a.Next {
		n++
	}
	if n != 4 {
		t.Errorf("%d assertions are kept, want 4", n)
	}
}

func TestRoles(t *testing.T) {
	owner := &caller.Rights{Roles: []string{"reader", "writer"}}
	for _, c := range []struct {
		credential *caller.Rights
		want       []string
	}{
		{&caller.Rights{Whole: true}, []string{"reader", "writer"}},
		{&caller.Rights{Roles: []string{"reader", "admin"}}, []string{"reader"}},
		{&caller.Rights{Scopes: []string{"notes:read"}}, nil},
		{&caller.Rights{}, nil}, {nil, nil},
	} {
		if got := roles(&caller.Caller{Credential: c.credential, Principal: owner}); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.credential, got, c.want)
		}
	}
}

func TestAHitAllocatesNothing(t *testing.T) {
	m, who, scopes := minter(t, ring(t, 1)), session(), func() []string { return nil }
	_, _ = m.For("app", who, 1, scopes, t0)
	if n := testing.AllocsPerRun(100, func() { _, _ = m.For("app", who, 1, scopes, t0) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkForHit(b *testing.B) {
	m, who, scopes := minter(b, ring(b, 1)), session(), func() []string { return nil }
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.For("app", who, 1, scopes, t0)
	}
}

func BenchmarkForMiss(b *testing.B) {
	m, who, scopes := minter(b, ring(b, 1)), session(), func() []string { return nil }
	who.Slot = nil
	b.ReportAllocs()
	for b.Loop() {
		_, _ = m.For("app", who, 1, scopes, t0)
	}
}

func ExampleMinter() {
	key, _ := keyset.GenerateKey()
	m, err := New(secret.NewRing(secret.PurposeAssertion, secret.Key{Version: 1, Value: secret.New(key)}), Options{Issuer: "https://app.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	who := &caller.Caller{Kind: caller.Session, Subject: "usr_1", Slot: new(caller.Slot)}
	jwt, err := m.For("app", who, 1, func() []string { return []string{"notes:read"} }, time.Now())
	fmt.Println(strings.Count(jwt, "."), err)
	// Output: 2 <nil>
}
