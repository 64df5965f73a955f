package dpop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

var t0 = time.Unix(1_780_000_000, 0)

const origin = "https://app.example.com"

// key signs proofs; a small scalar makes one that is the same in every run.
func key(t testing.TB, n int64) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), big.NewInt(n).FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func jwk(k *ecdsa.PrivateKey) string {
	point, _ := k.PublicKey.Bytes()
	b64 := base64.RawURLEncoding
	return fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}`, b64.EncodeToString(point[1:33]), b64.EncodeToString(point[33:]))
}

func sign(k *ecdsa.PrivateKey, header, claims string) string {
	b64 := base64.RawURLEncoding
	signing := b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
	sum := sha256.Sum256([]byte(signing))
	r, s, _ := ecdsa.Sign(rand.Reader, k, sum[:])
	return signing + "." + b64.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func head(k *ecdsa.PrivateKey) string { return `{"typ":"dpop+jwt","alg":"ES256","jwk":` + jwk(k) + `}` }

const claims = `{"jti":"j","htm":"GET","htu":"https://app.example.com/notes","iat":1780000000}`

func verifier() *Verifier {
	ring := secret.NewRing(secret.PurposeDPoP, secret.Key{Version: 1, Value: secret.NewString("0123456789abcdef0123456789abcdef")})
	return &Verifier{Origin: origin, Nonces: &Nonces{ring}, Seen: &Seen{}}
}

func codeOf(err error) string {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return fmt.Sprint(err)
}

// The proofs of RFC 9449, Sections 4.1 (Figure 2) and 7.1 (Figure 12), and the thumbprint of
// their key (Section 6.1).
func TestExamplesOfTheRFC(t *testing.T) {
	const (
		token   = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
		request = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
		route   = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
		print   = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	)
	v := verifier()
	v.Origin = "https://server.example.com"
	c, err := v.Verify([]string{request}, "POST", "/token", "", time.Unix(1562262616, 0))
	if got := base64.RawURLEncoding.EncodeToString(c.Thumbprint[:]); err != nil || got != print {
		t.Errorf("token request: %v, thumbprint %s", err, got)
	}
	v.Origin = "https://resource.example.org"
	r := &exchange.Request{Method: "GET", Target: "/protectedresource?x", Now: time.Unix(1562262618, 0), Fields: exchange.Header{"Dpop": {route}}}
	if err := v.Prove(t.Context(), r, token, print); err != nil {
		t.Errorf("protected resource: %v", err)
	}
	err = v.Prove(t.Context(), r, token, print)
	if no := refusal.From(err); no.Code != refusal.TokenInvalid || no.Challenge != `DPoP error="invalid_dpop_proof", algs="ES256"` {
		t.Errorf("again: %v, %s", err, no.Challenge)
	}
}

func TestHostileProofs(t *testing.T) {
	k := key(t, 7)
	v := verifier()
	good := sign(k, head(k), claims)
	if _, err := v.Verify([]string{good}, "GET", "/notes", "", t0); err != nil {
		t.Fatal(err)
	}
	header := func(h string) string { return sign(k, h, claims) }
	with := func(old, new string) string {
		if !strings.Contains(claims, old) {
			t.Fatalf("%q is not in the claims", old)
		}
		return sign(k, head(k), strings.Replace(claims, old, new, 1))
	}
	j := jwk(k)
	for name, proof := range map[string]string{
		"empty": "", "a word": "x", "dots": "..", "no signature": good[:strings.LastIndexByte(good, '.')+1], "padding": good + "=", "space": " " + good, "long": sign(k, head(k), strings.Replace(claims, `"j"`, `"`+strings.Repeat("j", 2000)+`"`, 1)),
		"typ JWT": header(`{"typ":"JWT","alg":"ES256","jwk":` + j + `}`), "no typ": header(`{"alg":"ES256","jwk":` + j + `}`), "alg none": header(`{"typ":"dpop+jwt","alg":"none","jwk":` + j + `}`), "HS256": header(`{"typ":"dpop+jwt","alg":"HS256","jwk":` + j + `}`), "RS256": header(`{"typ":"dpop+jwt","alg":"RS256","jwk":` + j + `}`),
		"no jwk": header(`{"typ":"dpop+jwt","alg":"ES256"}`), "jwk a number": header(`{"typ":"dpop+jwt","alg":"ES256","jwk":1}`), "kty a number": header(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":1}}`), "private": header(strings.Replace(head(k), `"kty"`, `"d":"AQ","kty"`, 1)), "symmetric": header(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"oct","k":"AQ"}}`), "not on the curve": header(strings.Replace(head(k), `"y":"`, `"y":"AAAA`, 1)), "another key": header(head(key(t, 8))), "jku": header(strings.Replace(head(k), `"typ"`, `"jku":"https://evil.example","typ"`, 1)), "crit": header(strings.Replace(head(k), `"typ"`, `"crit":["x"],"typ"`, 1)), "alg twice": header(strings.Replace(head(k), `"alg"`, `"alg":"none","alg"`, 1)),
		"htm": with("GET", "POST"), "htm in lower case": with("GET", "get"), "no htm": with(`"htm":"GET",`, ""), "htm a list": with(`"GET"`, `["GET"]`), "another path": with("/notes", "/note"), "a longer path": with("/notes", "/notes/"), "another host": with("app.example.com", "evil.example"), "http": with("https:", "http:"), "another port": with("example.com/", "example.com:8443/"), "user": with("//app", "//x@app"), "htu relative": with("https://app.example.com", ""), "no htu": with(`"htu":"https://app.example.com/notes",`, ""),
		"no jti": with(`"jti":"j",`, ""), "jti empty": with(`"j"`, `""`), "jti long": with(`"j"`, `"`+strings.Repeat("j", 300)+`"`), "jti a number": with(`"j"`, `1`), "no iat": with(`,"iat":1780000000`, ""), "iat a text": with("1780000000", `"1780000000"`), "iat a float": with("1780000000", "1780000000.5"), "in the future": with("1780000000", "1780000061"), "claims twice": with(`"htm":"GET"`, `"htm":"POST","htm":"GET"`), "over": with(`"iat"`, `"exp":1779999000,"iat"`), "nonce a number": with(`"iat"`, `"nonce":1,"iat"`),
	} {
		if _, err := v.Verify([]string{proof}, "GET", "/notes", "", t0); codeOf(err) != InvalidProof {
			t.Errorf("%s: %v", name, err)
		} else if len(proof) > 100 && strings.Contains(refusal.From(err).Reason, proof[len(proof)-40:]) {
			t.Errorf("%s: the reason repeats the proof", name)
		}
	}
	for _, proofs := range [][]string{nil, {good, good}} {
		if _, err := v.Verify(proofs, "GET", "/notes", "", t0); codeOf(err) != InvalidProof {
			t.Errorf("%d proofs: %v", len(proofs), err)
		}
	}
	if _, err := v.Verify([]string{good}, "GET", "/notes", "token", t0); codeOf(err) != InvalidProof {
		t.Errorf("without ath: %v", err)
	}
}

// Addresses that are the same after normalisation (RFC 3986, Section 6.2), and others.
func TestAddresses(t *testing.T) {
	v := verifier()
	for _, tt := range []struct {
		htu, path string
		same      bool
	}{
		{"https://app.example.com/a", "/a", true}, {"HTTPS://APP.example.COM/a", "/a", true}, {"https://app.example.com:443/a", "/a", true}, {"https://app.example.com/a?x=1#y", "/a", true}, {"https://app.example.com", "/", true}, {"https://app.example.com/%61%2fb", "/a%2Fb", true}, {"https://app.example.com/%e5%ae%88", "/%E5%AE%88", true},
		{"https://app.example.com/A", "/a", false}, {"https://app.example.com/a%2fb", "/a/b", false}, {"https://app.example.com/a/", "/a", false}, {"https://app.example.com//a", "/a", false}, {"https://app.example.com/b/../a", "/a", false}, {"https://app.example.com.evil/a", "/a", false}, {"//app.example.com/a", "/a", false}, {"https:app.example.com/a", "/a", false}, {"", "/", false}, {"https://app.example.com/%zz", "/%zz", false},
	} {
		if got := v.addressed(tt.htu, tt.path); got != tt.same {
			t.Errorf("%s and %s: %v", tt.htu, tt.path, got)
		}
	}
}

func TestNonces(t *testing.T) {
	v, k := verifier(), key(t, 7)
	nonce := v.Nonces.Fresh(t0)
	old := func(more string, at time.Duration) error {
		_, err := v.Verify([]string{sign(k, head(k), `{"jti":"j","htm":"GET","htu":"https://app.example.com/notes","iat":1779990000`+more+`}`)}, "GET", "/notes", "", t0.Add(at))
		return err
	}
	for _, tt := range []struct {
		more string
		at   time.Duration
		code string
	}{
		{"", 0, UseNonce}, {`,"nonce":"` + nonce + `"`, 0, "<nil>"}, {`,"nonce":"` + nonce + `"`, nonceLife - time.Second, "<nil>"}, {`,"nonce":"` + nonce + `"`, nonceLife, UseNonce}, {`,"nonce":"` + nonce + `"`, -2 * time.Minute, UseNonce},
		{`,"nonce":"` + nonce[:31] + `"`, 0, UseNonce}, {`,"nonce":"` + strings.Repeat("A", 32) + `"`, 0, UseNonce}, {`,"nonce":"A"`, 0, UseNonce},
	} {
		if err := old(tt.more, tt.at); codeOf(err) != tt.code {
			t.Errorf("%s at %v: %v, want %s", tt.more, tt.at, err, tt.code)
		}
	}
	p, _ := errors.AsType[*Problem](old("", 0))
	if p == nil || !v.Nonces.good(p.Nonce, time.Time{}, t0) {
		t.Error("the nonce that a client is given is not taken")
	}
	other := verifier()
	other.Nonces.Ring = secret.NewRing(secret.PurposeDPoP, secret.Key{Version: 1, Value: secret.NewString("another key of thirty-two bytes.")})
	if other.Nonces.good(nonce, time.Time{}, t0) {
		t.Error("a nonce of another server is taken")
	}
}

// TestNobodyFillsOnePlace: who chooses identifiers whose hashes are alike does not use up the
// place of others sooner than by as many of any.
func TestNobodyFillsOnePlace(t *testing.T) {
	for alike := range 32 {
		s := &Seen{Hold: time.Minute, Max: 1600}
		for i := range 400 {
			x := id(i)
			x[alike] = 0
			if v, err := s.Use(t.Context(), x, t0); v != New || err != nil {
				t.Fatalf("%d proofs whose hashes have the byte %d in common: %v, %v; there is room for 1600", i, alike, v, err)
			}
		}
	}
}

func id(n int) (out [32]byte) { return sha256.Sum256([]byte(fmt.Sprint(n))) }

// What was used stays used for as long as a proof could come again, and memory is bounded.
func TestSeen(t *testing.T) {
	s := &Seen{Hold: time.Minute, Max: 1600}
	use := func(id [32]byte, at time.Time) Verdict {
		v, err := s.Use(t.Context(), id, at)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if use(id(1), t0) != New || use(id(1), t0) != Again || use(id(1), t0.Add(time.Minute)) != Again || use(id(1), t0.Add(2*time.Minute-1)) != Again {
		t.Error("forgotten too early")
	}
	if use(id(1), t0.Add(10*time.Minute)) != New {
		t.Error("never forgotten")
	}
	full := 0
	for i := range 10_000 {
		if use(id(i+100), t0.Add(10*time.Minute)) == Full {
			full++
		}
	}
	kept := 0
	for i := range s.shards {
		kept += len(s.shards[i].young) + len(s.shards[i].old)
	}
	if full < 8000 || kept > 2*1600 {
		t.Errorf("%d refused, %d kept", full, kept)
	}
	v := verifier()
	v.Seen = &Seen{Max: 1}
	for i := range 100 {
		if err := v.Use(t.Context(), Claim{id: id(i)}, t0); err != nil {
			if no := refusal.From(err); no.Code != refusal.Busy {
				t.Errorf("full: %v", err)
			}
			return
		}
	}
	t.Error("never full")
}

func FuzzProof(f *testing.F) {
	k := key(f, 7)
	good := sign(k, head(k), claims)
	f.Add(good)
	f.Add(sign(k, `{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":1}}`, claims))
	f.Add("..")
	v := verifier()
	f.Fuzz(func(t *testing.T, proof string) {
		c, err := v.Verify([]string{proof}, "GET", "/notes", "", t0)
		if err == nil && c.Thumbprint == [32]byte{} {
			t.Errorf("%q is taken without a key", proof)
		}
		if err != nil && codeOf(err) != InvalidProof && codeOf(err) != UseNonce {
			t.Errorf("%q: %v", proof, err)
		}
	})
}

func BenchmarkProve(b *testing.B) {
	k, v := key(b, 7), verifier()
	sum := sha256.Sum256([]byte(jwk(k)))
	print := base64.RawURLEncoding.EncodeToString(sum[:])
	proof := sign(k, head(k), strings.Replace(claims, `"iat"`, `"ath":"`+hash("token")+`","iat"`, 1))
	r := &exchange.Request{Method: "GET", Target: "/notes", Now: t0, Fields: exchange.Header{"Dpop": {proof}}}
	b.Run("proof", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			v.Seen = &Seen{}
			if err := v.Prove(b.Context(), r, "token", print); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) { // the signature alone
		digest := sha256.Sum256([]byte("x"))
		sig, _ := ecdsa.SignASN1(rand.Reader, k, digest[:])
		for b.Loop() {
			ecdsa.VerifyASN1(&k.PublicKey, digest[:], sig)
		}
	})
}
