package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// standards are the rules of axe-core for WCAG 2.0, 2.1 and 2.2, levels A and AA.
const standards = `["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]`

// checker is the program of axe-core, or the test skips.
func checker(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), ".cache", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Skip("no axe-core (run scripts/testdeps.sh)")
	}
	return string(text)
}

// auditor checks the pages that its person looks at.
type auditor struct {
	*person
	axe string
}

// finding is a rule that a page breaks.
type finding struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// audit runs the rules. Where the ground is a gradient they could not tell a contrast, so it
// is the end of it that text stands out from least.
const audit = `(async () => {
	const ground = document.body.style
	ground.background = matchMedia("(prefers-color-scheme: dark)").matches ? "var(--ground)" : "var(--ground-far)"
	const r = await axe.run(document, {runOnly: {type: "tag", values: ` + standards + `}})
	ground.background = ""
	return JSON.stringify({kept: r.passes.length, broken: r.violations, unclear: r.incomplete})
})()`

// findings are the rules that the page breaks, or that could not be judged. They come in by
// the debugger, which the policy of the page does not bind.
func (a *auditor) findings(name string) []finding {
	a.t.Helper()
	run(a.t, a.ctx, chromedp.Evaluate[bool](a.axe+"; true"))
	var result struct {
		Kept            int
		Broken, Unclear []finding
	}
	said := run(a.t, a.ctx, chromedp.Evaluate[string](audit, chromedp.EvalAwaitPromise))
	if err := json.Unmarshal([]byte(said), &result); err != nil || result.Kept < 8 {
		a.t.Fatalf("%s: %d rules were kept, %v", name, result.Kept, err)
	}
	return append(result.Broken, result.Unclear...)
}

// check says what is wrong with a page, once it has loaded.
func (a *auditor) check(name string) {
	a.t.Helper()
	a.shot("axe-" + name)
	for _, f := range a.findings(name) {
		for _, n := range f.Nodes {
			a.t.Errorf("%s: %s (%s): %s\n%s", name, f.ID, f.Help, n.HTML, n.FailureSummary)
		}
	}
}

// look opens a page of the gate and checks it.
func (a *auditor) look(name, path, selector string) {
	a.t.Helper()
	a.do(chromedp.Navigate(a.g.URL+path), chromedp.WaitReady(selector))
	a.check(name)
}

// TestPagesAreAccessible: the pages that a person meets keep the rules of axe-core, in
// both languages, wide and narrow, light and dark.
func TestPagesAreAccessible(t *testing.T) {
	t.Parallel()
	axe := checker(t)
	for _, row := range []struct {
		language, scheme string
		width, height    int
	}{{"en", "light", 1280, 900}, {"ja", "dark", 360, 740}} {
		t.Run(row.language, func(t *testing.T) {
			back := harness.SharedBackend(t, harness.FastAPI)
			g := harness.StartGate(t, harness.Options{Upstream: back.URL, Routes: `
  - { id: private, match: { path: "/private/{rest...}", methods: [GET, POST] }, boundary: [session, key], require: ["notes:read"] }
  - { id: admin, match: { path: "/admin", methods: [GET] }, boundary: [session], require: ["site:admin"] }
  - { id: fresh, match: { path: "/fresh", methods: [GET] }, boundary: [session], fresh: 1s }
  - { id: danger, match: { path: "/danger", methods: [GET] }, effect: write, boundary: [session], csrf: once }
  - { id: token-only, match: { path: "/token", methods: [GET] }, boundary: [token] }
  - { id: limited, match: { path: "/limited", methods: [GET] }, boundary: public, limit: { rate: 1/h, burst: 1, per: network } }
`})
			g.AddUser(t, writer, "writer")
			ctx, _ := browser(t, row.width, row.height, row.language)
			a := &auditor{&person{t: t, g: g, ctx: ctx, dir: shots(t), name: row.language + "-"}, axe}
			a.do(chromedp.EmulateViewport(int64(row.width), int64(row.height)), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
				_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: row.scheme}}})
				return err
			}))
			a.authenticator()
			a.strangers()
			a.owner()
			a.refusals()
			a.sees()
		})
	}
}

