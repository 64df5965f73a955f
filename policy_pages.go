package sanmon

import (
	"crypto/rand"
	"io"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
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
	delete(out, "If-None-Match")
	delete(out, "If-Modified-Since")
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
	for _, e := range buf {
		e.Apply(header)
	}
	if g.Pages != nil && shown && status < 400 && p.Route.CSP.Nonced() {
		g.Pages.View(p.Route.ID, p.Request.Now)
	}
	return buf
}
