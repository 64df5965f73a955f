package nature

import "html/template"

// trusted is the one place where a string becomes HTML. Its argument has just left the
// policy, and nothing happens to it afterwards (bluemonday: sanitise after all other
// processing).
func (p *Policy) trusted(markup string) template.HTML {
	return template.HTML(p.Sanitize(markup)) //nature:allow the audited place: sanitised by a named policy on this line; sanmon:allow go-template-html the same
}
