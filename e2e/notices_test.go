package e2e_test

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// change sends a form of the account page as a browser without JavaScript does, and returns
// the page that is shown then.
func change(t *testing.T, c *harness.Client, path string, form url.Values, header ...string) string {
	t.Helper()
	header = append(append([]string{}, opened...), header...)
	page := c.Get(t, account, header...)
	want(t, "the account page", page, 200, "")
	form.Set("_sanmon", field(t, page.Body, "_sanmon"))
	done := c.Post(t, account+path, "application/x-www-form-urlencoded", form.Encode(), header...)
	if want(t, path, done, 303, ""); done.Header.Get("Location") != account {
		t.Fatalf("%s leads to %q", path, done.Header.Get("Location"))
	}
	return string(c.Get(t, account, header...).Body)
}

// letterSays asks for the words of a letter, in both of its parts.
func letterSays(t *testing.T, what string, l letter, to, subject string, words ...string) {
	t.Helper()
	if len(l.To) != 1 || l.To[0] != to || !strings.Contains(l.header("Subject")[0], subject) || l.header("Auto-Submitted")[0] != "auto-generated" {
		t.Errorf("%s: to %v, subject %q", what, l.To, l.header("Subject"))
	}
	for _, w := range words {
		if !strings.Contains(l.Text, w) || !strings.Contains(l.HTML, w) {
			t.Errorf("%s: the letter has no %q:\n%s", what, w, l.Text)
		}
	}
}

// TestChangesAreToldByMail: who changes something in somebody's name does not do it unseen.
func TestChangesAreToldByMail(t *testing.T) {
	s := startSink(t)
	g := lettersGate(t, s, ", totp: optional")
	c := signedIn(t, g, writer)
	place := regexp.MustCompile(`network 127\.0\.0\.0/24, 20\d\d-\d\d-\d\d \d\d:\d\d UTC`)
	told := func(n int, subject string) letter {
		t.Helper()
		l := s.next(t, n)
		letterSays(t, subject, l, writer, subject, g.URL+account)
		return l
	}

	page := c.Get(t, account+"/totp", opened...)
	secret := regexp.MustCompile(`class="secret"><code>([A-Z2-7 ]+)<`).FindSubmatch(page.Body)
	if secret == nil {
		t.Fatalf("no secret:\n%s", clip(page.Body))
	}
	phone := newApp(t, string(secret[1]))
	form := url.Values{"step": {field(t, page.Body, "step")}, "code": {phone.next()}}
	if shown := change(t, c, "/totp", form); !strings.Contains(shown, "One-time codes are on") {
		t.Errorf("the page:\n%.1500s", shown)
	}
	if l := told(1, "One-time codes were turned on at localhost"); !place.MatchString(l.Text) {
		t.Errorf("the letter does not say where and when:\n%s", l.Text)
	}
	if shown := change(t, c, "/totp", url.Values{"step": {form.Get("step")}, "code": {phone.next()}}); !strings.Contains(shown, "on already, with another app") {
		t.Errorf("a second app:\n%.1500s", shown)
	}
	shown := change(t, c, "/recovery", url.Values{})
	l := told(2, "New recovery codes at localhost")
	for _, code := range regexp.MustCompile(`[0-9a-z]{4}(?:-[0-9a-z]{4}){5}`).FindAllString(shown, -1) {
		if strings.Contains(l.Text+l.HTML, code) {
			t.Error("a recovery code is in a letter")
		}
	}
	change(t, c, "/totp/remove", url.Values{})
	told(3, "One-time codes were turned off at localhost")
	shown = change(t, c, "/key/create", url.Values{"scope": {"notes:read"}, "days": {"30"}}, "Accept-Language", "ja")
	l = s.next(t, 4)
	letterSays(t, "a key", l, writer, "API キーが作成されました", "お心当たりがない場合")
	key := regexp.MustCompile(`smk_[0-9A-Za-z_]{20,}`).FindString(shown)
	if key == "" || strings.Contains(l.Text+l.HTML, key) {
		t.Errorf("the key %.12s… is not shown, or in a letter", key)
	}
	const next = "a new horse entirely, quite"
	change(t, c, "/password", url.Values{"former": {"wrong"}, "password": {next}, "again": {next}})
	change(t, c, "/password", url.Values{"former": {harness.Password}, "password": {next}, "again": {next}})
	told(5, "Your password was changed at localhost")
	if n := s.count(); n != 5 {
		t.Errorf("%d letters", n)
	}
}

