package token

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The profile, to the byte.
func TestProfile(t *testing.T) {
	w := newWorld(t)
	g := grant()
	g.Thumbprint, g.Generation, g.AMR = strings.Repeat("A", 43), 3, []string{"pwd", "otp"}
	parts := strings.Split(w.mint(g, t0), ".")
	header, _ := b64.DecodeString(parts[0])
	payload, _ := b64.DecodeString(parts[1])
	if want := `{"alg":"ES256","kid":"` + w.keys.At(t0).Keys[0].Public.Kid + `","typ":"at+jwt"}`; string(header) != want {
		t.Errorf("header %s, want %s", header, want)
	}
	const want = `{"iss":"https://app.example.com","aud":"https://app.example.com","sub":"usr_1","client_id":"mobile","sid":"ses_1","scope":"notes:read notes:write",` +
		`"iat":1780000000,"nbf":1780000000,"exp":1780000300,"jti":"","auth_time":1779999940,"acr":"aal1","amr":["pwd","otp"],"cnf":{"jkt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"gen":3}`
	got, jti, _ := strings.Cut(string(payload), `"jti":"`)
	id, rest, _ := strings.Cut(jti, `"`)
	if got+`"jti":""`+rest != want || len(id) != 20 {
		t.Errorf("claims %s\nwant   %s", payload, want)
	}
	if len(parts) != 3 || len(parts[2]) != 86 {
		t.Errorf("%d parts", len(parts))
	}
}

func TestLife(t *testing.T) {
	for _, tt := range []struct {
		ttl, notAfter time.Duration
		least, most   time.Duration
	}{
		{0, 0, 270 * time.Second, 300 * time.Second},
		{10 * time.Minute, 0, 9 * time.Minute, 10 * time.Minute},
		{10 * time.Second, 0, 9 * time.Second, 10 * time.Second},
		{9 * time.Second, 0, 9 * time.Second, 9 * time.Second}, // too short for a jitter
		{time.Second, 0, time.Second, time.Second},
		{0, time.Minute, time.Minute, time.Minute}, // the grant ends sooner
		{0, time.Hour, 270 * time.Second, 300 * time.Second},
	} {
		w := newWorld(t)
		m, err := NewMinter(w.keys, Options{Issuer: issuer, TTL: tt.ttl})
		if err != nil {
			t.Fatal(err)
		}
		g, seen := grant(), map[time.Duration]bool{}
		if tt.notAfter > 0 {
			g.NotAfter = t0.Add(tt.notAfter)
		}
		for range 100 {
			got, err := m.Mint(g, t0)
			if err != nil || got.ExpiresIn < tt.least-time.Second || got.ExpiresIn > tt.most || !got.ExpiresAt.Equal(t0.Add(got.ExpiresIn)) {
				t.Fatalf("%+v: %v, %v", tt, got.ExpiresIn, err)
			}
			seen[got.ExpiresIn] = true
		}
		if tt.most-tt.least > time.Second && len(seen) < 2 {
			t.Errorf("%+v: always the same life", tt)
		}
	}
}

func TestWhatIsNotMinted(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*Grant){
		"no subject": func(g *Grant) { g.Subject = "" }, "no client": func(g *Grant) { g.ClientID = "" }, "no session": func(g *Grant) { g.SID = "" },
		"quote": func(g *Grant) { g.Subject = `a"b` }, "backslash": func(g *Grant) { g.ClientID = `a\b` }, "not ASCII": func(g *Grant) { g.Subject = "é" }, "control": func(g *Grant) { g.SID = "a\nb" },
		"scope with two spaces": func(g *Grant) { g.Scope = "a  b" }, "scope with a tab": func(g *Grant) { g.Scope = "a\tb" }, "empty method": func(g *Grant) { g.AMR = []string{""} }, "nine methods": func(g *Grant) { g.AMR = strings.Fields("a b c d e f g h i") },
		"thumbprint": func(g *Grant) { g.Thumbprint = "AAAA" }, "over": func(g *Grant) { g.NotAfter = t0 }, "too large": func(g *Grant) { g.Scope = strings.Repeat("notes:read ", 300) + "x" },
	} {
		g := grant()
		change(&g)
		if m, err := w.minter.Mint(g, t0); err == nil || !m.Token.Empty() {
			t.Errorf("%s: minted", name)
		}
	}
	g := grant()
	g.Scope, g.AuthTime, g.ACR, g.AMR = "", time.Time{}, "", nil // a client that acts for itself and may nothing
	if _, code := w.judge(w.mint(g, t0), t0); code != "" {
		t.Error(code)
	}
}

