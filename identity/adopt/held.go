package adopt

import (
	"slices"
	"strings"
	"time"
)

// maxCookies is how many cookies of one backend are held.
const maxCookies = 8

// Held is what a backend knows somebody by. It is shared and never changed; the zero Held
// is nobody.
type Held struct {
	Upstream string
	Since    time.Time // when the person signed in there; zero for somebody who has not
	Cookies  []Cookie
}

// Empty reports whether no cookie is left.
func (h Held) Empty(now time.Time) bool {
	return !slices.ContainsFunc(h.Cookies, func(c Cookie) bool { return !c.gone(now) })
}

// Take returns h after an answer of the backend, and whether that says anything else: the
// same cookie with the same end, or one that ends within a minute of it, is no news.
func (h Held) Take(set []Cookie, now time.Time) (after Held, changed bool) {
	after = Held{Upstream: h.Upstream, Since: h.Since}
	for _, c := range h.Cookies {
		if c.gone(now) {
			changed = true
			continue
		}
		after.Cookies = append(after.Cookies, c)
	}
	for _, c := range set {
		i := slices.IndexFunc(after.Cookies, func(o Cookie) bool { return o.Name == c.Name && o.Path == c.Path })
		switch {
		case i >= 0 && c.gone(now):
			after.Cookies, changed = slices.Delete(after.Cookies, i, i+1), true
		case i >= 0:
			changed = changed || !c.same(&after.Cookies[i])
			after.Cookies[i] = c
		case !c.gone(now) && len(after.Cookies) < maxCookies:
			after.Cookies, changed = append(after.Cookies, c), true
		}
	}
	if !changed {
		return h, false
	}
	return after, true
}

// same reports whether the store need not hear of c instead of o.
func (c *Cookie) same(o *Cookie) bool {
	if !c.Value.Equal(o.Value) || c.Expires.IsZero() != o.Expires.IsZero() {
		return false
	}
	later := c.Expires.Sub(o.Expires)
	return later > -time.Second && later < time.Minute
}

// Append appends to the value of a Cookie field what the backend gets for a path, longer
// paths first (RFC 6265, Section 5.4).
func (h Held) Append(line, path string, now time.Time) string {
	var sent []*Cookie
	size := len(line)
	for i := range h.Cookies {
		if c := &h.Cookies[i]; c.matches(path) && !c.gone(now) {
			sent = append(sent, c)
			size += len(c.Name) + len(c.Value.Expose()) + 3
		}
	}
	if len(sent) == 0 {
		return line
	}
	slices.SortStableFunc(sent, func(a, b *Cookie) int { return len(b.Path) - len(a.Path) })
	var b strings.Builder
	b.Grow(size)
	b.WriteString(line)
	for _, c := range sent {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Name)
		b.WriteByte('=')
		b.Write(c.Value.Expose())
	}
	return b.String()
}
