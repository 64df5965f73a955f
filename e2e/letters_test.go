package e2e_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
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
	"github.com/sanmon-gate/sanmon/internal/post"
	"github.com/sanmon-gate/sanmon/secret"
)

// sink is a mail server that keeps what it takes.
type sink struct {
	*harness.Process
	Port int
}

// letter is what arrived there.
type letter struct {
	From    string      `json:"from"`
	To      []string    `json:"to"`
	TLS     bool        `json:"tls"`
	User    *string     `json:"user"`
	Headers [][2]string `json:"headers"`
	Text    string      `json:"text"`
	HTML    string      `json:"html"`
}

func (l letter) header(name string) (all []string) {
	for _, h := range l.Headers {
		if strings.EqualFold(h[0], name) {
			all = append(all, h[1])
		}
	}
	return all
}

func startSink(t *testing.T, args ...string) *sink {
	t.Helper()
	port, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return startSinkAt(t, port, args...)
}

func startSinkAt(t *testing.T, port int, args ...string) *sink {
	t.Helper()
	cmd := exec.Command(harness.Python(t), append([]string{filepath.Join(harness.Root(), "e2e", "backends", "smtp_sink.py"), strconv.Itoa(port)}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1", "PYTHONWARNINGS=ignore")
	p, err := harness.StartProcess("smtp sink", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if _, err := p.WaitLine(0, 20*time.Second, func(s string) bool { return strings.HasPrefix(s, `{"ready"`) }); err != nil {
		t.Fatal(err)
	}
	return &sink{p, port}
}

// next waits for the n-th letter, from 1.
func (s *sink) next(t *testing.T, n int) letter {
	t.Helper()
	line, err := s.WaitLine(0, 30*time.Second, func(line string) bool {
		if strings.HasPrefix(line, `{"from"`) {
			n--
		}
		return n == 0
	})
	if err != nil {
		t.Fatalf("the letter did not come: %v\n%s", err, s.Output())
	}
	var l letter
	if err := json.Unmarshal([]byte(line), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func (s *sink) count() int { return strings.Count(s.Output(), `{"from"`) }

// lettersGate is a gate with a mail server.
func lettersGate(t *testing.T, s *sink, more string) *harness.Gate {
	t.Helper()
	top := fmt.Sprintf("login: { smtp: { url: \"smtp://127.0.0.1:%d\", from: \"Notes <no-reply@notes.example>\" }%s }\n", s.Port, more)
	return factorsGate(t, top)
}

// linkIn finds the link of a letter, which is the same in both of its parts.
func linkIn(t *testing.T, g *harness.Gate, text, html string) string {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(g.URL) + `/\.sanmon/reset\?token=sml_[0-9A-Za-z]{43}`).FindString(text)
	if m == "" || html != "" && !strings.Contains(html, `href="`+m+`"`) {
		t.Fatalf("no link in\n%s\n%s", text, html)
	}
	return strings.TrimPrefix(m, g.URL)
}

var opened = []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin", "Accept", "text/html,application/xhtml+xml"}

// ask sends the form of a page that asks for an address.
func ask(t *testing.T, c *harness.Client, path, email string, header ...string) harness.Answer {
	t.Helper()
	page := c.Get(t, path, append(opened, header...)...)
	want(t, "GET "+path, page, 200, "")
	form := url.Values{"email": {email}, "_sanmon": {field(t, page.Body, "_sanmon")}}
	return c.Post(t, path, "application/x-www-form-urlencoded", form.Encode(), append(opened, header...)...)
}

// choose opens a link and sets a password.
func choose(t *testing.T, c *harness.Client, path, password string) harness.Answer {
	t.Helper()
	a := c.Get(t, path, opened...)
	if a.Status != 303 || a.Header.Get("Location") != "/.sanmon/reset/new" {
		t.Fatalf("opening a link = %d to %q", a.Status, a.Header.Get("Location"))
	}
	page := c.Get(t, "/.sanmon/reset/new", opened...)
	want(t, "the page of a link", page, 200, "")
	if !strings.Contains(string(page.Body), `name="again"`) {
		return page
	}
	form := url.Values{"password": {password}, "again": {password}, "_sanmon": {field(t, page.Body, "_sanmon")}}
	return c.Post(t, "/.sanmon/reset/new", "application/x-www-form-urlencoded", form.Encode(), opened...)
}

func TestPasswordResetByMail(t *testing.T) {
	s := startSink(t)
	g := lettersGate(t, s, "")
	g.AddUser(t, "ada@example.com", "writer")
	before := signedIn(t, g, "ada@example.com")
	c := g.Client(t)
	if page := c.Get(t, "/.sanmon/login", opened...); !strings.Contains(string(page.Body), `href="/.sanmon/reset"`) || strings.Contains(string(page.Body), `/.sanmon/signup`) {
		t.Errorf("the login page:\n%s", clip(page.Body))
	}
	known := ask(t, c, "/.sanmon/reset", "Ada@Example.com", "Accept-Language", "ja")
	want(t, "asking for a link", known, 200, "")
	l := s.next(t, 1)
	if l.From != "no-reply@notes.example" || len(l.To) != 1 || l.To[0] != "ada@example.com" || !strings.Contains(l.header("Subject")[0], "新しいパスワード") || l.header("Auto-Submitted")[0] != "auto-generated" {
		t.Errorf("the letter: %+v", l)
	}
	path := linkIn(t, g, l.Text, l.HTML)

	// Opening the link, by a scanner of mail too, uses nothing up.
	for range 2 {
		if a := g.Client(t).Get(t, path, opened...); a.Status != 303 {
			t.Errorf("opening the link = %d", a.Status)
		}
	}
	if page := c.Get(t, path, opened...); page.Status == 303 {
		if page = c.Get(t, "/.sanmon/reset/new", opened...); !strings.Contains(string(page.Body), "15 characters or more") {
			t.Errorf("the page does not say how long a password is:\n%s", clip(page.Body))
		}
	}
	if done := choose(t, c, path, "short one"); !strings.Contains(string(done.Body), `id="wrong"`) || done.Status != 422 {
		t.Errorf("a short password = %d", done.Status)
	}
	want(t, "the old password still", g.Client(t).TryLogin(t, "ada@example.com", harness.Password), 200, "")
	want(t, "a session before it", before.Get(t, "/private/x"), 200, "")
	done := choose(t, c, path, "another good password 77")
	if want(t, "a new password", done, 200, ""); !strings.Contains(string(done.Body), `id="done"`) {
		t.Fatalf("no word of success:\n%s", clip(done.Body))
	}
	want(t, "the session after it", before.Get(t, "/private/x"), 401, "login_required")
	want(t, "the old password", g.Client(t).TryLogin(t, "ada@example.com", harness.Password), 401, "login_failed")
	want(t, "the new password", g.Client(t).TryLogin(t, "ada@example.com", "another good password 77"), 200, "")
	if again := choose(t, g.Client(t), path, "a third good password 99"); !strings.Contains(string(again.Body), "not good any more") {
		t.Errorf("the link a second time = %d\n%s", again.Status, clip(again.Body))
	}
	if l := s.next(t, 2); !strings.Contains(l.header("Subject")[0], "パスワード") && !strings.Contains(l.header("Subject")[0], "was changed") {
		t.Errorf("the notice: %v", l.header("Subject"))
	}
	log := g.Output()
	if strings.Contains(log, path[len(path)-43:]) {
		t.Error("the link is in the log")
	}
}

// TestResetTellsNothing: who has an address is not to be learned, not by the answer and not
// by letters to others; and nobody can fill a mailbox.
func TestResetTellsNothing(t *testing.T) {
	s := startSink(t)
	g := lettersGate(t, s, "")
	g.AddUser(t, "ada@example.com", "writer")
	g.AddUser(t, "off@example.com", "writer")
	g.CLI(t, "", "user", "disable", "off@example.com")
	answers := map[string]bool{}
	for _, email := range []string{"ada@example.com", "nobody@example.com", "off@example.com"} {
		a := ask(t, g.Client(t), "/.sanmon/reset", email)
		headers := fmt.Sprint(a.Status, a.Header["Content-Length"], len(a.Header["Set-Cookie"]), a.Header["Cache-Control"], a.Header["Content-Security-Policy"])
		answers[headers+regexp.MustCompile(`value="[^"]*"`).ReplaceAllString(string(a.Body), "")] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers", len(answers))
	}
	s.next(t, 2) // to ada and to off
	for i, bad := range []string{"ada@example.com\r\nBcc: eve@evil.example", "not an address", "a@b@c", "", "<ada@example.com>, eve@evil.example", strings.Repeat("a", 300) + "@example.com"} {
		if a := ask(t, g.Client(t), "/.sanmon/reset", bad); a.Status != 422 {
			t.Errorf("address %d = %d", i, a.Status)
		}
	}
	for range 5 {
		want(t, "asking again", ask(t, g.Client(t), "/.sanmon/reset", "ada@example.com"), 200, "")
	}
	ask(t, g.Client(t), "/.sanmon/reset", "off@example.com")
	s.next(t, 5) // three to ada, two to off
	if strings.Contains(s.Output(), "evil") || s.count() != 5 {
		t.Errorf("%d letters:\n%s", s.count(), s.Output())
	}
	limited := false
	for range 25 {
		a := ask(t, g.Client(t), "/.sanmon/reset", "nobody@example.com")
		limited = limited || a.Status == 429 && a.Header.Get("Retry-After") != ""
	}
	if !limited {
		t.Error("a network may ask without end")
	}
}

func TestInvitationAndCommandLink(t *testing.T) {
	s := startSink(t)
	g := lettersGate(t, s, "")
	var made struct {
		ID, Email, Link string
		Roles           []string
		Sent            bool
	}
	g.CLIJSON(t, &made, "", "user", "invite", "--email", "bob@example.com", "--role", "writer", "--lang", "ja")
	l := s.next(t, 1)
	if !made.Sent || made.Email != "bob@example.com" || len(made.Roles) != 1 || strings.TrimPrefix(made.Link, g.URL) != linkIn(t, g, l.Text, l.HTML) {
		t.Errorf("%+v\n%s", made, l.Text)
	}
	want(t, "before a password is chosen", g.Client(t).TryLogin(t, "bob@example.com", harness.Password), 401, "login_failed")
	choose(t, g.Client(t), strings.TrimPrefix(made.Link, g.URL), harness.Password)
	c := signedIn(t, g, "bob@example.com")
	if again := g.Run(t, "", "user", "invite", "--email", "bob@example.com"); again.Exit == 0 {
		t.Error("who has a password was invited again")
	}
	// user reset ends sessions and password, and prints a link.
	g.CLIJSON(t, &made, "", "user", "reset", "bob@example.com")
	if c.Get(t, "/private/x").Status != 401 {
		waitFor(t, "the session to end", func() bool { return c.Get(t, "/private/x").Status == 401 })
	}
	want(t, "the password before", g.Client(t).TryLogin(t, "bob@example.com", harness.Password), 401, "login_failed")
	choose(t, g.Client(t), strings.TrimPrefix(made.Link, g.URL), "another good password 77")
	want(t, "the new password", g.Client(t).TryLogin(t, "bob@example.com", "another good password 77"), 200, "")
	if out := g.CLI(t, "", "audit", "export"); strings.Contains(out, "sml_") || strings.Count(out, "link.issued") != 2 {
		t.Errorf("the trail:\n%s", out)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waiting for %s", what)
		}
	}
}

func TestSignUp(t *testing.T) {
	s := startSink(t)
	g := lettersGate(t, s, ", signup: open, signup_roles: [reader]")
	g.AddUser(t, "ada@example.com", "writer")
	c := g.Client(t)
	fresh, taken := ask(t, c, "/.sanmon/signup", "new@example.com"), ask(t, g.Client(t), "/.sanmon/signup", "ada@example.com")
	want(t, "signing up", fresh, 200, "")
	if fresh.Status != taken.Status || len(fresh.Body) != len(taken.Body) {
		t.Errorf("a taken address is told apart: %d and %d bytes", len(fresh.Body), len(taken.Body))
	}
	a, b := s.next(t, 1), s.next(t, 2)
	if a.To[0] != "new@example.com" || b.To[0] != "ada@example.com" || strings.Contains(b.Text, "sml_") {
		t.Fatalf("letters to %v and %v\n%s", a.To, b.To, b.Text)
	}
	if done := choose(t, c, linkIn(t, g, a.Text, a.HTML), harness.Password); !strings.Contains(string(done.Body), `id="done"`) {
		t.Fatalf("%d\n%s", done.Status, clip(done.Body))
	}
	me := signedIn(t, g, "new@example.com").Session(t, "")
	if len(me.Roles) != 1 || me.Roles[0] != "reader" {
		t.Errorf("roles: %v", me.Roles)
	}
	closed := lettersGate(t, s, "")
	want(t, "signing up where it is closed", closed.Client(t).Get(t, "/.sanmon/signup"), 404, "route_unknown")
}

// TestBlocklist: a password of the site's own list is refused when it is set, and written
// down when somebody signs in with it.
func TestBlocklist(t *testing.T) {
	const listed = "tangerine bicycle lamp"
	g := factorsGate(t, "")
	g.WriteFile(t, "list.txt", "another listed password\n"+listed+"\n")
	var made struct{ Passwords int }
	g.CLIJSON(t, &made, "", "pwned", "build", filepath.Join(g.Dir, "list.txt"), "--out", filepath.Join(g.Dir, "pwned.filter"))
	if made.Passwords != 2 {
		t.Errorf("%d passwords", made.Passwords)
	}
	config, err := os.ReadFile(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	g.CLI(t, listed+"\n", "user", "add", "--email", "old@example.com", "--role", "writer", "--password-stdin") // before there was a list
	g.WriteConfig(t, strings.Replace(string(config), "routes:", "login: { blocklist: pwned.filter }\nroutes:", 1))
	if _, err := g.WaitLine(0, 20*time.Second, func(s string) bool { return strings.Contains(s, "configuration reloaded") }); err != nil {
		t.Fatal(err)
	}
	want(t, "a listed password", g.Client(t).TryLogin(t, "old@example.com", listed), 200, "")
	if out := g.CLI(t, "", "audit", "export"); strings.Count(out, "password.known") != 1 {
		t.Errorf("the trail:\n%s", out)
	}
	var link struct{ Link string }
	g.CLIJSON(t, &link, "", "user", "reset", "old@example.com")
	path := strings.TrimPrefix(link.Link, g.URL)
	if done := choose(t, g.Client(t), path, listed); done.Status != 422 {
		t.Errorf("a listed password was set: %d", done.Status)
	}
	want(t, "another one", choose(t, g.Client(t), path, "bicycle tangerine lamp"), 200, "")
}

// TestDeliver: a server elsewhere has to speak TLS, and what it refuses for good is told
// from what may be tried again.
func TestDeliver(t *testing.T) {
	cert, key, pool := certificate(t)
	open, closed := startSink(t), startSink(t, "--tls", cert, key, "--user", "sanmon", "hunter2 hunter2")
	password := func(s string) func(context.Context) (secret.Value, error) {
		return func(context.Context) (secret.Value, error) { return secret.NewString(s), nil }
	}
	good := post.Letter{To: "ada@example.com", Subject: "Hello", Text: "text", HTML: "<p>html</p>"}
	later, refused, forged, two := good, good, good, good
	later.To, refused.To, forged.Subject, two.To = "ada@later.example", "ada@refused.example", "Hello\r\nBcc: eve@evil.example", "ada@example.com, eve@evil.example"
	encrypted := post.Server{Host: "localhost", Port: closed.Port, User: "sanmon", Password: password("hunter2 hunter2"), Config: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
	wrong, stranger := encrypted, encrypted
	wrong.Password, stranger.Config = password("another"), nil
	for name, c := range map[string]struct {
		server          post.Server
		letter          post.Letter
		good, permanent bool
	}{
		"TLS and password":    {encrypted, good, true, false},
		"loopback":            {post.Server{Host: "127.0.0.1", Port: open.Port, Plain: true}, good, true, false},
		"no TLS there":        {post.Server{Host: "127.0.0.1", Port: open.Port}, good, false, false},
		"unknown certificate": {stranger, good, false, false},
		"wrong password":      {wrong, good, false, false},
		"refused for good":    {post.Server{Host: "127.0.0.1", Port: open.Port, Plain: true}, refused, false, true},
		"refused for now":     {post.Server{Host: "127.0.0.1", Port: open.Port, Plain: true}, later, false, false},
		"a forged header":     {post.Server{Host: "127.0.0.1", Port: open.Port, Plain: true}, forged, false, true},
		"two addresses":       {post.Server{Host: "127.0.0.1", Port: open.Port, Plain: true}, two, false, true},
		"nobody listens":      {post.Server{Host: "127.0.0.1", Port: 1, Plain: true}, good, false, false},
	} {
		c.server.From = "no-reply@notes.example"
		err := c.server.Deliver(t.Context(), c.letter)
		if (err == nil) != c.good || errors.Is(err, post.ErrPermanent) != c.permanent {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "ada@") || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: the error tells who it was for: %v", name, err)
		}
	}
	if l := closed.next(t, 1); !l.TLS || l.User == nil || *l.User != "sanmon" {
		t.Errorf("%+v", l)
	}
	if closed.count() != 1 || open.count() != 1 {
		t.Errorf("%d and %d letters", closed.count(), open.count())
	}
}

// certificate makes a certificate for localhost, and the roots that it is in.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	return certificateAs(t, "localhost", time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

// certificateAs is one of a name, good from one time to another.
func certificateAs(t *testing.T, name string, from, until time.Time) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	made, _ := x509.ParseCertificate(der)
	pool.AddCert(made)
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}
