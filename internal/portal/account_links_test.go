package portal

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/secret"
)

const evil = `"><script>alert(1)</script>`

func (h *home) link(issuer, subject, user string) {
	h.t.Helper()
	l := federation.Link{Issuer: issuer, Subject: subject, User: user, CreatedAt: noon.AddDate(0, -1, 0)}
	if err := h.store.LinkFederated(h.t.Context(), l, audit.Event{At: noon, Event: audit.Linked, Subject: user}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) links(user string) (subjects string) {
	h.t.Helper()
	all, err := h.store.FederatedOf(h.t.Context(), user)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range all {
		subjects += l.Subject + " "
	}
	return subjects
}

func unlinking(issuer, subject string) url.Values {
	return url.Values{"issuer": {issuer}, "subject": {subject}}
}

func TestLinksOnTheAccountPage(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	if page := h.get(AccountPath).Body.String(); strings.Contains(page, `id="providers"`) {
		t.Error("a section about providers, and there is none")
	}
	h.Account.Providers = []Provider{{"corp", "https://id.example.com"}}
	if page := h.get(AccountPath).Body.String(); !strings.Contains(page, `id="providers"`) || !strings.Contains(page, "not linked to any") {
		t.Errorf("no links:\n%s", page)
	}
	h.link("https://id.example.com", "248289761001", "usr_ann")
	h.link("https://old.example", evil, "usr_ann")
	h.link("https://id.example.com", "of ben", "usr_ben")
	page := h.get(AccountPath).Body.String()
	for _, want := range []string{">corp</p>", "<code>https://id.example.com</code>", "<code>248289761001</code>", "2026-10-25 12:00 UTC", "not offered any more", "https://old.example", "&lt;script&gt;"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "of ben") || strings.Count(page, "/provider/unlink") != 2 {
		t.Errorf("the page:\n%s", page)
	}
	// Nobody else's, and nothing that is not there.
	for _, f := range []url.Values{unlinking("https://id.example.com", "of ben"), unlinking("https://id.example.com", "x"), unlinking("", ""), unlinking("https://id.example.com/", "248289761001")} {
		h.expect("unlink", h.post(AccountPath+"/provider/unlink", f), "gone already")
	}
	other := &home{Portal: h.Portal, t: t, store: h.store, service: h.service, jar: map[string]string{}, now: h.now}
	other.signIn()
	h.expect("unlink", h.post(AccountPath+"/provider/unlink", unlinking("https://id.example.com", "248289761001")), "The provider was unlinked")
	if got := h.links("usr_ann"); got != evil+" " {
		t.Errorf("left: %q", got)
	}
	if got := h.links("usr_ben"); got != "of ben " {
		t.Errorf("ben's: %q", got)
	}
	if w := other.get(AccountPath); w.Code != 303 {
		t.Errorf("another session of the person: %d", w.Code)
	}
	events, err := h.store.Events(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, ev := range events {
		if ev.Event == audit.Unlinked {
			last += ev.Subject + " by " + ev.Actor + ": " + ev.Detail
		}
	}
	if last != "usr_ann by usr_ann: issuer=https://id.example.com by the person; other sessions ended" {
		t.Errorf("the trail: %q", last)
	}
}

// TestTheLastWayToSignInStays: whatever the page shows, the store decides.
func TestTheLastWayToSignInStays(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	h.Account.Providers, h.Account.Password = []Provider{{"corp", "https://id.example.com"}}, false
	h.link("https://id.example.com", "only", "usr_ann")
	page := h.get(AccountPath).Body.String()
	if strings.Contains(page, "/provider/unlink") || !strings.Contains(page, "no other way to sign in") {
		t.Errorf("the page:\n%s", page)
	}
	h.expect("unlink", h.post(AccountPath+"/provider/unlink", unlinking("https://id.example.com", "only")), "the only way to sign in that you have")
	if got := h.links("usr_ann"); got != "only " {
		t.Errorf("left: %q", got)
	}
	h.Account.Password = true
	if err := h.store.SetPassword(t.Context(), "usr_ann", secret.Value{}, false, noon, audit.Event{At: noon, Event: audit.UserReset}); err != nil {
		t.Fatal(err)
	}
	h.expect("without a password", h.post(AccountPath+"/provider/unlink", unlinking("https://id.example.com", "only")), "the only way to sign in that you have")
}
