package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/openapi"
	"github.com/sanmon-gate/sanmon/web/schema"
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

// checkDocuments reads the documents that are files: those of backends need not be there yet.
func checkDocuments(ctx context.Context, c *config.Config) error {
	var faults config.Errors
	for _, source := range documentsOf(c) {
		if !source.File() {
			continue
		}
		src, err := source.Fetch(ctx)
		if err == nil {
			_, err = schema.Parse(src)
		}
		if err == nil {
			continue
		}
		err = c.Fault(source.Location, fmt.Errorf("upstreams.%s.openapi: %w", source.Upstream, err))
		placed, ok := errors.AsType[config.Errors](err)
		if !ok {
			return err
		}
		faults = append(faults, placed...)
	}
	if len(faults) == 0 {
		return nil
	}
	return hinted{faults.Sorted(), "where input.openapi is enforced, everything is refused until the document can be read: name its file from the directory of the configuration, or its URL at the backend"}
}
