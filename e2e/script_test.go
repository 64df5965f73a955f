package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// pagesRoutes are in front of the pages of the FastAPI application. Everybody who is signed
// in may do everything: what is tested is what the browser sends.
const pagesRoutes = `
  - { id: front, match: { path: "/" }, boundary: public }
  - { id: pages, match: { path: "/pages/{rest...}", methods: [GET] }, boundary: [session] }
  - { id: write, match: { path: "/pages/{rest...}", methods: [POST, PUT, PATCH, DELETE] }, boundary: [session] }
  - { id: vote, match: { path: "/pages/vote", methods: [POST] }, boundary: [session], csrf: page }
  - { id: pay, match: { path: "/pages/pay", methods: [POST] }, boundary: [session], csrf: once }
  - { id: open, match: { path: "/echo/{rest...}", methods: [POST] }, boundary: public, ` + open + ` }
  - { id: ws, match: { path: "/ws", methods: [GET] }, boundary: [session] }
`

// pagesGate is the gate in front of the pages of one backend.
func pagesGate(t *testing.T, kind string) *harness.Gate {
	t.Helper()
	b := harness.SharedBackend(t, kind)
	return harness.SharedGate(t, "pages-"+kind, func() harness.Options {
		return harness.Options{Upstream: b.URL, Routes: pagesRoutes}
	}, func(g *harness.Gate) { g.AddUser(t, writer, "writer") })
}

// said is defined in pages: what became of a fetch, in one line.
const said = `window.said = async promise => {
	const r = await promise, b = await r.json();
	return r.status + ' ' + (b.code || b.method + ' ' + b.raw + (b.token ? ' AND A TOKEN' : ''));
}; ""`

