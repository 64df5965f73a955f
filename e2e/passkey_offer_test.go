package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// noteAsked notes, in every page, what its script asks the browser's authenticators for.
const noteAsked = `window.asked = []
const get = CredentialsContainer.prototype.get
CredentialsContainer.prototype.get = function (o) {
	const one = {mediation: o.mediation || "", challenge: Array.from(new Uint8Array(o.publicKey.challenge)).join(), signal: o.signal, over: ""}
	window.asked.push(one)
	const p = get.call(this, o)
	p.then(() => { one.over = "picked" }, e => { one.over = e.name })
	return p
}`

// requests waits until a page has asked for what is wanted: for each request its mediation
// and how it ended, "" not yet.
func (p *person) requests(want ...string) {
	p.t.Helper()
	var got string
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		got = run(p.t, p.ctx, chromedp.Evaluate[string](`asked.map(o => o.mediation + ":" + o.over).join(" ")`))
		if got == strings.Join(want, " ") {
			return
		}
	}
	p.t.Fatalf("the page asked for %q, want %q", got, strings.Join(want, " "))
}

// TestPasskeyIsOffered: the login page asks for a passkey as soon as it is open, without a
// click: browsers list those of the site among the names that they fill in. Whoever picks one
// is signed in. The button still asks, and then the offer is off.
func TestPasskeyIsOffered(t *testing.T) {
	t.Parallel()
	g := factorsGate(t, "")
	ctx, complaints := browser(t, 900, 900, "en")
	p := &person{t: t, g: g, ctx: ctx, dir: shots(t), name: "offer-"}
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: noteAsked})
		return err
	}))
	p.authenticator()
	p.signIn()
	p.addPasskey()

	// Nobody picks one: the page is as it was, and the password does.
	p.logout()
	p.open()
	p.requests("conditional:")
	if words := run(t, ctx, chromedp.Evaluate[string](`document.getElementById("email").autocomplete`)); words != "username webauthn" {
		t.Errorf("autocomplete %q", words)
	}
	p.shot("waiting")
	p.password(account, "#sessions")

	// The button asks, and the offer is off before.
	p.logout()
	p.open()
	p.requests("conditional:")
	p.do(chromedp.Click("#passkey button"))
	p.requests("conditional:AbortError", ":")

	// An offer gives way to another, with a challenge of its own, when half of its time is over.
	p.open()
	p.requests("conditional:")
	turn := func(minutes int) {
		t.Helper()
		run(t, ctx, chromedp.Evaluate[bool](fmt.Sprintf(`{const now = Date.now() + %d * 60000; Date.now = () => now}; document.dispatchEvent(new Event("visibilitychange"))`, minutes)))
	}
	turn(2)
	if off := run(t, ctx, chromedp.Evaluate[bool](`asked[0].signal.aborted`)); off {
		t.Error("the offer is off before half of its time is over")
	}
	turn(1)
	p.requests("conditional:AbortError", "conditional:")
	if same := run(t, ctx, chromedp.Evaluate[bool](`asked[0].challenge === asked[1].challenge`)); same {
		t.Error("the same challenge twice")
	}

	// Somebody picks the passkey that is offered.
	p.present(true)
	p.leave(account, "#sessions", chromedp.Func(func(context.Context, *chromedp.Target) error { turn(3); return nil }))
	p.shot("signed-in")
	if text := run(t, ctx, chromedp.Text(`section[aria-labelledby="sessions"]`)); !strings.Contains(text, "two factors") {
		t.Errorf("a passkey is two factors:\n%s", text)
	}
	p.logout()
	p.leave(account, "#sessions", chromedp.Navigate(g.URL+account))
	p.present(false)

	for _, c := range complaints() {
		if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "Trusted") || strings.Contains(c, "Uncaught") {
			t.Errorf("Chromium complains: %s", c)
		}
	}
}
