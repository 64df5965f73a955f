package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// djangoRoutes are in front of Django: everything for people who are signed in with the gate,
// Django's own login and CSRF protection behind it.
const djangoRoutes = `
  - { id: front, match: { path: "/" }, boundary: public }
  - { id: static, match: { path: "/static/{rest...}" }, boundary: public }
  - { id: admin, match: { path: "/admin/{rest...}", methods: [GET, POST] }, boundary: [session] }
  - { id: notes, match: { path: "/notes/", methods: [GET, POST] }, boundary: [session] }
  - { id: upload, match: { path: "/upload/", methods: [GET, POST] }, boundary: [session] }
`

func djangoGate(t *testing.T) *harness.Gate {
	t.Helper()
	b := harness.SharedBackend(t, harness.Django)
	return harness.SharedGate(t, "pages-django", func() harness.Options {
		return harness.Options{Upstream: b.URL, Routes: djangoRoutes}
	}, func(g *harness.Gate) { g.AddUser(t, writer, "writer") })
}

// fill sets a field of the page.
func (p *tab) fill(name, value string) {
	p.t.Helper()
	p.do(chromedp.SetValue(`[name="`+name+`"]`, value))
}

// TestDjangoAdmin: the admin site of an unmodified Django, with Django's own CSRF protection
// and login: an object with inlines that the site's script builds is added, changed and
// deleted by an action.
func TestDjangoAdmin(t *testing.T) {
	t.Parallel()
	p := openTab(t, djangoGate(t), writer)
	p.visit("/admin/")
	p.fill("username", "root")
	p.fill("password", "django-password-2")
	p.click(`input[type="submit"]`)
	if at := p.js(`location.pathname`); at != "/admin/" {
		t.Fatalf("after Django's login at %s: %s", at, p.text())
	}
	title := "admin note " + t.Name()
	p.visit("/admin/django_app/note/add/")
	p.fill("title", title)
	p.fill("body", "<b>text</b> & more")
	p.fill("remark_set-0-text", "first")
	p.do(chromedp.WaitVisible(`.add-row a`), chromedp.Click(`.add-row a`), chromedp.WaitVisible(`[name="remark_set-1-text"]`))
	p.fill("remark_set-1-text", "second, from a row that a script made")
	p.click(`[name="_save"]`)
	if at := p.js(`location.pathname`); at != "/admin/django_app/note/" || !strings.Contains(p.text(), "was added successfully") {
		t.Fatalf("saved, at %s: %s", at, clip([]byte(p.text())))
	}

	p.leave(`[...document.querySelectorAll('#result_list th a')].find(a => a.textContent === '` + title + `').click()`)
	if got := p.js(`document.querySelector('[name="remark_set-1-text"]').value`); !strings.HasPrefix(got, "second") {
		t.Errorf("the second inline is %q", got)
	}
	p.fill("title", title+" changed")
	p.click(`[name="_continue"]`)
	if got := p.js(`document.querySelector('[name="title"]').value`); got != title+" changed" || !strings.Contains(p.text(), "was changed successfully") {
		t.Errorf("changed to %q: %s", got, clip([]byte(p.text())))
	}

	p.visit("/admin/django_app/note/")
	p.js(`[...document.querySelectorAll('#result_list tr')].find(r => r.textContent.includes('` + title + `')).querySelector('[name="_selected_action"]').click(); ""`)
	p.do(chromedp.SetValue(`select[name="action"]`, "delete_selected"))
	p.click(`.actions button[name="index"]`)
	p.age(10 * time.Second) // the question has stood for longer than a token goes unasked
	p.click(`#content form [type="submit"]`)
	if text := p.text(); !strings.Contains(text, "Successfully deleted 1 note") || strings.Contains(text, title) {
		t.Errorf("deleted: %s", clip([]byte(text)))
	}
	p.click(`#logout-form button`)
	if text := p.text(); !strings.Contains(text, "Log in again") {
		t.Errorf("Django's logout: %s", clip([]byte(text)))
	}
}

