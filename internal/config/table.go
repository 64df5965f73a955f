package config

import "time"

const day = 24 * time.Hour

// nameOf is the name of something that the file declares. The types of other names follow.
func nameOf(what string) scalar {
	return plain("name of "+article(what), `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`, "write letters, digits, '.', '_' and '-', at most 64")
}

func roleName() scalar {
	return plain("name of a role", `^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$`, "write letters, digits, '.', '_', ':' and '-', at most 64")
}

func scopeName() scalar {
	return plain("scope", `^(\*|[A-Za-z0-9][A-Za-z0-9._/-]{0,63}(:[A-Za-z0-9._/-]{1,64}){0,3}(:\*)?)$`, `write "resource:action", "resource:*" or "*"`)
}

func cookieName() scalar {
	return plain("name of a cookie", "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$", "write the name as the backend sets it")
}

func anyText() scalar {
	return plain("text", `^.{1,500}$`, "write some text")
}

// grammar is the table of all keys of sanmon.yaml.
func grammar() shape {
	return section(append(serverKeys(), append(callerKeys(), append(routeTables(), append(cspKeys(), laterKeys()...)...)...)...)...)
}

func serverKeys() []key {
	return []key{
		{name: "version", required: true, shape: one(whole(1, 1)), example: "1",
			doc: "Version of this grammar. A file of another version is refused instead of being read with other meanings."},
		{name: "public_url", required: true, shape: one(publicURL()), example: "https://app.example.com",
			doc: "The exact origin that browsers see: scheme, host and, unless it is the default, port. Every origin check compares with it, and it is the issuer of every token. `http` is for localhost, 127.0.0.1 and [::1] only."},
		{name: "environment", def: "live", shape: one(enum("environment", "live", "test")),
			doc: "A server takes API keys of its own environment only, so that a test key never opens production."},
		{name: "listen", doc: "Where to listen.", shape: section(
			key{name: "public", def: ":8443", shape: one(listenAt(false)), doc: "Address of the guarded application, `host:port`. Without a host: all addresses."},
			key{name: "admin", def: "127.0.0.1:9443", shape: one(listenAt(true)), doc: "Address of metrics and health (and later of the console and admin API). `off` switches it off. Keep it on loopback or a management network."},
		)},
		{name: "tls", doc: "How the public listener gets its certificate. A public URL of https needs exactly one of the modes; one of http takes none.", shape: section(
			key{name: "cert_file", shape: one(filePath()), example: "/etc/sanmon/tls/fullchain.pem", doc: "PEM file with the certificate chain. Needs `key_file`."},
			key{name: "key_file", shape: one(filePath()), example: "/etc/sanmon/tls/key.pem", doc: "PEM file with the private key of `cert_file`."},
			key{name: "self_signed", def: "false", shape: one(flag()), doc: "Make a certificate at start. For trying things out: browsers warn."},
			key{name: "behind_proxy", def: "false", shape: one(flag()), doc: "A proxy in front speaks TLS. Needs `client_ip.trusted_proxies`, because X-Forwarded-Proto is believed from these only."},
			key{name: "acme", later: true, shape: section(key{name: "email", shape: one(anyText()), example: "ops@example.com", doc: "Address of the account."}), doc: "Certificates from an ACME authority."},
			key{name: "hsts", def: "365d", shape: hstsShape(), example: "{ ramp: 2026-12-01 }",
				doc: "How long browsers remember to use https only (RFC 6797), subdomains included: a duration, or a ramp."},
		)},
		{name: "client_ip", doc: "Whom to believe about the address of the client. Left out: nobody, the address of the connection counts.", shape: section(
			key{name: "trusted_proxies", shape: many(network()), example: `["10.0.0.0/8"]`, doc: "Networks of the proxies in front. What anybody else says about addresses is removed."},
			key{name: "header", def: "x-forwarded-for", shape: one(enum("header", "x-forwarded-for", "forwarded")), doc: "The header that these proxies write. Counts only with `trusted_proxies`."},
			key{name: "allow", shape: many(network()), example: `["203.0.113.0/24"]`, doc: "Who may come at all. Left out: everybody."},
			key{name: "deny", shape: many(network()), example: `["198.51.100.0/24"]`, doc: "Who may not. Stronger than `allow`."},
		)},
		{name: "store", def: "sqlite:./data/sanmon.db", example: "{ url: \"postgres://sanmon@db.internal/sanmon\", password: env:PGPASSWORD }",
			doc: "Where users, sessions and keys are kept: `sqlite:PATH`, or a postgres URL for several nodes, which then count failed logins and letters together and take a DPoP proof once (docs/oauth.md). A password goes in as a reference.",
			shape: oneOr(storeAddress(),
				key{name: "url", required: true, shape: one(storeAddress()), doc: "The address without a password.", example: `"postgres://sanmon@db.internal/sanmon"`},
				key{name: "password", secret: true, shape: one(secretRef()), doc: "Reference of the password.", example: "env:PGPASSWORD"})},
		limiterKey(),
		forwardAuthKey(),
		masterKey(),
		secretsKey(),
		{name: "upstreams", required: true, shape: byName(nameOf("upstream"), section(upstreamKeys()...)), doc: "The backends, by name. With one of them, routes need not name it."},
	}
}

func upstreamKeys() []key {
	return []key{
		{name: "url", required: true, shape: one(upstreamURL()), example: `"http://127.0.0.1:8000"`, doc: "Where the backend listens: scheme, host and port."},
		{name: "timeout", def: "30s", shape: one(span(time.Second, day)), doc: "How long the backend may take until its answer begins. A body that has begun may stand still for ten minutes."},
		{name: "openapi", shape: one(openAPI()), example: `"http://127.0.0.1:8000/openapi.json"`, doc: "Its OpenAPI document: a URL inside, or a file in JSON or YAML. `sanmon init` reads the routes from it, `sanmon routes --diff` compares, and routes with `input.openapi` are judged by it. A document from a URL is pinned when it is first seen; a changed one counts after `sanmon routes --diff --approve`."},
		{name: "host", def: "preserve", shape: one(enum("choice", "preserve", "backend")), doc: "The Host that the backend gets: the public one, or its own."},
		{name: "paths", doc: "Which ambiguous signs in paths this backend is known to read as Sanmon does. Opened ones are judged and forwarded alike.", shape: section(
			key{name: "semicolon", def: "refuse", shape: one(enum("choice", "refuse", "allow")), doc: "A literal or encoded `;`, which some frameworks cut paths at."},
			key{name: "encoded_slash", def: "refuse", shape: one(enum("choice", "refuse", "allow")), doc: "`%2F`, which some servers decode before routing."},
		)},
		{name: "cookies", doc: "The built-in rule gives HttpOnly to cookies whose names contain session, sess, sid, auth, token, jwt, login or remember, and not csrf or xsrf. These lists correct it.", shape: section(
			key{name: "http_only", shape: many(cookieName()), example: "[cart]", doc: "Further cookies that get HttpOnly."},
			key{name: "scripts", shape: many(cookieName()), example: "[token_hint]", doc: "Cookies that scripts have to read: never HttpOnly."},
		)},
		{name: "tls_ca", shape: one(filePath()), example: "/etc/sanmon/backend-ca.pem", doc: "PEM file with the authorities that the backend's certificate is checked against. Left out: those of the system."},
		{name: "identity", def: "jwt", shape: one(enum("choice", "jwt", "headers")), doc: "How the backend learns who is calling: the signed Sanmon-Assertion, or also plain Remote-User, Remote-Email and Remote-Groups."},
		appSessionKey(),
	}
}
