package config

import (
	"reflect"
	"testing"
)

func TestLogin(t *testing.T) {
	for text, want := range map[string]Login{
		"":                           {Password: true, Passkey: true, TOTP: "optional"},
		"login: { totp: required }":  {Password: true, Passkey: true, TOTP: "required"},
		"login: { totp: false }":     {Password: true, Passkey: true, TOTP: "off"},
		"login: { passkey: false }":  {Password: true, TOTP: "optional"},
		"login: { password: false }": {Passkey: true, TOTP: "optional"},
	} {
		want.PasswordLength = 15
		if got := accept(t, 8, text).Login; !reflect.DeepEqual(got, want) {
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

func TestMailServer(t *testing.T) {
	for text, want := range map[string]SMTP{
		"smtp://mail.example.com":                        {Host: "mail.example.com", Port: 587},
		"smtps://mail.example.com":                       {Host: "mail.example.com", Port: 465, TLS: true},
		"smtp://127.0.0.1:2525":                          {Host: "127.0.0.1", Port: 2525},
		"smtp://me@mail.example.com:25, password: env:P": {Host: "mail.example.com", Port: 25, User: "me", Password: "env:P"},
	} {
		want.From = "<no-reply@example.com>"
		c := accept(t, 8, "login: { smtp: { from: no-reply@example.com, url: "+text+" } }")
		if c.Login.SMTP != want {
			t.Errorf("%s: %+v, want %+v", text, c.Login.SMTP, want)
		}
		if c.Login.SMTP.Plain() != (want.Port == 2525) {
			t.Errorf("%s: plain: %v", text, c.Login.SMTP.Plain())
		}
	}
	checkRefused(t, []refused{
		{8, `login: { smtp: { from: a@b.c, url: "http://mail" } }`, `8:36: login.smtp.url: "http://mail" is not the address of a mail server (write smtp://USER@HOST:587, or smtps://USER@HOST:465)`},
		{8, `login: { smtp: { from: a@b.c, url: "smtp://mail:99999" } }`, `8:36: login.smtp.url: "smtp://mail:99999" is not the address of a mail server (write smtp://USER@HOST:587, or smtps://USER@HOST:465)`},
		{8, `login: { smtp: { from: a@b.c, url: "smtp://me@mail" } }`, `8:36: login.smtp has a user, but no password (add password: env:NAME)`},
		{8, `login: { smtp: { from: a@b.c, url: "smtp://mail", password: env:P } }`, `8:36: login.smtp has a password, but no user (write smtp://USER@mail:587)`},
		{8, `login: { smtp: { from: nobody, url: "smtp://mail" } }`, `8:24: login.smtp.from: "nobody" is not an e-mail address (write one like no-reply@example.com, or Name <no-reply@example.com>)`},
		{8, `login: { signup: open }`, `8:18: login.signup is open, but there is no way to confirm an address (add login.smtp, or write closed)`},
		{8, `login: { password: false, signup: open, smtp: { from: a@b.c, url: "smtp://mail" } }`, `8:35: login.signup is open, but nobody signs in with a password (set login.password: true, or write closed)`},
		{8, `login: { signup_roles: [nobody] }`, `8:25: login.signup_roles[]: there is no role "nobody" (add it to roles, or correct the name)`},
		{8, `login: { password_length: 7 }`, `8:27: login.password_length: 7 is out of bounds (write a whole number from 8 to 64)`},
	})
}

func TestProviders(t *testing.T) {
	c := accept(t, 8, `login: { oidc: [ { name: corp, issuer: "https://id.example.com", client_id: us, client_secret: "file:oidc.secret", create: true, roles: [user], roles_claim: groups, role_map: { staff: user } } ] }`)
	if len(c.Login.OIDC) != 1 {
		t.Fatalf("%+v", c.Login.OIDC)
	}
	if p := c.Login.OIDC[0]; p.Name != "corp" || p.Issuer != "https://id.example.com" || p.ClientID != "us" || !p.Create || p.LinkByEmail || p.RoleMap["staff"] != "user" || p.RolesClaim != "groups" || len(p.Roles) != 1 {
		t.Errorf("%+v", p)
	}
	const one = `name: corp, client_id: us, issuer: `
	checkRefused(t, []refused{
		{8, `login: { oidc: [ { ` + one + `"http://id.example.com" } ] }`, `8:55: login.oidc[].issuer: "http://id.example.com" is not encrypted on the way (write an https URL without query; http is for localhost, 127.0.0.1 and [::1] only)`},
		{8, `login: { oidc: [ { ` + one + `"https://id.example.com?x=1" } ] }`, `8:55: login.oidc[].issuer: "https://id.example.com?x=1" is not an issuer (write an https URL without query; http is for localhost, 127.0.0.1 and [::1] only)`},
		{8, `login: { oidc: [ { ` + one + `"https://a.example" }, { ` + one + `"https://b.example" } ] }`, `8:86: login.oidc has two providers named "corp" (give each its own name)`},
		{8, `login: { oidc: [ { ` + one + `"https://a.example", roles: [nobody] } ] }`, `8:84: login.oidc[].roles[]: there is no role "nobody" (add it to roles, or correct the name)`},
		{8, `login: { oidc: [ { ` + one + `"https://a.example", role_map: { a: user } } ] }`, `8:18: login.oidc[].role_map and login.oidc[].roles_claim belong together (name both, or neither: roles_claim and role_map)`},
	})
}