// upload is a file that finds every fault of line ends, boundaries and encodings.
func upload(t *testing.T) (path, sum string) {
	t.Helper()
	content := []byte("\r\n--\x00\xff_sanmon=\r\n\r\n")
	for i := range 300_000 {
		content = append(content, byte(i*i>>3))
	}
	path = filepath.Join(t.TempDir(), "ünïcode \"name\".bin")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(content)
	return path, hex.EncodeToString(digest[:])
}

// TestUploadFromPages: the backend gets exactly the file and the fields of its own form.
func TestUploadFromPages(t *testing.T) {
	t.Parallel()
	file, sum := upload(t)
	for kind, row := range map[string]struct {
		page, fields string
	}{
		harness.FastAPI: {"/pages/", "comment file"}, harness.Flask: {"/pages/", "comment file"}, harness.Django: {"/upload/", ""},
	} {
		t.Run(kind, func(t *testing.T) {
			g := djangoGate(t)
			if kind != harness.Django {
				g = pagesGate(t, kind)
			}
			p := openTab(t, g, writer)
			for _, old := range []bool{false, true} {
				p.visit(row.page)
				p.do(chromedp.SetUploadFiles(`input[type="file"]`, []string{file}))
				if kind != harness.Django {
					p.fill("comment", "grüße")
				}
				if old {
					p.age(10 * time.Second)
				}
				p.click(`form[enctype^="multipart"] button`)
				a, text := p.got(), p.text()
				if a.SHA256 != sum || strings.Contains(text, "_sanmon") {
					t.Errorf("old page %v: the backend got %s", old, text)
				}
				if kind != harness.Django && (strings.Join(a.Names, " ") != row.fields || a.Comment != "grüße") {
					t.Errorf("old page %v: the fields are %q, comment %q", old, a.Names, a.Comment)
				}
			}
		})
	}
}

// TestPagesWithoutScript: the token in the HTML is enough; the script only adds to it.
func TestPagesWithoutScript(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{harness.FastAPI, harness.Flask} {
		t.Run(kind, func(t *testing.T) {
			p := openTab(t, pagesGate(t, kind), writer)
			block := network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: "*://*:*/.sanmon/csrf.js", Block: true}}}
			if _, err := chromedp.Call(p.ctx, network.SetBlockedURLs, block); err != nil {
				t.Fatal(err)
			}
			for form, want := range map[string]string{"save": "title=&go=1", "vote": "choice=a", "pay": "amount=5"} {
				p.visit("/pages/")
				p.click("#" + form + " button")
				if p.js(`String(/native code/.test(fetch))`) != "true" {
					t.Fatal("the script was loaded")
				}
				if a := p.got(); a.What != form || a.Raw != want || a.Token != "" {
					t.Errorf("%s: the application got %+v, want %q", form, a, want)
				}
			}
		})
	}
}

// TestPagesOfFrameworks: what people do with pages: two tabs, Back and once more, reload after a
// POST, a form that redirects, a search.
func TestPagesOfFrameworks(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{harness.FastAPI, harness.Flask} {
		t.Run(kind, func(t *testing.T) {
			p := openTab(t, pagesGate(t, kind), writer)
			p.visit("/pages/")
			q := p.another()
			q.visit("/pages/")
			for i, tab := range []*tab{p, q} {
				tab.js(`document.querySelector('#note [name=title]').value = 'note ` + kind + string(rune('A'+i)) + `'; ""`)
				tab.click("#note button")
				if text := tab.text(); !strings.Contains(text, "note "+kind+string(rune('A'+i))) {
					t.Errorf("tab %d after the redirect: %s", i, clip([]byte(text)))
				}
			}

			p.visit("/pages/")
			for range 2 {
				p.js(`document.querySelector('#save [name=title]').value = 'again'; ""`)
				p.leave(`document.querySelector('#save button').click()`) // chromedp's mouse is lost on a page that was kept
				if a := p.got(); a.Raw != "title=again&go=1" {
					t.Errorf("the application got %q", a.Raw)
				}
				p.leave(`location.reload()`)
				if a := p.got(); a.Raw != "title=again&go=1" {
					t.Errorf("after a reload the application got %q", a.Raw)
				}
				p.back("/pages/")
			}
			if kind == harness.FastAPI {
				p.visit("/pages/")
				p.click("#find button")
				if a := p.got(); a.Query != "q=needle" {
					t.Errorf("a search form sends %q", a.Query)
				}
			}
		})
	}
}

