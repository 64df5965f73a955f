package server

import (
	"fmt"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/web/nature"
)

// fieldsOf compiles the natures of a route's fields; nil when it declares none.
func fieldsOf(r *config.Route) (*nature.Fields, error) {
	if r.Fields == nil {
		return nil, nil
	}
	f, err := nature.NewFields(r.Fields)
	if err != nil {
		return nil, fmt.Errorf("route %q: %w", r.ID, err)
	}
	return f, nil
}

// HTMLFields lists the fields of all routes that may carry markup, as "ROUTE: body
// html(ugc)" (M7).
func HTMLFields(g *sanmon.Gate) []string {
	all := []string{}
	for _, r := range g.Routes {
		if r.Fields == nil {
			continue
		}
		for _, f := range r.Fields.HTML() {
			all = append(all, r.ID+": "+f)
		}
	}
	return all
}
