package foreign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

var (
	t0  = time.Unix(1_780_000_000, 0)
	b64 = base64.RawURLEncoding
)

// party is somebody who signs tokens: a P-256 key "ec", an RSA key "rsa", an Ed25519 key
// "ed".
type party struct {
	ec  *ecdsa.PrivateKey
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}

func newParty(t testing.TB) *party {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	return &party{ec, r, ed}
}

// jwks are the public keys, with more members of each where given.
func (p *party) jwks(ecMore string) string {
	point, _ := p.ec.PublicKey.Bytes()
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"ec","x":%q,"y":%q%s},{"kty":"RSA","kid":"rsa","use":"sig","n":%q,"e":"AQAB"},{"kty":"OKP","crv":"Ed25519","kid":"ed","x":%q}]}`,
		b64.EncodeToString(point[1:33]), b64.EncodeToString(point[33:]), ecMore, b64.EncodeToString(p.rsa.N.Bytes()), b64.EncodeToString(p.ed.Public().(ed25519.PublicKey)))
}

// sign signs two segments by the algorithm that is named, whatever they say.
func (p *party) sign(alg, signing string) string {
	hash := sha256.Sum256([]byte(signing))
	var sig []byte
	switch alg {
	case "ES256":
		r, s, _ := ecdsa.Sign(rand.Reader, p.ec, hash[:])
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "RS256":
		sig, _ = rsa.SignPKCS1v15(nil, p.rsa, crypto.SHA256, hash[:])
	case "PS256":
		sig, _ = rsa.SignPSS(rand.Reader, p.rsa, crypto.SHA256, hash[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "PS256 with a salt of 20":
		sig, _ = rsa.SignPSS(rand.Reader, p.rsa, crypto.SHA256, hash[:], &rsa.PSSOptions{SaltLength: 20})
	case "EdDSA":
		sig = ed25519.Sign(p.ed, []byte(signing))
	}
	return signing + "." + b64.EncodeToString(sig)
}

func segments(header, claims string) string {
	return b64.EncodeToString([]byte(header)) + "." + b64.EncodeToString([]byte(claims))
}

const (
	head   = `{"alg":"ES256","kid":"ec","typ":"JWT"}`
	claims = `{"iss":"https://idp.example","sub":"42","aud":"app","iat":1780000000,"exp":1780003600,"nonce":"n","address":{"country":"JP"}}`
)

func rules() Rules {
	return Rules{Issuer: "https://idp.example", Audience: "app", Leeway: 30 * time.Second}
}

func parsed(t testing.TB, p *party) *Keys {
	t.Helper()
	keys, err := ParseKeys([]byte(p.jwks("")))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestGoodTokens(t *testing.T) {
	p := newParty(t)
	keys := parsed(t, p)
	for _, tt := range []struct{ alg, header string }{
		{"ES256", head}, {"ES256", `{"alg":"ES256","kid":"ec"}`}, {"ES256", `{"alg":"ES256"}`}, {"ES256", `{"typ":"application/jwt", "alg":"ES256"}`},
		{"RS256", `{"alg":"RS256","kid":"rsa","x5t":"AA","x5t#S256":"AA"}`}, {"PS256", `{"alg":"PS256","kid":"rsa"}`}, {"EdDSA", `{"alg":"EdDSA","kid":"ed"}`},
	} {
		c, err := Verify(p.sign(tt.alg, segments(tt.header, claims)), keys, rules(), t0)
		if err != nil {
			t.Errorf("%s: %v", tt.header, err)
			continue
		}
		sub, _ := c.Text("sub")
		aud, _ := c.Texts("aud")
		if sub != "42" || len(aud) != 1 || aud[0] != "app" || !c.ExpiresAt.Equal(t0.Add(time.Hour)) || !c.IssuedAt.Equal(t0) || string(c.Raw("address")) != `{"country":"JP"}` || c.Raw("Sub") != nil {
			t.Errorf("%s: %+v", tt.header, c)
		}
	}
}

// TestHostileTokens is the list of what go-jose, and the other libraries of its kind,
// were seen to accept, and of what validation has to refuse. Every one is signed well.
func TestHostileTokens(t *testing.T) {
	p := newParty(t)
	keys := parsed(t, p)
	good := p.sign("ES256", segments(head, claims))
	parts := strings.Split(good, ".")
	header := func(h string) string { return p.sign("ES256", segments(h, claims)) }
	member := func(m string) string { return header(strings.TrimSuffix(head, "}") + "," + m + "}") }
	with := func(old, new string) string {
		if !strings.Contains(claims, old) {
			t.Fatalf("%q is not in the claims", old)
		}
		return p.sign("ES256", segments(head, strings.Replace(claims, old, new, 1)))
	}
	signed := func(payload string) string { return p.sign("ES256", segments(head, payload)) }
	mac := func(key string) string {
		s := segments(`{"alg":"HS256","kid":"ec"}`, claims)
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(s))
		return s + "." + b64.EncodeToString(m.Sum(nil))
	}
	point, _ := p.ec.PublicKey.Bytes()
	raw, _ := b64.DecodeString(parts[2])
	n := elliptic.P256().Params().N
	zero := make([]byte, 32)
	signature := func(halves ...[]byte) string {
		var sig []byte
		for _, h := range halves {
			sig = append(sig, h...)
		}
		return parts[0] + "." + parts[1] + "." + b64.EncodeToString(sig)
	}
	for name, token := range map[string]string{
		"empty": "", "two segments": parts[0] + "." + parts[1], "four segments": good + ".e30", "five segments": parts[0] + "..." + parts[1] + "." + parts[2], "a million dots": strings.Repeat(".", 1_000_000), "more than 8 KiB": p.sign("ES256", segments(head, strings.Replace(claims, `"n"`, `"`+strings.Repeat("n", 8000)+`"`, 1))),
		"JSON": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, "padding": good + "==", "newline behind": good + "\n", "newline inside": good[:len(good)-9] + "\n" + good[len(good)-9:], "space before": " " + good, "unused bits": good[:len(good)-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", good[len(good)-1])+1]),
		"alg none": segments(`{"alg":"none"}`, claims) + ".", "alg none with a signature": header(`{"alg":"none","kid":"ec"}`), "alg missing": header(`{"kid":"ec"}`), "alg null": header(`{"alg":null,"kid":"ec"}`), "alg a list": header(`{"alg":["ES256"],"kid":"ec"}`), "alg in lower case": header(`{"alg":"es256","kid":"ec"}`), "alg of another key": header(`{"alg":"RS256","kid":"ec"}`), "alg ES384": header(`{"alg":"ES384","kid":"ec"}`),
		"HMAC by the point": mac(string(point)), "HMAC by the JWKS": mac(p.jwks("")), "HMAC by nothing": mac(""), "RS256 called ES256": p.sign("RS256", segments(`{"alg":"ES256","kid":"rsa"}`, claims)), "PS256 called RS256": p.sign("PS256", segments(`{"alg":"RS256","kid":"rsa"}`, claims)), "PS256 with a salt of 20": p.sign("PS256 with a salt of 20", segments(`{"alg":"PS256","kid":"rsa"}`, claims)),
		"crit": member(`"crit":["exp"]`), "crit empty": member(`"crit":[]`), "b64": member(`"b64":false`), "jku": member(`"jku":"https://evil.example"`), "x5u": member(`"x5u":"https://evil.example"`), "x5c": member(`"x5c":[]`), "jwk": member(`"jwk":{}`), "zip": member(`"zip":"DEF"`), "cty": member(`"cty":"JWT"`), "enc": member(`"enc":"A256GCM"`), "p2c": member(`"p2c":1000000000`), "epk": member(`"epk":{}`), "unknown": member(`"foo":1`),
		"typ at+jwt": header(`{"alg":"ES256","kid":"ec","typ":"at+jwt"}`), "typ logout+jwt": header(`{"alg":"ES256","kid":"ec","typ":"logout+jwt"}`), "typ dpop+jwt": header(`{"alg":"ES256","kid":"ec","typ":"dpop+jwt"}`), "typ empty": header(`{"alg":"ES256","kid":"ec","typ":""}`), "alg twice": header(`{"alg":"ES256","alg":"ES256","kid":"ec"}`), "ALG beside alg": member(`"ALG":"none"`), "kid unknown": header(`{"alg":"ES256","kid":"evil"}`), "kid of another key": header(`{"alg":"ES256","kid":"rsa"}`), "kid a path": header(`{"alg":"ES256","kid":"../../dev/null"}`), "kid long": header(`{"alg":"ES256","kid":"` + strings.Repeat("k", 300) + `"}`), "kid a number": header(`{"alg":"ES256","kid":1}`), "header an array": header(`[]`), "header deep": header(strings.Repeat(`{"alg":`, 100) + "1" + strings.Repeat("}", 100)),
		"claims empty": signed(" "), "claims an array": signed("[]"), "claims null": signed("null"), "claims a text": signed(`"x"`), "data behind": signed(claims + "{}"), "text behind": signed(claims + "x"), "a BOM": signed("\ufeff" + claims), "sub twice": with(`"sub":"42"`, `"sub":"1","sub":"42"`), "sub twice, escaped": with(`"sub":"42"`, `"s\u0075b":"1","sub":"42"`), "SUB beside sub": with(`"sub":"42"`, `"SUB":"1","sub":"42"`), "twice inside": with(`{"country":"JP"}`, `{"country":"JP","country":"DE"}`), "twice in an array": with(`{"country":"JP"}`, `[[{"a":1,"a":1}]]`), "invalid UTF-8": with("42", "4\xff"), "half a pair": with("42", `4\ud800`), "NUL": with("42", `4\u0000`), "deep": with(`{"country":"JP"}`, strings.Repeat("[", 2000)+strings.Repeat("]", 2000)), "deep objects": with(`{"country":"JP"}`, strings.Repeat(`{"a":`, 9)+"1"+strings.Repeat("}", 9)), "not closed": signed(claims[:len(claims)-1]),
		"exp missing": with(`,"exp":1780003600`, ""), "exp null": with("1780003600", "null"), "exp a text": with("1780003600", `"1780003600"`), "exp a float": with("1780003600", "1780003600.5"), "exp with an exponent": with("1780003600", "1e300"), "exp negative": with("1780003600", "-1"), "exp 0": with("1780003600", "0"), "exp -0": with("1780003600", "-0"), "exp overflows": with("1780003600", "92233720368547758070"), "exp before iat": with("1780003600", "1779999999"), "over": with("1780003600", "1780000001"), "ten years": with("1780003600", "2095360000"), "iat missing": with(`"iat":1780000000,`, ""), "iat in the future": with(`"iat":1780000000`, `"iat":1780000031`), "nbf in the future": with(`"nonce"`, `"nbf":1780000031,"nonce"`), "nbf a text": with(`"nonce"`, `"nbf":"1","nonce"`),
		"iss wrong": with("https://idp.example", "https://evil.example"), "iss with a slash": with("https://idp.example", "https://idp.example/"), "iss look-alike": with("https://idp.example", "https://іdp.example"), "iss missing": with(`"iss":"https://idp.example",`, ""), "iss a list": with(`"https://idp.example"`, `["https://idp.example"]`), "aud missing": with(`"aud":"app",`, ""), "aud of another": with(`"aud":"app"`, `"aud":"app2"`), "aud null": with(`"aud":"app"`, `"aud":null`), "aud with null": with(`"aud":"app"`, `"aud":["app",null]`), "aud a number": with(`"aud":"app"`, `"aud":[1]`), "aud nested": with(`"aud":"app"`, `"aud":[["app"]]`),
		"another party": newParty(t).sign("ES256", segments(head, claims)), "r 0": signature(zero, raw[32:]), "s 0": signature(raw[:32], zero), "all 0": signature(zero, zero), "r the order": signature(n.Bytes(), raw[32:]), "s the order": signature(raw[:32], n.Bytes()), "short": signature(raw[:63]), "long": signature(raw, []byte{0}), "no signature": parts[0] + "." + parts[1] + ".", "other claims": parts[0] + "." + b64.EncodeToString([]byte(strings.Replace(claims, "42", "1", 1))) + "." + parts[2],
	} {
		at := t0
		if name == "over" {
			at = t0.Add(31 * time.Second)
		}
		if c, err := Verify(token, keys, rules(), at); err == nil {
			t.Errorf("%s: taken: %+v", name, c)
		} else if len(token) > 200 && strings.Contains(err.Error(), token[len(token)-60:]) {
			t.Errorf("%s: the error repeats the token", name)
		}
	}
	if _, err := Verify(good, keys, rules(), t0); err != nil {
		t.Error(err)
	}
}

func TestRules(t *testing.T) {
	p := newParty(t)
	keys := parsed(t, p)
	two := strings.Replace(claims, `"aud":"app"`, `"aud":["app","other"]`, 1)
	bare := `{"iss":"https://idp.example","aud":"app","jti":"x"}`
	for _, tt := range []struct {
		what, header, claims string
		rules                Rules
		at                   time.Duration
		ok                   bool
	}{
		{"among others", head, two, Rules{Audience: "app"}, 0, true},
		{"not alone", head, two, Rules{Audience: "app", Alone: true}, 0, false},
		{"alone", head, claims, Rules{Audience: "app", Alone: true}, 0, true},
		{"a longer life", head, claims, Rules{MaxLife: time.Hour}, 0, true},
		{"too long a life", head, claims, Rules{MaxLife: time.Hour - 1}, 0, false},
		{"at its end", head, claims, Rules{}, time.Hour, false},
		{"before its end", head, claims, Rules{}, time.Hour - 1, true},
		{"in the leeway", head, claims, Rules{Leeway: time.Minute}, time.Hour + time.Minute - 1, true},
		{"behind the leeway", head, claims, Rules{Leeway: time.Minute}, time.Hour + time.Minute, false},
		{"a leeway of an hour", head, claims, Rules{Leeway: time.Hour}, 0, false},
		{"no times", head, bare, Rules{}, 0, false},
		{"no times, and none asked", head, bare, Rules{MaxLife: -1}, 0, true},
		{"another algorithm", head, claims, Rules{Algorithms: []jose.SignatureAlgorithm{jose.RS256}}, 0, false},
		{"HMAC is not to be had", head, claims, Rules{Algorithms: []jose.SignatureAlgorithm{jose.HS256}}, 0, false},
		{"none is not to be had", head, claims, Rules{Algorithms: []jose.SignatureAlgorithm{"none"}}, 0, false},
		{"a type", `{"alg":"ES256","kid":"ec","typ":"DPoP+JWT"}`, claims, Rules{Types: []string{"dpop+jwt"}}, 0, true},
		{"no type", `{"alg":"ES256","kid":"ec"}`, claims, Rules{Types: []string{"dpop+jwt"}}, 0, false},
	} {
		if _, err := Verify(p.sign("ES256", segments(tt.header, tt.claims)), keys, tt.rules, t0.Add(tt.at)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
}

// A token that brings its key, as a proof of possession does.
func TestBroughtKeys(t *testing.T) {
	p := newParty(t)
	var set struct{ Keys []json.RawMessage }
	_ = json.Unmarshal([]byte(p.jwks("")), &set)
	header := `{"alg":"ES256","typ":"dpop+jwt","jwk":` + string(set.Keys[0]) + `}`
	r := Rules{Algorithms: []jose.SignatureAlgorithm{jose.ES256}, Types: []string{"dpop+jwt"}, Members: []string{"jwk"}, MaxLife: -1}
	u, err := Parse(p.sign("ES256", segments(header, `{"jti":"x","iat":1780000000,"htm":"GET"}`)), r)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParseKey(u.Header.JWK)
	if err != nil {
		t.Fatal(err)
	}
	c, err := u.Verify(key, t0)
	if err != nil || !c.IssuedAt.Equal(t0) {
		t.Errorf("%+v, %v", c, err)
	}
	point, _ := p.ec.PublicKey.Bytes()
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + b64.EncodeToString(point[1:33]) + `","y":"` + b64.EncodeToString(point[33:]) + `"}`)) // RFC 7638, Section 3.1
	if got, err := key.Thumbprint(); err != nil || got != b64.EncodeToString(sum[:]) {
		t.Errorf("thumbprint %s, %v", got, err)
	}
	if _, err := u.Verify(mustKey(t, string(set.Keys[1])), t0); err == nil {
		t.Error("verified by an RSA key")
	}
}

func mustKey(t testing.TB, jwk string) *Key {
	t.Helper()
	k, err := ParseKey([]byte(jwk))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Keys that are refused, alone and in a set.
func TestHostileKeys(t *testing.T) {
	p := newParty(t)
	point, _ := p.ec.PublicKey.Bytes()
	x, y, n := b64.EncodeToString(point[1:33]), b64.EncodeToString(point[33:]), b64.EncodeToString(p.rsa.N.Bytes())
	ec := `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}`
	more := func(m string) string { return strings.TrimSuffix(ec, "}") + "," + m + "}" }
	for name, jwk := range map[string]string{
		"use enc": more(`"use":"enc"`), "use twice": more(`"use":"sig","use":"sig"`), "use in upper case": more(`"use":"SIG"`), "key_ops encrypt": more(`"key_ops":["encrypt"]`), "key_ops sign": more(`"key_ops":["sign","verify"]`), "key_ops empty": more(`"key_ops":[]`), "key_ops null": more(`"key_ops":null`), "private": more(`"d":"AA"`), "symmetric": `{"kty":"oct","k":"AA"}`, "symmetric without k": `{"kty":"oct"}`,
		"no type": `{"crv":"P-256","x":"` + x + `","y":"` + y + `"}`, "another type": `{"kty":"XYZ"}`, "not on the curve": `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + x + `"}`, "wrong curve": `{"kty":"EC","crv":"P-384","x":"` + x + `","y":"` + y + `"}`, "secp256k1": `{"kty":"EC","crv":"secp256k1","x":"` + x + `","y":"` + y + `"}`, "infinity": `{"kty":"EC","crv":"P-256","x":"` + b64.EncodeToString(make([]byte, 32)) + `","y":"` + b64.EncodeToString(make([]byte, 32)) + `"}`, "no y": `{"kty":"EC","crv":"P-256","x":"` + x + `"}`, "X25519": `{"kty":"OKP","crv":"X25519","x":"` + x + `"}`,
		"1024 bits": `{"kty":"RSA","n":"` + b64.EncodeToString(bytesOf(128)) + `","e":"AQAB"}`, "e 1": `{"kty":"RSA","n":"` + n + `","e":"AQ"}`, "e 3": `{"kty":"RSA","n":"` + n + `","e":"Aw"}`, "e even": `{"kty":"RSA","n":"` + n + `","e":"AQAC"}`, "no e": `{"kty":"RSA","n":"` + n + `"}`, "16384 bits": `{"kty":"RSA","n":"` + b64.EncodeToString(bytesOf(2048)) + `","e":"AQAB"}`, "ROCA": `{"kty":"RSA","n":"` + b64.EncodeToString(rocaLike().Bytes()) + `","e":"AQAB"}`,
		"not JSON": "x", "an array": "[]", "large": more(`"x":"` + strings.Repeat("a", 9000) + `"`),
	} {
		if k, err := ParseKey([]byte(jwk)); err == nil {
			t.Errorf("%s: taken: %+v", name, k)
		}
		if _, err := ParseKeys([]byte(`{"keys":[` + jwk + `]}`)); err == nil {
			t.Errorf("%s: taken in a set", name)
		}
	}
	if _, err := ParseKey([]byte(more(`"use":"sig","key_ops":["verify"],"alg":"ES256","x5c":["MIIB"],"x5u":"https://a.example"`))); err != nil {
		t.Errorf("a good key: %v", err)
	}
}

func TestKeySets(t *testing.T) {
	p := newParty(t)
	good := p.jwks("")
	var set struct{ Keys []json.RawMessage }
	_ = json.Unmarshal([]byte(good), &set)
	with := func(more string) string { return strings.Replace(good, `{"keys":[`, `{"keys":[`+more+`,`, 1) }
	for _, tt := range []struct {
		what, set string
		keys      int // 0: refused
	}{
		{"three", good, 3}, {"one for encryption is left out", with(`{"kty":"RSA","kid":"enc","use":"enc"}`), 3}, {"one of an unknown type is left out", with(`{"kty":"AKP","kid":"pq"}`), 3}, {"other members", strings.Replace(good, `{"keys"`, `{"more":1,"keys"`, 1), 3},
		{"a kid twice", with(string(set.Keys[0])), 0}, {"a kid twice, one left out", with(`{"kty":"AKP","kid":"ec"}`), 0}, {"a symmetric one among them", with(`{"kty":"oct","kid":"s","k":"AA"}`), 0}, {"a private one among them", with(strings.Replace(string(set.Keys[0]), `"kid":"ec"`, `"kid":"p","d":"AA"`, 1)), 0},
		{"empty", `{"keys":[]}`, 0}, {"no keys", `{}`, 0}, {"keys no list", `{"keys":{}}`, 0}, {"keys twice", strings.Replace(good, `{"keys"`, `{"keys":[],"keys"`, 1), 0}, {"65 keys", `{"keys":[` + strings.Repeat("{},", 64) + `{}]}`, 0}, {"large", `{"keys":[],"x":"` + strings.Repeat("x", 70_000) + `"}`, 0},
	} {
		keys, err := ParseKeys([]byte(tt.set))
		if (err == nil) != (tt.keys > 0) || err == nil && len(keys.all) != tt.keys {
			t.Errorf("%s: %v", tt.what, err)
		}
	}
	keys, err := ParseKeys([]byte(p.jwks(`,"alg":"ES384"`)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(p.sign("ES256", segments(head, claims)), keys, rules(), t0); err == nil {
		t.Error("verified by a key that is for another algorithm")
	}
}

func bytesOf(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 255
	}
	return b
}

// rocaLike is a modulus of the broken generator's form: a product of two numbers
// k·M + (65537^a mod M), where M is the product of the first primes.
func rocaLike() *big.Int {
	m := big.NewInt(2)
	for _, p := range primes {
		m.Mul(m, big.NewInt(p))
	}
	half := func(a, k int64) *big.Int {
		x := new(big.Int).Exp(big.NewInt(65537), big.NewInt(a), m)
		return x.Add(x, new(big.Int).Mul(m, new(big.Int).Lsh(big.NewInt(k|1<<20), 1023-21-uint(m.BitLen())+4)))
	}
	return new(big.Int).Mul(half(1234, 77), half(5678, 99))
}

// The fingerprint fits keys of that generator and no other key.
func TestROCA(t *testing.T) {
	if n := rocaLike(); !roca(n) || n.BitLen() < 2048 || n.BitLen() > 2100 {
		t.Errorf("a key of the broken generator, %d bits, is not found", n.BitLen())
	}
	for range 5 {
		if roca(newParty(t).rsa.N) {
			t.Error("a good key is found")
		}
	}
}

// FuzzObject: whatever the strict reader takes, encoding/json takes with the same members.
func FuzzObject(f *testing.F) {
	for _, s := range []string{claims, head, "{}", `{"a":[1,{"b":null}]}`, `{"a":1,"a":2}`, `{"a":1}x`, "[]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := object(b)
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil || len(want) != len(got) {
			t.Errorf("%q: %v, %d and %d members", b, err, len(got), len(want))
		}
	})
}

// FuzzParse: no bytes make the reader panic, in front of go-jose or in it.
func FuzzParse(f *testing.F) {
	p := newParty(f)
	keys, _ := ParseKeys([]byte(p.jwks("")))
	good := p.sign("ES256", segments(head, claims))
	pss := p.sign("PS256", segments(`{"alg":"PS256"}`, claims))
	f.Add(good)
	f.Add(pss)
	f.Add(segments(`{"alg":"none"}`, "{}") + ".AA")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := Verify(token, keys, Rules{}, t0); err == nil && token != good && token != pss {
			t.Errorf("%q is taken", token)
		}
	})
}

// FuzzParseKey: no key makes the reader panic.
func FuzzParseKey(f *testing.F) {
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`))
	f.Add([]byte(`{"kty":"RSA","n":"AQ","e":"AQAB"}`))
	f.Add([]byte(`{"kty":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseKey(b); err == nil && !k.For(jose.ES256) && !k.For(jose.ES384) && !k.For(jose.ES512) && !k.For(jose.RS256) && !k.For(jose.PS256) && !k.For(jose.EdDSA) && k.alg == "" {
			t.Errorf("%q is a key for nothing", b)
		}
	})
}