// TestOnceAndPageForms: a form of kind once is taken once, whatever the person does, and says so;
// a form of kind page as often as it is sent.
func TestOnceAndPageForms(t *testing.T) {
	t.Parallel()
	p := openTab(t, pagesGate(t, harness.FastAPI), writer)
	for range 2 { // a page that is loaded anew has a new token
		p.visit("/pages/")
		p.click("#pay button")
		if a := p.got(); a.Raw != "amount=5" {
			t.Errorf("once: %+v", a)
		}
	}
	p.leave(`location.reload()`)
	if text := p.text(); !strings.Contains(text, "csrf_spent") {
		t.Errorf("a reload after a once form says %s", clip([]byte(text)))
	}
	for _, old := range []bool{false, true} { // sent twice from one page, into a frame
		p.visit("/pages/")
		if old {
			p.age(10 * time.Second)
		}
		p.answers("/pages/pay")
		p.js(`(async () => {
			const frame = document.createElement('iframe'); frame.name = 'frame'; document.body.append(frame);
			const f = document.querySelector('#pay'); f.target = 'frame';
			for (let i = 0; i < 2; i++) {
				const loaded = new Promise(done => { frame.onload = done; });
				f.querySelector('button').click();
				await loaded;
				if (` + strconv.FormatBool(old) + `) Date.now = (now => () => now() + 10000)(Date.now);
			}
			return ''; })()`)
		time.Sleep(200 * time.Millisecond)
		if got := p.answers("/pages/pay"); !slices.Equal(got, []int64{200, 409}) {
			t.Errorf("old page %v: sent twice, answered %v, want 200 and 409", old, got)
		}
	}
	p.visit("/pages/")
	for range 2 {
		p.click("#vote button")
		if a := p.got(); a.Raw != "choice=a" {
			t.Errorf("page: %+v", a)
		}
		p.leave(`location.reload()`)
		if a := p.got(); a.Raw != "choice=a" {
			t.Errorf("page, reloaded: %+v", a)
		}
		p.visit("/pages/")
	}
}

