package headers

import (
	"slices"
	"strings"
)

// CookieOptions says how the cookies of a backend are hardened.
type CookieOptions struct {
	Secure   bool     // browsers reach us over https: every cookie is Secure
	SameSite string   // "Strict", "None" or "Lax" (default): added where a cookie has none
	HTTPOnly []string // names that get HttpOnly beside the built-in rule
	Scripts  []string // names that scripts must read: never given HttpOnly
	Reserved []string // names that a backend must not set, beside ours

	// CrossSite are names that get no SameSite: another site sends people back to us by
	// POST, and browsers would leave a cookie with an explicit Lax out of that.
	CrossSite []string
}

// HardenCookie returns one Set-Cookie line of a backend with the attributes that it
// lacks appended, and whether it may be sent at all. Nothing that is there is changed,
// moved or removed: a line that lacks nothing comes back byte for byte. Dropped are
// lines that set a cookie of ours, and lines that browsers read differently from one
// another: control bytes, a name that is empty or no plain text (RFC 6265bis, Section 5.6;
// a cookie without a name but with the value "__Host-sanmon=x" would come back as ours).
func HardenCookie(line string, o CookieOptions) (out string, keep bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, _, named := strings.Cut(pair, "=")
	name = strings.Trim(name, " \t")
	if !named || !validName(name) || !cleanValue(line) || o.reserved(name) {
		return "", false
	}
	var sameSite, secure, httpOnly string // what is added, "" nothing
	has := readAttributes(attributes)
	if !has.sameSite && !slices.Contains(o.CrossSite, name) {
		sameSite = o.sameSite()
	}
	if !has.secure && (o.Secure || has.sameSiteNone || sameSite == sameSiteNone) { // browsers drop None without Secure
		secure = "; Secure"
	}
	if !has.httpOnly && o.hidden(name) {
		httpOnly = "; HttpOnly"
	}
	if sameSite == "" && secure == "" && httpOnly == "" {
		return line, true
	}
	return line + secure + httpOnly + sameSite, true
}

const sameSiteNone = "; SameSite=None"

func (o *CookieOptions) sameSite() string {
	switch {
	case strings.EqualFold(o.SameSite, "None"):
		return sameSiteNone
	case strings.EqualFold(o.SameSite, "Strict"):
		return "; SameSite=Strict"
	}
	return "; SameSite=Lax"
}

func (o *CookieOptions) reserved(name string) bool {
	return Reserved(name) || slices.ContainsFunc(o.Reserved, func(r string) bool { return strings.EqualFold(r, name) })
}

// hidden reports whether scripts have no business with the cookie.
func (o *CookieOptions) hidden(name string) bool {
	switch {
	case slices.Contains(o.Scripts, name):
		return false
	case slices.Contains(o.HTTPOnly, name):
		return true
	case containsFold(name, "csrf"), containsFold(name, "xsrf"): // scripts read these to send them back
		return false
	}
	for _, word := range [...]string{"sess", "sid", "auth", "token", "jwt", "login", "remember"} { // "session" has "sess"
		if containsFold(name, word) {
			return true
		}
	}
	return false
}

// attributes is what a Set-Cookie line says already.
type attributes struct{ secure, httpOnly, sameSite, sameSiteNone bool }

// readAttributes reads as browsers do (RFC 6265bis, Section 5.6): any case, the last
// SameSite wins, and one with an unknown value is as good as none.
func readAttributes(s string) (a attributes) {
	for more := true; more; {
		var item string
		item, s, more = strings.Cut(s, ";")
		name, value, _ := strings.Cut(item, "=")
		switch name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t"); {
		case strings.EqualFold(name, "Secure"):
			a.secure = true
		case strings.EqualFold(name, "HttpOnly"):
			a.httpOnly = true
		case strings.EqualFold(name, "SameSite"):
			a.sameSiteNone = strings.EqualFold(value, "None")
			a.sameSite = a.sameSiteNone || strings.EqualFold(value, "Lax") || strings.EqualFold(value, "Strict")
		}
	}
	return a
}

// validName reports whether name has 1 or more printable ASCII characters and none that
// parsers of Cookie fields treat specially. Wider than a token: PHP's names have brackets.
func validName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '=' {
			return false
		}
	}
	return name != ""
}

// containsFold reports whether s has the lower-case word in any case.
func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if s[i]|0x20 == word[0] && strings.EqualFold(s[i:i+len(word)], word) {
			return true
		}
	}
	return false
}
