package login

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
)

func person(subject, email string, verified bool) federation.Identity {
	return federation.Identity{Provider: "corp", Issuer: "https://id.example.com", Subject: subject, Email: email, Verified: verified}
}

// TestWhoSomebodyIs: a link decides; an address does where it is verified and the provider
// is trusted with it; nobody else gets in.
func TestWhoSomebodyIs(t *testing.T) {
	byMail, create, both := Trust{LinkByEmail: true}, Trust{Create: true, Roles: []string{"guest"}}, Trust{LinkByEmail: true, Create: true}
	for name, c := range map[string]struct {
		trust Trust
		id    federation.Identity
		want  string // address of the user, "" refused
	}{
		"linked":                                    {Trust{}, person("linked", "", false), "bob@example.com"},
		"linked, with another address":              {both, person("linked", "alice@example.com", true), "bob@example.com"},
		"an address alone":                          {Trust{}, person("x", "bob@example.com", true), ""},
		"an address, only created":                  {create, person("x", "bob@example.com", true), ""},
		"an address, trusted":                       {byMail, person("x", "Bob@Example.com", true), "bob@example.com"},
		"not verified, trusted":                     {both, person("x", "bob@example.com", false), ""},
		"unknown, only linked":                      {byMail, person("x", "new@example.com", true), ""},
		"unknown, created":                          {create, person("x", "new@example.com", true), "new@example.com"},
		"unknown, not verified":                     {create, person("x", "new@example.com", false), ""},
		"no address":                                {both, person("x", "", true), ""},
		"an address that is none":                   {both, person("x", "a@b@c", true), ""},
		"an address with a name":                    {both, person("x", "<new@example.com>", true), ""},
		"another address, whose k is a Kelvin sign": {both, person("x", "bob@example.co\u212a", true), ""},
		"a service's name is no address":            {both, person("x", "svc", true), ""},
	} {
		h := newHouse(t)
		link := federation.Link{Issuer: "https://id.example.com", Subject: "linked", User: "usr_bob", CreatedAt: t0}
		if err := h.store.LinkFederated(bg, link, audit.Event{At: t0, Event: audit.Linked}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is a link
			g, err := h.Federated(bg, h.store, c.trust, c.id, federation.Wish{}, try("", ""), t0)
			if c.want == "" {
				if refusal.From(err).Code != refusal.LoginFailed || g != (Grant{}) {
					t.Errorf("%s: %+v, %v", name, g, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			user, err := h.store.PrincipalByName(bg, principal.User, c.want)
			if how := h.how(g, t0); err != nil || g.Subject != user.ID || !cmp.Equal(how.AMR, []string{"fed"}) || how.ACR != "aal1" || g.DeviceCookie == "" {
				t.Errorf("%s: %+v %v %s, %v", name, g, how.AMR, how.ACR, err)
			}
			if c.want == "new@example.com" && (!cmp.Equal(user.Roles, []string{"guest"}) || !user.Password.Empty()) {
				t.Errorf("%s: %v", name, user.Roles)
			}
		}
	}
}

func TestDisabledAtAProvider(t *testing.T) {
	h := newHouse(t)
	if err := h.store.SetDisabled(bg, "usr_bob", true, t0, audit.Event{At: t0, Event: audit.UserDisabled}); err != nil {
		t.Fatal(err)
	}
	_, err := h.Federated(bg, h.store, Trust{LinkByEmail: true}, person("x", "bob@example.com", true), federation.Wish{}, try("", ""), t0)
	if r := refusal.From(err); r.Code != refusal.LoginFailed || !strings.Contains(r.Reason, "disabled") {
		t.Errorf("got %v", err)
	}
}

// TestProviderAndCode: login.totp holds after a provider as after a password.
func TestProviderAndCode(t *testing.T) {
	h := newHouse(t)
	a := with(Optional, "", "", "")
	_, err := h.Federated(bg, h.store, Trust{LinkByEmail: true}, person("x", "alice@example.com", true), federation.Wish{}, a, t0)
	p, ok := errors.AsType[*Pending](err)
	if !ok || p.Enrol || p.Ticket == "" || refusal.From(err).Code != refusal.StepUpRequired {
		t.Fatalf("got %v", err)
	}
	if _, err := h.second(p.Ticket, "000000", t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("a wrong code: %v", err)
	}
	at := t0.Add(time.Minute)
	g, err := h.second(p.Ticket, h.code(at, 0), at)
	if err != nil {
		t.Fatal(err)
	}
	if how := h.how(g, at); !cmp.Equal(how.AMR, []string{"fed", "otp", "mfa"}) || how.ACR != "aal2" {
		t.Errorf("%v %s", how.AMR, how.ACR)
	}
	a.SecondFactor = Required
	_, err = h.Federated(bg, h.store, Trust{LinkByEmail: true}, person("y", "bob@example.com", true), federation.Wish{}, a, t0)
	if p, ok := errors.AsType[*Pending](err); !ok || !p.Enrol {
		t.Errorf("required, and none enrolled: %v", err)
	}
}

// wished signs somebody in with a provider for a wish, from a browser with a session cookie.
func (h *house) wished(id federation.Identity, w federation.Wish, trust Trust, cookie string, now time.Time) (Grant, error) {
	a := with(Optional, "", "", "")
	a.Current = cookie
	return h.Federated(bg, h.store, trust, id, w, a, now)
}

func at(id federation.Identity, auth time.Time) federation.Identity {
	id.AuthTime = auth
	return id
}

// TestAnAuthenticationIsAsOldAsAtTheProvider: an old session there does not make a new one
// here a recent one.
func TestAnAuthenticationIsAsOldAsAtTheProvider(t *testing.T) {
	byMail := Trust{LinkByEmail: true}
	for name, c := range map[string]struct{ said, want time.Time }{
		"a moment ago":     {t0.Add(-time.Minute), t0.Add(-time.Minute)},
		"yesterday":        {t0.Add(-24 * time.Hour), t0.Add(-24 * time.Hour)},
		"a clock is fast":  {t0.Add(20 * time.Second), t0},
		"it does not say":  {time.Time{}, time.Unix(1, 0)},
		"before the epoch": {time.Unix(-5, 0), time.Unix(1, 0)},
	} {
		h := newHouse(t)
		g, err := h.wished(at(person("x", "bob@example.com", true), c.said), federation.Wish{}, byMail, "", t0)
		if err != nil {
			t.Fatal(name, err)
		}
		how := h.how(g, t0)
		if !how.AuthTime.Equal(c.want) || !how.SudoUntil.Equal(c.want.Add(10*time.Minute)) || !how.ExpiresAt.Equal(t0.Add(24*time.Hour)) {
			t.Errorf("%s: authenticated %v, recent until %v, ends %v", name, how.AuthTime, how.SudoUntil, how.ExpiresAt)
		}
		r, err := h.store.SessionBySID(bg, g.SID)
		if err != nil || !r.AuthTime.Equal(c.want) {
			t.Errorf("%s: at rest %v, %v", name, r.AuthTime, err)
		}
	}
	h := newHouse(t) // and so it is with a code in between
	said := t0.Add(-time.Hour)
	_, err := h.wished(at(person("x", "alice@example.com", true), said), federation.Wish{}, byMail, "", t0)
	p, ok := errors.AsType[*Pending](err)
	if !ok {
		t.Fatal(err)
	}
	g, err := h.second(p.Ticket, h.code(t0, 0), t0)
	if err != nil || !h.how(g, t0).AuthTime.Equal(said) {
		t.Errorf("%v, authenticated %v", err, h.how(g, t0).AuthTime)
	}
}

// TestOnlyTheSamePersonStepsUp: an answer of a provider puts nobody in the place of who is
// signed in, links nobody and makes nobody.
func TestOnlyTheSamePersonStepsUp(t *testing.T) {
	both := Trust{LinkByEmail: true, Create: true}
	for name, c := range map[string]struct {
		id   federation.Identity
		wish string
		code refusal.Code
	}{
		"the same":                      {person("bob", "", false), "usr_bob", ""},
		"the same, by an address":       {person("y", "bob@example.com", true), "usr_bob", ""},
		"somebody else, linked":         {person("alice", "", false), "usr_bob", refusal.StepUpRequired},
		"somebody else, by an address":  {person("x", "alice@example.com", true), "usr_bob", refusal.StepUpRequired},
		"somebody new":                  {person("x", "new@example.com", true), "usr_bob", refusal.StepUpRequired},
		"nobody":                        {person("x", "", false), "usr_bob", refusal.StepUpRequired},
		"no wish, and the same":         {person("bob", "", false), "", ""},
		"no wish, and somebody else":    {person("carl", "", false), "", refusal.StepUpRequired},
		"a wish of who was here before": {person("carl", "", false), "usr_carl", refusal.StepUpRequired},
	} {
		h := newHouse(t)
		carl := principal.Record{ID: "usr_carl", Kind: principal.User, Name: "carl@example.com", Version: 1, CreatedAt: t0}
		if err := h.store.CreatePrincipal(bg, carl, audit.Event{At: t0, Event: audit.UserAdded}); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"alice", "bob", "carl"} {
			link := federation.Link{Issuer: "https://id.example.com", Subject: who, User: "usr_" + who, CreatedAt: t0}
			if err := h.store.LinkFederated(bg, link, audit.Event{At: t0, Event: audit.Linked}); err != nil {
				t.Fatal(err)
			}
		}
		before, err := h.Login(bg, try("bob@example.com", right), t0)
		if err != nil {
			t.Fatal(err)
		}
		cookie := string(before.Secret.Expose())
		now := t0.Add(time.Hour - time.Minute)
		g, err := h.wished(at(c.id, now), federation.Wish{User: c.wish}, both, cookie, now)
		got := refusal.Code("")
		if err != nil {
			got = refusal.From(err).Code
		}
		if got != c.code || c.code != "" && !errors.Is(err, session.ErrOther) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.code == "" {
			if how := h.how(g, now); how.Subject != "usr_bob" || how.SID != before.SID || !how.AuthTime.Equal(now) {
				t.Errorf("%s: %s %s, authenticated %v", name, how.Subject, how.SID, how.AuthTime)
			}
			continue
		}
		if how := h.how(before, now); how.Subject != "usr_bob" || !how.AuthTime.Equal(t0) {
			t.Errorf("%s: the session is now of %s, authenticated %v", name, how.Subject, how.AuthTime)
		}
		if links, err := h.store.FederatedOf(bg, "usr_alice"); err != nil || len(links) != 1 {
			t.Errorf("%s: %v, %v", name, links, err)
		}
		if _, err := h.store.PrincipalByName(bg, principal.User, "new@example.com"); !errors.Is(err, principal.ErrNotFound) {
			t.Errorf("%s: a user was made: %v", name, err)
		}
	}
}

// TestTheSecondStepIsOfTheSamePersonToo: somebody signs in between the two steps of another.
func TestTheSecondStepIsOfTheSamePersonToo(t *testing.T) {
	h := newHouse(t)
	_, err := h.wished(at(person("x", "alice@example.com", true), t0), federation.Wish{}, Trust{LinkByEmail: true}, "", t0)
	p, ok := errors.AsType[*Pending](err)
	if !ok {
		t.Fatal(err)
	}
	bob, err := h.Login(bg, try("bob@example.com", right), t0)
	if err != nil {
		t.Fatal(err)
	}
	a := try("", "")
	a.Ticket, a.Code, a.Binding, a.Current = p.Ticket, h.code(t0, 0), pre, string(bob.Secret.Expose())
	if _, err := h.Second(bg, a, t0); refusal.From(err).Code != refusal.StepUpRequired || !errors.Is(err, session.ErrOther) {
		t.Errorf("got %v", err)
	}
	if h.how(bob, t0).Subject != "usr_bob" {
		t.Error("the session of the other has ended")
	}
}

// TestAnOlderAuthenticationTakesNothingAway: an answer that nobody asked to be new does not
// make a session older.
func TestAnOlderAuthenticationTakesNothingAway(t *testing.T) {
	h := newHouse(t)
	before, err := h.Login(bg, try("bob@example.com", right), t0)
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.wished(at(person("x", "bob@example.com", true), t0.Add(-time.Hour)), federation.Wish{}, Trust{LinkByEmail: true}, string(before.Secret.Expose()), t0.Add(time.Minute))
	if err != nil || !h.how(g, t0.Add(time.Minute)).AuthTime.Equal(t0) {
		t.Errorf("%v", err)
	}
}
