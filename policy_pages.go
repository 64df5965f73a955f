package sanmon

import (
	"crypto/rand"
	"io"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/web/csp"
	"github.com/sanmon-gate/sanmon/web/headers"
	"github.com/sanmon-gate/sanmon/web/markup"
	"github.com/sanmon-gate/sanmon/web/origin"
)

// NonceField hands the nonce of a page to the backend, for the scripts that its own
// templates write. What a client sends under that name never arrives.
const NonceField = "Sanmon-Csp-Nonce"

// Pages counts the documents that carry a strict policy, reported or enforced.
type Pages interface {
	View(route string, now time.Time)
}

// nonce makes the nonce of a page that a person is about to see. Where there is one, the
// backend is asked for the whole page: a 304 would bring a new nonce to an old body.
func (g *Gate) nonce(p *Passage, out map[string][]string) error {
	if p.Upgrade || !p.Route.CSP.Nonced() || !origin.Navigation(p.Request) {
		return nil
	}
	var err error
	if p.Nonce, err = csp.NewNonce(g.random()); err != nil {
		return err
	}
	out[NonceField] = []string{p.Nonce}
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "Range", "If-Range"} {
		delete(out, name)
	}
	if g.Learn != nil {
		out["Accept-Encoding"] = []string{"identity"}
	}
	return nil
}

func (g *Gate) random() io.Reader {
	if g.Random != nil {
		return g.Random
	}
	return rand.Reader
}

// pagePolicy adds the policies of the route to a document. It comes before the floor,
// which adds what is still missing. Afterwards p.Nonce is the one for our own script.
func (g *Gate) pagePolicy(p *Passage, status int, contentType string, header map[string][]string, buf []headers.Edit) []headers.Edit {
	if p.Route.CSP == nil || !headers.Document(contentType) {
		return buf
	}
	shown := origin.Navigation(p.Request)
	page := csp.Page{Nonce: p.Nonce, Script: p.page.asked && p.page.shape != markup.Fragment}
	buf, p.Nonce = p.Route.CSP.Edits(page, exchange.Header(header), buf[:0])
	headers.Apply(buf, header)
	if g.Pages != nil && shown && status < 400 && p.Route.CSP.Nonced() {
		g.Pages.View(p.Route.ID, p.Request.Now)
	}
	return buf
}

// learn tells of the inline scripts of a page as its backend wrote it. It comes before
// everything that changes the body.
func (g *Gate) learn(p *Passage, status int, header map[string][]string, c Content) Content {
	if g.Learn == nil || !p.Route.CSP.Nonced() || !origin.Navigation(p.Request) || p.Request.Method != "GET" || status != 200 || c.Refuse != nil || !learnable(header, c) {
		return c
	}
	values, complete := csp.Values(p.Route.Path, p.Target.Decoded, p.Target.Query)
	if !complete {
		return c
	}
	common := csp.Sighting{Route: p.Route.ID, Visitor: p.Caller.SID, Now: p.Request.Now}
	if common.Visitor == "" {
		common.Visitor = network.Key(p.Addr)
	}
	c.Filter = chain(csp.NewScripts(common, values, g.Learn), c.Filter)
	return c
}

// learnable reports whether a body is HTML in UTF-8 whose bytes can be read.
func learnable(header map[string][]string, c Content) bool {
	if t := header["Content-Type"]; len(t) != 1 || !strings.HasPrefix(strings.ToLower(t[0]), "text/html") {
		return false
	}
	if set := charset(header["Content-Type"][0]); set != "" && !strings.EqualFold(set, "utf-8") && !strings.EqualFold(set, "utf8") {
		return false
	}
	return c.Coding != "" || len(header["Content-Encoding"]) == 0
}