// drawn is any claims that a token may have.
func drawn(rt *rapid.T) Claims {
	word := rapid.StringMatching(`[!#-\[\]-~]{1,20}`)
	c := Claims{Issuer: word.Draw(rt, "iss"), Audience: word.Draw(rt, "aud"), Subject: word.Draw(rt, "sub"), ClientID: word.Draw(rt, "client"), SID: word.Draw(rt, "sid"),
		Scope: strings.Join(rapid.SliceOfN(word, 0, 5).Draw(rt, "scope"), " "), ID: word.Draw(rt, "jti"), IssuedAt: rapid.Int64Range(1, maxTime-1).Draw(rt, "iat")}
	c.ExpiresAt = rapid.Int64Range(c.IssuedAt+1, maxTime).Draw(rt, "exp")
	if rapid.Bool().Draw(rt, "person") {
		c.AuthTime, c.ACR, c.AMR = rapid.Int64Range(1, maxTime).Draw(rt, "auth"), word.Draw(rt, "acr"), rapid.SliceOfN(word, 1, maxAMR).Draw(rt, "amr")
	}
	if rapid.Bool().Draw(rt, "bound") {
		c.JKT = rapid.StringMatching(`[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]`).Draw(rt, "jkt")
	}
	c.Gen = rapid.Uint64Range(0, 1_000_000).Draw(rt, "gen")
	return c
}

// What is written is read back, and no changed byte is.
func TestClaimsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := drawn(rt)
		if err := c.check(); err != nil {
			rt.Fatalf("%v: %+v", err, c)
		}
		text := string(c.append(nil))
		got, ok := parse(text)
		if !ok || fmt.Sprint(got) != fmt.Sprint(c) {
			rt.Fatalf("%s\nread as %+v, %v", text, got, ok)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(rt, "at")
		for _, bad := range []string{text[:i], text + text[i:i+1], text[:i] + " " + text[i:], text[:i] + text[i+1:]} {
			if bad == text {
				continue
			}
			// A character more or less inside a value is another value; it must not be this one.
			if again, ok := parse(bad); ok && (fmt.Sprint(again) == fmt.Sprint(c) || string(again.append(nil)) != bad) {
				rt.Fatalf("%s\nis read as well: %+v", bad, again)
			}
		}
	})
}

func TestScopes(t *testing.T) {
	if got := Scopes("a b"); !slices.Equal(got, []string{"a", "b"}) || len(Scopes("")) != 0 {
		t.Error(got)
	}
}

// FuzzParse: whatever is read is written back to the same bytes, so that one token has
// one spelling.
func FuzzParse(f *testing.F) {
	f.Add(claims)
	f.Add(strings.Replace(claims, "}", `,"cnf":{"jkt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},"gen":3}`, 1))
	f.Add(`{"iss":"`)
	f.Fuzz(func(t *testing.T, s string) {
		if c, ok := parse(s); ok && string(c.append(nil)) != s {
			t.Errorf("%q is read as %+v", s, c)
		}
	})
}

// FuzzJudge: no bytes make the verifier panic, and only the good token is good.
func FuzzJudge(f *testing.F) {
	w := newWorld(f)
	good := w.forge(w.header(), claims)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(strings.Repeat(".", 100))
	r := w.keeper.current(t0)
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := r.judge(s, t0); err == nil && s != good {
			t.Errorf("%q is taken", s)
		}
	})
}
