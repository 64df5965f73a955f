package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// What the gate learns from a good token, fresh and from memory.
func TestWhoATokenIs(t *testing.T) {
	w := newWorld(t)
	token := w.mint(grant(), t0)
	for _, when := range []string{"first sight", "from memory"} {
		c, code := w.judge(token, t0.Add(time.Minute))
		if code != "" || c.Kind != caller.Token || c.Subject != "usr_1" || c.SID != "ses_1" || c.ClientID != "mobile" || c.Email != "ada@example.com" {
			t.Errorf("%s: %q %+v", when, code, c)
		}
		if !slices.Equal(c.Credential.Scopes, []string{"notes:read", "notes:write"}) || c.Credential.Whole || c.Credential.Roles != nil || c.Principal != writer {
			t.Errorf("%s: rights %+v, %+v", when, c.Credential, c.Principal)
		}
		if !c.AuthTime.Equal(t0.Add(-time.Minute)) || !c.ExpiresAt.Equal(t0.Add(5*time.Minute)) || c.ACR != "aal1" || !slices.Equal(c.AMR, []string{"pwd"}) {
			t.Errorf("%s: %s %s %s %v", when, c.AuthTime, c.ExpiresAt, c.ACR, c.AMR)
		}
		if c.Bindings != nil || c.Slot == nil {
			t.Errorf("%s: a token is not ambient, and has a slot of its own", when)
		}
	}
	if a, b := must(w.judge(token, t0)), must(w.judge(token, t0)); a.Slot != b.Slot || a.Credential != b.Credential {
		t.Error("memory is not shared")
	}
}

func must(c caller.Caller, _ refusal.Code) caller.Caller { return c }

// The edges of time: no leeway at the end, five seconds at the beginning.
func TestTimes(t *testing.T) {
	for _, tt := range []struct {
		iat, exp int64         // seconds from t0
		ttl      time.Duration // configured now
		at       time.Duration // of the request, from t0
		want     refusal.Code
	}{
		{0, 300, 0, 0, ""}, {0, 300, 0, 300*time.Second - 1, ""}, {0, 300, 0, 300 * time.Second, refusal.TokenExpired}, {0, 300, 0, time.Hour, refusal.TokenExpired},
		{5, 300, 0, 0, ""}, {6, 300, 0, 0, refusal.TokenInvalid}, {6, 300, 0, time.Second, ""},
		{0, 600, 10 * time.Minute, 599 * time.Second, ""}, {0, 601, 10 * time.Minute, 0, refusal.TokenInvalid},
		{0, 600, 0, 299 * time.Second, ""}, {0, 600, 0, 300 * time.Second, refusal.TokenExpired}, // made when token.access_ttl was longer
		{0, 300, time.Second, time.Second, refusal.TokenExpired}, {0, 300, time.Second, time.Second - 1, ""},
	} {
		w := newWorld(t)
		if err := w.keeper.Configure(KeeperOptions{Options: Options{Issuer: issuer, TTL: tt.ttl}}); err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer("1780000000", fmt.Sprint(t0.Unix()+tt.iat), "1780000300", fmt.Sprint(t0.Unix()+tt.exp)).Replace(claims)
		token := w.forge(w.header(), text)
		for range 2 { // the second time from memory
			if _, code := w.judge(token, t0.Add(tt.at)); code != tt.want {
				t.Errorf("%+v: %q", tt, code)
			}
		}
	}
}

