package adopt

import (
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// Cookie is one cookie of a backend as a browser would keep it.
type Cookie struct {
	Name    string
	Path    string // where it is sent, "/" everywhere
	Value   secret.Value
	Expires time.Time // zero: with the session
}

// maxPair is the longest name and value together, in bytes, as in browsers (RFC 6265bis,
// Section 5.7).
const maxPair = 4096

// gone reports whether the cookie is a deletion, or over. A session cookie without a value
// names no session.
func (c *Cookie) gone(now time.Time) bool {
	return c.Value.Empty() || !c.Expires.IsZero() && !now.Before(c.Expires)
}

// ParseSet reads one Set-Cookie line as browsers do (RFC 6265, Section 5.2). path is that of
// the request, as it arrived. ok is false for a line that no browser would keep.
func ParseSet(line, path string, now time.Time) (c Cookie, ok bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, named := strings.Cut(pair, "=")
	name, value = trim(name), trim(value)
	if !named || name == "" || len(name)+len(value) > maxPair || !plain(name) || !plain(value) {
		return Cookie{}, false
	}
	c = Cookie{Name: name, Path: defaultPath(path), Value: secret.NewString(value)}
	aged := false
	for more := attributes != ""; more; {
		var item string
		item, attributes, more = strings.Cut(attributes, ";")
		key, v, _ := strings.Cut(item, "=")
		switch key, v = trim(key), trim(v); {
		case strings.EqualFold(key, "Max-Age"):
			if end, ok := maxAge(v, now); ok {
				c.Expires, aged = end, true
			}
		case strings.EqualFold(key, "Expires") && !aged:
			if end, ok := expires(v); ok {
				c.Expires = end
			}
		case strings.EqualFold(key, "Path"):
			if c.Path = v; !strings.HasPrefix(v, "/") {
				c.Path = defaultPath(path)
			}
		}
	}
	return c, true
}

func trim(s string) string { return strings.Trim(s, " \t") }

// plain reports whether s has no byte that could end a cookie or a field.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c == ';' {
			return false
		}
	}
	return true
}

// defaultPath is RFC 6265, Section 5.1.4.
func defaultPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	if i <= 0 || path[0] != '/' {
		return "/"
	}
	return path[:i]
}

// matches is path-match of RFC 6265, Section 5.1.4.
func (c *Cookie) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, c.Path)
	return ok && (rest == "" || strings.HasSuffix(c.Path, "/") || rest[0] == '/')
}

// maxLife is the longest life of a cookie, as in browsers (RFC 6265bis, Section 5.5).
const maxLife = 400 * 24 * time.Hour

func maxAge(v string, now time.Time) (time.Time, bool) {
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	switch {
	case strings.HasPrefix(v, "-") || err == nil && n <= 0:
		return time.Unix(0, 0), true
	case err != nil || n > int64(maxLife/time.Second):
		return now.Add(maxLife), true
	}
	return now.Add(time.Duration(n) * time.Second), true
}

// expires reads the dates that servers write; what does not parse is no date, as in
// browsers.
func expires(v string) (time.Time, bool) {
	for _, layout := range [...]string{
		"Mon, 02 Jan 2006 15:04:05 MST", "Mon, 02-Jan-2006 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 MST",
		"Mon, 02-Jan-06 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 02 Jan 2006 15:04:05 -0700", time.ANSIC,
	} {
		if t, err := time.Parse(layout, v); err == nil {
			if t.Unix() <= 0 {
				t = time.Unix(0, 0)
			}
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
