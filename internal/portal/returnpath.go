package portal

import (
	"net/url"

	"github.com/sanmon-gate/sanmon/web/target"
)

// LoginURL is where a navigation to target without a session is sent. target is path and
// query as they arrived.
func LoginURL(target string) string {
	if next := ReturnPath(target); next != "/" {
		return Prefix + "login?next=" + url.QueryEscape(next)
	}
	return Prefix + "login"
}

// maxReturn is the longest return path, in bytes: it travels in an address itself.
const maxReturn = 2048

// ReturnPath returns next when a login may lead there, else "/": see target.SafeReturn.
func ReturnPath(next string) string {
	if len(next) > maxReturn {
		return "/"
	}
	path, _ := target.SafeReturn(next)
	return path
}
