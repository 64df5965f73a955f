package adopt

import (
	"net/url"
	"slices"
	"strings"
)

// Rules say which cookies of a backend are its login session, and where people sign in and
// out there. They are not changed after they are made.
type Rules struct {
	Upstream string   // name of the backend
	Origin   string   // public origin, "https://app.example.com"
	Cookies  []string // names of its session cookies, exactly
	Login    []string // decoded paths where people sign in; the first is where they are sent
	Logout   []string // decoded paths where they sign out
}

// Subject is whom a session of the backend belongs to, as far as we know: the backend does
// not tell.
func (r *Rules) Subject() string { return Subject(r.Upstream) }

// Subject is the subject of the sessions of a backend.
func Subject(upstream string) string { return "app:" + upstream }

// Named reports whether a cookie is one of the backend's session. Cookie names have a case
// (RFC 6265, Section 4.1.1).
func (r *Rules) Named(name string) bool { return slices.Contains(r.Cookies, name) }

// Read reports whether a backend may read a request's cookie of that name as one of the
// session: PHP has "_" where the name has "." or " ", and an array from "[" on, and there are
// servers that decode "%".
func (r *Rules) Read(name string) bool {
	if r.Named(name) {
		return true
	}
	if !strings.ContainsAny(name, ".[ %") {
		return false
	}
	if decoded, err := url.PathUnescape(name); err == nil {
		name = decoded
	}
	base, _, _ := strings.Cut(name, "[")
	return slices.ContainsFunc(r.Cookies, func(ours string) bool {
		ours = variable.Replace(ours)
		return variable.Replace(name) == ours || variable.Replace(base) == ours
	})
}

// variable makes the name of a variable of PHP from that of a cookie.
var variable = strings.NewReplacer(".", "_", " ", "_", "[", "_")

// SignsIn reports whether people sign in at a decoded path.
func (r *Rules) SignsIn(path string) bool { return slices.Contains(r.Login, path) }

// SignsOut reports whether people sign out at a decoded path.
func (r *Rules) SignsOut(path string) bool { return slices.Contains(r.Logout, path) }

// LoginURL is where a navigation to target, path and query as they arrived, is sent for a
// login: the backend's own page, with the address to come back to in next, as Django and
// Flask-Login name it.
func (r *Rules) LoginURL(target string) string {
	to := (&url.URL{Path: r.Login[0]}).EscapedPath()
	if path, _, _ := strings.Cut(target, "?"); r.SignsIn(path) || len(target) > maxReturn {
		return to
	}
	return to + "?next=" + url.QueryEscape(target)
}

// maxReturn is the longest address to come back to, in bytes.
const maxReturn = 2048
