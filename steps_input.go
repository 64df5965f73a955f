package sanmon

import (
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/schema"
)

// Input says how requests of a route are held against the backend's OpenAPI document.
type Input struct {
	Document *schema.Slot // the document that is in force
	Observe  bool         // what it does not have is only reported
}

// conform judges parameters and body by the backend's OpenAPI document: what will be
// forwarded, without our tokens, and all of a body. A WebSocket is not described by such
// a document. A route without Input costs nothing.
func (g *Gate) conform(p *Passage, body Body) error {
	in := p.Route.Input
	if in == nil || p.Upgrade {
		return nil
	}
	m, err := p.operation(in)
	if err == nil {
		err = m.Parameters(p.Query, p.Request.Fields)
	}
	if err == nil {
		err = p.judgeBody(body, &m)
	}
	if m.Undeclared != nil {
		p.observe(m.Undeclared)
	}
	return g.found(p, in, err)
}

// operation finds what the document says of the request.
func (p *Passage) operation(in *Input) (schema.Match, error) {
	d := in.Document.Document()
	if d == nil {
		return schema.Match{}, refusal.New(refusal.Busy, "route %q: there is no OpenAPI document of upstream %q yet (see the log for why, or set input.openapi: observe)", p.Route.ID, p.Route.Upstream)
	}
	return d.Find(p.Request.Method, p.Target.Path)
}

func (p *Passage) judgeBody(body Body, m *schema.Match) error {
	if p.Request.Length == 0 {
		return m.Body(p.Request.Fields, nil)
	}
	content, err := p.content(body, m)
	if err != nil {
		return err
	}
	return m.Body(p.Request.Fields, content)
}

// content is all of the body.
func (p *Passage) content(body Body, m *schema.Match) ([]byte, error) {
	limit := int64(schema.MaxBody)
	if p.Route.MaxBody >= 0 {
		limit = min(limit, p.Route.MaxBody)
	}
	content := []byte(nil)
	if p.Request.Length <= limit {
		var err error
		if content, err = p.beginning(body, int(limit)+1); err != nil {
			if refusal.From(err).Code == refusal.Busy {
				return nil, err // there was no room to read it
			}
			return nil, broken{err}
		}
	}
	if p.Request.Length > limit || int64(len(content)+p.Cut.End-p.Cut.Start) > limit {
		return nil, refusal.New(refusal.BodyTooLarge, "route %q: %s %s: the body is longer than the %d bytes that are read to judge it (set input.openapi: off for uploads)", p.Route.ID, m.Method, m.Path, limit)
	}
	return content, nil
}

// broken is a body that ended too early: nobody can judge it or forward it, whatever is
// only observed.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

// found refuses or reports what is not as the document says.
func (g *Gate) found(p *Passage, in *Input, err error) error {
	if b, ok := err.(broken); ok {
		return b.error
	}
	if err != nil && in.Observe {
		p.observe(err)
		return nil
	}
	return g.lenient(p, err)
}
