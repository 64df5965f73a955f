package escaping

import (
	"fmt"
	"html/template"
)

type alias = template.HTML

func f(s string, b []byte, h template.HTML) {
	_ = template.HTML(s)                                                                   // want `template.HTML of what is no constant switches escaping off`
	_ = template.HTML(b)                                                                   // want `template.HTML of`
	_ = template.HTML("<b>" + s)                                                           // want `template.HTML of`
	_ = template.HTML(fmt.Sprintf("<b>%s</b>", s))                                         // want `template.HTML of`
	_ = alias(s)                                                                           // want `template.HTML of`
	_ = (template.HTML)(s)                                                                 // want `template.HTML of`
	_ = template.JS(s)                                                                     // want `template.JS of`
	_ = template.JSStr(s)                                                                  // want `template.JSStr of`
	_ = template.CSS(s)                                                                    // want `template.CSS of`
	_ = template.URL(s)                                                                    // want `template.URL of`
	_ = template.HTMLAttr(s)                                                               // want `template.HTMLAttr of`
	_ = template.Srcset(s)                                                                 // want `template.Srcset of`
	_ = template.FuncMap{"safe": func(s string) template.HTML { return template.HTML(s) }} // want `template.HTML of`

	const c = "<b>x</b>"
	_ = template.HTML(c)
	_ = template.HTML("<b>" + c)
	_ = template.HTML(h)
	_ = string(h)
}

type row struct {
	Body  template.HTML `json:"body"` // want `a decoder fills a field of type template.HTML`
	Other template.HTML `out:"never"`
	View  template.HTML `out:"text"`
}
