package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// strangers are the pages that nobody has to sign in for.
func (a *auditor) strangers() {
	a.t.Helper()
	a.look("login", "/.sanmon/login?next=/private/x", "#email")
	a.leave("/.sanmon/login", `[role="alert"]`, chromedp.SetValue(`#email`, writer), chromedp.SendKeys(`#password`, "wrong password 123"), chromedp.Submit(`#password`))
	a.check("login-wrong")
	a.look("problems", "/.sanmon/problems", "#internal")
	a.look("reset", "/.sanmon/reset", "#email")
	a.leave("/.sanmon/reset", "#sent", chromedp.SendKeys("#email", "nobody@example.com"), chromedp.Submit("#email"))
	a.check("reset-sent")
	a.look("signup", "/.sanmon/signup", "#email")
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

// leaves is the page from which a login goes on to an app. It comes last: Chromium asks
// whether to open the app, and has the keyboard from then on.
func (a *auditor) leaves() {
	a.t.Helper()
	a.do(chromedp.Navigate(a.g.URL+account), chromedp.WaitReady("#sessions"))
	a.leave("/.sanmon/oauth/authorize", ".actions", a.follow("/.sanmon/oauth/authorize?response_type=code&client_id=app&redirect_uri=com.example.app:/cb&scope=notes:read&state=x&code_challenge_method=S256&code_challenge="+strings.Repeat("A", 43)))
	a.check("leave")
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
