package sanmon

import (
	"context"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/markup"
	"github.com/sanmon-gate/sanmon/web/origin"
)

// ScriptPath is where the script is served that gives tokens to what other scripts send.
const ScriptPath = "/.sanmon/csrf.js"

// page is what becomes of an answer that turns out to be HTML. The zero page is left alone.
type page struct {
	asked    bool
	shape    markup.Shape
	bindings [][]byte // what tokens of the page are bound to
	injector *markup.Injector
	skipped  markup.Reason // why the page was not read at all
}

// Injection reports what was done to the page of this passage; ok is false when there was
// no page to do anything to.
func (p *Passage) Injection() (r markup.Report, ok bool) {
	switch {
	case p.page.injector != nil:
		return p.page.injector.Report(), true
	case p.page.skipped != "":
		return markup.Report{Reason: p.page.skipped}, true
	}
	return markup.Report{}, false
}

// viewer finds out to whom a public page is about to be shown, for the tokens of its forms
// and for nothing else: the caller stays anonymous, and a session that cannot be judged is
// none.
func (g *Gate) viewer(ctx context.Context, p *Passage) {
	if !origin.Navigation(p.Request) || p.Host != g.Host {
		return
	}
	cookies := p.Request.Fields.Values("Cookie")
	if len(cookies) == 0 {
		return
	}
	if cookie, err := g.presented(p); err == nil && cookie != "" {
		q := p.Caller // anonymous
		if _, err := g.Sessions.Judge(ctx, cookie, p.Client(), p.Request.Now, &q); err == nil {
			p.page.bindings = q.Bindings
			return
		}
	}
	if g.PreBinding == nil || len(g.Cookies) < 2 {
		return
	}
	if pre, err := headers.Cookie(cookies, g.Cookies[1]); err == nil {
		if binding := g.PreBinding(pre); binding != nil {
			p.page.bindings = [][]byte{binding}
		}
	}
}

// Rebind binds the tokens of the page to the session secret that the answer carries, which
// has just replaced the one of the request: the page would die with that otherwise, long
// before it is left. It is called before Release.
func (g *Gate) Rebind(ctx context.Context, p *Passage, now time.Time) {
	if !p.page.asked {
		return
	}
	q := p.Caller
	if _, err := g.Sessions.Judge(ctx, p.Cookie, p.Client(), now, &q); err == nil {
		p.page.bindings = q.Bindings // the new one comes first
	}
}

// ask decides whether the answer may be a page that gets tokens, and asks the backend for
// one that can be read and is whole. A page for nobody is left alone, and stays cacheable.
func (g *Gate) ask(p *Passage, out map[string][]string) {
	if len(p.Caller.Bindings) > 0 {
		p.page.bindings = p.Caller.Bindings
	}
	if len(p.page.bindings) == 0 || len(p.page.bindings[0]) == 0 || p.Upgrade || p.Host != g.Host || p.Request.Method == "HEAD" {
		return
	}
	switch exchange.First(p.Request.Fields, "Sec-Fetch-Dest") {
	case "document", "iframe", "frame", "embed", "object":
		p.page.shape = markup.Document
	case "empty":
		p.page.asked, p.page.shape = true, markup.Fragment
		return
	case "":
		p.page.shape = markup.Either
	default:
		return // pictures, scripts, styles
	}
	p.page.asked = true
	if p.page.shape == markup.Either && !origin.Navigation(p.Request) {
		return
	}
	// The page will differ from what the backend knows: no part of it, no "not modified".
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "Range", "If-Range"} {
		delete(out, name)
	}
	out["Accept-Encoding"] = []string{"identity"}
}

// content decides what happens to a body. Whoever returns a filter has taken away, in
// header, what no longer holds for the bytes.
func (g *Gate) content(p *Passage, status int, header map[string][]string) Content {
	if !p.page.asked || !rewritable(status, header) {
		return Content{}
	}
	coding, ok := codingOf(header)
	if !ok {
		p.page.skipped = markup.UnknownCoding
		return Content{}
	}
	shared := sharable(header)
	if shared && p.page.shape == markup.Fragment {
		return Content{}
	}
	injector := markup.NewInjector(g.pageOf(p, header, shared))
	if p.page.skipped = injector.Report().Reason; p.page.skipped != "" {
		return Content{}
	}
	p.page.injector = injector
	headers.Apply(changed(header, shared, coding), header)
	return Content{Coding: coding, Filter: p.page.injector}
}

// pageOf describes the page. One that caches may share gets no token, only the script,
// which asks for one.
func (g *Gate) pageOf(p *Passage, header map[string][]string, shared bool) markup.Page {
	m := markup.Page{
		Origin: g.Scheme + "://" + g.Host, Path: p.Target.Path, Charset: charset(header["Content-Type"][0]),
		Shape: p.page.shape, Field: csrf.FieldName, Script: ScriptPath, Nonce: p.Nonce,
	}
	if !shared {
		m.Meta = g.Tokens.Issue(csrf.Session, p.page.bindings[0], "", p.Request.Now)
		m.Token = func(path string) string { return g.formToken(p, m.Meta, path) }
	}
	return m
}

// formToken is the token for a form that posts to path; "" when nothing asks for one.
func (g *Gate) formToken(p *Passage, session, path string) string {
	if g.reserved(path) {
		return session
	}
	kind, scope, ok := g.TokenFor("POST", path)
	switch {
	case !ok:
		return ""
	case kind == csrf.Session:
		return session
	}
	return g.Tokens.Issue(kind, p.page.bindings[0], scope, p.Request.Now)
}

// rewritable reports whether an answer is a whole page that is shown: not an error of
// framing, not a download, not a part.
func rewritable(status int, header map[string][]string) bool {
	switch {
	case status < 200, status == 204, status == 205, status == 206, status == 304:
		return false
	}
	types := header["Content-Type"]
	if len(types) != 1 {
		return false
	}
	essence, _, _ := strings.Cut(types[0], ";")
	if !strings.EqualFold(strings.Trim(essence, " \t"), "text/html") {
		return false
	}
	for _, line := range header["Content-Disposition"] {
		kind, _, _ := strings.Cut(line, ";")
		if !strings.EqualFold(strings.Trim(kind, " \t"), "inline") {
			return false // RFC 6266, Section 4.2: what is not inline is saved
		}
	}
	return true
}

// codingOf is the content coding to undo; false when it cannot be.
func codingOf(header map[string][]string) (string, bool) {
	lines := header["Content-Encoding"]
	if len(lines) == 0 {
		return "", true
	}
	coding := strings.ToLower(strings.Trim(lines[0], " \t"))
	switch {
	case len(lines) > 1:
		return "", false
	case coding == "", coding == "identity":
		return "", true
	case coding == "gzip", coding == "x-gzip", coding == "deflate", coding == "br", coding == "zstd":
		return coding, true
	}
	return "", false
}

// charset is the parameter of a media type; "" when there is none.
func charset(contentType string) string {
	for more := true; more; {
		var param string
		_, contentType, more = strings.Cut(contentType, ";")
		param, _, _ = strings.Cut(contentType, ";")
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.Trim(name, " \t"), "charset") {
			return strings.Trim(value, ` "'`)
		}
	}
	return ""
}
