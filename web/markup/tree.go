package markup

// What is followed of the tree is bounded.
const (
	maxForeign  = 256 // open elements from the first foreign one on
	maxTemplate = 32  // templates in each other
)

// tree is what the Scanner knows of the tree that a browser builds: as much as decides
// how bytes are read, and whether a form's start tag makes a form. It follows WHATWG HTML,
// Section 13.2.6, and says when it cannot.
type tree struct {
	open      []node     // the elements from the outermost svg or math on; empty in HTML
	templates []template // the open templates

	selects  bool // inside a select
	noscript bool // inside a noscript
	within   int  // templates open when the noscript began

	// form says that the form element pointer is set: as a browser with scripting sees it,
	// for whom a noscript is text, and as one without.
	form, formPlain bool
}

type template struct {
	table bool // something of a table has been seen in it
	group bool // a colgroup or a table has been seen in it
}

// reads reports whether the tree needs the attributes of a start tag.
func (t *tree) reads(n Name) bool {
	return len(t.open) > 0 && (n == Font || n == AnnotationXML)
}

// current reports whether the adjusted current node is foreign, if that is certain.
func (t *tree) current() (foreign, certain bool) {
	if len(t.open) == 0 {
		return false, true
	}
	top := &t.open[len(t.open)-1]
	return top.space != inHTML, top.space != inHTML && top.point == none
}

func (t *tree) foreign() bool { return len(t.open) > 0 }

// follow takes a tag in and fills what its place says about it.
func (t *tree) follow(tag *Tag, name []byte, length int) Reason {
	if len(t.open) > 0 {
		if length > len(name) {
			return TooDeep
		}
		if tag.End {
			return t.endForeign(tag, name)
		}
		if foreign, r := t.startForeign(tag, name); foreign {
			return r
		}
	}
	if tag.Name == Other {
		return t.push(tag, name)
	}
	if tag.End {
		return t.endHTML(tag)
	}
	r := t.startHTML(tag)
	if r == "" {
		r = t.push(tag, name)
	}
	return r
}

// startHTML is a start tag in HTML.
func (t *tree) startHTML(tag *Tag) Reason {
	tag.InTemplate, tag.InNoscript = len(t.templates) > 0, t.noscript
	if t.selects {
		if r := t.startInSelect(tag.Name); r != "" {
			return r
		}
	}
	switch tag.Name {
	case Select:
		t.selects = !t.selects // a select in a select ends it
	case Frameset:
		return InFrameset
	case Noscript:
		t.noscript, t.within = true, len(t.templates)
	case Template:
		if len(t.templates) == maxTemplate {
			return TooDeep
		}
		t.templates = append(t.templates, template{})
	case Table, TableSection, Colgroup, Col:
		return t.startTable(tag.Name)
	case Form:
		return t.startForm(tag)
	}
	return ""
}

// startInSelect: older parsers drop nearly every tag in a select, newer ones keep it. Where
// that changes how the bytes behind it are read, there is no telling.
func (t *tree) startInSelect(n Name) Reason {
	switch n {
	case Input:
		t.selects = false // ends the select for all parsers
	case Title, Style, Xmp, Iframe, Noembed, Noframes, Plaintext, Textarea, Noscript, Keygen,
		Form, SVG, Math, Template, Table, Frameset, Base:
		return InSelect
	}
	return ""
}

// startTable notes tables in templates: what a template's own content begins with decides
// what is dropped behind it (WHATWG HTML, Sections 13.2.6.4.9, 13.2.6.4.12, 13.2.6.4.18).
func (t *tree) startTable(n Name) Reason {
	if len(t.templates) == 0 {
		return ""
	}
	top := &t.templates[len(t.templates)-1]
	if n == Col && !top.group {
		return InTemplate
	}
	top.table = true
	top.group = top.group || n == Table || n == Colgroup
	return ""
}

// startForm decides whether a start tag makes a form: not inside another form, and in a
// template not inside a table (WHATWG HTML, Sections 13.2.6.4.7 and 13.2.6.4.9).
func (t *tree) startForm(tag *Tag) Reason {
	if len(t.templates) > 0 {
		tag.Opens = !t.templates[len(t.templates)-1].table
		return ""
	}
	if !t.noscript && t.form != t.formPlain {
		return InNoscript // a form of a noscript is still open for some
	}
	tag.Opens = !t.formPlain
	t.formPlain = true
	t.form = t.form || !t.noscript
	return ""
}

// endHTML is an end tag in HTML.
func (t *tree) endHTML(tag *Tag) Reason {
	tag.InTemplate, tag.InNoscript = len(t.templates) > 0, t.noscript
	switch tag.Name {
	case Select:
		t.selects = false
	case Template:
		return t.endTemplate()
	case Noscript:
		return t.endNoscript()
	case Form:
		if t.selects {
			return InSelect
		}
		if len(t.templates) == 0 {
			t.formPlain = false
			t.form = t.form && t.noscript
		}
	}
	return ""
}

func (t *tree) endTemplate() Reason {
	n := len(t.templates)
	if n == 0 {
		return ""
	}
	if t.noscript && n <= t.within {
		return InNoscript
	}
	if t.selects {
		return InSelect
	}
	t.templates = t.templates[:n-1]
	return ""
}

func (t *tree) endNoscript() Reason {
	if !t.noscript {
		return ""
	}
	if t.selects || len(t.templates) != t.within {
		return InNoscript
	}
	t.noscript = false
	return ""
}