// TestInjectedPage: what the gate puts into a page, and into a fragment that a script fetches.
func TestInjectedPage(t *testing.T) {
	t.Parallel()
	p := openTab(t, pagesGate(t, harness.FastAPI), writer)
	p.visit("/pages/?foreign=https://example.invalid/")
	const fields = `[...document.querySelectorAll('form')].map(f => f.id + ':' + [...f.elements].map(e => e.name).join('.')).join(' ')`
	if got, want := p.js(fields), "save:_sanmon.title.go note:_sanmon.title. file:_sanmon.comment.file. pay:_sanmon.amount. vote:_sanmon.choice. find:q. away:title."; got != want {
		t.Errorf("the forms have\n%s, want\n%s", got, want)
	}
	if got := p.js(`[...document.head.children].slice(0, 2).map(e => e.tagName + (e.getAttribute('src') || e.name)).join()`); got != "METAsanmon,SCRIPT/.sanmon/csrf.js" {
		t.Errorf("the head begins with %s", got)
	}
	kinds := p.js(`['save', 'pay', 'vote'].map(id => document.querySelector('#' + id + ' [name=_sanmon]').value[0]).join('') + document.querySelector('meta[name=sanmon]').content[0]`)
	if kinds != "sops" {
		t.Errorf("the tokens are of kinds %q, want s, o, p and in the head s", kinds)
	}
	fragment := p.js(`fetch('/pages/fragment').then(r => r.text())`)
	if !strings.Contains(fragment, "name=_sanmon") || strings.Contains(fragment, "<script") || strings.Contains(fragment, "<meta") {
		t.Errorf("a fragment arrives as %s", fragment)
	}
	p.js(`document.querySelector('#place').innerHTML = ` + quote(fragment) + `; ""`)
	p.click("#late button")
	if a := p.got(); a.Raw != "title=late" {
		t.Errorf("a form of a fragment: %+v", a)
	}
	// A page that everybody shares has no token of one person, but the script.
	p.visit("/pages/?cache=public,max-age=60")
	if got := p.js(`[document.querySelectorAll('[name=_sanmon]').length, document.querySelectorAll('meta[name=sanmon]').length, document.scripts.length].join()`); got != "0,0,1" {
		t.Errorf("a shared page has %s, want no field, no meta and one script", got)
	}
	for _, form := range []string{"save", "vote", "pay"} {
		p.visit("/pages/?cache=public,max-age=60")
		p.click("#" + form + " button")
		if a := p.got(); a.What != form || strings.Contains(a.Raw, "_sanmon") {
			t.Errorf("%s of a shared page: %+v", form, a)
		}
	}
	for _, c := range p.complaints() {
		if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "Refused") {
			t.Errorf("Chromium complains: %s", c)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// TestSocketsAndLogout: a WebSocket needs no token, a logout has one, and after it no page of the
// session has any effect.
func TestSocketsAndLogout(t *testing.T) {
	p := openTab(t, pagesGate(t, harness.FastAPI), writer)
	p.visit("/pages/")
	got := p.js(`new Promise((done, no) => { const s = new WebSocket('ws://' + location.host + '/ws'), seen = [];
		s.onmessage = e => { seen.push(e.data); if (seen.length === 1) s.send('hello'); else done(seen[1]); }; s.onerror = () => no(new Error('refused')); })`)
	if got != "hello" {
		t.Errorf("the WebSocket says %q", got)
	}
	other := p.another()
	other.visit("/pages/")
	if got := p.js(`fetch('/.sanmon/logout', {method: 'POST'}).then(r => String(r.status))`); got != "204" {
		t.Fatalf("logout: %s", got)
	}
	other.click("#save button")
	if text := other.text(); !strings.Contains(text, "login_required") && !strings.Contains(text, "session_expired") {
		t.Errorf("a form of another tab after the logout: %s", clip([]byte(text)))
	}
	p.enter(writer)
	p.visit("/pages/")
	p.leave(`const f = document.createElement('form'); f.method = 'post'; f.action = '/.sanmon/logout'; document.body.append(f); f.submit()`)
	if at := p.js(`location.pathname`); at != "/" {
		t.Errorf("a form signs out and leads to %s", at)
	}
	p.visit("/pages/")
	if at := p.js(`location.pathname`); at != "/.sanmon/login" {
		t.Errorf("after the logout a page leads to %s", at)
	}
	if !slices.ContainsFunc(p.requests("/.sanmon/logout"), func(r sentRequest) bool { return r.token }) {
		t.Error("the logout by fetch had no token in its header")
	}
}

// TestPageWithNewSecret: the page whose answer carries a new session secret has tokens of that
// secret: its forms live as long as those of any other page, without any script.
func TestPageWithNewSecret(t *testing.T) {
	t.Parallel()
	b := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: b.URL, Routes: pagesRoutes, Top: "session: { rotate: 1s }\ntoken: { race: 1s, redeliver: 1s }"})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	for range 2 {
		time.Sleep(1100 * time.Millisecond)
		before := c.Cookie(t)
		page := c.Get(t, "/pages/", "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Accept", "text/html")
		if page.Status != 200 || c.Cookie(t) == before {
			t.Fatalf("the page came with %d and no new secret", page.Status)
		}
		_, rest, _ := strings.Cut(string(page.Body), "name=_sanmon value=")
		token, _, _ := strings.Cut(rest, ">")
		time.Sleep(2200 * time.Millisecond)
		c.CSRF = ""
		want(t, "a form of that page", c.Post(t, "/pages/save", urlencoded, "_sanmon="+token+"&title=late"), 200, "")
	}
}
