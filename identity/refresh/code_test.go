package refresh_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
)

// The example of RFC 7636, Appendix B.
const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

const callback = "com.example.app:/cb"

// code is an authorization of Alice's login "ses_login".
func (w *world) code() string {
	w.t.Helper()
	v, err := w.Codes().Issue(w.t.Context(), refresh.Code{User: "usr_alice", SID: "ses_login", Client: mobile, RedirectURI: callback,
		Scope: []string{"notes:read"}, Audience: "https://api.example.com", Challenge: challenge, Nonce: "n-0S6_WzA2Mj", AuthTime: t0}, t0)
	w.ok(err)
	return text(v)
}

func exchange(d time.Duration) refresh.Exchange {
	return refresh.Exchange{Client: mobile, RedirectURI: callback, Verifier: verifier, Device: "Pixel", From: home, RequestID: "req", Now: t0.Add(d)}
}

// A code gives the grant that the person allowed, with how the person authenticated.
func TestRedeem(t *testing.T) {
	onBoth(t, func(t *testing.T, s site) {
		w := newWorld(t, s)
		w.login("ses_login")
		is, err := w.Codes().Redeem(t.Context(), w.code(), exchange(59*time.Second))
		w.ok(err)
		f := is.Family
		if f.User != "usr_alice" || f.Parent != "ses_login" || f.Client != mobile || !slices.Equal(f.Scope, []string{"notes:read"}) ||
			f.Audience != "https://api.example.com" || !f.AuthTime.Equal(t0) || is.Nonce != "n-0S6_WzA2Mj" || f.Device != "Pixel" ||
			!slices.Equal(f.AMR, []string{"pwd"}) || f.ACR != "aal1" || !f.ExpiresAt.Equal(t0.Add(59*time.Second+720*time.Hour)) {
			t.Errorf("%+v", f)
		}
		w.yes(w.node, text(is.Token), time.Minute, refresh.Rotated)
		if !w.access(w.node, f.SID, time.Minute) {
			t.Error("no access")
		}
	})
}

// Whatever is wrong with an exchange, the code is used up, and the second time is a
// replay.
func TestRedeemRefuses(t *testing.T) {
	key := [32]byte{1}
	for name, c := range map[string]struct {
		change func(*refresh.Exchange)
		cause  error
	}{
		"another client":        {func(x *refresh.Exchange) { x.Client = "other" }, refresh.ErrProof},
		"another redirect":      {func(x *refresh.Exchange) { x.RedirectURI += "/" }, refresh.ErrProof},
		"no redirect":           {func(x *refresh.Exchange) { x.RedirectURI = "" }, refresh.ErrProof},
		"another verifier":      {func(x *refresh.Exchange) { x.Verifier = strings.Repeat("a", 43) }, refresh.ErrProof},
		"no verifier":           {func(x *refresh.Exchange) { x.Verifier = "" }, refresh.ErrProof},
		"challenge as such":     {func(x *refresh.Exchange) { x.Verifier = challenge }, refresh.ErrProof},
		"too late":              {func(x *refresh.Exchange) { x.Now = t0.Add(60 * time.Second) }, refresh.ErrExpired},
		"far too late":          {func(x *refresh.Exchange) { x.Now = t0.Add(100 * time.Hour) }, refresh.ErrExpired},
		"with a key it is fine": {func(x *refresh.Exchange) { x.Key = key }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s site) {
				w := newWorld(t, s)
				w.login("ses_login")
				code, x := w.code(), exchange(time.Second)
				c.change(&x)
				if is, err := w.Codes().Redeem(t.Context(), code, x); !errors.Is(err, c.cause) || c.cause == nil && is.Family.Key != key {
					t.Fatalf("%+v, %v", is, err)
				}
				if _, err := w.Codes().Redeem(t.Context(), code, exchange(2*time.Second)); !errors.Is(err, refresh.ErrReplay) {
					t.Errorf("the second time: %v", err)
				}
			})
		})
	}
}

// A code outlives neither its login nor its person's.
func TestRedeemAfterTheLogin(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *world) error{
		"logout": func(t *testing.T, w *world) error {
			_, err := w.db.RevokeSession(t.Context(), "ses_login", session.ReasonLogout, t0, audit.Event{At: t0, Event: audit.Logout})
			return err
		},
		"disabled": func(t *testing.T, w *world) error {
			return w.db.SetDisabled(t.Context(), "usr_alice", true, t0, audit.Event{At: t0, Event: audit.UserDisabled})
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s site) {
				w := newWorld(t, s)
				w.login("ses_login")
				code := w.code()
				w.ok(end(t, w))
				if _, err := w.Codes().Redeem(t.Context(), code, exchange(0)); !errors.Is(err, refresh.ErrParent) || refusal.From(err).Code != refusal.TokenRevoked {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

func TestRedeemUnknown(t *testing.T) {
	onBoth(t, func(t *testing.T, s site) {
		w := newWorld(t, s)
		w.login("ses_login")
		code := w.code()
		for _, bad := range []string{"", code[:len(code)-1], code + "x", strings.Replace(code, "smc_", "smk_", 1), refresh.CodePrefix + strings.Repeat("A", 43)} {
			if _, err := w.Codes().Redeem(t.Context(), bad, exchange(0)); !errors.Is(err, refresh.ErrInvalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
		for _, bad := range []string{"", challenge[1:], challenge + "A", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c=", strings.Repeat("+", 43)} {
			if _, err := w.Codes().Issue(t.Context(), refresh.Code{User: "usr_alice", SID: "ses_login", Client: mobile, Challenge: bad}, t0); refusal.From(err).Code != refusal.InputInvalid {
				t.Errorf("challenge %q: %v", bad, err)
			}
		}
	})
}

// Of eight exchanges at once one wins, and what it got ends with the next.
func TestRedeemRace(t *testing.T) {
	onBoth(t, func(t *testing.T, s site) {
		w := newWorld(t, s)
		w.login("ses_login")
		code := w.code()
		got := together(8, func(int) string {
			is, err := w.Codes().Redeem(t.Context(), code, exchange(0))
			if err == nil {
				return is.Family.SID
			}
			return fmt.Sprint(errors.Is(err, refresh.ErrReplay))
		})
		slices.Sort(got)
		if !strings.HasPrefix(got[0], "ses_") || got[1] != "true" || got[7] != "true" {
			t.Fatalf("%q", got)
		}
		w.dead(0, got[:1])
	})
}

// RFC 7636, Section 4.1: 43 to 128 unreserved characters.
func TestChallenge(t *testing.T) {
	for v, want := range map[string]string{
		verifier: challenge, verifier[1:]: "", verifier + " ": "", verifier + "é": "", strings.Repeat("~", 129): "", "": "",
	} {
		if got := refresh.Challenge(v); got != want {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
	if refresh.Challenge(strings.Repeat("~", 128)) == "" || refresh.Challenge("-._~"+verifier) == "" {
		t.Error("good ones are refused")
	}
}
