package portal

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/identity/session"
)

// Notice is a change of how somebody signs in, or of who can act as them, that was made.
type Notice struct {
	Change  string // one of Told
	User    string // principal id
	Email   string
	Lang    string     // of the browser that made it: "en" or "ja"
	Device  string     // that browser, as session.Device calls it
	Network netip.Addr // where it is
	At      time.Time
}

// Told are the changes that a person is told of beside the page: whoever made one in the
// person's name would not tell (ASVS 6.3.7).
func Told() []string {
	return []string{"password_changed", "passkey_added", "passkey_removed", "totp_added", "totp_removed", "recovery_renewed", "provider_unlinked",
		"key_created", "key_rotated"}
}

// notify tells of a change that was made, where it is one of those.
func (p *Portal) notify(r *http.Request, v Visit, me own, change string) {
	if p.Account.Changed == nil || !slices.Contains(Told(), change) {
		return
	}
	p.Account.Changed(Notice{Change: change, User: me.Subject, Email: me.Email, Lang: p.lang(r), Device: session.Device(r.Header.Get("User-Agent")),
		Network: v.Network, At: v.Now})
}
