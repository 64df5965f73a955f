package csp

// Tighten returns what of ours must be sent beside the backend's policies, so that
// nothing is allowed that ours does not allow; nil when theirs are as strict already.
// Browsers enforce every policy (CSP3, Section 8.1), so what is added only ever tightens,
// and the backend's own nonces and hosts keep their meaning within it.
func Tighten(backend []Policy, ours Policy) Policy {
	held := func(d Directive) bool {
		for _, p := range backend {
			if p.holds(ours, d) {
				return true
			}
		}
		return false
	}
	def, ok := ours.Get("default-src")
	// Where our default-src is sent, every fetch directive of ours goes with it: it would
	// decide in their place otherwise.
	whole := ok && !held(Directive{"default-src", def})
	var left Policy
	rules := 0
	for _, d := range ours {
		reports := d.Name == "report-uri" || d.Name == "report-to"
		if !reports && !(whole && isFetch(d.Name)) && held(d) {
			continue
		}
		left = append(left, d)
		if !reports {
			rules++
		}
	}
	if rules == 0 {
		return nil
	}
	return left
}

// holds reports whether p is at least as strict as directive d of ours, for everything
// that d decides there.
func (p Policy) holds(ours Policy, d Directive) bool {
	if isFetch(d.Name) {
		for _, name := range fetches() {
			if ours.Governing(name) != d.Name {
				continue
			}
			theirs, ok := p.Effective(name)
			if !ok || !Within(theirs, d.Values, isScript(name)) {
				return false
			}
		}
		return true
	}
	theirs, ok := p.Get(d.Name)
	if !ok {
		return false
	}
	switch d.Name {
	case "base-uri", "form-action", "frame-ancestors":
		return Within(theirs, d.Values, false)
	case "require-trusted-types-for":
		return subset(d.Values, theirs)
	}
	return subset(theirs, d.Values) // sandbox, trusted-types: fewer tokens are stricter
}

func subset(list, of []string) bool {
	for _, v := range list {
		if !has(of, v) {
			return false
		}
	}
	return true
}

func isScript(name string) bool {
	switch name {
	case "script-src", "script-src-elem", "script-src-attr", "worker-src":
		return true
	}
	return false
}

// StopsInjection reports whether a policy keeps a script from running that somebody wrote
// into the page: inline ones are not allowed as such, and no scheme or wildcard lets one
// in from a host of the attacker's choice.
func (p Policy) StopsInjection() bool {
	for _, name := range []string{"script-src-elem", "script-src-attr"} {
		sources, ok := p.Effective(name)
		if !ok {
			return false
		}
		for _, s := range normal(sources, true) {
			if is(s, "'unsafe-inline'") || kindOf(s) == schemeSource {
				return false
			}
			if h, ok := parseHost(s); ok && kindOf(s) == hostSource && h.name == "*" {
				return false
			}
		}
	}
	return true
}

// Nonce returns the first nonce that a policy has for script elements, "" none.
func (p Policy) Nonce() string {
	sources, _ := p.Effective("script-src-elem")
	for _, s := range sources {
		if kindOf(s) == nonceSource {
			return s[len("'nonce-") : len(s)-1]
		}
	}
	return ""
}