// Double evaluation: the token says what was granted, the session whether it still holds.
func TestTheSessionDecidesToo(t *testing.T) {
	w := newWorld(t)
	token := w.mint(grant(), t0)
	for _, tt := range []struct {
		what string
		live func(*caller.Caller) error
		want refusal.Code
		dead bool
	}{
		{"alive", func(*caller.Caller) error { return nil }, "", false},
		{"revoked", func(*caller.Caller) error { return refusal.New(refusal.LoginRequired, "revoked") }, refusal.TokenRevoked, true},
		{"over", func(*caller.Caller) error { return refusal.New(refusal.SessionExpired, "over") }, refusal.TokenRevoked, true},
		{"elsewhere", func(*caller.Caller) error {
			return &refusal.Refusal{Code: refusal.LoginRequired, Err: session.ErrNetwork}
		}, refusal.TokenInvalid, false},
		{"the store is down", func(*caller.Caller) error { return refusal.New(refusal.Busy, "down") }, refusal.Busy, false},
		{"nobody declared it", func(*caller.Caller) error { return errors.New("disk on fire") }, refusal.Internal, false},
		{"of somebody else", func(c *caller.Caller) error { c.Subject = "usr_2"; return nil }, refusal.TokenInvalid, false},
		{"of another client", func(c *caller.Caller) error { c.ClientID = "tv"; return nil }, refusal.TokenInvalid, false},
		{"alive again", func(*caller.Caller) error { return nil }, "", false},
	} {
		c := ada()
		err := tt.live(&c)
		w.live.set("ses_1", c, err)
		var into caller.Caller
		err = w.keeper.Judge(bg, Presented{Token: token}, addr, t0, &into)
		if code := codeOf(err); code != tt.want || errors.Is(err, ErrSessionEnded) != tt.dead {
			t.Errorf("%s: %v, want %s", tt.what, err, tt.want)
		}
	}
	delete(w.live, "ses_1")
	if _, code := w.judge(token, t0); code != refusal.TokenRevoked {
		t.Errorf("a session that is not there: %s", code)
	}
}

func codeOf(err error) refusal.Code {
	if err == nil {
		return ""
	}
	return refusal.From(err).Code
}

// A role that changes is another pointer of live rights in the very next verdict.
func TestLiveRightsAreNotKept(t *testing.T) {
	w := newWorld(t)
	token, other := w.mint(grant(), t0), &caller.Rights{Whole: true}
	w.judge(token, t0)
	c := ada()
	c.Principal = other
	w.live.set("ses_1", c, nil)
	if got := must(w.judge(token, t0)); got.Principal != other {
		t.Error("rights of before")
	}
}

