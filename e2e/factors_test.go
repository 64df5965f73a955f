package e2e_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// app is an authenticator app, after RFC 6238 and RFC 4226.
type app struct {
	key  []byte
	last int64 // step of the last code that was used
}

func newApp(t *testing.T, secret string) *app {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	if err != nil || len(key) != 20 {
		t.Fatalf("the secret %q has %d bytes: %v", secret, len(key), err)
	}
	return &app{key: key}
}

// next is a code that was not used yet: of now, or of the step after the last one.
func (a *app) next() string {
	a.last = max(time.Now().Unix()/30, a.last+1)
	return a.at(a.last)
}

func (a *app) at(step int64) string {
	mac := hmac.New(sha1.New, a.key)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1000000)
}

// factorsGate is a gate of its own: second factors change how a person signs in.
func factorsGate(t *testing.T, top string) *harness.Gate {
	t.Helper()
	back := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: back.URL, Top: top, Routes: `
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: careful, match: { path: "/private/careful", methods: [GET] }, boundary: [session], fresh: 10m }
  - { id: private, match: { path: "/private/{rest...}", methods: [GET, POST] }, boundary: [session, key], require: ["notes:read"] }
`})
	g.AddUser(t, writer, "writer")
	return g
}

// TestAccountInChromium: a person signs in, adds a passkey and signs in with it, sets up an
// app, signs in with its code and with a recovery code, ends another session, makes a key
// and revokes it. In both languages, wide and narrow, light and dark.
func TestAccountInChromium(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		language, scheme string
		width, height    int
	}{{"en", "light", 1280, 900}, {"ja", "dark", 360, 740}} {
		t.Run(row.language, func(t *testing.T) {
			g := factorsGate(t, "")
			ctx, complaints := browser(t, row.width, row.height, row.language)
			p := &person{t: t, g: g, ctx: ctx, dir: shots(t), name: row.language + "-"}
			p.do(chromedp.EmulateViewport(int64(row.width), int64(row.height)), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: row.scheme}}})
				return err
			}))
			p.authenticator()
			p.signIn()
			p.shot("account")
			p.addPasskey()
			p.logout()
			p.withPasskey()
			phone, codes := p.setUpApp()
			p.logout()
			p.withCode(phone)
			p.logout()
			p.withRecoveryCode(codes[0])
			p.endAnother(codes[1])
			p.makeKey()
			p.axe()
			p.removedPasskey()
			for _, c := range complaints() {
				if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "Trusted") || strings.Contains(c, "Uncaught") {
					t.Errorf("Chromium complains: %s", c)
				}
			}
		})
	}
}

// person is somebody in front of a browser.
type person struct {
	t         *testing.T
	g         *harness.Gate
	ctx       context.Context
	dir, name string
	plugged   webauthn.AuthenticatorID
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 15*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		at, _ := chromedp.Run(p.ctx, chromedp.Location())
		text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		p.shot("failed")
		p.t.Fatalf("%v (at %s)\n%s", err, at, text)
	}
}

func (p *person) shot(name string) {
	p.t.Helper()
	png := run(p.t, p.ctx, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(p.dir, p.name+name+".png"), png, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if run(p.t, p.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
		p.t.Errorf("%s is wider than the window", name)
	}
}

// leave does what leads to another page, and waits until that has loaded and has what the
// selector names at the path.
func (p *person) leave(path, selector string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	run(p.t, p.ctx, chromedp.Evaluate[bool](`window.old = true`))
	p.do(steps...)
	there := fmt.Sprintf(`!window.old && document.readyState === "complete" && location.pathname === %q && document.querySelector(%q) !== null`, path, selector)
	for range 400 {
		if yes, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](there)); err == nil && yes {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	at, _ := chromedp.Run(p.ctx, chromedp.Location())
	text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`document.body.innerText`))
	p.t.Fatalf("at %s, want %s with %s\n%s", at, path, selector, text)
}

// authenticator plugs in an authenticator that verifies its user, as phones and laptops do.
// Nobody touches it before present.
func (p *person) authenticator() {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		made, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, DefaultBackupEligibility: true, DefaultBackupState: true,
		}})
		if err != nil {
			return err
		}
		p.plugged = made.AuthenticatorID
		_, err = chromedp.Call(ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: p.plugged})
		return err
	}))
}