// strangers are the pages that nobody has to sign in for.
func (a *auditor) strangers() {
	a.t.Helper()
	a.look("login", "/.sanmon/login?next=/private/x", "#email")
	a.leave("/.sanmon/login", `[role="alert"]`, chromedp.SetValue(`#email`, writer), chromedp.SendKeys(`#password`, "wrong password 123"), chromedp.Submit(`#password`))
	a.check("login-wrong")
	a.look("problems", "/.sanmon/problems", "#internal")
	a.look("reset", "/.sanmon/reset", "h1")
	var made struct{ Link string }
	a.g.AddUser(a.t, reader, "reader")
	a.g.CLIJSON(a.t, &made, "", "user", "reset", reader)
	a.look("choose", strings.TrimPrefix(made.Link, a.g.URL), "#again")
	at := run(a.t, a.ctx, chromedp.Evaluate[string](`location.pathname`))
	a.leave(at, `[role="alert"]`, chromedp.SendKeys("#password", "one of fifteen and more"), chromedp.SendKeys("#again", "another of fifteen"), chromedp.Submit("#again"))
	a.check("choose-differs")
	a.leave(at, `#done`, chromedp.SendKeys("#password", harness.Password), chromedp.SendKeys("#again", harness.Password), chromedp.Submit("#again"))
	a.check("choose-done")
	a.look("reset-ended", strings.TrimPrefix(made.Link, a.g.URL), `[role="alert"]`)
}

// owner are the pages of an account, and of signing in with what it has.
func (a *auditor) owner() {
	a.t.Helper()
	a.open()
	a.password(account, "#sessions")
	a.check("account")
	a.addPasskey()
	a.check("account-passkey")
	a.do(chromedp.Navigate(a.g.URL+account+"/totp"), chromedp.WaitVisible(".qr"), chromedp.Click("details.more summary"))
	a.check("enrol")
	phone, codes := a.setUpApp()
	want(a.t, "another login", a.g.Client(a.t).PostJSON(a.t, "/.sanmon/login", map[string]string{"email": writer, "password": harness.Password, "code": codes[0]}), 200, "")
	a.leave(account, "#done", chromedp.Click(`input[name="scope"][value="notes:read"]`), chromedp.Submit(`form[action$="/key/create"]`))
	a.check("account-key")
	a.look("account-all", account, "#keys")
	a.leave("/danger", `form[action="/danger"]`, a.follow("/danger"))
	a.check("confirm")
	time.Sleep(1100 * time.Millisecond) // the login is a second old, which /fresh does not take
	a.look("step-up", "/fresh", "#who")
	a.logoutFromAccount()
	a.open()
	a.password("/.sanmon/login", "#code")
	a.do(chromedp.Click("details.more summary"), chromedp.WaitVisible("#recovery"))
	a.check("code")
	a.leave("/.sanmon/login/code", `[role="alert"]`, chromedp.SendKeys("#code", phone.at(phone.last)), chromedp.Submit("#code"))
	a.check("code-wrong")
	a.leave(account, "#sessions", chromedp.SendKeys("#code", phone.next()), chromedp.Submit("#code"))
}

// follow goes to a path as a link of the page that is open does.
func (a *auditor) follow(path string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf("location.assign(%q), true", path)))
		return err
	})
}

func (a *auditor) logoutFromAccount() {
	a.t.Helper()
	a.do(chromedp.Navigate(a.g.URL+account), chromedp.WaitReady("#sessions"))
	a.logout()
}

// refusals are pages that say no to somebody who has signed in.
func (a *auditor) refusals() {
	a.t.Helper()
	a.do(chromedp.Navigate(a.g.URL + "/limited"))
	for _, row := range []struct{ path, code string }{
		{"/admin", "permission_missing"}, {"/nowhere", "route_unknown"}, {"/limited", "rate_limited"}, {"/private/%00", "target_ambiguous"}, {"/token", "login_required"},
	} {
		a.look("refusal-"+strings.Trim(strings.ReplaceAll(row.path, "/", "-"), "-%0"), row.path, ".facts")
		if code := run(a.t, a.ctx, chromedp.Text(".facts dd code")); code != row.code {
			a.t.Errorf("%s: %s, want %s", row.path, code, row.code)
		}
	}
}

// sees shows that the checker would find something.
func (a *auditor) sees() {
	a.t.Helper()
	a.do(chromedp.Navigate(a.g.URL+"/.sanmon/login"), chromedp.WaitReady("#email"))
	run(a.t, a.ctx, chromedp.Evaluate[bool](`document.querySelector("label[for=password]").remove(); document.documentElement.lang = ""; document.querySelector("h1").style.color = matchMedia("(prefers-color-scheme: dark)").matches ? "#444" : "#bbb"; true`))
	var found []string
	for _, f := range a.findings("a page that was broken") {
		found = append(found, f.ID)
	}
	if said := fmt.Sprint(found); said != "[color-contrast html-has-lang label]" {
		a.t.Errorf("a page without label, language and contrast: %s", said)
	}
}
