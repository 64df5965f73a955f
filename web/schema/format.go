package schema

import (
	"encoding/base64"
	"math"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// format is a format that is checked. A nil function does not apply to the kind.
type format struct {
	name   string
	text   func(string) bool
	number func(string) bool
}

// formatNamed returns the check of a format, nil for those that only describe
// (password, binary, what a framework made up): JSON Schema 2020-12, Section 7.2.2.
func formatNamed(name string) *format {
	f := format{name: name}
	switch name {
	case "int32":
		f.number = within("-2147483648", "2147483647")
	case "int64":
		f.number = within("-9223372036854775808", "9223372036854775807")
	case "float":
		f.number = func(s string) bool { v, err := strconv.ParseFloat(s, 32); return err == nil && !math.IsInf(v, 0) }
	case "date":
		f.text = func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil }
	case "date-time":
		f.text = isDateTime
	case "time":
		f.text = isTime
	case "duration":
		f.text = isDuration
	case "uuid":
		f.text = isUUID
	case "email", "idn-email":
		f.text = isEmail
	case "ipv4":
		f.text = func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() }
	case "ipv6":
		f.text = func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is6() && a.Zone() == "" }
	case "hostname", "idn-hostname":
		f.text = isHostname
	case "uri", "iri":
		f.text = func(s string) bool { u, ok := reference(s); return ok && u.Scheme != "" }
	case "uri-reference", "iri-reference":
		f.text = func(s string) bool { _, ok := reference(s); return ok }
	case "byte":
		f.text = func(s string) bool { _, err := base64.StdEncoding.Strict().DecodeString(s); return err == nil }
	case "json-pointer":
		f.text = isPointer
	default:
		return nil
	}
	return &f
}

// within checks the range of the integer formats (OpenAPI format registry).
func within(low, high string) func(string) bool {
	l, _ := decimalOf(low)
	h, _ := decimalOf(high)
	return func(s string) bool { return l.compare(s) >= 0 && h.compare(s) <= 0 }
}

// isDateTime takes RFC 3339, Section 5.6, and the same without an offset or seconds:
// <input type="datetime-local"> and datetime.isoformat() write these.
func isDateTime(s string) bool {
	date, rest, ok := strings.Cut(strings.ToUpper(s), "T")
	if !ok {
		if date, rest, ok = strings.Cut(s, " "); !ok { // RFC 3339, Section 5.6, NOTE
			return false
		}
	}
	_, err := time.Parse(time.DateOnly, date)
	return err == nil && isTime(rest)
}

// isTime takes HH:MM, seconds with or without a fraction, and an offset or none.
func isTime(s string) bool {
	s = strings.TrimSuffix(strings.ToUpper(s), "Z")
	if i := strings.LastIndexAny(s, "+-"); i > 0 {
		if !isClock(s[i+1:], 23) {
			return false
		}
		s = s[:i]
	}
	minutes, rest := s, ""
	if len(s) > 5 {
		minutes, rest = s[:5], s[5:]
	}
	return isClock(minutes, 23) && (rest == "" || isSeconds(rest))
}

func isClock(s string, hours int) bool {
	if len(s) != 5 || s[2] != ':' {
		return false
	}
	h, ok := twoDigits(s[:2])
	m, ok2 := twoDigits(s[3:])
	return ok && ok2 && h <= hours && m <= 59
}

func isSeconds(s string) bool {
	whole, fraction, dot := strings.Cut(s[1:], ".")
	n, ok := twoDigits(whole)
	return s[0] == ':' && ok && n <= 60 && (!dot || fraction != "" && len(fraction) <= 9 && strings.Trim(fraction, "0123456789") == "")
}

func twoDigits(s string) (int, bool) {
	if len(s) != 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

// isDuration takes ISO 8601 durations of RFC 3339, Appendix A.
func isDuration(s string) bool {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(s, "-"), "P")
	if !ok || rest == "" || len(s) > 64 {
		return false
	}
	date, clock, timed := strings.Cut(rest, "T")
	return (date != "" || timed) && (!timed || clock != "") && unitsInOrder(date, "YMWD") && unitsInOrder(clock, "HMS")
}

func unitsInOrder(s, units string) bool {
	for s != "" {
		n := len(s) - len(strings.TrimLeft(s, "0123456789."))
		if n == 0 || n == len(s) || strings.Count(s[:n], ".") > 1 || s[0] == '.' || s[n-1] == '.' {
			return false
		}
		i := strings.IndexByte(units, s[n])
		if i < 0 {
			return false
		}
		units, s = units[i+1:], s[n+1:]
	}
	return true
}

func isUUID(s string) bool { // RFC 9562, Section 4
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') {
			return false
		}
		if _, hex := unhex(s[i]); s[i] != '-' && !hex {
			return false
		}
	}
	return true
}

// isEmail takes an address as people have them: no display name, no comment, no quotes.
func isEmail(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && len(s) <= 254 && !strings.ContainsAny(s, `"<>() `)
}

func isHostname(s string) bool { // RFC 1123, Section 2.1
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if c < 0x80 && c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}

// reference parses a URI reference and refuses what browsers and parsers repair.
func reference(s string) (*url.URL, bool) {
	if len(s) > 8<<10 || strings.ContainsAny(s, "\\ \t\r\n<>\"{}|^`") {
		return nil, false
	}
	u, err := url.Parse(s)
	return u, err == nil
}

func isPointer(s string) bool {
	if s != "" && s[0] != '/' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}
