package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// provider is an OpenID provider that the tests did not write.
type provider struct {
	*harness.Process
	t     *testing.T
	stdin io.Writer
}

// startProvider starts one, or skips.
func startProvider(t *testing.T, port int, redirect string) *provider {
	t.Helper()
	modules := filepath.Join(harness.Root(), ".cache", "clients")
	if _, err := os.Stat(filepath.Join(modules, "node_modules", "oidc-provider")); err != nil {
		t.Skip("no oidc-provider (run scripts/testdeps.sh)")
	}
	// Modules are looked for from the script's own directory upwards.
	text, err := os.ReadFile(filepath.Join(harness.Root(), "e2e", "clients", "oidc_provider.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(modules, fmt.Sprintf("oidc_provider_%d.mjs", port))
	if err := os.WriteFile(script, text, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(script) })
	cmd := exec.Command("node", script, strconv.Itoa(port), redirect)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := harness.StartProcess("oidc provider", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if _, err := p.WaitLine(0, 30*time.Second, func(s string) bool { return strings.HasPrefix(s, `{"ready"`) }); err != nil {
		t.Fatal(err)
	}
	return &provider{p, t, stdin}
}

// setSecret gives the client another secret.
func (p *provider) setSecret(secret string) {
	p.t.Helper()
	from := len(p.Lines(0))
	if _, err := io.WriteString(p.stdin, secret+"\n"); err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.WaitLine(from, 10*time.Second, func(s string) bool { return strings.HasPrefix(s, `{"changed"`) }); err != nil {
		p.t.Fatal(err)
	}
}

// tokens is what the token endpoint has said since line from.
func (p *provider) tokens(from int) (all []string) {
	for _, line := range p.Lines(from) {
		if said, ok := strings.CutPrefix(line, `{"token":"`); ok {
			all = append(all, strings.TrimSuffix(said, `"}`))
		}
	}
	return all
}

// surfer is a browser that follows redirects within a step when it is told to.
type surfer struct {
	*http.Client
	t *testing.T
}

func newSurfer(t *testing.T) surfer {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return surfer{&http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, t}
}

// open sends a navigation, and returns where it leads ("" nowhere) and what it shows.
func (s surfer) open(method, to string, form url.Values) (location, page string, status int) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(opened); i += 2 {
		req.Header.Set(opened[i], opened[i+1])
	}
	req.Header.Set("Sec-Fetch-Site", "cross-site") // as a redirect of another site brings it
	res, err := s.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	if at, err := res.Location(); err == nil {
		location = at.String()
	}
	return location, string(body), res.StatusCode
}

// signIn goes through the pages of the provider as somebody, up to the redirect back.
func (s surfer) signIn(begin, as string) (back string) {
	s.t.Helper()
	back, _ = s.walk(s.begin(begin), as)
	return back
}

// begin is where a login begins at the provider.
func (s surfer) begin(begin string) (to string) {
	s.t.Helper()
	to, page, status := s.open("GET", begin, nil)
	if to == "" {
		s.t.Fatalf("GET %s = %d\n%.500s", begin, status, page)
	}
	return to
}

// walk goes from there up to the redirect back, and says how often the provider has asked
// who it is.
func (s surfer) walk(to, as string) (back string, asked int) {
	s.t.Helper()
	action, hidden := regexp.MustCompile(`action="([^"]+)"`), regexp.MustCompile(`name="xsrf" value="([^"]+)"`)
	for range 12 {
		if strings.Contains(to, "/callback?") {
			return to, asked
		}
		next, page, status := s.open("GET", to, nil)
		if next == "" {
			m := action.FindStringSubmatch(page)
			if m == nil {
				s.t.Fatalf("GET %s = %d\n%.800s", to, status, page)
			}
			form := url.Values{"prompt": {"consent"}}
			if strings.Contains(page, `name="login"`) {
				form = url.Values{"prompt": {"login"}, "login": {as}, "password": {"any"}}
				asked++
			}
			if m := hidden.FindStringSubmatch(page); m != nil { // another person's session there ends
				form = url.Values{"xsrf": {m[1]}, "logout": {"yes"}}
			}
			next, page, status = s.open("POST", m[1], form)
			if next == "" {
				s.t.Fatalf("POST %s = %d\n%.800s", m[1], status, page)
			}
		}
		to = next
	}
	s.t.Fatal("the provider leads nowhere")
	return "", 0
}

// oidcGate is a gate and a provider that know each other.
func oidcGate(t *testing.T, more, rest string) *harness.Gate {
	t.Helper()
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "oidc.secret")
	if err := os.WriteFile(secret, []byte("hunter2 hunter2 hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g := factorsGate(t, fmt.Sprintf("login: { oidc: [ { name: corp, issuer: \"http://127.0.0.1:%d\", client_id: sanmon, client_secret: \"file:%s\"%s } ]%s }\n", port, secret, more, rest))
	startProvider(t, port, g.URL+"/.sanmon/login/oidc/corp/callback")
	return g
}

func (s surfer) session(g *harness.Gate) string {
	_, page, _ := s.open("GET", g.URL+"/.sanmon/session", nil)
	return page
}

const begins = "/.sanmon/login/oidc/corp"

func TestProviderCreatesAndMapsRoles(t *testing.T) {
	g := oidcGate(t, ", create: true, scopes: [groups], roles_claim: groups, role_map: { staff: writer }", "")
	page := g.Client(t).Get(t, "/.sanmon/login?next=/private/x", opened...)
	if !strings.Contains(string(page.Body), `href="`+begins+`?next=%2Fprivate%2Fx"`) {
		t.Errorf("the login page:\n%s", clip(page.Body))
	}
	s := newSurfer(t)
	back := s.signIn(g.URL+begins+"?next=/private/x", "ada")
	to, body, status := s.open("GET", back, nil)
	if to != g.URL+"/private/x" {
		t.Fatalf("the answer = %d to %q\n%.1500s", status, to, body)
	}
	if me := s.session(g); !strings.Contains(me, `"ada@example.com"`) || !strings.Contains(me, `"writer"`) {
		t.Errorf("the session: %s", me)
	}
	if _, _, status := s.open("GET", g.URL+"/private/x", nil); status != 200 {
		t.Errorf("a route that takes a session = %d", status)
	}
	// The answer is good once, and in this browser only.
	if to, page, status := s.open("GET", back, nil); status != 401 || to != "" || !strings.Contains(page, `id="wrong"`) {
		t.Errorf("the answer a second time = %d to %q", status, to)
	}
	other := newSurfer(t)
	theirs := other.signIn(g.URL+begins, "eve")
	if to, _, status := s.open("GET", theirs, nil); status != 401 || to != "" {
		t.Errorf("the answer of another browser = %d to %q", status, to)
	}
	if to, _, _ := other.open("GET", theirs, nil); to != g.URL+"/" {
		t.Errorf("eve was led to %q", to)
	}
	if me := other.session(g); !strings.Contains(me, `"eve@example.com"`) || strings.Contains(me, `"writer"`) {
		t.Errorf("eve's session: %s", me)
	}
	if strings.Contains(g.Output(), "hunter2") {
		t.Error("the client secret is in the log")
	}
}

// TestProviderLinks: an address is nobody, unless it is verified and the provider is
// trusted with it; a link by an administrator holds whatever the address.
func TestProviderLinks(t *testing.T) {
	g := oidcGate(t, "", "")
	id := g.AddUser(t, "ada@example.com", "writer")
	s := newSurfer(t)
	if to, page, status := s.open("GET", s.signIn(g.URL+begins, "ada"), nil); status != 401 || to != "" || !strings.Contains(page, `id="wrong"`) {
		t.Errorf("who is not linked = %d to %q", status, to)
	}
	issuer := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	config, err := os.ReadFile(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	at := issuer.FindString(strings.SplitN(string(config), "issuer:", 2)[1])
	g.CLI(t, "", "user", "link", "ada@example.com", "--issuer", at, "--subject", "mallory")
	s = newSurfer(t)
	if to, _, status := s.open("GET", s.signIn(g.URL+begins, "mallory"), nil); to != g.URL+"/" || !strings.Contains(s.session(g), id) {
		t.Errorf("who is linked = %d to %q", status, to)
	}
	g.CLI(t, "", "user", "link", "ada@example.com", "--issuer", at, "--subject", "mallory", "--remove")
	waitFor(t, "the session to end", func() bool { return !strings.Contains(s.session(g), id) })
	g.CLI(t, "", "user", "disable", "ada@example.com")
	g.CLI(t, "", "user", "link", "ada@example.com", "--issuer", at, "--subject", "eve")
	s = newSurfer(t)
	if to, _, status := s.open("GET", s.signIn(g.URL+begins, "eve"), nil); status != 401 || to != "" {
		t.Errorf("who is disabled = %d to %q", status, to)
	}
}

func TestProviderLinksByVerifiedAddressOnly(t *testing.T) {
	g := oidcGate(t, ", link_by_email: true, create: true", ", totp: optional")
	id := g.AddUser(t, "ada@example.com", "writer")
	s := newSurfer(t) // mallory says that she has ada's address, and nobody has verified that
	if to, _, status := s.open("GET", s.signIn(g.URL+begins, "mallory"), nil); status != 401 || to != "" || strings.Contains(s.session(g), id) {
		t.Errorf("an address that is not verified = %d to %q", status, to)
	}
	s = newSurfer(t)
	if to, _, status := s.open("GET", s.signIn(g.URL+begins, "ada"), nil); to != g.URL+"/" || !strings.Contains(s.session(g), id) {
		t.Errorf("a verified address = %d to %q", status, to)
	}
}

// TestHostileAnswers: what comes back to the redirect URI without having been asked for.
func TestHostileAnswers(t *testing.T) {
	g := oidcGate(t, ", create: true", "")
	s := newSurfer(t)
	back, err := url.Parse(s.signIn(g.URL+begins, "ada"))
	if err != nil {
		t.Fatal(err)
	}
	query := back.Query()
	if query.Get("iss") == "" {
		t.Error("the provider does not name itself: the test needs another one")
	}
	edit := func(name, value string) string {
		q := back.Query()
		q.Del(name)
		if value != "" {
			q.Set(name, value)
		}
		return g.URL + begins + "/callback?" + q.Encode()
	}
	for name, to := range map[string]string{
		"nothing": g.URL + begins + "/callback", "no state": edit("state", ""), "another state": edit("state", query.Get("state")[1:]),
		"two states": edit("state", query.Get("state")) + "&state=x", "a long code": edit("code", strings.Repeat("x", 5000)), "two codes": back.String() + "&code=x",
		"not a provider": g.URL + "/.sanmon/login/oidc/other/callback?" + back.RawQuery, "a script": g.URL + begins + "/callback?error=<script>alert(1)</script>&state=x",
	} {
		location, page, status := s.open("GET", to, nil)
		if location != "" || status < 400 || status > 499 || strings.Contains(page, "<script>alert") || strings.Contains(s.session(g), "ada@") {
			t.Errorf("%s = %d to %q", name, status, location)
		}
	}
	// The issuer is judged after the state, which is used up by that.
	if location, _, status := s.open("GET", edit("iss", "https://other.example"), nil); location != "" || status != 401 {
		t.Errorf("another issuer = %d to %q", status, location)
	}
	for name, edit := range map[string]func(url.Values){
		"no issuer": func(q url.Values) { q.Del("iss") }, "another code": func(q url.Values) { q.Set("code", q.Get("code")[1:]+q.Get("code")[:1]+"x") },
		"an error": func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, "neither": func(q url.Values) { q.Del("code") },
	} {
		s := newSurfer(t)
		at, err := url.Parse(s.signIn(g.URL+begins, "ada"))
		if err != nil {
			t.Fatal(err)
		}
		q := at.Query()
		edit(q)
		if location, _, status := s.open("GET", g.URL+begins+"/callback?"+q.Encode(), nil); location != "" || status != 401 {
			t.Errorf("%s = %d to %q", name, status, location)
		}
	}
}
