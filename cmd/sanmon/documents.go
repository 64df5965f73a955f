package main

import (
	"maps"
	"slices"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/openapi"
)

// documentsOf lists the OpenAPI documents that any route is judged by.
func documentsOf(c *config.Config) []openapi.Source {
	needed := map[string]openapi.Source{}
	for _, r := range c.Routes {
		if r.OpenAPI != "" {
			needed[r.Upstream] = sourceOf(c.Upstreams[r.Upstream])
		}
	}
	var all []openapi.Source
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		all = append(all, needed[name])
	}
	return all
}

func sourceOf(up *config.Upstream) openapi.Source {
	return openapi.Source{Upstream: up.Name, Location: up.OpenAPI, TLSCA: up.TLSCA}
}
