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
	body, contentType := p.Begun[:min(len(p.Begun), content.Window)], exchange.First(p.Request.Fields, "Content-Type")
	if p.Upgrade || !detect.Gate(p.Query) && !detect.Gate(p.Target.Path) && !detect.GateBody(contentType, body) {
		return
	}
	v := detect.Values{Exempt: p.Route.markup}
	v.AddEncoded(detect.Query, p.Query)
	v.AddPath(p.Target.Path)
	v.AddBody(contentType, body)
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

// withholds reports whether a page is not sent when a value came back live in it: where
// fields are declared and that is enforced, so that it is known what may be markup.
func (g *Gate) withholds(p *Passage) bool {
	return p.Suspects != nil && p.Route.Fields != nil && !p.Route.ObserveFields && !p.Request.Now.Before(g.ObserveUntil)
}

// reflected adds the detector to what happens to a page. Of a page that may be withheld,
// the beginning is looked at before anything is sent; what comes later is reported only, for
// a page is sent as a whole or not at all.
func (g *Gate) reflected(p *Passage, head []byte, c Content) Content {
	if p.Suspects == nil {
		return c
	}
	report := func(found []detect.Finding) { p.Reflected = found }
	if len(head) > 0 && g.withholds(p) {
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
