package csp

import (
	"net/url"
	"strings"
)

// Bounds of the values of a request that scripts are compared with.
const (
	minValue  = 4 // bytes: shorter ones stand in every script
	maxValue  = 4 << 10
	maxValues = 32
)

// Values returns what a request brought and a page might repeat: the segments of its
// decoded path that its route leaves open, and the names and values of its query, as they
// came and decoded. template is the route's path. complete is false when there is more
// than is compared; then nothing can be said of its scripts.
func Values(template, path, query string) (all []string, complete bool) {
	complete = true
	add := func(s string) {
		switch {
		case len(s) < minValue:
		case len(s) > maxValue || len(all) == maxValues:
			complete = false
		default:
			all = append(all, s)
		}
	}
	literals := strings.Split(template, "/")
	for i, segment := range strings.Split(path, "/") {
		if i >= len(literals) || segment != literals[i] {
			add(segment)
		}
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		for _, raw := range []string{name, value} {
			plain, err := url.QueryUnescape(raw)
			if add(raw); err == nil && plain != raw {
				add(plain)
			}
			if !complete {
				return all, false
			}
		}
	}
	return all, complete
}
