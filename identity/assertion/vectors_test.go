package assertion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/secret"
)

// vectorFile is read by the Python package, which verifies what is minted here.
const vectorFile = "../../python/tests/vectors.json"

var updateVectors = flag.Bool("update-vectors", false, "write "+vectorFile+" anew")

type vectors struct {
	About    string          `json:"about"`
	Issuer   string          `json:"issuer"`
	Upstream string          `json:"upstream"`
	Now      int64           `json:"now"` // when they are judged
	JWKS     json.RawMessage `json:"jwks"`
	Cases    []vector        `json:"cases"`
}

type vector struct {
	Name   string         `json:"name"`
	Token  string         `json:"token"`
	Holds  bool           `json:"holds"`
	Claims map[string]any `json:"claims,omitempty"` // of one that was minted, but for jti
	At     int64          `json:"at,omitempty"`     // judged then and not at Now
	Minted bool           `json:"minted,omitempty"` // by this package
}

// vectorKey is a key for tests, published with the vectors.
func vectorKey() []byte {
	b := sha256.Sum256([]byte("sanmon assertion vectors"))
	return b[:]
}

func vectorMinter(t *testing.T) *Minter {
	t.Helper()
	return minter(t, secret.NewRing(secret.PurposeAssertion, secret.Key{Version: 1, Value: secret.New(vectorKey())}))
}

var (
	vectorScopes = []string{"notes:read", "notes:write"}
	vectorRoles  = []string{"writer"}
)

// minted are callers of every kind.
func minted() map[string]*caller.Caller {
	token := session()
	token.Kind, token.ClientID, token.ACR, token.AMR = caller.Token, "mobile", "aal2", []string{"pwd", "otp"}
	strange := session()
	strange.AuthTime = time.Time{}
	return map[string]*caller.Caller{
		"a session":                      session(),
		"an access token":                token,
		"a session in a strange network": strange,
		"the key of a service":           {Kind: caller.Key, Subject: "svc_1", Name: "service:billing", KeyID: "abc"},
		"the key of a person":            {Kind: caller.Key, Subject: "usr_1", Name: "alice@example.com", Email: "alice@example.com", KeyID: "abc"},
	}
}

// The vectors that the Python package is tested with are what this package mints: the same
// header, the same claims, a signature that verifies.
func TestVectors(t *testing.T) {
	m := vectorMinter(t)
	if *updateVectors {
		writeVectors(t, m)
	}
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	var set, published set
	if json.Unmarshal(v.JWKS, &set) != nil || json.Unmarshal(keyset.JWKS(t0, m.Keys()), &published) != nil || cmp.Diff(published, set) != "" {
		t.Errorf("the key set is %s", v.JWKS)
	}
	people := minted()
	for _, c := range v.Cases {
		if !c.Minted {
			continue
		}
		who, ok := people[c.Name]
		if !ok {
			t.Errorf("%s: nobody like that", c.Name)
			continue
		}
		delete(people, c.Name)
		now, err := m.Mint(v.Upstream, who, vectorScopes, vectorRoles, t0)
		if err != nil {
			t.Fatal(err)
		}
		want, got := split(t, now), split(t, c.Token)
		delete(want.claims, "jti")
		delete(got.claims, "jti")
		if d := cmp.Diff(want.header, got.header); d != "" {
			t.Errorf("%s: the header has changed; -update-vectors, and the Python package: %s", c.Name, d)
		}
		if d := cmp.Diff(want.claims, got.claims); d != "" {
			t.Errorf("%s: the claims have changed; -update-vectors, and the Python package: %s", c.Name, d)
		}
		if !c.Holds || !verify(t, set.Keys[0], got) {
			t.Errorf("%s does not verify", c.Name)
		}
	}
	if len(people) > 0 {
		t.Errorf("no vectors for %v; -update-vectors", people)
	}
}