// present says whether somebody sits at the authenticator, who answers whatever it is asked
// for from then on.
func (p *person) present(yes bool) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: p.plugged, Enabled: yes})
		return err
	}))
}

const account = "/.sanmon/account"

func (p *person) open() {
	p.t.Helper()
	p.do(chromedp.Navigate(p.g.URL+account), chromedp.WaitVisible(`input[name="email"]`))
}

func (p *person) password(path, selector string) {
	p.t.Helper()
	p.leave(path, selector, chromedp.SetValue(`input[name="email"]`, writer), chromedp.SendKeys(`input[name="password"]`, harness.Password), chromedp.Submit(`input[name="password"]`))
}

func (p *person) signIn() {
	p.t.Helper()
	p.open()
	p.shot("login")
	p.password(account, "#sessions")
}

func (p *person) logout() {
	p.t.Helper()
	p.leave("/", "body", chromedp.Submit(`form[action="/.sanmon/logout"]`))
}

func (p *person) addPasskey() {
	p.t.Helper()
	p.present(true)
	p.leave(account, "#done", chromedp.WaitVisible("#passkey button"), chromedp.SetValue("#passkey-name", "Test <key> 鍵"), chromedp.Click("#passkey button"))
	p.present(false)
	p.shot("passkey")
	if text := run(p.t, p.ctx, chromedp.Text(`section[aria-labelledby="passkeys"]`)); !strings.Contains(text, "Test <key> 鍵") {
		p.t.Errorf("the passkey is not listed:\n%s", text)
	}
	if focused := run(p.t, p.ctx, chromedp.Evaluate[string](`document.activeElement.id`)); focused != "done" {
		p.t.Errorf("the focus is on %q, not on what was done", focused)
	}
}

func (p *person) withPasskey() {
	p.t.Helper()
	p.open()
	p.do(chromedp.WaitVisible("#passkey button"))
	p.present(true)
	p.leave(account, "#sessions", chromedp.Click("#passkey button"))
	p.present(false)
}

