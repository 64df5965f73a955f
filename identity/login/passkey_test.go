package login

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/passkey/passkeytest"
	"github.com/sanmon-gate/sanmon/refusal"
)

// withPasskey gives Alice a passkey.
func (h *house) withPasskey() (*passkey.Ceremonies, *passkeytest.Authenticator) {
	h.t.Helper()
	c, err := passkey.New(passkey.Options{Origin: "https://app.example.com", Name: "x", Office: h.Office})
	if err != nil {
		h.t.Fatal(err)
	}
	a := passkeytest.New(h.t)
	b, err := c.BeginRegistration("usr_alice", "alice@example.com", nil, pre, t0)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := c.FinishRegistration(bg, "usr_alice", "alice@example.com", pre, b.Ticket, a.Register(b.Options), t0)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.AddPasskey(bg, r, 9, audit.Event{At: t0, Event: audit.FactorAdded}); err != nil {
		h.t.Fatal(err)
	}
	return c, a
}

func (h *house) presents(c *passkey.Ceremonies, a *passkeytest.Authenticator, account, device string, now time.Time) (Grant, error) {
	h.t.Helper()
	b, err := c.BeginLogin(pre, account, now)
	if err != nil {
		h.t.Fatal(err)
	}
	at := try("", "")
	at.Ticket, at.Binding, at.DeviceCookie, at.SecondFactor = b.Ticket, pre, device, Required
	return h.Passkey(bg, c, at, a.Answer(b.Options), now)
}

// TestPasskey: it is a strong factor, and no code is asked for.
func TestPasskey(t *testing.T) {
	h := newHouse(t)
	c, a := h.withPasskey()
	a.Count = 2
	g, err := h.presents(c, a, "", "", t0)
	if err != nil || g.Subject != "usr_alice" || g.DeviceCookie == "" {
		t.Fatalf("%+v, %v", g, err)
	}
	if got := h.how(g, t0); got.ACR != "aal2" || !cmp.Equal(got.AMR, []string{"pop", "user", "mfa"}) {
		t.Errorf("%v %v", got.ACR, got.AMR)
	}
	a.Count = 3
	if _, err := h.presents(c, a, " Alice@Example.com", "", t0); err != nil {
		t.Errorf("with the address typed: %v", err)
	}
	a.Count = 4
	if _, err := h.presents(c, a, "bob@example.com", "", t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("with another address: %v", err)
	}
	if all, _ := h.store.Passkeys(bg, "usr_alice"); all[0].SignCount != 3 || !all[0].LastUsedAt.Equal(t0) {
		t.Errorf("%+v", all[0])
	}
}

func TestPasskeyIsRefused(t *testing.T) {
	for what, c := range map[string]struct {
		change func(h *house, a *passkeytest.Authenticator)
		reason string
	}{
		"removed": {func(h *house, _ *passkeytest.Authenticator) {
			all, _ := h.store.Passkeys(bg, "usr_alice")
			_ = h.store.RemovePasskey(bg, "usr_alice", all[0].Handle, audit.Event{At: t0, Event: audit.FactorRemoved})
		}, "passkey not found"},
		"disabled": {func(h *house, _ *passkeytest.Authenticator) {
			_ = h.store.SetDisabled(bg, "usr_alice", true, t0, audit.Event{At: t0, Event: audit.UserDisabled})
		}, "disabled"},
		"a copy":       {func(_ *house, a *passkeytest.Authenticator) { a.Count = 1 }, "did not advance"},
		"unverified":   {func(_ *house, a *passkeytest.Authenticator) { a.Flags &^= passkeytest.UserVerified }, "check the answer"},
		"phished":      {func(_ *house, a *passkeytest.Authenticator) { a.Origin = "https://evil.example" }, "origin"},
		"another user": {func(_ *house, a *passkeytest.Authenticator) { a.User = []byte("usr_bob") }, "check the answer"},
	} {
		h := newHouse(t)
		ceremonies, a := h.withPasskey()
		a.Count = 2
		c.change(h, a)
		_, err := h.presents(ceremonies, a, "", "", t0)
		r := refusal.From(err)
		if r.Code != refusal.LoginFailed || r.Detail != "" || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: %v", what, err)
		}
		if all, _ := h.store.Sessions(bg, "usr_alice", t0, 9); len(all) != 0 {
			t.Errorf("%s: a session was made", what)
		}
		all, _ := h.store.Passkeys(bg, "usr_alice")
		events, _ := h.store.Events(bg, 0, 100)
		flagged := len(all) == 1 && all[0].FlaggedAt.Equal(t0)
		logged := false
		for _, ev := range events {
			logged = logged || ev.Event == audit.FactorFlagged && ev.Subject == "usr_alice"
		}
		if flagged != (what == "a copy") || logged != flagged {
			t.Errorf("%s: flagged %v, in the trail %v", what, flagged, logged)
		}
	}
}

// TestPasskeysAreThrottled: by credential and by network; nobody locks out all others.
func TestPasskeysAreThrottled(t *testing.T) {
	h := newHouse(t)
	c, a := h.withPasskey()
	stranger := passkeytest.New(t)
	stranger.User = []byte("usr_alice")
	for i := range 11 {
		_, err := h.presents(c, stranger, "", "", t0)
		if got := refusal.From(err).Code; got != refusal.LoginFailed && i < 10 || i == 10 && got != refusal.RateLimited {
			t.Errorf("try %d: %v", i, err)
		}
	}
	a.Count = 2
	if _, err := h.presents(c, a, "", "", t0); err != nil {
		t.Errorf("the passkey of somebody else: %v", err)
	}
	if _, err := h.Passkey(bg, c, with(Off, "", "", ""), []byte("{}"), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("no answer at all: %v", err)
	}
}
