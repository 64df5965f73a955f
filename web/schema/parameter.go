package schema

import (
	"fmt"
	"net/textproto"
	"strings"

	"github.com/sanmon-gate/sanmon/web/headers"
)

// parameter is one declared parameter (OAS 3.1.1, Section 4.8.12).
type parameter struct {
	name     string // of a header: canonical
	in       string // "path", "query", "header", "cookie"; "" not judged
	required bool
	rule     *rule
	json     bool   // content: application/json instead of a style
	between  string // what separates the items of a list in one text; "" none, names repeat
	deep     bool   // deepObject: name[member]=value
	spread   bool   // an object whose members are parameters of their own

	list    bool
	object  bool
	unclear bool // an object in a place and style that is not understood
}

// parameter reads a parameter object. What the gate itself reads, sets or removes is
// not judged: it never arrives at the backend as the client wrote it.
func (b *builder) parameter(object map[string]any, at string) (parameter, error) {
	p := parameter{}
	p.name, _ = object["name"].(string)
	p.in, _ = object["in"].(string)
	p.required, _ = object["required"].(bool)
	if p.name == "" {
		return p, fmt.Errorf("%s has no name", at)
	}
	switch p.in {
	case "path", "query", "cookie":
	case "header":
		if p.name = textproto.CanonicalMIMEHeaderKey(p.name); ours(p.name) {
			return parameter{}, nil
		}
	default:
		return p, fmt.Errorf("%s: in is none of path, query, header, cookie", at)
	}
	if p.in == "cookie" && headers.Reserved(p.name) {
		return parameter{}, nil
	}
	if content, ok := object["content"].(map[string]any); ok {
		return p, b.contentParameter(&p, content, at)
	}
	schema, ok := object["schema"]
	if !ok {
		return p, fmt.Errorf("%s has neither schema nor content", at)
	}
	var err error
	if p.rule, err = b.compile(schema, at+"/schema"); err != nil {
		return p, err
	}
	return p, p.styled(object, at)
}

func (b *builder) contentParameter(p *parameter, content map[string]any, at string) error {
	about, ok := content["application/json"].(map[string]any)
	if !ok || len(content) != 1 {
		return fmt.Errorf("%s: content of a parameter has to be application/json", at)
	}
	p.json = true
	if about["schema"] == nil {
		return nil
	}
	var err error
	p.rule, err = b.compile(about["schema"], at+pointerOf("content", "application/json", "schema"))
	return err
}

// ours are header fields that are not the client's to choose, and those that OpenAPI
// says to ignore (OAS 3.1.1, Section 4.8.12.1).
func ours(name string) bool {
	switch name {
	case "Accept", "Content-Type", "Authorization", "X-Api-Key", "X-Request-Id", "Cookie", "Host", "Content-Length", "X-Sanmon-Csrf":
		return true
	}
	return !headers.Forwardable(name) || strings.HasPrefix(name, "Sanmon-")
}

// styled reads style and explode (OAS 3.1.1, Section 4.8.12.2).
func (p *parameter) styled(object map[string]any, at string) error {
	style, _ := object["style"].(string)
	if style == "" {
		style = map[string]string{"path": "simple", "header": "simple"}[p.in]
		if style == "" {
			style = "form"
		}
	}
	explode, said := object["explode"].(bool)
	if !said {
		explode = style == "form" || style == "cookie"
	}
	switch {
	case style == "simple" && (p.in == "path" || p.in == "header"):
		p.between = ","
	case style == "form" && p.in == "query":
		if p.spread = explode; !explode {
			p.between = ","
		}
	case (style == "form" || style == "cookie") && p.in == "cookie":
		p.between = ","
	case style == "spaceDelimited" && p.in == "query":
		p.between = " "
	case style == "pipeDelimited" && p.in == "query":
		p.between = "|"
	case style == "deepObject" && p.in == "query":
		p.deep = true
	default:
		return fmt.Errorf("%s: style %s in %s is not understood", at, clip(style), p.in)
	}
	if explode && p.between != "," && p.between != "" {
		p.between = ""
	}
	return nil
}

// settle finds out whether texts have to become lists or objects.
func (p *parameter) settle() {
	if p.rule == nil {
		return
	}
	p.list = p.rule.shapes.has(array) && !p.json
	p.object = p.rule.shapes.has(object) && !p.json
	p.unclear = p.object && !p.deep && !p.spread
}
