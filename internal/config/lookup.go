package config

import "slices"

// HasRoute reports whether a route with that id is configured.
func (c *Config) HasRoute(id string) bool {
	return slices.ContainsFunc(c.Routes, func(r *Route) bool { return r.ID == id })
}
