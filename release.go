package sanmon

import (
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Release makes the header of a backend's answer fit for the browser, in place: step
// 11. header is in the shape of http.Header. buf is scratch space that may be reused
// between calls; the grown one is returned.
func (g *Gate) Release(p *Passage, status int, header map[string][]string, buf []headers.Edit) []headers.Edit {
	g.hardenCookies(p, header)
	contentType := ""
	if v := header["Content-Type"]; len(v) > 0 {
		contentType = v[0]
	}
	buf = p.Route.Floor.Edits(status, contentType, exchange.Header(header), buf[:0])
	for _, e := range buf {
		e.Apply(header)
	}
	g.rateFields(p, header)
	header["X-Request-Id"] = []string{p.Request.ID}
	return buf
}

// rateFields tells the client where its limits stand.
func (g *Gate) rateFields(p *Passage, header map[string][]string) {
	for name, value := range p.RateFields() {
		header[name] = append(header[name], value)
	}
}

func (g *Gate) hardenCookies(p *Passage, header map[string][]string) {
	lines := header["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	options := g.Harden[p.Route.Upstream]
	kept := lines[:0]
	for _, line := range lines {
		if line, ok := headers.HardenCookie(line, options); ok {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(header, "Set-Cookie")
		return
	}
	header["Set-Cookie"] = kept
}