// TestScriptRequests: what scripts send reaches an application that knows nothing of tokens,
// with a token that it never sees. The page has nothing but the script.
func TestScriptRequests(t *testing.T) {
	t.Parallel()
	p := openTab(t, pagesGate(t, harness.FastAPI), writer)
	p.visit("/pages/?by_hand=1")
	p.js(said)
	p.js(`window.xhr = (method, url, body, act = () => {}, async = true) => new Promise(done => {
		const x = new XMLHttpRequest();
		x.onloadend = () => { const b = x.responseText ? JSON.parse(x.responseText) : {}; done(x.status + ' ' + (b.code || b.method + ' ' + b.raw)); };
		x.open(method, url, async);
		act(x);
		x.send(body);
		if (!async) x.onloadend();
	}); ""`)
	for _, row := range []struct{ what, js, want string }{
		{"a string", `said(fetch('/pages/save', {method: 'POST', body: 'a=1'}))`, "200 POST a=1"},
		{"no body", `said(fetch('/pages/save', {method: 'post'}))`, "200 POST "},
		{"a relative address", `said(fetch('save', {method: 'PUT', body: 'b'}))`, "200 PUT b"},
		{"a URL object", `said(fetch(new URL('/pages/save?x=1', location.href), {method: 'DELETE'}))`, "200 DELETE "},
		{"PATCH with Headers", `said(fetch('/pages/save', {method: 'PATCH', body: '{}', headers: new Headers({'Content-Type': 'application/json'})}))`, "200 PATCH {}"},
		{"headers as a list", `said(fetch('/pages/save', {method: 'POST', body: 'c', headers: [['X-One', '1']]}))`, "200 POST c"},
		{"a Request", `said(fetch(new Request('/pages/save', {method: 'POST', body: 'd'})))`, "200 POST d"},
		{"a Request, changed", `said(fetch(new Request('/pages/save', {method: 'POST', body: 'e'}), {headers: {'X-One': '1'}, body: 'f'}))`, "200 POST f"},
		{"a Request as options", `said(fetch('/pages/save', new Request('/pages/other', {method: 'PUT'})))`, "200 PUT "},
		{"bytes", `said(fetch('/pages/save', {method: 'POST', body: new TextEncoder().encode('h')}))`, "200 POST h"},
		{"a Blob", `said(fetch('/pages/save', {method: 'POST', body: new Blob(['i'])}))`, "200 POST i"},
		{"parameters", `said(fetch('/pages/save', {method: 'POST', body: new URLSearchParams({j: '1'})}))`, "200 POST j=1"},
		{"no-cors", `said(fetch('/pages/save', {method: 'POST', mode: 'no-cors', body: 'k'}))`, "200 POST k"},
		{"by another this", `said(fetch.call(undefined, '/pages/save', {method: 'POST', body: 'l'}))`, "200 POST l"},
		{"a page route", `said(fetch('/pages/vote', {method: 'POST', body: 'm'}))`, "200 POST m"},
		{"a page route by a Request", `said(fetch(new Request('/pages/vote', {method: 'POST', body: 'n'})))`, "200 POST n"},
		{"a once route", `said(fetch('/pages/pay', {method: 'POST', body: 'o'}))`, "200 POST o"},
		{"a once route again", `said(fetch('/pages/pay', {method: 'POST', body: 'p'}))`, "200 POST p"},
		{"a header of its own is kept", `said(fetch('/pages/save', {method: 'POST', headers: {'x-sanmon-csrf': 'mine'}}))`, "403 csrf_invalid"},
		{"a public route", `fetch('/echo/x', {method: 'POST', body: 'q'}).then(async r => r.status + ' ' + (await r.json()).length)`, "200 1"},
		{"aborted", `(() => { const c = new AbortController(), f = fetch('/pages/pay', {method: 'POST', signal: c.signal}); c.abort(); return f.then(r => 'answered', e => e.name); })()`, "AbortError"},
		{"a bad address", `fetch('http://[', {method: 'POST'}).then(() => 'answered', e => e.name)`, "TypeError"},
		{"a used body", `(async () => { const r = new Request('/pages/save', {method: 'POST', body: 'r'}); await r.text(); return fetch(r).then(() => 'answered', e => e.name); })()`, "TypeError"},

		{"XHR", `xhr('POST', '/pages/save', 's')`, "200 POST s"},
		{"XHR in lower case", `xhr('delete', 'save')`, "200 DELETE "},
		{"XHR to a page route", `xhr('POST', '/pages/vote', 't')`, "200 POST t"},
		{"XHR to a once route", `xhr('POST', '/pages/pay', 'u')`, "200 POST u"},
		{"XHR to a once route again", `xhr('POST', '/pages/pay', 'v')`, "200 POST v"},
		{"XHR that waits", `xhr('POST', '/pages/save?x', 'w', null || (x => x.setRequestHeader('Content-Type', 'text/x')), false)`, "200 POST w"},
		{"XHR that waits, once", `xhr('POST', '/pages/pay', 'x', undefined, false)`, "200 POST x"},
		{"XHR with a header of its own", `xhr('POST', '/pages/save', '', x => x.setRequestHeader('X-Sanmon-Csrf', 'mine'))`, "403 csrf_invalid"},
		{"XHR to a public route", `xhr('POST', '/echo/y', 'y').then(s => s.slice(0, 8))`, "200 POST"},
		{"XHR aborted while it asks", `new Promise(done => { const x = new XMLHttpRequest(), seen = []; for (const k of ['abort', 'load', 'loadend']) x.addEventListener(k, () => seen.push(k)); x.open('POST', '/pages/pay'); x.send('no'); x.abort(); setTimeout(() => done(seen.join()), 300); })`, "abort,loadend"},
		{"XHR opened again while it asks", `new Promise(done => { const x = new XMLHttpRequest(); x.onload = () => done(x.status + ' ' + JSON.parse(x.responseText).raw); x.open('POST', '/pages/pay'); x.send('no'); x.open('POST', '/pages/pay'); x.send('yes'); })`, "200 yes"},
		{"XHR sent twice", `new Promise(done => { const x = new XMLHttpRequest(); x.open('POST', '/pages/pay'); x.send(); try { x.send(); } catch (e) { done(e.name); } })`, "InvalidStateError"},
		{"a beacon", `String(navigator.sendBeacon('/pages/save?beacon', new Blob(['z'])))`, "true"},

		{"a form's data has no token", `(() => { const f = document.querySelector('#save'); f.insertAdjacentHTML('afterbegin', '<input name=_sanmon value=t>'); return JSON.stringify(Object.fromEntries(new FormData(f))); })()`, `{"title":""}`},
		{"FormData as before", `(() => { const d = new FormData(); d.append('_sanmon', '1'); class E extends FormData {} return [d.get('_sanmon'), d instanceof FormData, new E() instanceof E].join(); })()`, "1,true,true"},
		{"no name is left", `Object.keys(window).filter(k => /sanmon|csrf/i.test(k)).join()`, ""},
		{"loaded twice", `(async () => { const f = fetch, s = XMLHttpRequest.prototype.send; const e = document.createElement('script'); e.src = '/.sanmon/csrf.js'; await new Promise(done => { e.onload = done; document.head.append(e); }); return String(f === fetch && s === XMLHttpRequest.prototype.send); })()`, "true"},
	} {
		if got := p.js(row.js); got != row.want {
			t.Errorf("%s: %q, want %q", row.what, got, row.want)
		}
	}
	for _, r := range p.requests(p.g.URL) {
		if r.method == "GET" && r.token {
			t.Errorf("GET %s has a token", r.url)
		}
	}
	if r := p.requests("/pages/save?beacon"); len(r) == 0 || !r[len(r)-1].token {
		t.Errorf("the beacon went as %v", r)
	}
}

