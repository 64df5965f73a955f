package sanmon

import (
	"mime"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
)

// authorise is step 7: the one formula.
func (g *Gate) authorise(t proven) (allowed, error) {
	p := t.Passage
	if p.lent.entrance { // the backend asks who it is
		p.Verdict = policy.Verdict{Credential: true, Principal: true}
		return allowed{p}, nil
	}
	var err error
	p.Verdict, err = g.Table.Authorise(p.Route.Route, &p.Caller, p.Request.Now)
	return allowed{p}, err
}

// inspect is step 9: size, type and content of the body. A body of unknown length is
// bounded again while it is forwarded.
func (g *Gate) inspect(m metered, body Body) (fit, error) {
	p := m.Passage
	r := p.Request
	if err := g.unseen(p); err != nil {
		return fit{}, err
	}
	if limit := p.Route.MaxBody; limit >= 0 && r.Length > limit {
		err := refusal.New(refusal.BodyTooLarge, "route %q takes at most %d bytes, the request declares %d (raise input.max_body)", p.Route.ID, limit, r.Length)
		if err := g.lenient(p, err); err != nil {
			return fit{}, err
		}
	}
	if len(p.Route.Types) > 0 && r.Length != 0 && !accepts(p.Route.Types, exchange.First(r.Fields, "Content-Type")) {
		err := refusal.New(refusal.TypeNotAllowed, "route %q takes %s (extend input.types)", p.Route.ID, strings.Join(p.Route.Types, ", "))
		if err := g.lenient(p, err); err != nil {
			return fit{}, err
		}
	}
	if err := g.conform(p, body); err != nil {
		return fit{}, err
	}
	if err := g.fields(p, body); err != nil {
		return fit{}, err
	}
	return fit{p}, g.consult(p, body)
}

func accepts(types []string, contentType string) bool {
	if slices.Contains(types, contentType) {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && slices.Contains(types, media)
}
