package config

import "testing"

func TestLogin(t *testing.T) {
	for text, want := range map[string]Login{
		"":                           {Password: true, Passkey: true, TOTP: "optional"},
		"login: { totp: required }":  {Password: true, Passkey: true, TOTP: "required"},
		"login: { totp: false }":     {Password: true, Passkey: true, TOTP: "off"},
		"login: { passkey: false }":  {Password: true, TOTP: "optional"},
		"login: { password: false }": {Passkey: true, TOTP: "optional"},
	} {
		if got := accept(t, 8, text).Login; got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	checkRefused(t, []refused{
		{8, "login: { totp: always }", `8:16: login.totp: "always" is not a choice (write one of: off, optional, required)`},
		{8, "login: { passkey: maybe }", `8:19: login.passkey: "maybe" is not a switch (write true or false)`},
	})
	// Browsers take no passkeys for an IP address: off by itself, refused when asked for.
	if got := accept(t, 2, "public_url: http://127.0.0.1:8443").Login; got.Passkey {
		t.Errorf("an IP address: %+v", got)
	}
	checkRefused(t, []refused{{2, "public_url: \"http://[::1]:8443\"\nlogin: { passkey: true }", `3:19: login.passkey: browsers take no passkeys for an IP address (give public_url a host name, or set login.passkey: false)`}})
}
