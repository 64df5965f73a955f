package config

import (
	"net/netip"
	"strings"
)

// login reads the ways of signing in. Browsers offer passkeys for host names only.
func (b *builder) login(f *field) Login {
	passkey := f.get("passkey")
	l := Login{Password: f.get("password").bool(), Passkey: passkey.bool(), TOTP: f.get("totp").text()}
	if _, err := netip.ParseAddr(strings.Trim(b.public.host, "[]")); err == nil && l.Passkey {
		if passkey.set {
			b.fault(passkey.at, "give public_url a host name, or set login.passkey: false", "login.passkey: browsers take no passkeys for an IP address")
		}
		l.Passkey = false
	}
	return l
}
