package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestOAuthInChromium: a real browser goes from a native app to the login page and back to
// the app's loopback address, which no policy of our pages may stop.
func TestOAuthInChromium(t *testing.T) {
	t.Parallel()
	back := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: back.URL, Top: oauthTop, Routes: oauthRoutes, Env: []string{"ROBOT_SECRET=" + serviceSecret}})
	g.AddUser(t, writer, "writer")
	arrived := make(chan url.Values, 4)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cb" {
			arrived <- r.URL.Query()
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!DOCTYPE html><title>app</title><p id=app>signed in</p>"))
	}))
	defer app.Close()
	query := url.Values{"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {app.URL + "/cb"}, "scope": {"notes:read"}, "state": {"s"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}} // RFC 7636, Appendix B
	ctx, _ := browser(t, 800, 600, "en")
	p := &person{t: t, g: g, ctx: ctx, dir: shots(t), name: "oauth-"}
	wait := func(what string) {
		t.Helper()
		select {
		case got := <-arrived:
			if got.Get("state") != "s" || got.Get("iss") != g.URL || !strings.HasPrefix(got.Get("code"), "smc_") {
				t.Errorf("%s: %v", what, got)
			}
		case <-time.After(20 * time.Second):
			at, _ := chromedp.Run(p.ctx, chromedp.Location())
			t.Fatalf("%s: the browser does not arrive at the app; it is at %s", what, at)
		}
	}
	p.do(chromedp.Navigate(g.URL+"/.sanmon/oauth/authorize?"+query.Encode()), chromedp.WaitVisible(`input[name="email"]`))
	p.do(chromedp.SetValue(`input[name="email"]`, writer), chromedp.SendKeys(`input[name="password"]`, harness.Password), chromedp.Submit(`input[name="password"]`))
	wait("through the login page")
	p.do(chromedp.WaitVisible(`#app`)) // the page is there, not only asked for: the next one would abort it
	p.do(chromedp.Navigate(g.URL+"/.sanmon/oauth/authorize?"+query.Encode()), chromedp.WaitVisible(`#app`))
	wait("with a session")
}