// TestNobodyWaitsForALetter: a mail server that takes connections and says nothing.
func TestNobodyWaitsForALetter(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	connected := make(chan net.Conn, 8)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			connected <- conn // and not a word
		}
	}()
	g := factorsGate(t, fmt.Sprintf("login: { smtp: { url: \"smtp://127.0.0.1:%d\", from: \"no-reply@notes.example\" } }\n", silent.Addr().(*net.TCPAddr).Port))
	c := signedIn(t, g, writer)
	c.HTTP.Timeout = 15 * time.Second // less than a delivery is waited for
	change(t, c, "/key/create", url.Values{"scope": {"notes:read"}, "days": {"30"}})
	select {
	case conn := <-connected: // the letter is under way
		defer func() { _ = conn.Close() }()
	case <-time.After(30 * time.Second):
		t.Error("no letter was sent")
	}
	change(t, c, "/key/create", url.Values{"scope": {"notes:read"}, "days": {"7"}})
}

// TestProviderOnTheAccountPage: seen, kept while it is the only way, and unlinked.
func TestProviderOnTheAccountPage(t *testing.T) {
	sink := startSink(t)
	g := oidcGate(t, ", create: true", fmt.Sprintf(", smtp: { url: \"smtp://127.0.0.1:%d\", from: \"no-reply@notes.example\" }", sink.Port))
	s := newSurfer(t)
	if to, page, status := s.open("GET", s.signIn(g.URL+begins, "ada"), nil); to != g.URL+"/" {
		t.Fatalf("the login = %d to %q\n%.1500s", status, to, page)
	}
	c := g.Client(t)
	c.HTTP.Jar = s.Jar
	page := string(c.Get(t, account, opened...).Body)
	issuer := regexp.MustCompile(`<code>(http://127\.0\.0\.1:\d+)</code>`).FindStringSubmatch(page)
	if issuer == nil || !strings.Contains(page, ">corp</p>") || !strings.Contains(page, "<code>ada</code>") || strings.Contains(page, "/provider/unlink") || !strings.Contains(page, "no other way to sign in") {
		t.Fatalf("the account page:\n%s", page)
	}
	if ja := string(c.Get(t, account, append(append([]string{}, opened...), "Accept-Language", "ja")...).Body); !strings.Contains(ja, "外部のプロバイダー") || !strings.Contains(ja, "ほかにログインする方法がないため") {
		t.Errorf("in Japanese:\n%s", ja)
	}
	link := func() url.Values { return url.Values{"issuer": {issuer[1]}, "subject": {"ada"}} }
	if shown := change(t, c, "/provider/unlink", link()); !strings.Contains(shown, "the only way to sign in that you have") {
		t.Errorf("the only way:\n%.1500s", shown)
	}
	const next = "a new horse entirely, quite"
	change(t, c, "/password", url.Values{"password": {next}, "again": {next}})
	letterSays(t, "the password", sink.next(t, 1), "ada@example.com", "Your password was changed", "account")
	other := newSurfer(t)
	if to, _, _ := other.open("GET", other.signIn(g.URL+begins, "ada"), nil); to != g.URL+"/" {
		t.Errorf("a second login leads to %q", to)
	}
	if shown := change(t, c, "/provider/unlink", link()); !strings.Contains(shown, "The provider was unlinked") || !strings.Contains(shown, "not linked to any provider") {
		t.Errorf("unlinked:\n%.1500s", shown)
	}
	letterSays(t, "the provider", sink.next(t, 2), "ada@example.com", "A provider was unlinked at localhost", g.URL+account)
	if strings.Contains(other.session(g), "ada@") {
		t.Error("the session by the provider is alive")
	}
	if to, page, status := other.open("GET", other.signIn(g.URL+begins, "ada"), nil); status != 401 || to != "" || !strings.Contains(page, "has not signed you in here") {
		t.Errorf("a login with the provider = %d to %q\n%.1500s", status, to, page)
	}
	want(t, "the password", g.Client(t).TryLogin(t, "ada@example.com", next), 200, "")
}