func writeVectors(t *testing.T, m *Minter) {
	t.Helper()
	v := vectors{
		About:  "Written by go test ./identity/assertion -run TestVectors -update-vectors. The key is for tests only.",
		Issuer: "https://app.example.com", Upstream: "app", Now: t0.Unix() + 1, JWKS: keyset.JWKS(t0, m.Keys()),
	}
	good := ""
	for _, name := range []string{"a session", "an access token", "a session in a strange network", "the key of a service", "the key of a person"} {
		jwt, err := m.Mint("app", minted()[name], vectorScopes, vectorRoles, t0)
		if err != nil {
			t.Fatal(err)
		}
		claims := split(t, jwt).claims
		delete(claims, "jti")
		v.Cases = append(v.Cases, vector{Name: name, Token: jwt, Holds: true, Claims: claims, Minted: true})
		if name == "a session" {
			good = jwt
		}
	}
	v.Cases = append(v.Cases, hostile(t, good)...)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(b, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hostile are assertions that must be refused (RFC 8725, Sections 2 and 3), and some at the
// edge that hold.
func hostile(t *testing.T, good string) []vector {
	p := split(t, good)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), vectorKey())
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	add := func(name, token string, holds bool, at int64) {
		all = append(all, vector{Name: name, Token: token, Holds: holds, At: at})
	}
	with := func(base map[string]any, change map[string]any) []byte {
		m := map[string]any{}
		for k, v := range base {
			m[k] = v
		}
		for k, v := range change {
			if m[k] = v; v == nil {
				delete(m, k)
			}
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	type change = map[string]any
	sign := func(k *ecdsa.PrivateKey, header, claims []byte) string {
		signing := encode(header) + "." + encode(claims)
		sum := sha256.Sum256([]byte(signing))
		r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return signing + "." + encode(sig)
	}
	header := func(c change) string { return sign(key, with(p.header, c), with(p.claims, nil)) }
	claims := func(c change) string { return sign(key, with(p.header, nil), with(p.claims, c)) }

	add("members in another order", header(nil), true, 0)
	add("at the last second of the leeway", good, true, t0.Unix()+64)
	add("behind the leeway", good, false, t0.Unix()+65)
	add("just before its time", good, true, t0.Unix()-5)
	add("from the future", good, false, t0.Unix()-6)
	for name, c := range sorted(map[string]change{
		"alg none": {"alg": "none"}, "alg HS256": {"alg": "HS256"}, "alg in other letters": {"alg": "es256"}, "ES384": {"alg": "ES384"},
		"typ JWT": {"typ": "JWT"}, "an access token's typ": {"typ": "at+jwt"}, "typ in other letters": {"typ": "SNM-ID+JWT"}, "typ as a media type": {"typ": "application/snm-id+jwt"}, "no typ": {"typ": nil},
		"no kid": {"kid": nil}, "an unknown kid": {"kid": "x"}, "kid that is no text": {"kid": 7}, "kid that is empty": {"kid": ""},
		"crit": {"crit": []string{"exp"}}, "its own key": {"jwk": change{"kty": "EC"}}, "the address of a key": {"jku": "https://evil.example/jwks.json"}, "a certificate": {"x5c": []string{"MIIB"}},
		"b64": {"b64": false}, "cty": {"cty": "JWT"}, "zip": {"zip": "DEF"},
	}) {
		add(name, header(c), false, 0)
	}
	for name, c := range sorted(map[string]change{
		"another issuer": {"iss": "https://evil.example"}, "issuer with a slash": {"iss": "https://app.example.com/"}, "no issuer": {"iss": nil}, "issuer in a list": {"iss": []string{"https://app.example.com"}},
		"another backend": {"aud": "upstream:other"}, "audience in a list": {"aud": []string{"upstream:app"}}, "no audience": {"aud": nil}, "audience that begins alike": {"aud": "upstream:app2"},
		"no subject": {"sub": nil}, "an empty subject": {"sub": ""}, "a subject that is no text": {"sub": 1},
		"no exp": {"exp": nil}, "exp in words": {"exp": "tomorrow"}, "exp with a fraction": {"exp": 1780000060.5}, "exp that is true": {"exp": true}, "exp without end": {"exp": 1e30},
		"a long life": {"exp": t0.Unix() + 61}, "no iat": {"iat": nil}, "no nbf": {"nbf": nil}, "no jti": {"jti": nil}, "nbf to come": {"nbf": t0.Unix() + 30},
		"scope in a list": {"scope": []string{"notes:read"}}, "no scope": {"scope": nil}, "roles in a text": {"roles": "admin"}, "no roles": {"roles": nil}, "a role that is no text": {"roles": []any{1}},
		"of a session and of a key": {"key_id": "abc"}, "of neither": {"sid": nil}, "auth_time in words": {"auth_time": "now"}, "amr in a text": {"amr": "pwd"}, "email that is no text": {"email": 1},
	}) {
		add(name, claims(c), false, 0)
	}
	add("signed with another key", sign(other, with(p.header, nil), with(p.claims, nil)), false, 0)
	s := strings.Split(good, ".")
	name := []byte(`{"alg":"ES256","kid":"` + p.header["kid"].(string) + `","typ":"snm-id+jwt"`)
	add("a member twice", sign(key, append(name, `,"typ":"snm-id+jwt"}`...), with(p.claims, nil)), false, 0)
	add("no signature", s[0]+"."+s[1]+".", false, 0)
	add("two parts", s[0]+"."+s[1], false, 0)
	add("four parts", good+".x", false, 0)
	add("a signature of zeros", s[0]+"."+s[1]+"."+encode(make([]byte, 64)), false, 0)
	add("a signature in DER", s[0]+"."+s[1]+"."+encode(append([]byte{0x30, 0x44, 2, 0x20}, make([]byte, 66)...)), false, 0)
	add("other claims under the signature", s[0]+"."+encode(with(p.claims, change{"sub": "usr_2"}))+"."+s[2], false, 0)
	add("padding", s[0]+"=."+s[1]+"."+s[2], false, 0)
	add("a blank behind", good+" ", false, 0)
	add("a line end behind", good+"\n", false, 0)
	add("Bearer before", "Bearer "+good, false, 0)
	add("two, with a comma", good+","+good, false, 0)
	add("a full-width dot", s[0]+"\uff0e"+s[1]+"."+s[2], false, 0)
	add("a header that is a list", sign(key, []byte(`["alg"]`), with(p.claims, nil)), false, 0)
	add("a header that is no JSON", sign(key, []byte(`alg`), with(p.claims, nil)), false, 0)
	add("claims that are a list", sign(key, with(p.header, nil), []byte(`[]`)), false, 0)
	add("claims that are no JSON", sign(key, with(p.header, nil), []byte(`sub`)), false, 0)
	add("deep claims", sign(key, with(p.header, nil), []byte(strings.Repeat("[", 3000))), false, 0)
	add("a deep header", sign(key, []byte(strings.Repeat("[", 3000)), with(p.claims, nil)), false, 0)
	add("a long one", claims(change{"name": strings.Repeat("x", 8<<10)}), false, 0)
	add("nothing", "", false, 0)
	add("only dots", "..", false, 0)
	return all
}

// sorted goes through m in the order of its names, so that the file stays as it is.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
