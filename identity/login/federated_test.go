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
		"linked":                         {Trust{}, person("linked", "", false), "bob@example.com"},
		"linked, with another address":   {both, person("linked", "alice@example.com", true), "bob@example.com"},
		"an address alone":               {Trust{}, person("x", "bob@example.com", true), ""},
		"an address, only created":       {create, person("x", "bob@example.com", true), ""},
		"an address, trusted":            {byMail, person("x", "Bob@Example.com", true), "bob@example.com"},
		"not verified, trusted":          {both, person("x", "bob@example.com", false), ""},
		"unknown, only linked":           {byMail, person("x", "new@example.com", true), ""},
		"unknown, created":               {create, person("x", "new@example.com", true), "new@example.com"},
		"unknown, not verified":          {create, person("x", "new@example.com", false), ""},
		"no address":                     {both, person("x", "", true), ""},
		"an address that is none":        {both, person("x", "a@b@c", true), ""},
		"an address with a name":         {both, person("x", "<new@example.com>", true), ""},
		"a service's name is no address": {both, person("x", "svc", true), ""},
	} {
		h := newHouse(t)
		link := federation.Link{Issuer: "https://id.example.com", Subject: "linked", User: "usr_bob", CreatedAt: t0}
		if err := h.store.LinkFederated(bg, link, audit.Event{At: t0, Event: audit.Linked}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is a link
			g, err := h.Federated(bg, h.store, c.trust, c.id, try("", ""), t0)
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
	_, err := h.Federated(bg, h.store, Trust{LinkByEmail: true}, person("x", "bob@example.com", true), try("", ""), t0)
	if r := refusal.From(err); r.Code != refusal.LoginFailed || !strings.Contains(r.Reason, "disabled") {
		t.Errorf("got %v", err)
	}
}

// TestProviderAndCode: login.totp holds after a provider as after a password.
func TestProviderAndCode(t *testing.T) {
	h := newHouse(t)
	a := with(Optional, "", "", "")
	_, err := h.Federated(bg, h.store, Trust{LinkByEmail: true}, person("x", "alice@example.com", true), a, t0)
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
	_, err = h.Federated(bg, h.store, Trust{LinkByEmail: true}, person("y", "bob@example.com", true), a, t0)
	if p, ok := errors.AsType[*Pending](err); !ok || !p.Enrol {
		t.Errorf("required, and none enrolled: %v", err)
	}
}
