package sanmon

import (
	"mime"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/nature"
)

// FieldsWindow is the largest body whose fields are judged as a whole, in bytes. A larger
// one is refused on a route that declares fields: what nobody looked at may hold anything.
// A larger multipart body is judged while it is forwarded.
const FieldsWindow = 1 << 20

// partsWindow is how much of a large multipart body is judged before any of it is
// forwarded, in bytes.
const partsWindow = 64 << 10

// fields is the part of step 9 that holds values against the nature of their fields (M8).
// It changes nothing. What an observed route finds is reported.
func (g *Gate) fields(p *Passage, body Body) error {
	if p.Route.Fields == nil {
		return nil
	}
	observed := p.Route.ObserveFields || p.Request.Now.Before(g.ObserveUntil)
	err := nature.Refuse(p.Route.ID, p.Route.Fields.Query(p.Query))
	if err == nil {
		err = p.bodyFields(body, observed)
	}
	if err != nil && p.Route.ObserveFields {
		p.Observed = append(p.Observed, refusal.From(err))
		return nil
	}
	return g.lenient(p, err)
}

func (p *Passage) bodyFields(body Body, observed bool) error {
	r := p.Request
	if body == nil || r.Length == 0 || p.Upgrade {
		return nil
	}
	contentType := exchange.First(r.Fields, "Content-Type")
	if coding := exchange.First(r.Fields, "Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return refusal.New(refusal.TypeNotAllowed, "route %q declares fields, and the body is compressed, so they cannot be judged (send it as it is)", p.Route.ID)
	}
	prefix, complete, err := body.Prefix(1)
	if err != nil || complete && len(prefix) == 0 {
		return err // of unknown length, and empty
	}
	if err := p.Route.Fields.Judges(contentType); err != nil {
		return err
	}
	if r.Length <= FieldsWindow {
		prefix, complete, err = body.Prefix(FieldsWindow + 1)
	}
	if err != nil {
		return err
	}
	if complete {
		found, err := p.Route.Fields.Body(contentType, prefix)
		if err != nil {
			return err
		}
		return nature.Refuse(p.Route.ID, found)
	}
	if media, _, _ := mime.ParseMediaType(contentType); media == "multipart/form-data" && !observed {
		return p.streamFields(contentType, body)
	}
	return refusal.New(refusal.BodyTooLarge, "route %q declares fields, which are judged in bodies of at most %d bytes; multipart may be larger where fields are enforced (take fields from this route, or let uploads have a route of their own)", p.Route.ID, FieldsWindow)
}

// streamFields judges the beginning of a large multipart body, and lets the rest be
// judged on its way.
func (p *Passage) streamFields(contentType string, body Body) error {
	parts, err := p.Route.Fields.Parts(contentType)
	if err != nil {
		return err
	}
	prefix, _, err := body.Prefix(partsWindow)
	if err != nil {
		return err
	}
	if err := p.PushParts(parts, prefix); err != nil {
		return err
	}
	p.Parts = parts
	return nil
}

// PushParts judges the next bytes of a multipart body; an error ends the forwarding.
func (p *Passage) PushParts(parts *nature.Parts, b []byte) error {
	if err := parts.Push(b); err != nil {
		return err
	}
	return nature.Refuse(p.Route.ID, parts.Found())
}
