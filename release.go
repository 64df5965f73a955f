package sanmon

import (
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Release makes the header of a backend's answer fit for the browser, in place: step
// 11. header is in the shape of http.Header. buf is scratch space that may be reused
// between calls; the grown one is returned. head is the beginning of the body as far as
// Ahead asked for it; whole says that nothing follows. The body is sent as Content says.
func (g *Gate) Release(p *Passage, status int, header map[string][]string, head []byte, whole bool, buf []headers.Edit) ([]headers.Edit, Content) {
	g.hardenCookies(p, header)
	contentType := g.settle(p, status, header, head, whole)
	buf = g.pagePolicy(p, status, contentType, header, buf)
	buf = p.Route.Floor.At(p.Request.Now).Edits(status, contentType, exchange.Header(header), buf[:0])
	headers.Apply(buf, header)
	p.Limits.Merge(header, p.Request.Now) // tells the client where its limits stand
	header["X-Request-Id"] = []string{p.Request.ID}
	return buf, g.learn(p, status, header, g.harden(p, status, header, head, whole, g.content(p, status, header)))
}

// Content is what happens to the body of a backend's answer. The zero Content leaves it
// as it came.
type Content struct {
	Coding string          // content coding that is undone before Filter sees the bytes; "" for none
	Filter exchange.Filter // nil for none
	Recode string          // content coding that is put on behind Filter; "" for none
	Refuse error           // why the answer is not sent at all; nil: it is
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
