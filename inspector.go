package sanmon

import "github.com/sanmon-gate/sanmon/exchange"

// Inspector judges the content of a request by rules of its own, as a web application
// firewall does. The gate has none; whoever builds it may give one to a route.
type Inspector interface {
	// Window is how many bytes of a body the inspector looks at. Inspect gets one byte
	// more of a longer one.
	Window() int
	// Inspect returns nil when it has nothing against a request, a *refusal.Refusal when
	// it has, and any other error when it could not judge. target and body are what the
	// backend would get, without our tokens, and must be neither changed nor kept. It is
	// called by many goroutines at once.
	Inspect(r *exchange.Request, target string, body []byte) error
}

// consult asks the route's inspector, if it has one. What an observed inspector finds,
// and that it failed, is reported and refuses nothing.
func (g *Gate) consult(p *Passage, body Body) error {
	if p.Route.Inspector == nil {
		return nil
	}
	prefix, err := p.beginning(body, p.Route.Inspector.Window()+1)
	if err != nil {
		return err // the body broke off: nobody can judge it or forward it
	}
	err = p.Route.Inspector.Inspect(p.Request, p.ForwardTarget(), prefix)
	if err != nil && p.Route.Watching {
		p.observe(err)
		return nil
	}
	return g.lenient(p, err)
}

// beginning is what the backend will get of the first n bytes of the body.
func (p *Passage) beginning(body Body, n int) ([]byte, error) {
	if body == nil || p.Request.Length == 0 {
		return nil, nil
	}
	prefix, _, err := body.Prefix(n)
	if err != nil || !p.Cut.Found() {
		return prefix, err
	}
	return append(append(make([]byte, 0, len(prefix)), prefix[:p.Cut.Start]...), prefix[p.Cut.End:]...), nil
}
