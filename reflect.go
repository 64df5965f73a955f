package sanmon

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/content"
	"github.com/sanmon-gate/sanmon/web/detect"
)

// suspect notes which values of the request must not come back as live markup. Nearly
// every request has none, and costs nothing more. Where there are some, the backend is
// asked for a page that can be read.
func (g *Gate) suspect(p *Passage, out map[string][]string) {
	body := p.Begun[:min(len(p.Begun), content.Window)]
	if p.Upgrade || len(body) == 0 && !detect.Gate(p.Query) && !detect.Gate(p.Target.Path) {
		return
	}
	v := detect.Values{Exempt: p.Route.markup}
	v.AddEncoded(detect.Query, p.Query)
	v.AddPath(p.Target.Path)
	v.AddBody(exchange.First(p.Request.Fields, "Content-Type"), body)
	if v.Len() == 0 {
		return
	}
	p.Suspects = &v
	if out["Accept-Encoding"] != nil {
		out["Accept-Encoding"] = []string{"identity"}
	}
}

// markup reports whether a field of the route may hold markup by declaration.
func (r *Route) markup(field string) bool {
	if r.Fields == nil {
		return false
	}
	for _, declared := range r.Fields.HTML() {
		name, _, _ := strings.Cut(declared, " ")
		if name = name[strings.LastIndexByte(name, '.')+1:]; name == field {
			return true
		}
	}
	return false
}

// blocks reports whether a route's page is withheld when a value came back live: where
// fields are declared and that is enforced, so that it is known what may be markup.
func (r *Route) blocks() bool { return r.Fields != nil && !r.ObserveFields }

// reflected adds the detector to what happens to a page. Of a route that blocks, the
// beginning is looked at before anything is sent; what comes later is reported only, for
// a page is sent as a whole or not at all.
func (g *Gate) reflected(p *Passage, head []byte, c Content) Content {
	if p.Suspects == nil {
		return c
	}
	report := func(found []detect.Finding) { p.Reflected = found }
	if p.Route.blocks() && len(head) > 0 {
		d := detect.New(p.Suspects, report)
		d.Look(head)
		if d.Live(nil) {
			d.Close(nil)
			c.Refuse = refusal.New(refusal.Internal, "route %q: the backend's page repeats a value of the request as live markup, and was withheld (escape the parameter where it is written into the page; it is named under \"reflected\")", p.Route.ID)
			return c
		}
	}
	c.Filter = chain(detect.New(p.Suspects, report), c.Filter)
	return c
}
