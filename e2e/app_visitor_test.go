package e2e_test

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const shopRoutes = `
  - { id: cart, match: { path: "/cart/{item}" }, boundary: public }
  - { id: rest, match: { path: "/{rest...}", methods: [GET, POST] }, boundary: app }
`

func shopGate(t *testing.T) *harness.Gate {
	t.Helper()
	b := harness.SharedBackend(t, harness.FlaskShop)
	return harness.StartGate(t, harness.Options{Routes: shopRoutes, Upstreams: map[string]string{
		"shop": `{ url: "` + b.URL + `", app_session: { cookies: [session], login: ["/login"], logout: ["/logout"] } }`,
	}})
}

// shop is what the application says of somebody.
type shop struct {
	User string   `json:"user"`
	Cart []string `json:"cart"`
	Seen int      `json:"seen"`
}

func shopping(t *testing.T, a harness.Answer) (s shop) {
	t.Helper()
	if a.Status != 200 || json.Unmarshal(a.Body, &s) != nil {
		t.Fatalf("%d %s", a.Status, clip(a.Body))
	}
	return s
}

var flaskForm = regexp.MustCompile(`name="token" value="([^"]+)"`)

func flaskIn(t *testing.T, c *harness.Client, password string) harness.Answer {
	t.Helper()
	a, form := appPage(t, c, "/login")
	if m := flaskForm.FindSubmatch(a.Body); m != nil {
		form.Set("token", string(m[1]))
	}
	form.Set("username", "dora")
	form.Set("password", password)
	return appSubmit(t, c, "/login", form)
}

// TestVisitors: an application that puts everything into its session cookie, from before the
// login on. What it knows of a visitor goes along, sealed, and nothing of it is in the store.
func TestVisitors(t *testing.T) {
	g := shopGate(t)
	c := g.Client(t)
	c.Get(t, "/cart/pear")
	if got := shopping(t, c.Get(t, "/cart/plum")); !slices.Equal(got.Cart, []string{"pear", "plum"}) {
		t.Errorf("the cart of a visitor: %v", got.Cart)
	}
	held := jar(t, c)
	if held["session"] != "" || held["sanmon-app"] == "" || held["sanmon"] != "" {
		t.Errorf("a visitor holds %v", held)
	}
	for range 2 {
		if a := flaskIn(t, c, "wrong"); a.Status != 200 || !strings.Contains(string(a.Body), "wrong password") || c.Cookie(t) != "" {
			t.Fatalf("wrong password: %d, cookie %q: %s", a.Status, c.Cookie(t), clip(a.Body))
		}
	}
	want(t, "after failures", c.Get(t, "/shop/me"), 401, "login_required")
	var all []struct{ SID string }
	if g.CLIJSON(t, &all, "", "session", "list"); len(all) != 0 {
		t.Errorf("visitors left sessions: %v", all)
	}
	if a := flaskIn(t, c, "flask-password"); a.Status != 302 || a.Header.Get("Location") != "/shop/me" {
		t.Fatalf("login: %d %s", a.Status, clip(a.Body))
	}
	if held := jar(t, c); held["session"] != "" || held["sanmon-app"] != "" || held["sanmon"] == "" {
		t.Errorf("who is signed in holds %v", held)
	}
	if got := shopping(t, c.Get(t, "/shop/me")); got.User != "dora" || !slices.Equal(got.Cart, []string{"pear", "plum"}) || got.Seen != 1 {
		t.Errorf("signed in: %+v", got)
	}
	if got := shopping(t, c.Get(t, "/shop/me")); got.Seen != 2 { // the cookie that the answer before set
		t.Errorf("the second time: %+v", got)
	}
	if got := shopping(t, c.Get(t, "/cart/fig")); !slices.Contains(got.Cart, "fig") {
		t.Errorf("a public page of who is signed in: %+v", got)
	}
	if got := shopping(t, c.Get(t, "/shop/me")); !slices.Contains(got.Cart, "fig") {
		t.Errorf("what a public page changed: %+v", got)
	}

	// Whoever holds the visitor's cookie from before the login has nothing of the session.
	old := g.Client(t)
	old.HTTP.Jar.SetCookies(c.Request(t, "GET", "/", nil).URL, cookiesOf(held))
	want(t, "the visitor of before", old.Get(t, "/shop/me"), 401, "login_required")

	_, form := appPage(t, c, "/shop/me")
	if form.Set("_sanmon", c.Session(t, "").CSRFToken); appSubmit(t, c, "/logout", form).Status != 302 || c.Cookie(t) != "" {
		t.Errorf("after the logout the browser holds %v", jar(t, c))
	}
	want(t, "after the logout", c.Get(t, "/shop/me"), 401, "login_required")
}

// TestAnswersTogether: answers that come at once and each set the cookie lose nobody's
// session.
func TestAnswersTogether(t *testing.T) {
	g := shopGate(t)
	c := g.Client(t)
	flaskIn(t, c, "flask-password")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 5 {
				a, err := c.Try(c.Request(t, "GET", "/shop/me", nil))
				if err != nil || a.Status != 200 || !strings.Contains(string(a.Body), `"user":"dora"`) {
					t.Errorf("%d %s %v", a.Status, clip(a.Body), err)
				}
			}
		})
	}
	wait.Wait()
	before := shopping(t, c.Get(t, "/shop/me"))
	if after := shopping(t, c.Get(t, "/shop/me")); after.Seen != before.Seen+1 {
		t.Errorf("seen %d, then %d", before.Seen, after.Seen)
	}
}

// TestFormOfAnotherSite: a page of another site cannot sign anybody in to its own account.
func TestFormOfAnotherSite(t *testing.T) {
	g := shopGate(t)
	c := g.Client(t)
	a, form := appPage(t, c, "/login")
	form.Set("token", string(flaskForm.FindSubmatch(a.Body)[1]))
	form.Set("username", "mallory")
	form.Set("password", "flask-password")
	for what, header := range map[string][]string{"cross-site": {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, "same-site": {"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.com"}} {
		want(t, what, c.Post(t, "/login", "application/x-www-form-urlencoded", form.Encode(), header...), 403, "origin_foreign")
	}
	mallory := g.Client(t) // her own token, sent from the victim's browser
	_, hers := appPage(t, mallory, "/login")
	form.Set("_sanmon", hers.Get("_sanmon"))
	want(t, "a token of another browser", c.Post(t, "/login", "application/x-www-form-urlencoded", form.Encode()), 403, "csrf_invalid")
	want(t, "no token", c.Post(t, "/login", "application/x-www-form-urlencoded", url.Values{"username": {"mallory"}}.Encode()), 403, "csrf_missing")
	if c.Cookie(t) != "" {
		t.Error("the victim is signed in")
	}
}
