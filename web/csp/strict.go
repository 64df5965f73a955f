package csp

import (
	"fmt"
	"strings"
)

// The name of our collector in Reporting-Endpoints and report-to.
const endpoint = "sanmon"

// Strict is what the strict policy of a route is made of.
type Strict struct {
	// FormAction and FrameAncestors are origins beside 'self'.
	FormAction, FrameAncestors []string
	// Hashes are the inline scripts that a person has approved.
	Hashes []Hash
	// Sample asks browsers for the first 40 characters of what they block.
	Sample bool
	// Report is the path of the collector, "" for none.
	Report string
	// Plain says that browsers reach us over plain http. The Reporting API is for https
	// only, and a browser that knows it ignores report-uri beside report-to.
	Plain bool
}

// check refuses what would break out of its place in a header.
func (s *Strict) check() error {
	for _, o := range append(append([]string(nil), s.FormAction...), s.FrameAncestors...) {
		if h, ok := parseHost(o); !ok || h.scheme == "" || h.path != "" || strings.ContainsAny(o, space+";,'\"") {
			return fmt.Errorf("csp: %q is no origin (write scheme://host[:port])", o)
		}
	}
	for _, h := range s.Hashes {
		if known, err := ParseHash(string(h)); err != nil || known != h {
			return fmt.Errorf("csp: %q is no hash (write sha256- and the 32 bytes in base64)", clip(string(h), 100))
		}
	}
	if strings.ContainsAny(s.Report, space+";,'\"\\") || s.Report != "" && s.Report[0] != '/' {
		return fmt.Errorf("csp: %q is no path for reports", s.Report)
	}
	return nil
}

// policy is the strict policy (research C, row D1; https://web.dev/articles/strict-csp).
// "https:" and 'unsafe-inline' are for browsers that know no nonces or no 'strict-dynamic';
// all others ignore them.
func (s *Strict) policy(nonce string) Policy {
	script := make([]string, 0, len(s.Hashes)+5)
	if nonce != "" {
		script = append(script, "'nonce-"+nonce+"'")
	}
	for _, h := range s.Hashes {
		script = append(script, "'"+string(h)+"'")
	}
	script = append(script, "'strict-dynamic'", "https:")
	if nonce != "" || len(s.Hashes) > 0 {
		script = append(script, "'unsafe-inline'") // alone it would count
	}
	if s.Sample {
		script = append(script, "'report-sample'")
	}
	return append(Policy{
		{"default-src", []string{"'self'"}},
		{"script-src", script},
		{"style-src", []string{"'self'", "'unsafe-inline'"}},
		{"img-src", []string{"'self'", "data:", "blob:"}},
		{"font-src", []string{"'self'", "data:"}},
		{"connect-src", []string{"'self'"}},
		{"object-src", []string{"'none'"}},
		{"base-uri", []string{"'none'"}},
		{"form-action", append([]string{"'self'"}, s.FormAction...)},
		{"frame-ancestors", append([]string{"'self'"}, s.FrameAncestors...)},
	}, s.reports()...)
}

// reports names the collector in both ways: report-uri is the one that every browser
// knows, report-to the one of the standard (CSP3, Section 6.5).
func (s *Strict) reports() Policy {
	if s.Report == "" {
		return nil
	}
	if s.Plain {
		return Policy{{"report-uri", []string{s.Report}}}
	}
	return Policy{{"report-uri", []string{s.Report}}, {"report-to", []string{endpoint}}}
}

// trusted is the report on DOM sinks (Trusted Types, Section 4.2): an inventory of the
// scripts that make markup of strings.
func (s *Strict) trusted() Policy {
	return append(Policy{{"require-trusted-types-for", []string{"'script'"}}}, s.reports()...)
}