// The older of two authentications counts, and none at all in a strange network.
func TestAuthTime(t *testing.T) {
	for _, tt := range []struct{ token, live, want int64 }{ // seconds before t0; 0: none
		{60, 60, 60}, {60, 10, 60}, {10, 60, 60}, {60, t0.Unix(), t0.Unix()}, {0, 60, -1},
	} {
		w := newWorld(t)
		g, c := grant(), ada()
		if g.AuthTime = t0.Add(-time.Duration(tt.token) * time.Second); tt.token == 0 {
			g.AuthTime = time.Time{}
		}
		c.AuthTime = t0.Add(-time.Duration(tt.live) * time.Second)
		w.live.set("ses_1", c, nil)
		got := must(w.judge(w.mint(g, t0), t0)).AuthTime
		if tt.want < 0 && !got.IsZero() || tt.want >= 0 && !got.Equal(t0.Add(-time.Duration(tt.want)*time.Second)) {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// proofs is a Binding that takes one proof.
type proofs struct{ asked int }

func (p *proofs) Prove(_ context.Context, r *exchange.Request, token, thumbprint string) error {
	p.asked++
	if exchange.First(r.Fields, "Dpop") != "good" || token == "" || thumbprint != strings.Repeat("A", 43) {
		return refusal.New(refusal.TokenInvalid, "no proof")
	}
	return nil
}

func TestBoundTokens(t *testing.T) {
	w := newWorld(t)
	g := grant()
	plain := w.mint(g, t0)
	g.Thumbprint = strings.Repeat("A", 43)
	bound := w.mint(g, t0)
	for _, tt := range []struct {
		what, token, proof string
		dpop, again, none  bool
		want               refusal.Code
		asked              int
	}{
		{"bound, with its proof", bound, "good", true, false, false, "", 1},
		{"bound, with a bad proof", bound, "bad", true, false, false, refusal.TokenInvalid, 1},
		{"bound, as Bearer", bound, "good", false, false, false, refusal.TokenInvalid, 0},
		{"bound, as Bearer, again", bound, "good", false, true, false, refusal.TokenInvalid, 0},
		{"bound, judged again", bound, "bad", true, true, false, "", 0},
		{"bound, nobody verifies", bound, "good", true, false, true, refusal.TokenInvalid, 0},
		{"not bound, as DPoP", plain, "good", true, false, false, refusal.TokenInvalid, 0},
		{"not bound, as Bearer", plain, "", false, false, false, "", 0},
	} {
		p := &proofs{}
		o := KeeperOptions{Options: Options{Issuer: issuer}, Binding: p}
		if tt.none {
			o.Binding = nil
		}
		if err := w.keeper.Configure(o); err != nil {
			t.Fatal(err)
		}
		r := &exchange.Request{Fields: exchange.Header{"Dpop": {tt.proof}}}
		for n := 1; n <= 2; n++ { // first sight and memory: a proof is asked every time
			var into caller.Caller
			err := w.keeper.Judge(bg, Presented{Token: tt.token, Proof: tt.dpop, Request: r, Again: tt.again}, addr, t0, &into)
			if codeOf(err) != tt.want || p.asked != n*tt.asked {
				t.Errorf("%s: %v, asked %d times; want %q, %d", tt.what, err, p.asked, tt.want, n*tt.asked)
			}
		}
	}
}

// Every change of what a verdict rests on makes it anew: keys, issuer, audience, life.
func TestMemoryEndsWithItsRules(t *testing.T) {
	for _, tt := range []struct {
		what   string
		change func(w *world) error
		want   refusal.Code
	}{
		{"nothing", func(*world) error { return nil }, ""},
		{"another issuer", func(w *world) error {
			return w.keeper.Configure(KeeperOptions{Options: Options{Issuer: "https://b.example"}})
		}, refusal.TokenInvalid},
		{"another audience", func(w *world) error {
			return w.keeper.Configure(KeeperOptions{Options: Options{Issuer: issuer, Audience: "api"}})
		}, refusal.TokenInvalid},
		{"a shorter life", func(w *world) error {
			return w.keeper.Configure(KeeperOptions{Options: Options{Issuer: issuer, TTL: time.Second}})
		}, refusal.TokenExpired},
		{"the key was dropped", func(w *world) error {
			*w.keys = *keyset.New(newRing(t, 2), Type) //nolint:govet // the lock is not held
			return nil
		}, refusal.TokenInvalid},
	} {
		w := newWorld(t)
		token := w.mint(grant(), t0)
		if _, code := w.judge(token, t0); code != "" {
			t.Fatal(code)
		}
		if err := tt.change(w); err != nil {
			t.Fatal(err)
		}
		if _, code := w.judge(token, t0.Add(2*time.Second)); code != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, code, tt.want)
		}
	}
}

func newRing(t testing.TB, versions ...int) *secret.Ring {
	t.Helper()
	var keys []secret.Key
	for _, v := range versions {
		b, err := keyset.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, secret.Key{Version: v, Value: secret.New(b)})
	}
	return secret.NewRing(secret.PurposeToken, keys...)
}

