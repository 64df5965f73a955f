package server

import (
	"fmt"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
)

// inspector is the web application firewall of a route, nil for none.
func (l Layers) inspector(r *config.Route) (sanmon.Inspector, error) {
	if r.WAF.Mode == "" {
		return nil, nil
	}
	if l.Firewall == nil {
		return nil, fmt.Errorf("route %q: input.waf: this binary has no web application firewall (build one that has: make waf)", r.ID)
	}
	i, err := l.Firewall(r.WAF)
	if err != nil {
		return nil, fmt.Errorf("route %q: input.waf: %w", r.ID, err)
	}
	return i, nil
}
