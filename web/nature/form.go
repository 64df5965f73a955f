package nature

import (
	"fmt"
	"strings"
)

// form judges the pairs of a form or query (URL Standard, Section 5.1). Bad
// percent-encoding stays as it is, as in the standard and in Python's parse_qs.
func (s *sink) form(raw, where string) {
	for n := 1; raw != "" && !s.full(); n++ {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(pair, "=")
		name = unescape(name)
		place := func() string { return fmt.Sprintf(where, n) }
		if kind := FindMarkup(name); kind != "" {
			s.report(nil, kind+" in its name", place)
		}
		s.value(s.fields.flat[name], unescape(value), place)
	}
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// unhex is the value of a hexadecimal digit, -1 when c is none.
func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
