package config

import (
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/identity/oauth"
)

// Client is an OAuth client. All of them are first-party: nobody is asked for consent.
type Client struct {
	ID           string
	Confidential bool     // it proves who it is, by Secret or by JWKS
	RedirectURIs []string // exact, but for the port of a loopback address
	Scopes       []string // the most that it may ask for
	Grants       []string // "authorization_code", "refresh_token", "client_credentials"
	Secret       string   // reference, "" none
	JWKS         string   // reference of a JWK Set with its public keys, "" none
	Service      string   // name of the service that it acts as with client_credentials
	Introspect   bool     // it may ask about tokens of other clients
	DPoP         bool     // its tokens are bound to a key of its own, always
}

// maxClients bounds the list.
const maxClients = 1000

func clientsKey() key {
	return key{name: "clients", doc: "OAuth clients: programs that sign people in here, or act as a service (oauth.md). All are first-party, so nobody is asked for consent. Without one there are no OAuth endpoints.",
		example: `[ { id: mobile, redirect_uris: ["com.example.app:/cb"], scopes: ["notes:read"] } ]`, shape: listOf(section(
			key{name: "id", required: true, example: "mobile", shape: one(clientID()), doc: "Client id. It is no secret."},
			key{name: "type", def: "public", shape: one(enum("type", "public", "confidential")), doc: "A confidential client proves who it is by `secret` or `jwks`. A public one, such as a native app, has nothing that it could keep secret."},
			key{name: "redirect_uris", shape: many(redirectURI()), example: `["com.example.app:/cb", "http://127.0.0.1/cb"]`, doc: "Where people may be sent back to, compared byte for byte (RFC 9700, Section 4.1.3). http is for loopback only; behind `http://127.0.0.1` and `http://[::1]` any port will do (RFC 8252, Section 7.3)."},
			key{name: "scopes", shape: many(scopeName()), example: `["notes:read"]`, doc: "The most that it may ask for; what its person may not do, its tokens cannot do either. `openid` gives ID tokens, `email` the address in them."},
			key{name: "grants", def: "[authorization_code, refresh_token]", shape: many(enum("grant", "authorization_code", "refresh_token", "client_credentials")), doc: "How it gets tokens."},
			key{name: "secret", secret: true, shape: one(secretRef()), example: "env:BATCH_SECRET", doc: "Reference of the secret of a confidential client, at least 32 characters. Only its hash is kept in memory."},
			key{name: "jwks", shape: one(secretRef()), example: "file:./batch.jwks.json", doc: "Reference of a JWK Set with the public keys of a confidential client, which signs assertions instead of sending a secret (private_key_jwt). Nothing is ever fetched for it."},
			key{name: "service", shape: one(nameOf("service")), example: "batch", doc: "The service that it acts as with client_credentials. Its roles of the moment count (sanmon service roles)."},
			key{name: "introspect", def: "false", shape: one(flag()), doc: "It is a resource server and may ask about tokens of other clients, too. A client may always ask about its own."},
			key{name: "dpop", def: "optional", shape: one(enum("choice", "optional", "required")), doc: "Whether it has to prove possession of a key (RFC 9449), to which its tokens are bound then."},
		))}
}

func clientID() scalar {
	s := nameOf("client")
	parse := s.parse
	s.parse = func(text string) (any, error) {
		if strings.HasPrefix(text, "usr_") || strings.HasPrefix(text, "svc_") {
			return nil, wrong{show(text) + " looks like the id of a person or a service", "give it another name: resource servers must never confuse them (RFC 9700, Section 4.15)"}
		}
		return parse(text)
	}
	return s
}

func redirectURI() scalar {
	const want = "write an absolute address: https://…, http://127.0.0.1/…, or com.example.app:/…"
	return scalar{name: "redirect address", want: want, parse: func(s string) (any, error) {
		if err := oauth.CheckRedirectURI(s); err != nil {
			return nil, wrong{show(s) + " " + err.Error(), want}
		}
		return s, nil
	}}
}

func (b *builder) clients(f *field) []*Client {
	if len(f.items) > maxClients {
		b.fault(f.at, "", "there are more than %d clients", maxClients)
		return nil
	}
	b.issues = len(f.items) > 0
	var all []*Client
	for _, item := range f.items {
		if item.form != mapping {
			continue
		}
		c := b.client(item)
		if slices.ContainsFunc(all, func(o *Client) bool { return o.ID == c.ID && c.ID != "" }) {
			b.fault(item.get("id").at, "rename one", "two clients have the id %s", show(c.ID))
		}
		all = append(all, c)
	}
	return all
}

func (b *builder) client(f *field) *Client {
	c := &Client{
		ID: f.get("id").text(), Confidential: f.get("type").text() == "confidential", RedirectURIs: f.get("redirect_uris").texts(),
		Scopes: f.get("scopes").texts(), Grants: f.get("grants").texts(), Secret: b.reference(f.get("secret")), JWKS: b.reference(f.get("jwks")),
		Service: f.get("service").text(), Introspect: f.get("introspect").bool(), DPoP: f.get("dpop").text() == "required",
	}
	has := func(grant string) bool { return slices.Contains(c.Grants, grant) }
	grants, name := f.get("grants"), "client "+show(c.ID)
	switch {
	case f.bad || f.get("type").bad || f.get("secret").bad || f.get("jwks").bad || grants.bad:
	case c.Confidential && (c.Secret == "") == (c.JWKS == ""):
		b.fault(f.at, "give it one of secret and jwks, or type: public", "%s is confidential and has to prove it in one way", name)
	case !c.Confidential && c.Secret+c.JWKS != "":
		b.fault(f.at, "set type: confidential", "%s is public and has a secret or keys", name)
	case !c.Confidential && c.Introspect:
		b.fault(f.get("introspect").at, "set type: confidential", "%s may ask about tokens, and anybody could be it", name)
	case has("client_credentials") && (!c.Confidential || c.Service == ""):
		b.fault(grants.at, "set type: confidential and service: NAME", "%s acts for itself and is nobody", name)
	case has("authorization_code") && len(c.RedirectURIs) == 0 && !f.get("redirect_uris").bad:
		b.fault(f.at, `add redirect_uris, or set grants: [client_credentials]`, "%s has no address that people could be sent back to", name)
	case has("refresh_token") && !has("authorization_code"):
		b.fault(grants.at, "add authorization_code, or remove it", "%s never gets the refresh token that it may use", name)
	}
	for _, scope := range c.Scopes {
		if !oauth.OpenIDScope(scope) && !b.grants(scope) && !strings.HasSuffix(scope, "*") {
			b.warn(f.get("scopes").at, "grant it by a role, or remove it", "%s may ask for %s, which no role grants", name, show(scope))
		}
	}
	return c
}
