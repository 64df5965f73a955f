package markup

import (
	"bytes"
	"strings"
)

// form gives a form its field, if it posts to us.
func (j *Injector) form(dst []byte, t *Tag) []byte {
	if t.End || !t.Opens {
		if t.End && j.posting {
			j.posting = false
			j.wants()
		}
		return dst
	}
	token := j.tokenOf(t.Attrs)
	if j.posting = token != ""; j.posting {
		j.report.Forms++
		dst = append(dst, "<input type=hidden name="...)
		dst = append(dst, j.page.Field...)
		dst = append(dst, " value="...)
		dst = append(dst, token...)
		dst = append(dst, '>')
	}
	j.wants()
	return dst
}

// tokenOf returns the token for a form with these attributes. Only forms whose method is
// POST, in any case, have one (WHATWG HTML, Section 4.10.21.6).
func (j *Injector) tokenOf(attrs []byte) string {
	if method, _ := Attribute(attrs, "method"); !isPost(method) {
		return ""
	}
	action, _ := Attribute(attrs, "action")
	path, where := j.address.action(action)
	if where != ours {
		if where == unknown {
			j.report.Unread++
		}
		return ""
	}
	token := j.page.Token(path)
	if !inert(token) {
		return ""
	}
	return token
}

func isPost(method []byte) bool {
	if bytes.IndexByte(method, '&') < 0 {
		return hasFold(method, "post")
	}
	plain, ok := decode(method)
	return ok && strings.EqualFold(plain, "post")
}

// button counts a button of a form of ours that posts elsewhere.
func (j *Injector) button(t *Tag) {
	if t.End || !j.posting {
		return
	}
	action, ok := Attribute(t.Attrs, "formaction")
	if !ok {
		return
	}
	if _, where := j.address.action(action); where != ours {
		j.report.Foreign++
	}
}

// inert reports whether s can be written into a page without quotes, wherever it lands.
func inert(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlpha(c) && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return s != ""
}
