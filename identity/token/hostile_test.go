package token

import (
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
)

// TestHostileTokens is the list of what validation must refuse (RFC 8725 and its
// successor, ASVS V9, Wycheproof). All are signed with the server's own key unless the
// signature is the point: the form alone has to refuse them.
func TestHostileTokens(t *testing.T) {
	w := newWorld(t)
	head := w.header()
	kid := w.keys.At(t0).Keys[0].Public.Kid
	good := w.forge(head, claims)
	if _, code := w.judge(good, t0); code != "" {
		t.Fatalf("the good one: %s", code)
	}
	parts := strings.Split(good, ".")
	signed := func(payload string) string { return w.forge(head, payload) }
	with := func(old, new string) string { return signed(strings.Replace(claims, old, new, 1)) }
	header := func(h string) string { return w.forge(h, claims) }
	member := func(m string) string { return header(strings.TrimSuffix(head, "}") + "," + m + "}") }
	hmacOf := func(alg string, key []byte) string {
		s := b64.EncodeToString([]byte(`{"alg":"`+alg+`","kid":"`+kid+`","typ":"at+jwt"}`)) + "." + parts[1]
		m := hmac.New(sha256.New, key)
		m.Write([]byte(s))
		return s + "." + b64.EncodeToString(m.Sum(nil))
	}
	public := w.private.PublicKey
	der, _ := x509.MarshalPKIXPublicKey(&public)
	point, _ := public.Bytes()
	n := elliptic.P256().Params().N
	signature := func(r, s *big.Int) string {
		var sig [64]byte
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return parts[0] + "." + parts[1] + "." + b64.EncodeToString(sig[:])
	}
	raw, _ := b64.DecodeString(parts[2])
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	derSig, _ := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	zero := new(big.Int)
	other := newWorld(t)

	for name, token := range map[string]string{
		"empty": "", "a dot": ".", "two dots": "..", "no signature": parts[0] + "." + parts[1], "empty signature": parts[0] + "." + parts[1] + ".",
		"no claims": parts[0] + ".." + parts[2], "no header": "." + parts[1] + "." + parts[2], "header alone": parts[0], "four segments": good + ".x", "four segments, empty": good + ".",
		"five segments (JWE)": parts[0] + ".." + parts[1] + "." + parts[1] + "." + parts[2], "many dots": strings.Repeat(".", MaxSize), "a million dots": strings.Repeat(".", 1_000_000),
		"a header of 1 MB": strings.Repeat("A", 1_000_000) + "." + parts[1] + "." + parts[2], "claims of 1 MB": parts[0] + "." + strings.Repeat("A", 1_000_000) + "." + parts[2],
		"flattened JSON": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, "polyglot": `{"a":"` + good + `"}`,

		"alg none": header(`{"alg":"none","kid":"` + kid + `","typ":"at+jwt"}`), "alg none, no signature": b64.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + parts[1] + ".",
		"alg noNE": header(strings.Replace(head, "ES256", "noNE", 1)), "alg missing": header(`{"kid":"` + kid + `","typ":"at+jwt"}`), "alg a number": header(strings.Replace(head, `"ES256"`, "256", 1)),
		"alg an array": header(strings.Replace(head, `"ES256"`, `["ES256"]`, 1)), "alg in lower case": header(strings.Replace(head, "ES256", "es256", 1)), "alg ES384": header(strings.Replace(head, "ES256", "ES384", 1)),
		"alg RS256": header(strings.Replace(head, "ES256", "RS256", 1)), "alg PS256": header(strings.Replace(head, "ES256", "PS256", 1)), "alg ESP256": header(strings.Replace(head, "ES256", "ESP256", 1)),
		"HS256 by the DER public key": hmacOf("HS256", der), "HS256 by the PEM public key": hmacOf("HS256", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"HS256 by the point": hmacOf("HS256", point), "HS256 by the JWK": hmacOf("HS256", []byte(kid)), "HS256 by nothing": hmacOf("HS256", nil), "HMAC called ES256": hmacOf("ES256", point),

		"typ missing": header(`{"alg":"ES256","kid":"` + kid + `"}`), "typ JWT": header(strings.Replace(head, "at+jwt", "JWT", 1)), "typ dpop+jwt": header(strings.Replace(head, "at+jwt", "dpop+jwt", 1)),
		"typ logout+jwt": header(strings.Replace(head, "at+jwt", "logout+jwt", 1)), "typ of an assertion": header(strings.Replace(head, "at+jwt", "snm-id+jwt", 1)), "typ as a media type": header(strings.Replace(head, "at+jwt", "application/at+jwt", 1)),
		"typ in upper case": header(strings.Replace(head, "at+jwt", "AT+JWT", 1)), "header with a space": header(strings.Replace(head, ":", ": ", 1)), "header in another order": header(`{"typ":"at+jwt","alg":"ES256","kid":"` + kid + `"}`),
		"alg twice": header(strings.Replace(head, "{", `{"alg":"none",`, 1)), "typ twice": member(`"typ":"JWT"`), "header is an array": header("[" + head + "]"), "header escaped": header(strings.Replace(head, "at+jwt", `at\u002bjwt`, 1)),
		"crit unknown": member(`"crit":["x"],"x":1`), "crit empty": member(`"crit":[]`), "b64 false": member(`"b64":false,"crit":["b64"]`), "b64 true": member(`"b64":true`),
		"jku": member(`"jku":"https://evil.example/jwks"`), "x5u": member(`"x5u":"https://evil.example/c"`), "x5c": member(`"x5c":["MIIB"]`), "jwk": member(`"jwk":{"kty":"EC"}`), "x5t": member(`"x5t":"AA"`),
		"zip": member(`"zip":"DEF"`), "cty": member(`"cty":"JWT"`), "enc": member(`"enc":"A256GCM"`), "p2c": member(`"p2c":1000000000`), "an unknown parameter": member(`"foo":1`),
		"kid unknown": header(strings.Replace(head, kid, strings.Repeat("A", 43), 1)), "kid missing": header(`{"alg":"ES256","typ":"at+jwt"}`), "kid a path": header(strings.Replace(head, kid, "../../dev/null", 1)),
		"kid with SQL": header(strings.Replace(head, kid, "' OR 1=1 --", 1)), "kid of 10 kB": header(strings.Replace(head, kid, strings.Repeat("k", 10_000), 1)), "kid with NUL": header(strings.Replace(head, kid, kid+`\u0000`, 1)),
		"key of another server": other.forge(head, claims), "token of another server": other.forge(other.header(), claims),

		"DER signature": parts[0] + "." + parts[1] + "." + b64.EncodeToString(derSig), "r 0": signature(zero, s), "s 0": signature(r, zero), "r and s 0": signature(zero, zero), "r the order": signature(n, s),
		"s the order": signature(r, n), "s and the order": signature(r, new(big.Int).Mod(new(big.Int).Add(s, n), new(big.Int).Lsh(big.NewInt(1), 256))), "signature too long": good + "AA", "signature too short": good[:len(good)-2],
		"signature of 96 bytes": parts[0] + "." + parts[1] + "." + b64.EncodeToString(make([]byte, 96)), "claims of another token": parts[0] + "." + b64.EncodeToString([]byte(strings.Replace(claims, "usr_1", "usr_2", 1))) + "." + parts[2],

		"padding": good + "=", "padding twice": good + "==", "padding in the claims": w.sign(parts[0] + "." + parts[1] + "="), "newline at the end": good + "\n", "CRLF at the end": good + "\r\n", "newline inside": good[:len(good)-9] + "\n" + good[len(good)-9:],
		"newline in the claims": w.sign(parts[0] + "." + parts[1][:9] + "\n" + parts[1][9:]), "CR in the claims": w.sign(parts[0] + "." + parts[1][:9] + "\r" + parts[1][9:]), "space before": " " + good, "space behind": good + " ", "tab inside": w.sign(parts[0] + "." + parts[1][:9] + "\t" + parts[1][9:]),
		"standard alphabet +": w.sign(parts[0] + "." + parts[1] + "+"), "standard alphabet /": w.sign(parts[0] + "." + parts[1][:8] + "/" + parts[1][9:]), "a dot in the claims": w.sign(parts[0] + "." + parts[1][:9] + "." + parts[1][9:]), "NUL": good + "\x00", "a byte above 127": good[:len(good)-1] + "é",
		"unused bits of the signature": parts[0] + "." + parts[1] + "." + parts[2][:85] + nextDigit(parts[2][85]), "claims of one digit more": w.sign(parts[0] + "." + parts[1] + "A"),

		"nested JWT": signed(good), "claims not JSON": signed("x"), "claims empty": signed(""), "claims an array": signed("[" + claims + "]"), "claims null": signed("null"), "data behind": signed(claims + "{}"), "white space behind": signed(claims + " "),
		"white space": signed(strings.Replace(claims, `,"`, `, "`, 1)), "a BOM": signed("\ufeff" + claims), "UTF-16": signed(utf16(claims)), "deep nesting": signed(strings.Repeat("[", 1000)), "nested claim": with(`"sub":"usr_1"`, `"sub":{"a":"usr_1"}`),
		"sub twice": with(`"sub":"usr_1"`, `"sub":"usr_2","sub":"usr_1"`), "exp twice": with(`"exp":1780000300`, `"exp":1780000300,"exp":1780000300`), "SUB beside sub": with(`"sub":"usr_1"`, `"sub":"usr_1","SUB":"usr_2"`), "SUB instead of sub": with(`"sub"`, `"SUB"`),
		"another order": with(`"sub":"usr_1","client_id":"mobile"`, `"client_id":"mobile","sub":"usr_1"`), "an unknown claim": with(`,"jti"`, `,"roles":["admin"],"jti"`), "escaped name": with(`"sub"`, `"s\u0075b"`), "escaped value": with("usr_1", `us\u0072_1`),
		"invalid UTF-8": with("usr_1", "usr_\xff"), "sub not ASCII": with("usr_1", "usr_é"), "NUL in sub": with("usr_1", `usr_1\u0000`), "raw NUL in sub": with("usr_1", "usr_1\x00"), "quote in sub": with("usr_1", `us\"r`),

		"exp missing": with(`"exp":1780000300,`, ""), "exp null": with("1780000300", "null"), "exp a string": with(`:1780000300`, `:"1780000300"`), "exp a float": with("1780000300", "1780000300.0"), "exp with an exponent": with("1780000300", "178e7"),
		"exp 1e300": with("1780000300", "1e300"), "exp negative": with("1780000300", "-1"), "exp minus zero": with("1780000300", "-0"), "exp with a plus": with("1780000300", "+1780000300"), "exp with a leading zero": with("1780000300", "01780000300"), "exp overflows": with("1780000300", "9223372036854775808"),
		"exp wraps around": with("1780000300", "18446744075489551916"), "exp of 30 digits": with("1780000300", strings.Repeat("9", 30)), "exp before iat": with("1780000300", "1779999999"), "exp at iat": with("1780000300", "1780000000"), "ten years": with("1780000300", "2095360000"), "ten minutes and a second": with("1780000300", "1780000601"),
		"iat missing": with(`"iat":1780000000,`, ""), "iat a float": with(`"iat":1780000000`, `"iat":1780000000.5`), "iat 0": with(`"iat":1780000000`, `"iat":0`), "iat in the future": signed(strings.ReplaceAll(claims, "1780000000", "1780000006")), "nbf missing": with(`"nbf":1780000000,`, ""),
		"nbf not iat": with(`"nbf":1780000000`, `"nbf":1780000001`), "nbf in the future": with(`"nbf":1780000000`, `"nbf":1790000000`), "auth_time 0": with("1779999940", "0"), "auth_time a float": with("1779999940", "1.5"),

		"iss wrong": with("https://app.example.com", "https://evil.example"), "iss with a slash": with(`"iss":"https://app.example.com"`, `"iss":"https://app.example.com/"`), "iss in upper case": with(`"iss":"https://app`, `"iss":"https://APP`), "iss look-alike": with(`"iss":"https://app`, `"iss":"https://аpp`),
		"iss missing": with(`"iss":"https://app.example.com",`, ""), "iss empty": with(`"iss":"https://app.example.com"`, `"iss":""`), "iss http": with(`"iss":"https`, `"iss":"http`), "aud missing": with(`"aud":"https://app.example.com",`, ""),
		"aud an array": with(`"aud":"https://app.example.com"`, `"aud":["https://app.example.com"]`), "aud with others": with(`"aud":"https://app.example.com"`, `"aud":["https://app.example.com","https://evil.example"]`), "aud a prefix": with(`"aud":"https://app.example.com"`, `"aud":"https://app.example"`), "aud longer": with(`"aud":"https://app.example.com"`, `"aud":"https://app.example.com.evil.example"`), "aud of an upstream": with(`"aud":"https://app.example.com"`, `"aud":"upstream:app"`),
		"sub empty": with("usr_1", ""), "sid missing": with(`"sid":"ses_1",`, ""), "sid empty": with("ses_1", ""), "client_id missing": with(`"client_id":"mobile",`, ""), "jti missing": with(`"jti":"AAAAAAAAAAAAAAAAAAAA",`, ""), "scope missing": with(`"scope":"notes:read",`, ""), "scope a list": with(`"notes:read"`, `["notes:read"]`), "scope with two spaces": with("notes:read", "notes:read  *"), "scope with a space behind": with("notes:read", "notes:read "),
		"amr empty": with(`["pwd"]`, `[]`), "amr a string": with(`["pwd"]`, `"pwd"`), "amr with an empty word": with(`["pwd"]`, `["pwd",""]`), "amr too long": with(`["pwd"]`, `["a","b","c","d","e","f","g","h","i"]`), "acr empty": with(`"aal1"`, `""`), "acr null": with(`"aal1"`, `null`),
		"cnf empty": with(`}`, `,"cnf":{}}`), "cnf with a jwk": with(`}`, `,"cnf":{"jwk":{}}}`), "cnf.jkt short": with(`}`, `,"cnf":{"jkt":"AAAA"}}`), "cnf.jkt with bits left over": with(`}`, `,"cnf":{"jkt":"`+strings.Repeat("A", 42)+`B"}}`), "cnf.jkt empty": with(`}`, `,"cnf":{"jkt":""}}`), "gen 0": with(`}`, `,"gen":0}`), "gen negative": with(`}`, `,"gen":-1}`),

		"an ID token": signed(`{"iss":"https://app.example.com","sub":"usr_1","aud":"mobile","exp":1780000300,"iat":1780000000,"nonce":"n"}`), "a refresh token": "snr1.AAAA.BBBB.CCCC", "an API key": "smk_live_000000000001_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2vG8vN", "an opaque text": "2YotnFZFEjr1zCsicMWpAA", // sanmon:allow sanmon-key a vector of docs/formats.md
	} {
		if _, code := w.judge(token, t0); code != refusal.TokenInvalid {
			t.Errorf("%s: %q, want token_invalid", name, code)
		}
	}
	if n := w.keeper.Len(); n != 1 {
		t.Errorf("%d tokens in memory, want the good one", n)
	}
}

// nextDigit changes the last two bits of a base64url digit, which belong to nothing.
func nextDigit(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)+1])
}

func utf16(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteByte(s[i])
		b.WriteByte(0)
	}
	return b.String()
}
