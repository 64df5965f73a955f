// Package sanmon is the gate: one request path through three layers, one verdict.
//
//	client ──► [1 web] ──► [2 identity] ──► [3 keys] ──► policy ──► backend
//	       ◄── [1 web] ◄───────────────────────────────────────────┘
//
// Each layer is a set of small packages that can be used alone; this package only
// puts them in order. Judge is that order. Each step takes what only the step before
// it returns, so the order cannot be changed by accident.
package sanmon

import (
	"context"

	"github.com/sanmon-gate/sanmon/exchange"
)

// Judge gives the one verdict of all three layers on a request. A nil error means
// that the request may be forwarded, or answered by the portal when p.Reserved. A
// refusal comes as an error; refusal.From reads it, and turns everything that no
// layer declared into an internal failure: the gate fails closed.
//
// Judge reads the request and changes nothing. p is filled as far as the request
// got, refused or not, for the log and for the answer; it must be zero, but for
// Unseen, and belongs to the caller. Judge is safe for concurrent use.
func (g *Gate) Judge(ctx context.Context, r *exchange.Request, body Body, p *Passage) error {
	p.Request = r

	target, err := g.aim(p) // 1 target: one meaning, and the only bytes that are forwarded
	if err != nil {
		return err
	}
	network, err := g.locate(target) // 2 network: client address, scheme, allow and deny lists, first limit
	if err != nil {
		return err
	}
	origin, err := g.source(network) // 3 origin: Fetch Metadata and Origin, the worse one counts
	if err != nil {
		return err
	}
	route, err := g.route(origin) // 4 route: no match is a refusal
	if err != nil || p.Reserved {
		return err
	}
	who, err := g.identify(ctx, route) // 5 caller: exactly one credential, never a weaker one instead
	if err != nil {
		return err
	}
	token, err := g.prove(who, body) // 6 CSRF token: on every effectful route reached by cookie
	if err != nil {
		return err
	}
	may, err := g.authorise(token) // 7 policy: route.requires ⊆ credential.grants ∩ principal.grants(now)
	if err != nil {
		return err
	}
	limits, err := g.meter(ctx, may) // 8 limits: all or nothing
	if err != nil {
		return err
	}
	input, err := g.inspect(limits, body) // 9 input: size, type, and what the route's inspector says
	if err != nil {
		return err
	}
	return g.redeem(ctx, input) // a token that may be used once is used up by a request that passed
}

// What each step returns: the same passage, and the fact that the step was taken.
type (
	aimed   struct{ *Passage } // 1
	located struct{ *Passage } // 2
	sourced struct{ *Passage } // 3
	routed  struct{ *Passage } // 4
	known   struct{ *Passage } // 5
	proven  struct{ *Passage } // 6
	allowed struct{ *Passage } // 7
	metered struct{ *Passage } // 8
	fit     struct{ *Passage } // 9
)
