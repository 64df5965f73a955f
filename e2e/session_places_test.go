package e2e_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// atOnce signs somebody in n times at the same time, on the nodes in turn, each until the
// answer is a yes or says that there is no place. It returns who got in.
func atOnce(t *testing.T, n int, email string, nodes ...*harness.Gate) (in []*harness.Client) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := nodes[i%len(nodes)].Client(t)
			for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
				a := c.TryLogin(t, email, harness.Password)
				switch {
				case a.Status == 200:
					mu.Lock()
					in = append(in, c)
					mu.Unlock()
					return
				case a.Status == 403 && a.Code() == "permission_missing":
					return
				case a.Status != 429 && a.Status != 503 || time.Now().After(end): // those say that too many are under way
					t.Errorf("a login at once: %d %s", a.Status, a.Body)
					return
				}
			}
		})
	}
	wg.Wait()
	return in
}

// placesGate is a gate with a mail server and a bound of sessions.
func placesGate(t *testing.T, s *sink, session string) *harness.Gate {
	t.Helper()
	return factorsGate(t, fmt.Sprintf(`login: { smtp: { url: "smtp://127.0.0.1:%d", from: "no-reply@notes.example" } }
session: { %s }
`, s.Port, session))
}

// TestSessionsAtTheirMax: whoever has all that is needed and finds no place is refused, told
// what to do, and written to; whoever has not is told what everybody is.
func TestSessionsAtTheirMax(t *testing.T) {
	t.Parallel()
	s := startSink(t)
	g := placesGate(t, s, "max_per_user: 2, at_max: deny")
	first, second := signedIn(t, g, writer), signedIn(t, g, writer)
	c := g.Client(t)
	no := c.TryLogin(t, writer, harness.Password)
	want(t, "a third login", no, 403, "permission_missing")
	if !strings.Contains(string(no.Body), "Sign out at one of them") || strings.Contains(fmt.Sprint(no.Header["Set-Cookie"]), g.CookieName()+"=") {
		t.Errorf("%v %s", no.Header["Set-Cookie"], no.Body)
	}
	wrong, nobody := c.TryLogin(t, writer, "wrong horse battery staple"), c.TryLogin(t, "nobody@example.com", harness.Password)
	want(t, "a wrong password", wrong, 401, "login_failed")
	want(t, "nobody's", nobody, 401, "login_failed")
	for lang, words := range map[string]string{"en": "You are signed in at as many places", "ja": "セッション数の上限に達している"} {
		page := c.Get(t, "/.sanmon/login", append(opened, "Accept-Language", lang)...)
		form := url.Values{"email": {writer}, "password": {harness.Password}, "_sanmon": {field(t, page.Body, "_sanmon")}}
		a := c.Post(t, "/.sanmon/login", "application/x-www-form-urlencoded", form.Encode(), append(opened, "Accept-Language", lang)...)
		if text := string(a.Body); a.Status != 403 || strings.Count(text, `href="/.sanmon/reset"`) != 2 || !strings.Contains(text, words) || !strings.Contains(text, `role="alert"`) {
			t.Errorf("the page in %s: %d\n%s", lang, a.Status, clip(a.Body))
		}
	}
	letterSays(t, "the letter", s.next(t, 1), writer, " was refused", g.URL+account, "choose a new password at once")
	if !traced(t, g, "session.limit", "at_max=deny live=2 max=2") {
		t.Error("the trail does not know of it")
	}
	if n := g.Metric(t, `sanmon_session_signals_total{signal="full"}`); n != 3 {
		t.Errorf("counted %v times, want 3", n)
	}

	want(t, "a step-up", first.TryLogin(t, writer, harness.Password), 200, "")
	want(t, "the other one after it", second.Get(t, "/private/x"), 200, "")
	change(t, second, "/session/others", url.Values{})
	want(t, "what was ended", first.Get(t, "/private/x"), 401, "login_required")
	if in := atOnce(t, 10, writer, g); len(in) != 1 {
		t.Errorf("%d logins took one place", len(in))
	}
	g.CLI(t, "", "session", "revoke", "--user", writer)
	if in := atOnce(t, 10, writer, g); len(in) != 2 {
		t.Errorf("%d logins took two places", len(in))
	}
}

