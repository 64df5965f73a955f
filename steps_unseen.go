package sanmon

import "github.com/sanmon-gate/sanmon/refusal"

// unseen refuses a request whose body another proxy keeps to itself on a route that judges
// bodies: what nobody looked at may hold anything.
func (g *Gate) unseen(p *Passage) error {
	if !p.Unseen || p.Request.Length == 0 {
		return nil
	}
	r := p.Route
	var key string
	switch {
	case r.Input != nil && !r.Input.Observe:
		key = "input.openapi"
	case r.Fields != nil && !r.ObserveFields:
		key = "fields"
	case r.Inspector != nil && !r.Watching:
		key = "input.waf"
	default:
		return nil
	}
	return g.lenient(p, refusal.New(refusal.InputInvalid, "route %q has %s, which needs the body, and forward-auth does not see it (put Sanmon in line for this route)", r.ID, key))
}

// Vouch fills out, in the shape of http.Header, with what the backend is told of a passage
// that Judge let through when another proxy forwards it: who is calling.
func (g *Gate) Vouch(p *Passage, out map[string][]string) error {
	out["X-Request-Id"] = []string{p.Request.ID}
	for name, value := range p.RateFields() {
		out[name] = []string{value}
	}
	return g.identity(p, out)
}