// A generation is confirmed once, and only by a token whose session lives.
func TestConfirm(t *testing.T) {
	w := newWorld(t)
	var got []string
	o := KeeperOptions{Options: Options{Issuer: issuer}, Confirm: func(sid string, gen uint64) { got = append(got, fmt.Sprint(sid, gen)) }}
	if err := w.keeper.Configure(o); err != nil {
		t.Fatal(err)
	}
	g := grant()
	w.judge(w.mint(g, t0), t0) // of no family
	g.Generation = 7
	token := w.mint(g, t0)
	w.live.set("ses_1", ada(), refusal.New(refusal.LoginRequired, "revoked"))
	w.judge(token, t0)
	w.live.set("ses_1", ada(), nil)
	w.judge(token, t0.Add(time.Hour)) // over
	for range 3 {
		w.judge(token, t0)
	}
	if !slices.Equal(got, []string{"ses_17"}) {
		t.Errorf("confirmed %v", got)
	}
}

// Once a token is in memory, nothing that differs from it by a byte is found there.
func TestMemoryIsExact(t *testing.T) {
	w := newWorld(t)
	token := w.mint(grant(), t0)
	if _, code := w.judge(token, t0); code != "" {
		t.Fatal(code)
	}
	for i := range len(token) {
		for _, c := range []byte{'A', 'B', '.', '=', 0} {
			bad := token[:i] + string(c) + token[i+1:]
			if _, code := w.judge(bad, t0); bad != token && code != refusal.TokenInvalid {
				t.Fatalf("byte %d as %q: %q", i, c, code)
			}
		}
	}
}

// Where nobody can tell whether the keys hold, nothing is believed, in memory or not.
func TestBelieve(t *testing.T) {
	w := newWorld(t)
	token := w.mint(grant(), t0)
	var down error
	o := KeeperOptions{Options: Options{Issuer: issuer}, Believe: func(context.Context) error { return down }}
	if err := w.keeper.Configure(o); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		err  error
		want refusal.Code
	}{{nil, ""}, {refusal.New(refusal.Busy, "down"), refusal.Busy}, {nil, ""}} {
		if down = tt.err; must2(w.judge(token, t0)) != tt.want {
			t.Errorf("%v: want %q", tt.err, tt.want)
		}
	}
}

func must2(_ caller.Caller, code refusal.Code) refusal.Code { return code }

func TestLooks(t *testing.T) {
	w := newWorld(t)
	token := w.mint(grant(), t0)
	for s, want := range map[string]bool{token: true, "Bearer " + token: true, `Token token="` + token + `"`: true, "Bearer\t" + token: true, "Bearer abc": false, "": false, newWorld(t).mint(grant(), t0): false} {
		if got := w.keeper.Looks(s, t0); got != want {
			t.Errorf("%.20q: %v", s, got)
		}
	}
}

// Many readers of the same and of different tokens, while the rules change.
func TestConcurrently(t *testing.T) {
	w := newWorld(t)
	tokens := make([]string, 8)
	for i := range tokens {
		tokens[i] = w.mint(grant(), t0)
	}
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for n := range 200 {
				var c caller.Caller
				if err := w.keeper.Judge(bg, Presented{Token: tokens[(i+n)%len(tokens)]}, addr, t0, &c); err != nil || c.Subject != "usr_1" {
					t.Error(err)
				}
			}
		})
	}
	group.Go(func() {
		for range 20 {
			if err := w.keeper.Configure(KeeperOptions{Options: Options{Issuer: issuer}}); err != nil {
				t.Error(err)
			}
		}
	})
	group.Wait()
}

func TestOptionsAreChecked(t *testing.T) {
	keys := keyset.New(newRing(t, 1), Type)
	for name, o := range map[string]Options{"no issuer": {}, "too long": {Issuer: "x", TTL: MaxTTL + 1}, "negative": {Issuer: "x", TTL: -1}, "too short": {Issuer: "x", TTL: time.Millisecond}, "issuer": {Issuer: `x"`}, "audience": {Issuer: "x", Audience: "a\n"}} {
		if _, err := NewMinter(keys, o); err == nil {
			t.Errorf("minter, %s: accepted", name)
		}
		if _, err := New(keys, live{}, KeeperOptions{Options: o}); err == nil {
			t.Errorf("keeper, %s: accepted", name)
		}
	}
}
