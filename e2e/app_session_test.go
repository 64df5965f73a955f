package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// appRoutes are in front of a Django application that signs its own people in.
const appRoutes = `
  - { id: static, match: { path: "/static/{rest...}" }, boundary: public }
  - { id: open, match: { path: "/me/" }, boundary: public }
  - { id: echo, match: { path: "/echo/{rest...}", methods: [GET, POST] }, boundary: app }
  - { id: careful, match: { path: "/private/careful", methods: [GET] }, boundary: app, fresh: 2s }
  - { id: rest, match: { path: "/{rest...}", methods: [GET, POST] }, boundary: app }
`

// appUpstream adopts Django's session: its own login page, and that of the admin site.
func appUpstream(url string) map[string]string {
	return map[string]string{"shop": `{ url: "` + url + `", app_session: { cookies: [sessionid], login: ["/login/", "/admin/login/"], logout: ["/admin/logout/"] } }`}
}

func appGate(t *testing.T, top string) *harness.Gate {
	t.Helper()
	b := harness.SharedBackend(t, harness.Django)
	return harness.StartGate(t, harness.Options{Upstreams: appUpstream(b.URL), Routes: appRoutes, Top: top})
}

var (
	ourField   = regexp.MustCompile(`name="?_sanmon"? value="?([A-Za-z0-9_.-]+)`)
	djangoForm = regexp.MustCompile(`name="csrfmiddlewaretoken" value="([^"]+)"`)
)

