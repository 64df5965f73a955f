package sanmon

import (
	"mime"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/refusal"
)

// authorise is step 7: the one formula.
func (g *Gate) authorise(t proven) (allowed, error) {
	p := t.Passage
	var err error
	p.Verdict, err = g.Table.Authorise(p.Route.Route, &p.Caller, p.Request.Now)
	return allowed{p}, err
}

// meter is step 8: the route's limit and the credential's own, both or neither.
func (g *Gate) meter(a allowed) (metered, error) {
	p := a.Passage
	var buf [2]limit.Demand
	demands := g.demands(p, buf[:0])
	if len(demands) == 0 {
		return metered{p}, nil
	}
	p.Limits = g.Limits.Take(p.Request.Now, demands...)
	return metered{p}, g.lenient(p, p.Limits.Err())
}

// demands appends what a request on p's route asks of limits: at most two.
func (g *Gate) demands(p *Passage, to []limit.Demand) []limit.Demand {
	if p.Route.Limit != nil {
		to = append(to, limit.Demand{Policy: p.Route.Limit, Key: g.counter(p)})
	}
	if own, ok := p.Caller.Limit.(*limit.Policy); ok && own != nil {
		to = append(to, limit.Demand{Policy: own, Cell: &p.Caller.Slot.Limit})
	}
	return to
}

// Standing fills in where the limits of a route stand for a request that was refused
// before they were asked, and counts nothing: every answer of a limited route tells it.
func (g *Gate) Standing(p *Passage) {
	if p.Route == nil || p.Route.Limit == nil || len(p.Limits.States()) > 0 {
		return
	}
	var buf [2]limit.Demand
	p.Limits = g.Limits.Peek(p.Request.Now, g.demands(p, buf[:0])...)
}

// counter names who a route's limit counts.
func (g *Gate) counter(p *Passage) limit.Key {
	switch {
	case p.Route.LimitPer == PerRoute:
		return g.Limits.Named("", p.Route.ID)
	case p.Route.LimitPer == PerNetwork || p.Caller.Anonymous():
		return g.network(p, p.Route.ID)
	case p.Caller.Kind == caller.Key:
		return g.Limits.Named(p.Caller.KeyID, p.Route.ID)
	}
	return g.Limits.Named(p.Caller.Subject, p.Route.ID)
}

// network is the counter of the client's network within a scope.
func (g *Gate) network(p *Passage, scope string) limit.Key {
	return g.Limits.Network(network.LimitKey(p.Addr), scope)
}

// inspect is step 9: size, type and content of the body. A body of unknown length is
// bounded again while it is forwarded.
func (g *Gate) inspect(m metered, body Body) (fit, error) {
	p := m.Passage
	r := p.Request
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
