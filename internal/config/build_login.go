package config

import (
	"net/netip"
	"strings"
)

// login reads the ways of signing in. Browsers offer passkeys for host names only.
func (b *builder) login(f *field) Login {
	passkey := f.get("passkey")
	l := Login{
		Password: f.get("password").bool(), Passkey: passkey.bool(), TOTP: f.get("totp").text(), PasswordLength: f.get("password_length").number(),
		Blocklist: b.fileOf(f.get("blocklist")), Signup: f.get("signup").text() == "open", SignupRoles: f.get("signup_roles").texts(),
		OIDC: b.providers(f.get("oidc")), SMTP: b.mail(f.get("smtp")),
	}
	if l.Signup && !f.get("smtp").set {
		b.fault(f.get("signup").at, "add login.smtp, or write closed", "login.signup is open, but there is no way to confirm an address")
	}
	if l.Signup && !l.Password {
		b.fault(f.get("signup").at, "set login.password: true, or write closed", "login.signup is open, but nobody signs in with a password")
	}
	if _, err := netip.ParseAddr(strings.Trim(b.public.host, "[]")); err == nil && l.Passkey {
		if passkey.set {
			b.fault(passkey.at, "give public_url a host name, or set login.passkey: false", "login.passkey: browsers take no passkeys for an IP address")
		}
		l.Passkey = false
	}
	return l
}