func (p *person) setUpApp() (*app, []string) {
	p.t.Helper()
	p.do(chromedp.Navigate(p.g.URL+account+"/totp"), chromedp.WaitVisible(".qr"))
	p.shot("enrol")
	phone := newApp(p.t, run(p.t, p.ctx, chromedp.Evaluate[string](`document.querySelector(".secret code").textContent`)))
	p.leave(account+"/totp", `[role="alert"]`, chromedp.SendKeys("#code", "000000"), chromedp.Submit("#code"))
	again := newApp(p.t, run(p.t, p.ctx, chromedp.Evaluate[string](`document.querySelector(".secret code").textContent`)))
	if string(again.key) != string(phone.key) {
		p.t.Error("another secret after a wrong code: what was scanned is worth nothing")
	}
	p.leave(account, "#done", chromedp.SendKeys("#code", phone.next()), chromedp.Submit("#code"))
	p.shot("codes")
	list := run(p.t, p.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll(".secrets code")].map(c => c.textContent).join("\n")`))
	codes := strings.Fields(list)
	if len(codes) != 10 || !regexp.MustCompile(`^[0-9a-z]{4}(-[0-9a-z]{4}){5}$`).MatchString(codes[0]) {
		p.t.Fatalf("recovery codes %q", codes)
	}
	p.do(chromedp.Navigate(p.g.URL+account), chromedp.WaitReady("#totp"))
	if left := run(p.t, p.ctx, chromedp.Evaluate[bool](`document.querySelector(".secrets") !== null`)); left {
		p.t.Error("the recovery codes are shown twice")
	}
	return phone, codes
}

func (p *person) withCode(phone *app) {
	p.t.Helper()
	p.open()
	p.password("/.sanmon/login", "#code")
	p.shot("code")
	p.leave("/.sanmon/login/code", `[role="alert"]`, chromedp.SendKeys("#code", phone.at(phone.last)), chromedp.Submit("#code")) // enrolled with it
	p.shot("code-wrong")
	p.leave(account, "#sessions", chromedp.SendKeys("#code", phone.next()), chromedp.Submit("#code"))
}

func (p *person) withRecoveryCode(code string) {
	p.t.Helper()
	p.open()
	p.password("/.sanmon/login", "#code")
	p.leave(account, "#sessions", chromedp.Click("details.more summary"), chromedp.WaitVisible("#recovery"),
		chromedp.SendKeys("#recovery", strings.ToUpper(strings.ReplaceAll(code, "-", " "))), chromedp.Submit("#recovery"))
	if text := run(p.t, p.ctx, chromedp.Text(`section[aria-labelledby="totp"]`)); !strings.Contains(text, ": 9") {
		p.t.Errorf("want 9 recovery codes left:\n%s", text)
	}
}

// endAnother signs a program in beside the browser, by JSON, and ends it from the page.
func (p *person) endAnother(code string) {
	p.t.Helper()
	c := p.g.Client(p.t)
	a := c.TryLogin(p.t, writer, harness.Password)
	want(p.t, "JSON login without a code", a, 401, "step_up_required")
	if !strings.Contains(string(a.Body), `"second_factor":"code"`) {
		p.t.Errorf("the answer does not say what is missing: %s", a.Body)
	}
	want(p.t, "JSON login", c.PostJSON(p.t, "/.sanmon/login", map[string]string{"email": writer, "password": harness.Password, "code": code}), 200, "")
	p.do(chromedp.Navigate(p.g.URL+account), chromedp.WaitReady(`form[action$="/session/end"]`))
	p.leave(account, "#done", chromedp.Submit(`form[action$="/session/end"]`))
	if s := c.Session(p.t, ""); s.Authenticated {
		p.t.Error("the session that was ended is still one")
	}
}

func (p *person) makeKey() {
	p.t.Helper()
	p.leave(account, "#done", chromedp.Click(`input[name="scope"][value="notes:read"]`), chromedp.Submit(`form[action$="/key/create"]`))
	p.shot("key")
	key := run(p.t, p.ctx, chromedp.Evaluate[string](`document.querySelector(".secrets code").textContent`))
	if !regexp.MustCompile(`^smk_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$`).MatchString(key) {
		p.t.Fatalf("key of %d characters", len(key))
	}
	c := p.g.Client(p.t)
	want(p.t, "GET with the new key", c.Get(p.t, "/private/x", "Authorization", "Bearer "+key), 200, "")
	want(p.t, "POST with the new key", c.Post(p.t, "/private/x", "text/plain", "x", "Authorization", "Bearer "+key), 200, "")
	p.leave(account, "#done", chromedp.Submit(`form[action$="/key/revoke"]`))
	want(p.t, "GET with the revoked key", c.Get(p.t, "/private/x", "Authorization", "Bearer "+key), 401, "key_invalid")
}

// removedPasskey is one that the browser still has: the page says that it was not accepted.
func (p *person) removedPasskey() {
	p.t.Helper()
	p.g.CLI(p.t, "", "user", "factors", writer, "--remove")
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	p.open()
	p.do(chromedp.WaitVisible("#passkey button"))
	p.present(true)
	p.do(chromedp.Click("#passkey button"), chromedp.WaitVisible("#passkey .wrong"))
	eventually(p.t, 5*time.Second, func() bool { // the page says why; anew where the browser offered the passkey by itself, too
		return strings.TrimSpace(run(p.t, p.ctx, chromedp.Text("#passkey .wrong"))) != ""
	})
	p.present(false)
	p.shot("refused")
}

// axe checks by hand what a checker would find first: one h1, landmarks, labels, names.
func (p *person) axe() {
	p.t.Helper()
	found := run(p.t, p.ctx, chromedp.Evaluate[string](`(() => {
	const bad = []
	if (document.querySelectorAll("h1").length !== 1) bad.push("h1")
	if (document.querySelectorAll("main").length !== 1) bad.push("main")
	for (const e of document.querySelectorAll("input:not([type=hidden]):not(.unseen), select"))
		if (!e.labels || !e.labels.length) bad.push("label of " + e.name + e.id)
	for (const e of document.querySelectorAll("section")) if (!document.getElementById(e.getAttribute("aria-labelledby"))) bad.push("name of a section")
	const ids = [...document.querySelectorAll("[id]")].map(e => e.id)
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push("id " + id)
	for (const e of document.querySelectorAll("button, a.button")) {
		const r = e.getBoundingClientRect()
		if (r.width > 0 && r.height < 40) bad.push("height of " + e.textContent)
	}
	return bad.join(", ")
})()`))
	if found != "" {
		p.t.Errorf("the account page lacks: %s", found)
	}
}

// TestAccountWithoutJavaScript: everything but passkeys works with HTML alone.
func TestAccountWithoutJavaScript(t *testing.T) {
	t.Parallel()
	g := factorsGate(t, "")
	ctx, _ := browser(t, 800, 900, "en")
	p := &person{t: t, g: g, ctx: ctx, dir: shots(t), name: "plain-"}
	p.do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	p.signIn()
	p.shot("account")
	if shown := run(t, ctx, chromedp.Evaluate[bool](`document.querySelector("#passkey button").checkVisibility()`)); shown {
		t.Error("a button is shown that does nothing")
	}
	phone, codes := p.setUpApp()
	p.logout()
	p.withCode(phone)
	p.endAnother(codes[0])
	p.makeKey()
	const next = "a new horse entirely, quite"
	p.leave(account, "#done", chromedp.SendKeys("#former", harness.Password), chromedp.SendKeys("#fresh", next), chromedp.SendKeys("#again", next), chromedp.Submit("#again"))
	want(t, "the former password", g.Client(t).TryLogin(t, writer, harness.Password), 401, "login_failed")
	want(t, "the new password", g.Client(t).TryLogin(t, writer, next), 401, "step_up_required")
}

// TestSecondFactorIsRequired: enrolled before there is a session, and taken away by an
// administrator.
func TestSecondFactorIsRequired(t *testing.T) {
	g := factorsGate(t, "login: { totp: required }")
	c := g.Client(t)
	form := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html", "Accept-Language", "en"}
	post := func(path string, values ...string) harness.Answer {
		t.Helper()
		f := url.Values{}
		for i := 0; i+1 < len(values); i += 2 {
			f.Set(values[i], values[i+1])
		}
		return c.Post(t, path, "application/x-www-form-urlencoded", f.Encode(), form...)
	}
	program := c.TryLogin(t, writer, harness.Password)
	want(t, "JSON login", program, 401, "step_up_required")
	if !strings.Contains(string(program.Body), `"second_factor":"enrol"`) {
		t.Errorf("the answer does not say what is missing: %s", program.Body)
	}
	login := c.Get(t, "/.sanmon/login", navigation...)
	page := post("/.sanmon/login", "email", writer, "password", harness.Password, "next", "/private/x", "_sanmon", field(t, login.Body, "_sanmon"))
	want(t, "password", page, 200, "")
	secret := regexp.MustCompile(`class="secret"><code>([A-Z2-7 ]+)<`).FindSubmatch(page.Body)
	if secret == nil || c.Cookie(t) != "" {
		t.Fatalf("no secret, or a session before the app (%q)", c.Cookie(t))
	}
	phone := newApp(t, string(secret[1]))
	done := post("/.sanmon/login/enrol", "step", field(t, page.Body, "step"), "code", phone.next(), "next", "/private/x", "_sanmon", field(t, page.Body, "_sanmon"))
	want(t, "enrolled", done, 303, "")
	shown := c.Get(t, account, navigation...)
	if n := len(regexp.MustCompile(`<li><code>[0-9a-z-]{29}</code></li>`).FindAll(shown.Body, -1)); n != 10 {
		t.Errorf("%d recovery codes are shown", n)
	}
	want(t, "the page of the application", c.Get(t, "/private/x", navigation...), 200, "")

	var factors []struct {
		Kind string
		Left *int
	}
	g.CLIJSON(t, &factors, "", "user", "factors", writer)
	if len(factors) != 2 || factors[0].Kind != "totp" || factors[1].Kind != "recovery_codes" || *factors[1].Left != 10 {
		t.Errorf("user factors: %+v", factors)
	}
	g.CLIJSON(t, &factors, "", "user", "factors", writer, "--remove")
	if len(factors) != 0 {
		t.Errorf("user factors --remove: %+v", factors)
	}
	for range 40 { // the server notices within a quarter of a second
		if !c.Session(t, "").Authenticated {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	want(t, "after the removal", c.Get(t, "/private/x"), 401, "login_required")
	var events []struct{ Event, Detail string }
	for line := range strings.Lines(g.CLI(t, "", "audit", "export")) {
		var e struct{ Event, Detail string }
		if err := json.Unmarshal([]byte(line), &e); err == nil && strings.HasPrefix(e.Event, "factor.") {
			events = append(events, e)
		}
	}
	if len(events) != 2 || events[0].Event != "factor.added" || events[1].Event != "factor.removed" {
		t.Errorf("the trail has %+v", events)
	}
}