// page opens a page as a browser does, and returns the fields of its form.
func appPage(t *testing.T, c *harness.Client, path string) (harness.Answer, url.Values) {
	t.Helper()
	a := c.Get(t, path, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
	form := url.Values{}
	for name, find := range map[string]*regexp.Regexp{"_sanmon": ourField, "csrfmiddlewaretoken": djangoForm} {
		if m := find.FindSubmatch(a.Body); m != nil {
			form.Set(name, string(m[1]))
		}
	}
	return a, form
}

func appSubmit(t *testing.T, c *harness.Client, path string, form url.Values) harness.Answer {
	t.Helper()
	return c.Post(t, path, "application/x-www-form-urlencoded", form.Encode(), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
}

// djangoIn signs in with Django's own form.
func djangoIn(t *testing.T, c *harness.Client) harness.Answer {
	t.Helper()
	_, form := appPage(t, c, "/login/")
	form.Set("username", "dora")
	form.Set("password", "django-password-1")
	return appSubmit(t, c, "/login/", form)
}

// jar are the cookies that the client holds.
func jar(t *testing.T, c *harness.Client) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, k := range c.HTTP.Jar.Cookies(c.Request(t, "GET", "/", nil).URL) {
		all[k.Name] = k.Value
	}
	return all
}

// me asks Django who it takes the caller for.
func me(t *testing.T, c *harness.Client, header ...string) string {
	t.Helper()
	var who struct{ User string }
	a := c.Get(t, "/me/", header...)
	if json.Unmarshal(a.Body, &who) != nil {
		return string(a.Body)
	}
	return who.User
}

// TestAppLogin: an unmodified Django signs its people in behind boundary: app. The browser
// holds our cookie and never Django's.
func TestAppLogin(t *testing.T) {
	g := appGate(t, "")
	c := g.Client(t)

	a, _ := appPage(t, c, "/notes/")
	if to := a.Header.Get("Location"); a.Status != 303 || to != "/login/?next=%2Fnotes%2F" {
		t.Fatalf("a page for nobody: %d %q", a.Status, to)
	}
	want(t, "a fetch by nobody", c.Get(t, "/notes/"), 401, "login_required")
	want(t, "another path by nobody", c.Post(t, "/notes/", "application/x-www-form-urlencoded", "title=x"), 401, "login_required")

	_, form := appPage(t, c, "/login/")
	if form.Get("_sanmon") == "" || form.Get("csrfmiddlewaretoken") == "" {
		t.Fatalf("the login page has %v", form)
	}
	if _, ours := jar(t, c)["sanmon-pre"]; !ours {
		t.Errorf("the login page gave no pre-session: %v", jar(t, c))
	}
	for what, f := range map[string]url.Values{
		"no token":      {"username": {"dora"}, "password": {"django-password-1"}, "csrfmiddlewaretoken": form["csrfmiddlewaretoken"]},
		"another token": {"username": {"dora"}, "password": {"django-password-1"}, "csrfmiddlewaretoken": form["csrfmiddlewaretoken"], "_sanmon": {"s1.x.y"}},
	} {
		if a := appSubmit(t, c, "/login/", f); a.Status != 403 {
			t.Errorf("%s: %d", what, a.Status)
		}
	}
	strangers := g.Client(t) // a form of somebody else's browser
	f := url.Values{"username": {"dora"}, "password": {"django-password-1"}, "_sanmon": form["_sanmon"], "csrfmiddlewaretoken": form["csrfmiddlewaretoken"]}
	if a := appSubmit(t, strangers, "/login/", f); a.Status != 403 || len(a.Header["Set-Cookie"]) > 0 {
		t.Errorf("a form of another browser: %d %q", a.Status, a.Header["Set-Cookie"])
	}
	f.Set("password", "wrong")
	if a := appSubmit(t, c, "/login/", f); a.Status != 403 || c.Cookie(t) != "" {
		t.Errorf("wrong password: %d, cookie %q", a.Status, c.Cookie(t))
	}

	a = djangoIn(t, c)
	if a.Status != 302 || a.Header.Get("Location") != "/me/" || c.Cookie(t) == "" {
		t.Fatalf("Django's login: %d %v %s", a.Status, a.Header, clip(a.Body))
	}
	if all := jar(t, c); all["sessionid"] != "" || all["csrftoken"] == "" || all["sanmon-pre"] != "" || all["sanmon-app"] != "" {
		t.Errorf("the browser holds %v", all)
	}
	if who := me(t, c); who != "dora" {
		t.Errorf("a public page shows %q", who)
	}
	c.CSRF = c.Session(t, "").CSRFToken
	s := c.Session(t, "")
	if !s.Authenticated || s.Subject != "app:shop" || s.Email != "" || len(s.Roles)+len(s.Scopes) > 0 {
		t.Errorf("the session says %+v", s)
	}

	_, form = appPage(t, c, "/notes/")
	form.Set("title", "a note of dora's")
	if a := appSubmit(t, c, "/notes/", form); a.Status != 302 {
		t.Errorf("a form with both tokens: %d %s", a.Status, clip(a.Body))
	}
	bare := url.Values{"title": {"x"}, "csrfmiddlewaretoken": form["csrfmiddlewaretoken"]}
	c.CSRF = ""
	want(t, "a form without our token", appSubmit(t, c, "/notes/", bare), 403, "")

	// What Django is sent under the name of its session is ours alone.
	got := echoed(t, c.Get(t, "/echo/x"))
	if cookie := got.value("Cookie"); !strings.Contains(cookie, "sessionid=") || strings.Contains(cookie, "sanmon") || strings.Count(cookie, "sessionid=") != 1 {
		t.Errorf("Django got %q", cookie)
	}
	genuine := got.value("Cookie")
	c.HTTP.Jar.SetCookies(c.Request(t, "GET", "/", nil).URL, []*http.Cookie{{Name: "sessionid", Value: "planted", Path: "/"}})
	if cookie := echoed(t, c.Get(t, "/echo/x")).value("Cookie"); strings.Contains(cookie, "planted") || !strings.Contains(genuine, cookie[strings.Index(cookie, "sessionid="):]) {
		t.Errorf("with a planted cookie Django got %q", cookie)
	}
	outside := g.Client(t)
	id := strings.TrimPrefix(genuine[strings.Index(genuine, "sessionid="):], "sessionid=")
	// Python takes more for a space around a name than a browser does.
	for _, cookie := range []string{"sessionid=" + id, "\u00a0sessionid=" + id, "a=b; \u2003sessionid\u3000=" + id, "a=b;\u0085sessionid=" + id, "a=b sessionid=" + id, "a=b,sessionid=" + id} {
		var who struct{ User string }
		outside.Get(t, "/me/", "Cookie", cookie).JSON(t, &who)
		if who.User != "" {
			t.Errorf("%q: Django's own cookie opens the page of %q", cookie, who.User)
		}
	}
	outside.HTTP.Jar.SetCookies(c.Request(t, "GET", "/", nil).URL, []*http.Cookie{{Name: "sessionid", Value: id, Path: "/"}})
	if who := me(t, outside); who != "" {
		t.Errorf("Django's own cookie opens the page of %q", who)
	}
	want(t, "Django's own cookie", outside.Get(t, "/notes/"), 401, "login_required")
}

// TestAppLogout: signing out on either side ends both, and so does a revocation.
func TestAppLogout(t *testing.T) {
	g := appGate(t, "")
	for _, row := range []struct {
		name, event, reason string
		leave               func(t *testing.T, c *harness.Client)
	}{
		{"at Django", "session.revoked", "app", func(t *testing.T, c *harness.Client) {
			_, form := appPage(t, c, "/notes/")
			a := appSubmit(t, c, "/admin/logout/", form)
			if a.Status != 302 && a.Status != 200 {
				t.Errorf("Django's logout: %d %s", a.Status, clip(a.Body))
			}
			if c.Cookie(t) != "" {
				t.Error("the browser still has our cookie")
			}
		}},
		{"at Sanmon", "logout", "logout", func(t *testing.T, c *harness.Client) {
			if a := c.Post(t, "/.sanmon/logout", "application/json", "", "X-Sanmon-Csrf", c.Session(t, "").CSRFToken); a.Status != 204 {
				t.Errorf("our logout: %d %s", a.Status, a.Body)
			}
		}},
		{"by an operator", "session.revoked", "cli", func(t *testing.T, c *harness.Client) {
			var all []struct{ SID, User, Device string }
			g.CLIJSON(t, &all, "", "session", "list")
			if len(all) != 1 || all[0].User != "app:shop" {
				t.Fatalf("session list: %+v", all)
			}
			g.CLI(t, "", "session", "revoke", all[0].SID)
			time.Sleep(300 * time.Millisecond)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := g.Client(t)
			djangoIn(t, c)
			stolen := c.Cookie(t)
			if who := me(t, c); who != "dora" {
				t.Fatalf("signed in as %q", who)
			}
			row.leave(t, c)
			for what, who := range map[string]*harness.Client{"the browser": c, "a stolen cookie": holding(t, g, stolen)} {
				if who := me(t, who); who != "" {
					t.Errorf("%s is %q", what, who)
				}
				if a := who.Get(t, "/notes/"); a.Status != 401 {
					t.Errorf("%s: %d", what, a.Status)
				}
			}
		})
	}
}

// holding is a client with somebody's session cookie.
func holding(t *testing.T, g *harness.Gate, value string) *harness.Client {
	t.Helper()
	c := g.Client(t)
	c.HTTP.Jar.SetCookies(c.Request(t, "GET", "/", nil).URL, []*http.Cookie{{Name: g.CookieName(), Value: value, Path: "/"}})
	return c
}

// TestAppStepUp: a route that needs a recent login sends people to Django's, which shows its
// form although they are signed in; afterwards the former cookie is worth nothing.
func TestAppStepUp(t *testing.T) {
	g := appGate(t, "session: { idle: 30s, absolute: 60s }")
	c := g.Client(t)
	djangoIn(t, c)
	want(t, "just after the login", c.Get(t, "/private/careful"), 200, "")
	time.Sleep(2100 * time.Millisecond)
	a := c.Get(t, "/private/careful")
	want(t, "later", a, 401, "step_up_required")
	if got := a.Header.Get("WWW-Authenticate"); !strings.Contains(got, `error="insufficient_user_authentication"`) || !strings.Contains(got, "max_age=2") {
		t.Errorf("challenge %q", got)
	}
	a, _ = appPage(t, c, "/private/careful")
	if to := a.Header.Get("Location"); a.Status != 303 || to != "/login/?next=%2Fprivate%2Fcareful" {
		t.Errorf("a page: %d %q", a.Status, to)
	}
	former := c.Cookie(t)
	djangoIn(t, c)
	if c.Cookie(t) == former {
		t.Error("the secret is the same after a step-up")
	}
	want(t, "after the step-up", c.Get(t, "/private/careful"), 200, "")
	want(t, "with the former cookie", holding(t, g, former).Get(t, "/notes/"), 401, "login_required")
}

// TestAppTimeouts: our limits hold for a backend that has none.
func TestAppTimeouts(t *testing.T) {
	g := appGate(t, "session: { idle: 2s, absolute: 30s }")
	c := g.Client(t)
	djangoIn(t, c)
	want(t, "at once", c.Get(t, "/notes/"), 200, "")
	time.Sleep(2200 * time.Millisecond)
	want(t, "after the pause", c.Get(t, "/notes/"), 401, "session_expired")
	if a := djangoIn(t, c); a.Status != 302 {
		t.Errorf("a login with the dead cookie: %d %s", a.Status, clip(a.Body))
	}
	want(t, "signed in again", c.Get(t, "/notes/"), 200, "")
}

// TestAppGuessing: failed logins at the backend are counted like ours.
func TestAppGuessing(t *testing.T) {
	b := harness.SharedBackend(t, harness.Django)
	g := harness.StartGate(t, harness.Options{Upstreams: appUpstream(b.URL), Routes: appRoutes,
		Limits: "{ network: { rate: 100000/s, burst: 100000 }, failures: { rate: 3/10m, burst: 3 } }"})
	c := g.Client(t)
	_, form := appPage(t, c, "/login/")
	form.Set("username", "dora")
	form.Set("password", "wrong")
	for i := range 3 {
		if a := appSubmit(t, c, "/login/", form); a.Status != 403 {
			t.Fatalf("guess %d: %d", i, a.Status)
		}
	}
	form.Set("password", "django-password-1")
	a := appSubmit(t, c, "/login/", form)
	if a.Status != 429 || a.Header.Get("Retry-After") == "" {
		t.Errorf("after too many: %d", a.Status)
	}
	if a, _ := appPage(t, c, "/login/"); a.Status != 200 {
		t.Errorf("the page: %d", a.Status)
	}
}

// TestAppInChromium: the admin site in a real browser, two tabs, and its logout.
func TestAppInChromium(t *testing.T) {
	g := appGate(t, "")
	ctx, complaints := browser(t, 1000, 900, "en")
	p := &tab{t: t, g: g, ctx: ctx, complaints: complaints}
	p.watch()
	p.visit("/admin/django_app/note/add/")
	if at := p.js(`location.pathname`); at != "/login/" {
		t.Fatalf("for nobody at %s", at)
	}
	p.visit("/admin/login/?next=/admin/django_app/note/add/")
	p.fill("username", "root")
	p.fill("password", "django-password-2")
	p.click(`input[type="submit"]`)
	if at := p.js(`location.pathname`); at != "/admin/django_app/note/add/" {
		t.Fatalf("after the login at %s: %s", at, clip([]byte(p.text())))
	}
	for _, k := range cookiesIn(t, p.ctx, g.URL) {
		if k.Name == "sessionid" || k.Name == "sanmon" && !k.HTTPOnly {
			t.Errorf("the browser holds %s", k.Name)
		}
	}
	q := p.another()
	title := "adopted " + t.Name()
	q.visit("/admin/django_app/note/add/")
	for i, x := range []*tab{p, q} {
		x.fill("title", title)
		x.click(`[name="_continue"]`)
		if text := x.text(); !strings.Contains(text, "was added successfully") {
			t.Fatalf("tab %d: %s", i, clip([]byte(text)))
		}
	}
	p.click(`#logout-form button`)
	if text := p.text(); !strings.Contains(text, "Log in again") {
		t.Errorf("Django's logout: %s", clip([]byte(text)))
	}
	q.visit("/admin/")
	if at := q.js(`location.pathname`); at != "/login/" {
		t.Errorf("the other tab is at %s", at)
	}
}

func cookiesIn(t *testing.T, ctx context.Context, url string) []*network.Cookie {
	t.Helper()
	r, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Cookies
}

// cookiesOf are cookies for the whole site.
func cookiesOf(all map[string]string) (list []*http.Cookie) {
	for name, value := range all {
		list = append(list, &http.Cookie{Name: name, Value: value, Path: "/"})
	}
	return list
}

// TestAppExplained: the commands know the boundary.
func TestAppExplained(t *testing.T) {
	b := harness.SharedBackend(t, harness.Django)
	g := harness.NewGate(t, harness.Options{Upstreams: appUpstream(b.URL), Routes: appRoutes})
	for _, row := range []struct{ args, verdict, code string }{
		{"GET /notes/ --as app", "allowed", ""}, {"GET /notes/ --as nobody", "refused", "login_required"}, {"GET /notes/ --as key", "refused", "login_required"},
		{"POST /login/ --as nobody", "allowed", ""}, {"GET /admin/login/ --as app", "allowed", ""},
	} {
		var x struct{ Verdict, Code string }
		r := g.Run(t, "", append([]string{"explain", "--json"}, strings.Fields(row.args)...)...)
		if err := json.Unmarshal([]byte(r.Stdout), &x); err != nil || x.Verdict != row.verdict || x.Code != row.code {
			t.Errorf("%s: %s %s (%v)", row.args, r.Stdout, r.Stderr, err)
		}
	}
	var routes []struct {
		ID       string
		Boundary []string
		CSRF     string
	}
	g.CLIJSON(t, &routes, "", "routes")
	for _, r := range routes {
		if r.ID == "rest" && (strings.Join(r.Boundary, ",") != "app" || r.CSRF != "session") {
			t.Errorf("%+v", r)
		}
	}
}
