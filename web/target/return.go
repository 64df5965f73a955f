package target

import "strings"

// reserved is the gate's own prefix, and account and authorize the only addresses below it
// that a login may lead to: the others act, or are for programs.
const (
	reserved  = "/.sanmon/"
	account   = "/.sanmon/account"
	authorize = "/.sanmon/oauth/authorize"
)

// SafeReturn returns where a login may lead to: next itself when it is a path[?query] of
// this origin, else "/" and false. Only what Parse reads passes. That excludes every form
// by which browsers leave the origin ("//host", "/\host", "/<tab>/host", a scheme,
// userinfo; WHATWG URL strips tabs and reads "\" as "/"; CVE-2020-11053 and
// GHSA-qqxw-m5fj-f7gv of oauth2-proxy) and every byte that could end a Location field.
func SafeReturn(next string) (string, bool) {
	t, err := Parse("GET", next)
	if err != nil {
		return "/", false
	}
	if strings.HasPrefix(t.Decoded, reserved) && t.Decoded != account && t.Decoded != authorize && !strings.HasPrefix(t.Decoded, account+"/") {
		return "/", false
	}
	return next, true
}
