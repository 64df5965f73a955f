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
	open      []node     // the elements from the outermost svg, math or select on; empty elsewhere
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

// calm reports that tags of idle elements change nothing here.
func (t *tree) calm() bool { return len(t.open) == 0 && len(t.templates) == 0 && !t.selects }

// idle are the elements whose tags matter inside foreign content, templates and selects
// only. The content of none of them is raw text.
const idle Names = 1<<Other | 1<<AnnotationXML | 1<<Base | 1<<Body | 1<<Button | 1<<Col | 1<<Colgroup | 1<<Font | 1<<Head | 1<<HTML |
	1<<Input | 1<<Keygen | 1<<Meta | 1<<Table | 1<<TableSection | 1<<BR | 1<<P | 1<<Cell | 1<<Marker | 1<<Choice

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
	if t.selects && (tag.Name == Select || tag.Name == Input) {
		return t.endSelect(tag)
	}
	if r := t.startHTML(tag); r != "" {
		return r
	}
	return t.push(tag, name)
}

// startHTML is a start tag in HTML.
func (t *tree) startHTML(tag *Tag) Reason {
	tag.InTemplate, tag.InNoscript = len(t.templates) > 0, t.noscript
	if t.selects {
		switch tag.Name {
		case Button, Choice, Script, Meta, BR, P, Font:
		default:
			// Older parsers drop nearly every tag in a select, newer ones keep it. Where that
			// changes how the bytes behind it are read, there is no telling.
			return InSelect
		}
	}
	switch tag.Name {
	case Select:
		t.selects = true
	case Frameset:
		return InFrameset
	case Noscript:
		t.noscript, t.within = true, len(t.templates)
	case Template:
		if len(t.templates) == maxTemplate {
			return TooDeep
		}
		// Inside SVG or MathML parsers disagree about what a template keeps: no fields there.
		t.templates = append(t.templates, template{table: len(t.open) > 0})
	case Table, TableSection, Cell, Colgroup, Col:
		return t.startTable(tag.Name)
	case Form:
		return t.startForm(tag)
	}
	return ""
}

// endSelect is a start tag that ends the select around it, for older and newer parsers
// only if nothing else is open in it.
func (t *tree) endSelect(tag *Tag) Reason {
	top := &t.open[len(t.open)-1]
	if !top.is([]byte("select")) {
		return InSelect
	}
	t.open, t.selects = t.open[:len(t.open)-1], false
	tag.InTemplate, tag.InNoscript = len(t.templates) > 0, t.noscript
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
