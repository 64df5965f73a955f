package dbsc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newBinder(fill byte) *Binder {
	return &Binder{secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(bytes.Repeat([]byte{fill}, 32))})}
}

// browser makes responses as the specification has them, by hand.
type browser struct{ key *ecdsa.PrivateKey }

func newBrowser(t testing.TB) browser {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return browser{key}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (b browser) jwk() map[string]any {
	point, _ := b.key.PublicKey.Bytes()
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])}
}

func (b browser) sign(header, claims map[string]any) string {
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	input := b64(h) + "." + b64(c)
	sum := sha256.Sum256([]byte(input))
	r, s, _ := ecdsa.Sign(rand.Reader, b.key, sum[:])
	return input + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func (b browser) registers(challenge string) string {
	return b.sign(map[string]any{"typ": "dbsc+jwt", "alg": "ES256", "jwk": b.jwk()}, map[string]any{"jti": challenge})
}

func (b browser) refreshes(challenge string) string {
	return b.sign(map[string]any{"typ": "dbsc+jwt", "alg": "ES256"}, map[string]any{"jti": challenge})
}

func TestRegisterAndRefresh(t *testing.T) {
	b, br := newBinder(1), newBrowser(t)
	point, err := b.Register("ses_1", br.registers(b.Registration("ses_1", t0)), t0.Add(time.Minute))
	want, _ := br.key.PublicKey.Bytes()
	if err != nil || !bytes.Equal(point, want) {
		t.Fatal(err)
	}
	proof := br.refreshes(b.Challenge("ses_1", t0))
	for range 2 { // a browser may send one twice
		if err := b.Refresh("ses_1", point, proof, t0.Add(RefreshLife-time.Second)); err != nil {
			t.Error(err)
		}
	}
}

func TestRegisterRefuses(t *testing.T) {
	b, br, other := newBinder(1), newBrowser(t), newBrowser(t)
	good := b.Registration("ses_1", t0)
	header := func(change func(map[string]any)) map[string]any {
		h := map[string]any{"typ": "dbsc+jwt", "alg": "ES256", "jwk": br.jwk()}
		change(h)
		return h
	}
	claims := map[string]any{"jti": good}
	whole := br.registers(good)
	for what, c := range map[string]struct {
		response string
		stale    bool
	}{
		"empty": {"", false}, "not three parts": {"a.b", false}, "cut": {whole[:len(whole)-1], false}, "line end": {whole + "\n", false},
		"no key":                {br.refreshes(good), false},
		"another key signs":     {other.sign(header(func(map[string]any) {}), claims), false},
		"another type":          {br.sign(header(func(h map[string]any) { h["typ"] = "dpop+jwt" }), claims), false},
		"no type":               {br.sign(header(func(h map[string]any) { delete(h, "typ") }), claims), false},
		"none":                  {br.sign(header(func(h map[string]any) { h["alg"] = "none" }), claims), false},
		"RS256":                 {br.sign(header(func(h map[string]any) { h["alg"] = "RS256" }), claims), false},
		"crit":                  {br.sign(header(func(h map[string]any) { h["crit"] = []string{"x"} }), claims), false},
		"a private key":         {br.sign(header(func(h map[string]any) { h["jwk"].(map[string]any)["d"] = "AAAA" }), claims), false},
		"no point":              {br.sign(header(func(h map[string]any) { h["jwk"].(map[string]any)["y"] = b64(make([]byte, 32)) }), claims), false},
		"no challenge":          {br.sign(header(func(map[string]any) {}), map[string]any{}), true},
		"a number":              {br.sign(header(func(map[string]any) {}), map[string]any{"jti": 7}), false},
		"of another session":    {br.registers(b.Registration("ses_2", t0)), true},
		"for a refresh":         {br.registers(b.Challenge("ses_1", t0)), true},
		"a cookie":              {br.registers(string(b.Cookie("ses_1", t0).Expose())), true},
		"of another server":     {br.registers(newBinder(2).Registration("ses_1", t0)), true},
		"too old":               {br.registers(b.Registration("ses_1", t0.Add(-RegisterLife))), true},
		"from the future":       {br.registers(b.Registration("ses_1", t0.Add(time.Minute))), true},
		"a challenge with more": {br.registers(good + "A"), true},
	} {
		_, err := b.Register("ses_1", c.response, t0)
		if err == nil || errors.Is(err, ErrChallenge) != c.stale {
			t.Errorf("%s: %v, stale %v", what, err, c.stale)
		}
		if err != nil && c.response != "" && strings.Contains(err.Error(), c.response) {
			t.Errorf("%s: the error repeats the response", what)
		}
	}
}

func TestRefreshRefuses(t *testing.T) {
	b, br, thief := newBinder(1), newBrowser(t), newBrowser(t)
	point, _ := br.key.PublicKey.Bytes()
	good := b.Challenge("ses_1", t0)
	for what, c := range map[string]struct {
		response string
		stale    bool
	}{
		"a thief's key":          {thief.refreshes(good), false},
		"a thief brings his key": {thief.registers(good), false},
		"the own key, brought":   {br.registers(good), false},
		"too old":                {br.refreshes(b.Challenge("ses_1", t0.Add(-RefreshLife))), true},
		"the registration's":     {br.refreshes(b.Registration("ses_1", t0)), true},
		"of another session":     {br.refreshes(b.Challenge("ses_2", t0)), true},
	} {
		err := b.Refresh("ses_1", point, c.response, t0)
		if err == nil || errors.Is(err, ErrChallenge) != c.stale {
			t.Errorf("%s: %v, stale %v", what, err, c.stale)
		}
	}
	if err := b.Refresh("ses_1", []byte{4, 1}, br.refreshes(good), t0); err == nil {
		t.Error("no key at rest")
	}
}

func TestCookie(t *testing.T) {
	b := newBinder(1)
	cookie := string(b.Cookie("ses_1", t0).Expose())
	for _, tt := range []struct {
		what, sid, cookie string
		at                time.Time
		want              bool
	}{
		{"good", "ses_1", cookie, t0, true}, {"at the end", "ses_1", cookie, t0.Add(CookieLife - 1), true}, {"over", "ses_1", cookie, t0.Add(CookieLife), false},
		{"another session", "ses_2", cookie, t0, false}, {"no session", "", cookie, t0, false}, {"cut", "ses_1", cookie[1:], t0, false}, {"longer", "ses_1", cookie + "A", t0, false},
		{"a challenge", "ses_1", b.Challenge("ses_1", t0), t0, false}, {"empty", "ses_1", "", t0, false}, {"a clock ahead", "ses_1", cookie, t0.Add(-30 * time.Second), true}, {"from the future", "ses_1", cookie, t0.Add(-time.Minute), false},
	} {
		if until, ok := b.Bound(tt.sid, tt.cookie, tt.at); ok != tt.want || ok && !until.Equal(t0.Add(CookieLife)) {
			t.Errorf("%s: %v until %v", tt.what, ok, until)
		}
	}
	if _, ok := newBinder(2).Bound("ses_1", cookie, t0); ok {
		t.Error("the cookie of another server")
	}
}

func TestFields(t *testing.T) {
	for _, tt := range []struct {
		values []string
		want   string
		ok     bool
	}{
		{[]string{`"a.b-c_d"`}, "a.b-c_d", true}, {[]string{` "x" `}, "x", true}, {[]string{`""`}, "", true},
		{[]string{"eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0.a-_9"}, "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0.a-_9", true}, {[]string{"ses_1 "}, "ses_1", true}, {[]string{"*x:/!#$%&'+.^`|~"}, "*x:/!#$%&'+.^`|~", true},
		{[]string{""}, "", false}, {[]string{"1x"}, "", false}, {[]string{"-x"}, "", false}, {[]string{"x;a=b"}, "", false}, {[]string{"x, y"}, "", false}, {[]string{"x y"}, "", false}, {[]string{"x=y"}, "", false}, {[]string{"x\"y"}, "", false}, {[]string{"xé"}, "", false}, {[]string{"x", "y"}, "", false}, {[]string{"x\x00"}, "", false},
		{nil, "", false}, {[]string{`"x`}, "", false}, {[]string{`"`}, "", false}, {[]string{`"x";a=b`}, "", false}, {[]string{`"x", "y"`}, "", false}, {[]string{`"x\"y"`}, "", false}, {[]string{`"x"`, `"y"`}, "", false}, {[]string{"\"x\x00\""}, "", false}, {[]string{`"é"`}, "", false},
	} {
		if got, ok := Text(tt.values); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %q %v", tt.values, got, ok)
		}
	}
	if got := Offer("/.sanmon/dbsc/register", "c"); got != `(ES256);path="/.sanmon/dbsc/register";challenge="c"` {
		t.Error(got)
	}
	if got := Ask("c", "ses_1"); got != `"c";id="ses_1"` {
		t.Error(got)
	}
	got, err := Site{"https://a.example", "/r", "__Host-c", "Path=/; Secure"}.Instructions("ses_1")
	if want := `{"session_identifier":"ses_1","refresh_url":"/r","scope":{"origin":"https://a.example","include_site":false,"scope_specification":[]},"credentials":[{"type":"cookie","name":"__Host-c","attributes":"Path=/; Secure"}]}`; err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
}

func FuzzRegister(f *testing.F) {
	b, br := newBinder(1), newBrowser(f)
	good := br.registers(b.Registration("ses_1", t0))
	f.Add(good)
	f.Fuzz(func(t *testing.T, s string) { // other processes have other keys, whose responses are good, too
		if _, err := b.Register("ses_1", s, t0); err != nil {
			return
		}
		if strings.Count(s, ".") != 2 || strings.ContainsAny(s, "=+/ \t\r\n") {
			t.Errorf("%q was taken", s)
		}
		for _, other := range []string{s + "A", s[:len(s)-1], "A" + s} {
			if _, err := b.Register("ses_1", other, t0); err == nil {
				t.Errorf("%q was taken, and %q", s, other)
			}
		}
	})
}

func BenchmarkBound(b *testing.B) {
	x := newBinder(1)
	cookie := string(x.Cookie("ses_1", t0).Expose())
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := x.Bound("ses_1", cookie, t0); !ok {
			b.Fatal("refused")
		}
	}
}
