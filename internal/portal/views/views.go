// Package views shows the portal's pages: templates, texts in English and Japanese, style
// and picture. It decides nothing. Pages have no inline script and no inline style, and a
// script of ours where a passkey needs one, so their policy has no exception.
package views

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"

	"github.com/sanmon-gate/sanmon/secret"
)

//go:embed assets/*.tmpl
var templates embed.FS

// policy is the Content-Security-Policy of every page.
const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// scripted is the policy of a page with our script, which only the nonce lets in. The script
// may ask this origin, and writes no HTML (Trusted Types).
const scripted = policy + "; script-src 'nonce-%s'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"

// Renderer writes pages. It is safe for concurrent use.
type Renderer struct {
	pages    map[string]*template.Template
	speakers *speakers
	assets   *assets
}

// New parses templates and texts. prefix is where the portal lives, "/.sanmon/".
func New(prefix string) (*Renderer, error) {
	s, err := newSpeakers()
	if err != nil {
		return nil, err
	}
	a, err := newAssets(prefix)
	if err != nil {
		return nil, err
	}
	r := &Renderer{map[string]*template.Template{}, s, a}
	for _, name := range []string{"login", "refusal", "confirm", "problems", "code", "enrol", "account", "ask", "choose", "leave"} {
		t, err := template.ParseFS(templates, "assets/layout.tmpl", "assets/parts.tmpl", "assets/"+name+".tmpl")
		if err != nil {
			return nil, fmt.Errorf("parse page %s: %w", name, err)
		}
		r.pages[name] = t.Option("missingkey=error")
	}
	return r, nil
}

// frame is what every page has around its own view.
type frame struct {
	Lang  string
	Style string // URL path
	Mark  string // URL path
	Title string
	View  any

	Script string // URL path, "" none
	Nonce  string // that lets it in
	words  words
}

// T is the text of a key in the page's language. "{}" in it stands for the arguments in turn.
func (f frame) T(key string, args ...any) string { return f.words.text(key, args...) }

// Waiting says how long to wait, in minutes where seconds would be a large number.
func (f frame) Waiting(seconds int) string {
	if seconds > 120 {
		return f.T("wait.minutes", (seconds+59)/60)
	}
	return f.T("wait.seconds", seconds)
}

// page renders a whole page before the first byte is written.
func (r *Renderer) page(w http.ResponseWriter, req *http.Request, status int, name string, title func(words) string, view any) {
	r.pageWith(w, req, status, name, title, view, false)
}

// pageWith is page, with our script where it has one.
func (r *Renderer) pageWith(w http.ResponseWriter, req *http.Request, status int, name string, title func(words) string, view any, script bool) {
	said := r.speakers.of(req.Header.Get("Accept-Language"))
	f := frame{Lang: said.lang, Style: r.assets.style, Mark: r.assets.mark, Title: title(said), View: view, words: said}
	rules := policy
	if script {
		f.Script, f.Nonce = r.assets.script, secret.Random62(22)
		rules = fmt.Sprintf(scripted, f.Nonce)
	}
	var b bytes.Buffer
	err := r.pages[name].ExecuteTemplate(&b, "layout", f)
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if err != nil { // a template that the tests have not rendered
		h.Set("Content-Type", "text/plain; charset=utf-8")
		Write(w, req, http.StatusInternalServerError, []byte("Something went wrong on our side.\n"))
		return
	}
	pageHeader(h, said.lang, rules)
	Write(w, req, status, b.Bytes())
}

// pageHeader sets the fields of every page. Referrer-Policy is same-origin, because with
// no-referrer browsers send a form with "Origin: null" (Fetch, "append a request Origin
// header"), which the origin verdict refuses.
func pageHeader(h http.Header, lang, rules string) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Content-Security-Policy", rules)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Vary", "Accept-Language, Cookie")
}

// Write sends a body of known length, or for HEAD its length alone.
func Write(w http.ResponseWriter, req *http.Request, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if req.Method != http.MethodHead {
		_, _ = w.Write(body) // the client has gone: there is nobody to tell
	}
}
