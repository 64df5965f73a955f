package main

import (
	"fmt"
	"strings"
)

// printDiff prints the comparison for people.
func (e *environment) printDiff(view diffView, approved bool) error {
	for _, v := range view.Upstreams {
		e.printUpstream(v)
	}
	var lines []string
	for _, r := range view.OnlyInTraffic {
		lines = append(lines, fmt.Sprintf("%s %s  (%d requests, last %s)", r.Method, r.Path, r.Count, stamp(r.Last)))
	}
	e.printNames("asked for by clients, in neither configuration nor document:", lines)
	switch {
	case approved:
		_, _ = fmt.Fprintln(e.screen(), "approved: the document is in force now")
	case len(lines) == 0 && agreed(view):
		_, _ = fmt.Fprintln(e.screen(), "configuration and documents agree")
	}
	return nil
}

func agreed(view diffView) bool {
	for _, v := range view.Upstreams {
		if v.Document == nil || v.Waiting || len(v.OnlyInDocument)+len(v.OnlyInConfiguration)+len(v.Unjudged) > 0 {
			return false
		}
	}
	return true
}

func (e *environment) printUpstream(v upstreamView) {
	if v.Error != "" {
		_, _ = fmt.Fprintf(e.stderr, "warning: the OpenAPI document of upstream %s could not be read: %s\n", v.Upstream, v.Error)
	}
	if v.Document == nil {
		return
	}
	_, _ = fmt.Fprintf(e.screen(), "upstream %s: OpenAPI %s, %d operations, %s (from %s)\n", v.Upstream, v.Document.Version, v.Document.Operations, v.Document.Hash, v.Document.From)
	if v.Waiting {
		var lines []string
		for _, d := range v.Differences {
			lines = append(lines, fmt.Sprintf("%s: %s %s", d.Change, d.Method, d.Path))
		}
		if len(lines) == 0 {
			lines = append(lines, "nothing that decides about requests")
		}
		e.printNames(fmt.Sprintf("changed since it was pinned as %s, which stays in force (approve with: sanmon routes --diff --approve %s):", v.Pinned, v.Document.Hash), lines)
	}
	e.printNames("in the document, without a route:", operationLines(v.OnlyInDocument))
	var gaps []string
	for _, g := range v.OnlyInConfiguration {
		gaps = append(gaps, fmt.Sprintf("%s (%s %s)", g.ID, strings.Join(g.Methods, ","), g.Path))
	}
	e.printNames("in the configuration, not in the document:", gaps)
	e.printNames("in the document, but cannot be judged:", operationLines(v.Unjudged))
}

func operationLines(all []operationView) []string {
	var lines []string
	for _, o := range all {
		line := o.Method + " " + o.Path
		if o.Requests > 0 {
			line += fmt.Sprintf("  (%d requests were refused)", o.Requests)
		}
		if o.Reason != "" {
			line += ": " + o.Reason
		}
		lines = append(lines, line)
	}
	return lines
}
