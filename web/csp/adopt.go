package csp

import (
	"strings"

	"github.com/sanmon-gate/sanmon/web/headers"
)

// maxNonce bounds a backend's nonce that we repeat.
const maxNonce = 128

// adopt lets our own script run under the backend's policies, names the collector in
// those that report to nobody, and returns the nonce for our script. Where nothing has to
// change, the backend's lines stay as they came.
func (o *Output) adopt(policies []Policy, page Page, buf []headers.Edit) ([]headers.Edit, string) {
	nonce := page.Nonce
	if theirs := common(policies); theirs != "" {
		nonce = theirs // our script carries the backend's: nothing has to be loosened
	}
	changed := false
	for i, p := range policies {
		if page.Script {
			if q, ok := o.letIn(p, nonce); ok {
				policies[i], changed = q, true
			}
		}
		if o.mode != Floor && o.strict.Report != "" && !reports(policies[i]) {
			policies[i], changed = append(policies[i], o.strict.reports()...), true
		}
	}
	if !changed {
		return buf, nonce
	}
	op := headers.Set
	for _, p := range policies {
		buf = append(buf, headers.Edit{Name: Field, Value: p.String(), Op: op})
		op = headers.Add
	}
	return buf, nonce
}

// common is a nonce that every policy with nonces has, "" none. One that could end a
// comment where our script tag stands by mistake is not taken.
func common(policies []Policy) string {
	nonce := ""
	for _, p := range policies {
		switch n := p.Nonce(); {
		case n == "":
		case nonce == "":
			nonce = n
		case n != nonce:
			return ""
		}
	}
	if len(nonce) > maxNonce || strings.Contains(nonce, "-") {
		return ""
	}
	return nonce
}

func reports(p Policy) bool {
	_, uri := p.Get("report-uri")
	_, to := p.Get("report-to")
	return uri || to
}

// letIn returns p with our own script let in, false when it may run already or when no
// script may, which is then meant so.
func (o *Output) letIn(p Policy, nonce string) (Policy, bool) {
	governing := p.Governing("script-src-elem")
	sources, _ := p.Get(governing)
	effective := normal(sources, true)
	switch {
	case governing == "", len(effective) == 0:
		return p, false
	case nonce != "" && has(effective, "'nonce-"+nonce+"'"), has(effective, "'self'"):
		return p, false
	}
	source := o.ownScript
	if has(sources, "'strict-dynamic'") { // hosts do not count, and 'unsafe-inline' is off already
		source = "'nonce-" + nonce + "'"
		if nonce == "" {
			return p, false
		}
	} else if source == "" || admits(effective, source) {
		return p, false
	}
	if governing == "default-src" {
		governing = "script-src" // the rest of default-src is none of our business
	}
	return p.With(governing, append(append([]string(nil), sources...), source)...), true
}
