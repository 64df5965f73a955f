package markup

import (
	"bytes"
	"html"
	"strings"
)

// place says whose address a form posts to.
type place uint8

const (
	unknown place = iota // not certain
	ours
	elsewhere
)

// address resolves what actions of forms point to, as browsers do (WHATWG URL, Section 4.4;
// WHATWG HTML, Section 4.10.21.3). What browsers may read in another way is unknown.
type address struct {
	origin string // of the document, "https://app.example.com"
	path   string // of the document
	base   string // path that relative addresses begin at
	utf8   bool   // the document is certainly in UTF-8

	foreign bool // a base lies elsewhere
	unsure  bool // a base counts for some browsers only
}

// setBase takes a base element's href in. The first one counts; of further ones only that
// they lead elsewhere.
func (a *address) setBase(href []byte, first, certain bool) {
	path, where := a.read(href, a.path)
	switch {
	case where != ours:
		a.foreign = true
	case first && certain:
		a.base = path
	case !certain:
		a.unsure = true
	}
}

// action resolves an action attribute, and gives the path as the browser will send it.
func (a *address) action(raw []byte) (string, place) {
	if len(bytes.Trim(raw, " \t\r\n\f")) == 0 {
		return a.path, ours // the document itself, whatever the base
	}
	if n := simple(raw); n > 0 && !a.foreign {
		return string(raw[:n]), ours
	}
	return a.read(raw, a.base)
}

// simple returns the length of the path of an address that every parser reads alike: one
// slash, then nothing that has to be decoded, encoded or removed. 0 is for all others.
func simple(raw []byte) int {
	if len(raw) == 0 || raw[0] != '/' || len(raw) > 1 && raw[1] == '/' {
		return 0
	}
	for i, c := range raw {
		switch {
		case isAlpha(c), c >= '0' && c <= '9', c == '_', c == '-', c == '/', c == '~':
		case c == '.' && raw[i-1] != '/':
		case c == '?' || c == '#':
			return i
		default:
			return 0
		}
	}
	return len(raw)
}

func (a *address) read(raw []byte, base string) (string, place) {
	v, ok := decode(raw)
	if !ok {
		return "", unknown
	}
	v = strings.TrimFunc(v, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(v, "\t\n\r") {
		v = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(v)
	}
	if cut := strings.IndexAny(v, "?#"); cut >= 0 {
		v = v[:cut]
	}
	v = strings.ReplaceAll(v, `\`, "/")
	if scheme, rest, ok := cutScheme(v); ok {
		if scheme != "http" && scheme != "https" {
			return "", elsewhere
		}
		return a.absolute(scheme, rest)
	}
	if strings.HasPrefix(v, "//") {
		if a.foreign { // the scheme is that of the base
			return "", unknown
		}
		scheme, _, _ := strings.Cut(a.origin, ":")
		return a.absolute(scheme, v)
	}
	switch {
	case a.foreign:
		return "", elsewhere
	case v == "":
		v = base
	case v[0] == '/':
	case a.unsure:
		return "", unknown
	default:
		v = base[:strings.LastIndexByte(base, '/')+1] + v
	}
	return a.normal(v)
}

// absolute reads what follows a scheme of http: "//host/path".
func (a *address) absolute(scheme, rest string) (string, place) {
	if !strings.HasPrefix(rest, "//") || len(rest) < 3 || rest[2] == '/' {
		return "", unknown // browsers repair these, each in another way
	}
	host, path := rest[2:], "/"
	if i := strings.IndexByte(host, '/'); i >= 0 {
		host, path = host[:i], host[i:]
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`%@"<>^|`, c) >= 0 {
			return "", unknown
		}
	}
	host = strings.ToLower(host)
	if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	if scheme+"://"+host != a.origin {
		return "", elsewhere
	}
	return a.normal(path)
}

// normal removes dot segments and encodes what browsers encode in a path.
func (a *address) normal(path string) (string, place) {
	var out []string
	for rest, more := path[1:], true; more; {
		var seg string
		seg, rest, more = strings.Cut(rest, "/")
		switch dots := strings.ReplaceAll(strings.ToLower(seg), "%2e", "."); {
		case dots == "." && !more:
			out = append(out, "")
		case dots == ".":
		case dots == "..":
			out = out[:max(len(out)-1, 0)]
			if !more {
				out = append(out, "")
			}
		default:
			out = append(out, seg)
		}
	}
	var b strings.Builder
	for _, seg := range out {
		b.WriteByte('/')
		for i := range len(seg) {
			c := seg[i]
			switch {
			case c >= 0x80 && !a.utf8:
				return "", unknown
			case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>^`{}", c) >= 0: // the path percent-encode set
				const hex = "0123456789ABCDEF"
				b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			default:
				b.WriteByte(c)
			}
		}
	}
	return b.String(), ours
}

// cutScheme splits off a URL's scheme, in lower case.
func cutScheme(v string) (scheme, rest string, ok bool) {
	for i := range len(v) {
		switch c := v[i]; {
		case isAlpha(c):
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return strings.ToLower(v[:i]), v[i+1:], true
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// decode decodes the character references of an attribute's value. References without the
// semicolon are decoded or not depending on what follows: before the query, where it would
// matter, they make the value unreadable.
func decode(raw []byte) (string, bool) {
	if bytes.IndexByte(raw, '&') < 0 {
		return string(raw), true
	}
	var b strings.Builder
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '&' {
			b.WriteByte(c)
			i++
			continue
		}
		end := bytes.IndexByte(raw[i:], ';')
		ref := ""
		if end > 0 && end <= 32 {
			ref = string(raw[i : i+end+1])
		}
		plain := html.UnescapeString(ref)
		if ref == "" || plain == ref || strings.ContainsAny(plain, "&;") && len(plain) > 1 {
			if strings.ContainsAny(b.String(), "?#") {
				return b.String(), true
			}
			return "", false
		}
		b.WriteString(plain)
		i += end + 1
	}
	return b.String(), true
}
