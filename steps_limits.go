package sanmon

import (
	"context"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
)

// Limit is one limit and whom it counts.
type Limit struct {
	Policy *limit.Policy
	Per    Per
	Scope  string // tells its counters from those of other limits
}

// Per says what a limit counts by.
type Per uint8

// The counters.
const (
	PerCaller  Per = iota // a key, or the person or service behind a session or token
	PerNetwork            // an address, or a /64
	PerRoute              // everybody together
	PerSubject            // the person or service behind, over all keys and sessions
)

// meter is step 8: the limits of the route, of the caller and of the credential itself,
// all or none. Where limits are shared, all of a request are asked for at once.
func (g *Gate) meter(ctx context.Context, a allowed) (metered, error) {
	p := a.Passage
	if err := g.enter(p); err != nil {
		return metered{}, err
	}
	if !g.limited(p) && g.Shared == nil {
		return metered{p}, nil
	}
	return metered{p}, g.lenient(p, g.take(ctx, p))
}

// limited reports whether a limit of units is asked on p's way.
func (g *Gate) limited(p *Passage) bool {
	own := ownLimits(p)
	return len(p.Route.Limits) > 0 || own != nil && len(own.Units) > 0 || len(g.Everywhere) > 0 && !p.Caller.Anonymous()
}

// enter takes the places of concurrency limits. They are held until p is released.
func (g *Gate) enter(p *Passage) error {
	own := ownLimits(p)
	if len(p.Route.Seats) == 0 && (own == nil || own.Places == nil) {
		return nil
	}
	var buf [limit.MaxSeats]limit.Seat
	seats := buf[:0]
	if own != nil && own.Places != nil {
		seats = append(seats, limit.Seat{Policy: own.Places, Key: g.Limits.Key(limit.Who{Name: p.Caller.KeyID, Scope: "key"})})
	}
	for i := range p.Route.Seats {
		l := &p.Route.Seats[i]
		seats = append(seats, limit.Seat{Policy: l.Policy, Key: g.Limits.Key(g.who(p, l))})
	}
	p.Limits = g.Limits.Enter(&p.Held, seats...)
	return g.lenient(p, p.Limits.Err())
}

// take counts one unit under every limit of p, here and where it is shared.
func (g *Gate) take(ctx context.Context, p *Passage) error {
	var buf [limit.MaxDemands]limit.Demand
	demands := g.demands(p, buf[:0])
	taken := g.Limits.Take(p.Request.Now, demands...)
	if taken.Allowed && g.Shared != nil {
		g.share(ctx, p, &taken, demands)
	}
	if own := ownLimits(p); len(p.Route.Seats) > 0 || own != nil && own.Places != nil {
		taken.Join(&p.Limits)
	}
	p.Limits = taken
	return p.Limits.Err()
}

// share asks for the same units where they are counted for all nodes, and for one of the
// client's network, which was counted here before anybody was known.
func (g *Gate) share(ctx context.Context, p *Passage, taken *limit.Result, demands []limit.Demand) {
	if g.PerNet != nil && len(demands) < limit.MaxDemands {
		demands = append(demands, limit.Demand{Policy: g.PerNet, Who: limit.Who{Network: network.LimitKey(p.Addr), Scope: "network"}})
	}
	if len(demands) == 0 {
		return
	}
	var answers [limit.MaxDemands]limit.Answer
	if g.Shared.Ask(ctx, limit.TakeUnits, demands, &answers) {
		g.Limits.Settle(p.Request.Now, taken, demands, &answers)
	}
}

// demands appends what a request on p's route asks of limits.
func (g *Gate) demands(p *Passage, to []limit.Demand) []limit.Demand {
	for i := range p.Route.Limits {
		to = append(to, g.demand(p, &p.Route.Limits[i]))
	}
	to = g.ownDemands(p, to)
	if !p.Caller.Anonymous() {
		for i := range g.Everywhere {
			to = append(to, g.demand(p, &g.Everywhere[i]))
		}
	}
	return to
}

// ownLimits are the limits that the credential of p carries; nil when it carries none.
func ownLimits(p *Passage) *limit.Own {
	own, _ := p.Caller.Limit.(*limit.Own)
	return own
}

// ownDemands appends what the credential's own limits ask. The first is counted in the
// credential's entry itself, without a look into the table.
func (g *Gate) ownDemands(p *Passage, to []limit.Demand) []limit.Demand {
	own := ownLimits(p)
	if own == nil {
		return to
	}
	for i, policy := range own.Units {
		who := limit.Who{Name: p.Caller.KeyID, Scope: ownScopes[i]}
		if i == 0 {
			to = append(to, limit.Demand{Policy: policy, Cell: &p.Caller.Slot.Limit, Who: who})
			continue
		}
		to = append(to, limit.Demand{Policy: policy, Key: g.Limits.Key(who), Who: who})
	}
	return to
}

// ownScopes tell the counters of a credential's own limits apart.
var ownScopes = [limit.MaxOwn]string{"key", "key-2", "key-3"}

func (g *Gate) demand(p *Passage, l *Limit) limit.Demand {
	who := g.who(p, l)
	return limit.Demand{Policy: l.Policy, Key: g.Limits.Key(who), Who: who}
}

// Standing fills in where the limits of a route stand for a request that was refused
// before they were asked, and counts nothing: every answer of a limited route tells it.
func (g *Gate) Standing(p *Passage) {
	if p.Route == nil || len(p.Route.Limits) == 0 || len(p.Limits.States()) > 0 {
		return
	}
	var buf [limit.MaxDemands]limit.Demand
	p.Limits = g.Limits.Peek(p.Request.Now, g.demands(p, buf[:0])...)
}

// who names whom a limit counts.
func (g *Gate) who(p *Passage, l *Limit) limit.Who {
	switch {
	case l.Per == PerRoute:
		return limit.Who{Scope: l.Scope}
	case l.Per == PerNetwork || p.Caller.Anonymous():
		return limit.Who{Network: network.LimitKey(p.Addr), Scope: l.Scope}
	case p.Caller.Kind == caller.Key && l.Per == PerCaller:
		return limit.Who{Name: p.Caller.KeyID, Scope: l.Scope}
	case p.Caller.Kind == caller.App: // all people of a backend have one subject
		return limit.Who{Name: p.Caller.SID, Scope: l.Scope}
	}
	return limit.Who{Name: p.Caller.Subject, Scope: l.Scope}
}

// network is the counter of the client's network within a scope.
func (g *Gate) network(p *Passage, scope string) limit.Key {
	return g.Limits.Network(network.LimitKey(p.Addr), scope)
}

// failureDemand is one failed credential of the client's network.
func (g *Gate) failureDemand(p *Passage) limit.Demand {
	who := limit.Who{Network: network.LimitKey(p.Addr), Scope: "failures"}
	return limit.Demand{Policy: g.Failures, Who: who, Key: g.Limits.Key(who)}
}

// failure counts a failed credential of the client's network, here and for all nodes: the
// stricter one counts, and this node's count is always there.
func (g *Gate) failure(ctx context.Context, p *Passage) limit.Result {
	d := [1]limit.Demand{g.failureDemand(p)}
	taken := g.Limits.Take(p.Request.Now, d[0])
	var answers [limit.MaxDemands]limit.Answer
	if taken.Allowed && g.Shared != nil && g.Shared.Ask(ctx, limit.TakeUnits, d[:], &answers) {
		g.Limits.Settle(p.Request.Now, &taken, d[:], &answers)
		if !taken.Allowed { // it failed all the same: this node goes on counting, for when it is alone
			g.Limits.Charge(p.Request.Now, d[0])
		}
	}
	return taken
}