// stranger is an origin of somebody else that lets everybody ask everything.
type stranger struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // "METHOD PATH | token or body with one"
}

func newStranger(t *testing.T) *stranger {
	s := &stranger{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 4096)
		n, _ := r.Body.Read(body)
		line := r.Method + " " + r.URL.String()
		if r.Header.Get("X-Sanmon-Csrf") != "" || strings.Contains(strings.ToLower(r.Header.Get("Access-Control-Request-Headers")), "sanmon") || strings.Contains(string(body[:n]), "_sanmon") {
			line += " WITH A TOKEN"
		}
		s.mu.Lock()
		s.seen = append(s.seen, line)
		s.mu.Unlock()
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "*")
		h.Set("Access-Control-Allow-Headers", "*, X-Sanmon-Csrf")
		h.Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"method": "` + r.Method + `", "raw": ""}`))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stranger) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.seen, "\n")
}

// TestNothingForStrangers: no token leaves the origin, not in a header, not in a form, not even
// one that a page has put there.
func TestNothingForStrangers(t *testing.T) {
	p, s := openTab(t, pagesGate(t, harness.FastAPI), writer), newStranger(t)
	p.visit("/pages/?by_hand=1&foreign=" + s.URL + "/form")
	p.js(said)
	for _, js := range []string{
		`said(fetch('/pages/save', {method: 'POST'}))`, // there is a token at hand
		`said(fetch('` + s.URL + `/fetch', {method: 'POST', body: 'a'}))`,
		`said(fetch('` + s.URL + `/put', {method: 'PUT', headers: {'X-Own': '1'}}))`,
		`said(fetch(new Request('` + s.URL + `/request', {method: 'POST', body: 'b'})))`,
		`new Promise(done => { const x = new XMLHttpRequest(); x.onload = () => done('200 POST '); x.open('POST', '` + s.URL + `/xhr'); x.send('c'); })`,
	} {
		if got := p.js(js); !strings.HasPrefix(got, "200 P") {
			t.Errorf("%s: %s", js, got)
		}
	}
	p.js(`navigator.sendBeacon('` + s.URL + `/beacon', 'd'); ""`)
	// The floor policy's form-action stops such forms in the end; what they carry is seen before.
	const entries = `(() => { let seen; const f = document.querySelector('#away'); f.insertAdjacentHTML('afterbegin', '<input name=_sanmon value=t>');
		addEventListener('formdata', e => { seen = [...e.formData.keys()].join(); });
		%s return seen; })()`
	for what, js := range map[string]string{
		"action":      `f.requestSubmit();`,
		"submit()":    `f.submit();`,
		"formaction":  `f.action = '/pages/save'; const b = f.querySelector('button'); b.setAttribute('formaction', '` + s.URL + `/by'); f.requestSubmit(b);`,
		"new address": `f.setAttribute('action', '//` + strings.TrimPrefix(s.URL, "http://") + `/slashes'); f.submit();`,
	} {
		p.visit("/pages/?by_hand=1&foreign=" + s.URL + "/form")
		if got := p.js(strings.Replace(entries, "%s", js, 1)); got != "title" {
			t.Errorf("%s: a form for others has %q, want its title only", what, got)
		}
	}
	time.Sleep(300 * time.Millisecond)
	seen := s.all()
	for _, path := range []string{"/fetch", "/put", "/request", "/xhr", "/beacon"} {
		if !strings.Contains(seen, path) {
			t.Errorf("%s never came", path)
		}
	}
	if strings.Contains(seen, "TOKEN") {
		t.Errorf("a token has left:\n%s", seen)
	}
}

// TestScriptForms: forms that the HTML gave no token, in every way that a form is sent.
func TestScriptForms(t *testing.T) {
	t.Parallel()
	p := openTab(t, pagesGate(t, harness.FastAPI), writer)
	const build = `const f = document.createElement('form'); f.method = 'post'; f.action = '/pages/save'; f.innerHTML = '<input name=title value=built><select name=action><option>x</select><button name=go value=1>B</button>'; document.body.append(f); `
	for _, row := range []struct{ what, js, want string }{
		{"submit()", build + `f.submit()`, "title=built&action=x"},
		{"submit() and gone", build + `f.submit(); f.remove()`, "title=built&action=x"},
		{"requestSubmit()", build + `f.requestSubmit()`, "title=built&action=x"},
		{"by its button", build + `f.requestSubmit(f.querySelector('button'))`, "title=built&action=x&go=1"},
		{"a click", build + `f.querySelector('button').click()`, "title=built&action=x&go=1"},
		{"two clicks", build + `f.querySelector('button').click(); f.querySelector('button').click()`, "title=built&action=x&go=1"},
		{"a button that is disabled when pressed", build + `f.onsubmit = () => { setTimeout(() => f.querySelector('button').disabled = true, 0); }; f.querySelector('button').click()`, "title=built&action=x&go=1"},
		{"propagation stopped", build + `fetch('/pages/save', {method: 'POST'}).then(() => { f.addEventListener('submit', e => e.stopPropagation()); f.requestSubmit(); })`, "title=built&action=x"},
		{"listeners run once", build + `f.onsubmit = () => { f.elements.title.value += '+'; }; f.requestSubmit()`, "title=built%2B&action=x"},
		{"GET with formmethod", build + `f.method = 'get'; const b = f.querySelector('button'); b.setAttribute('formmethod', 'post'); f.requestSubmit(b)`, "title=built&action=x&go=1"},
		{"formaction", build + `f.setAttribute('action', 'https://example.invalid/'); const b = f.querySelector('button'); b.setAttribute('formaction', '/pages/vote'); f.requestSubmit(b)`, "title=built&action=x&go=1"},
		{"page route", build + `f.setAttribute('action', '/pages/vote'); f.submit()`, "title=built&action=x"},
		{"once route", build + `f.setAttribute('action', '/pages/pay'); f.submit()`, "title=built&action=x"},
		{"a fragment", `fetch('/pages/fragment').then(r => r.text()).then(h => { document.querySelector('#place').innerHTML = h; document.querySelector('#late button').click(); })`, "title=late"},
		{"of the page", `document.querySelector('#save [name=title]').value = 'seen'; document.querySelector('#save button').click()`, "title=seen&go=1"},
	} {
		p.visit("/pages/?by_hand=1")
		p.leave(row.js)
		if a := p.got(); a.Raw != row.want || a.Token != "" {
			t.Errorf("%s: the application got %q, want %q", row.what, a.Raw, row.want)
		}
	}
	p.visit("/pages/?by_hand=1")
	p.js(build + `f.onsubmit = e => { e.preventDefault(); window.held = true; }; f.requestSubmit(); ""`)
	time.Sleep(300 * time.Millisecond)
	if p.js(`String(window.held) + location.pathname`) != "true/pages/" {
		t.Error("a form that its page holds back was sent")
	}
}

// TestOldPage: a page that has been open for longer than the secret of its session.
func TestOldPage(t *testing.T) {
	t.Parallel()
	b := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: b.URL, Routes: pagesRoutes, Top: "session: { rotate: 1s }\ntoken: { race: 1s, redeliver: 1s }"})
	g.AddUser(t, writer, "writer")
	p := openTab(t, g, writer)
	other := p.another()
	rotate := func() {
		for range 3 {
			other.visit("/pages/")
			time.Sleep(1100 * time.Millisecond)
		}
	}
	for _, page := range []string{"/pages/?by_hand=1", "/pages/"} {
		if page == "/pages/" && !injects(t, g) {
			t.Log("no token in pages yet")
			continue
		}
		p.visit(page)
		p.js(said)
		p.js(`said(fetch('/pages/save', {method: 'POST', body: 'warm'}))`)
		rotate()
		if got := p.js(`said(fetch('/pages/save', {method: 'POST', body: 'old'}))`); got != "200 POST old" {
			t.Errorf("%s: a fetch from an old page: %s", page, got)
		}
		rotate()
		p.age(10 * time.Second)
		p.js(`document.querySelector('#save [name=title]').value = 'old'; ""`)
		p.click("#save button")
		if a := p.got(); a.Raw != "title=old&go=1" {
			t.Errorf("%s: a form of an old page: %+v", page, a)
		}
	}
}

// TestStrictPage: the script works under the strictest policy that lets it load, with Trusted
// Types, and Chromium has nothing to complain about.
func TestStrictPage(t *testing.T) {
	t.Parallel()
	p := openTab(t, pagesGate(t, harness.FastAPI), writer)
	const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
	p.visit("/pages/?by_hand=1&csp=" + url.QueryEscape(policy))
	p.js(said)
	if got := p.js(`said(fetch('/pages/vote', {method: 'POST', body: 'strict'}))`); got != "200 POST strict" {
		t.Errorf("fetch: %s", got)
	}
	p.age(10 * time.Second)
	p.click("#save button")
	if a := p.got(); a.Raw != "title=&go=1" {
		t.Errorf("form: %+v", a)
	}
	for _, c := range p.complaints() {
		if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "Trusted") {
			t.Errorf("Chromium complains: %s", c)
		}
	}
}

// injects reports whether the gate gives pages their token.
func injects(t *testing.T, g *harness.Gate) bool {
	t.Helper()
	c := signedIn(t, g, writer)
	a := c.Get(t, "/pages/", "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "Accept", "text/html")
	return strings.Contains(string(a.Body), "_sanmon")
}