// TestPlacesByMailAndIdle: who is refused is not locked out: a new password by mail ends all
// sessions, and one that nobody uses is over by itself. Under notify nobody is refused.
func TestPlacesByMailAndIdle(t *testing.T) {
	t.Parallel()
	const next = "another good password 77"
	s := startSink(t)
	g := placesGate(t, s, "max_per_user: 1, at_max: deny")
	signedIn(t, g, writer)
	c := g.Client(t)
	want(t, "a second login", c.TryLogin(t, writer, harness.Password), 403, "permission_missing")
	s.next(t, 1)
	want(t, "asking for a link", ask(t, c, "/.sanmon/reset", writer), 200, "")
	l := s.next(t, 2)
	want(t, "a new password", choose(t, c, linkIn(t, g, l.Text, l.HTML), next), 200, "")
	want(t, "a login with it", c.TryLogin(t, writer, next), 200, "")
	want(t, "and another one", g.Client(t).TryLogin(t, writer, next), 403, "permission_missing")

	text, err := os.ReadFile(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	g.WriteConfig(t, strings.Replace(string(text), "at_max: deny", "at_max: deny, idle: 1s", 1))
	eventually(t, 5*time.Second, func() bool { return g.Client(t).TryLogin(t, writer, next).Status == 200 })

	g.WriteConfig(t, strings.Replace(string(text), "at_max: deny", "at_max: notify", 1))
	eventually(t, 5*time.Second, func() bool {
		g.Client(t).TryLogin(t, writer, next)
		return traced(t, g, "session.limit", "at_max=notify live=2 max=1")
	})
	eventually(t, 5*time.Second, func() bool { return strings.Contains(s.Output(), "is in use at many places") })
}

// TestPlacesOnThreeNodes: the bound is one for all nodes.
func TestPlacesOnThreeNodes(t *testing.T) {
	t.Parallel()
	address, password, _ := harness.PostgresURL(t)
	nodes := threeGates(t, address, password, harness.StartValkey(t, 0), nil, `
session: { max_per_user: 3, at_max: deny }
upstreams: { app: { url: "{UPSTREAM}" } }
roles: { writer: ["notes:read"] }
routes:
  - { id: private, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session], require: ["notes:read"] }
`)
	nodes[0].AddUser(t, writer, "writer")
	in := atOnce(t, 24, writer, nodes[:]...)
	if len(in) != 3 {
		t.Errorf("%d logins took three places", len(in))
	}
	for _, c := range in {
		want(t, "who got in", c.Get(t, "/private/x"), 200, "")
	}
}

// TestNoPlaceInChromium: a person who finds no place is told so, after a passkey by the script
// of the page and after a password by the page itself, in both languages.
func TestNoPlaceInChromium(t *testing.T) {
	t.Parallel()
	for lang, words := range map[string]string{"en": "You are signed in at as many places as this site allows", "ja": "セッション数の上限に達している"} {
		t.Run(lang, func(t *testing.T) {
			g := factorsGate(t, "session: { max_per_user: 1, at_max: deny }\n")
			ctx, complaints := browser(t, 360, 740, lang)
			p := &person{t: t, g: g, ctx: ctx, dir: shots(t), name: "places-" + lang + "-"}
			p.authenticator()
			p.signIn()
			p.addPasskey()
			p.logout()
			signedIn(t, g, writer)
			p.open()
			p.do(chromedp.WaitVisible("#passkey button"))
			p.present(true)
			p.do(chromedp.Click("#passkey button"), chromedp.WaitVisible("#passkey .wrong"))
			// Empty for a moment: the browser offered the passkey by itself, too, and the click began anew.
			eventually(t, 5*time.Second, func() bool { return strings.Contains(run(t, ctx, chromedp.Text("#passkey .wrong")), words) })
			p.present(false)
			p.shot("passkey")
			p.password("/.sanmon/login", `#wrong`)
			p.shot("password")
			if said := run(t, ctx, chromedp.Text("#wrong")); !strings.Contains(said, words) {
				t.Errorf("after a password: %q", said)
			}
			g.CLI(t, "", "session", "revoke", "--user", writer)
			p.password(account, "#sessions")
			for _, c := range complaints() {
				if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "Trusted") || strings.Contains(c, "Uncaught") {
					t.Errorf("Chromium complains: %s", c)
				}
			}
		})
	}
}
