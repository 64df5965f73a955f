package config

// loginKeys are the ways of signing in, and what goes with them.
func loginKeys() []key {
	return []key{
		{name: "password", def: "true", shape: one(flag()), doc: "E-mail address and password."},
		{name: "passkey", def: "true", shape: one(flag()), doc: "Passkeys (WebAuthn). They count as two factors: no one-time code is asked for. They need a `public_url` with a host name; where it has an IP address they are off."},
		{name: "totp", def: "optional", shape: one(enum("choice", "off", "optional", "required")), doc: "One-time codes of an app as a second factor beside the password: for those who have enrolled one, or for everybody; who has none then enrols one at the next login, before anything else."},
		{name: "password_length", def: "15", shape: one(whole(8, 64)), doc: "How many characters a password has that people choose for themselves, where it is all they sign in with (NIST SP 800-63B-4, Section 3.1.1.2). Who has a second factor needs 8. On the command line 8 are taken, with a remark."},
		{name: "blocklist", shape: one(filePath()), example: "/etc/sanmon/pwned.filter", doc: "Filter of passwords that are known to attackers, made by `sanmon pwned build`. A small list is always there."},
		{name: "signup", def: "closed", shape: one(enum("choice", "closed", "open")), doc: "Whether people can make accounts for themselves, at `/.sanmon/signup`. Needs `smtp`: the address is confirmed by mail."},
		{name: "signup_roles", shape: many(roleName()), example: "[reader]", doc: "Roles of who has signed up."},
		{name: "oidc", doc: "Sign in with another provider (OpenID Connect). Our redirect URI there is `<public_url>/.sanmon/login/oidc/NAME/callback`.", shape: listOf(section(
			key{name: "name", required: true, shape: one(nameOf("provider")), example: "corp", doc: "What the button says, and part of the redirect URI."},
			key{name: "issuer", required: true, shape: one(issuerURL()), example: "https://id.example.com", doc: "Its issuer, exactly as its metadata has it."},
			key{name: "client_id", required: true, shape: one(anyText()), example: "sanmon", doc: "Our client id there."},
			key{name: "client_secret", secret: true, shape: one(secretRef()), doc: "Reference of our secret there. Left out: a public client, by PKCE alone."},
			key{name: "scopes", shape: many(anyText()), example: "[groups]", doc: "What to ask for beside `openid`, `email` and `profile`."},
			key{name: "link_by_email", def: "false", shape: one(flag()), doc: "Take somebody for the account of the same address, when the provider says that the address is verified. Trust it with that: it can then sign in as everybody. Left out, an account is linked by an administrator: `sanmon user link`."},
			key{name: "create", def: "false", shape: one(flag()), doc: "Make an account for who has none, when the provider says that the address is verified."},
			key{name: "roles", shape: many(roleName()), example: "[reader]", doc: "Roles of accounts that `create` makes."},
			key{name: "roles_claim", shape: one(anyText()), example: "groups", doc: "Claim of the ID token with names for `role_map`, a text or a list of texts. With it, the roles are replaced at every login with this provider."},
			key{name: "role_map", shape: byName(anyText(), one(roleName())), example: "{ staff: reader, admins: admin }", doc: "Which role a value of `roles_claim` gives, beside those of `roles`."},
		))},
		{name: "smtp", doc: "Mail for one-time links and notices.", shape: section(
			key{name: "url", required: true, shape: one(mailURL()), example: "smtp://USER@mail.example.com:587", doc: "`smtp://[USER@]HOST[:PORT]`, by STARTTLS (port 587), or `smtps://…`, by TLS (port 465). Without encryption only to this machine itself."},
			key{name: "from", required: true, shape: one(mailAddress()), example: "Example <no-reply@example.com>", doc: "Address of the sender."},
			key{name: "password", secret: true, shape: one(secretRef()), doc: "Reference of the password of USER."},
		)},
	}
}
