package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/identity/token/foreign"
	"github.com/sanmon-gate/sanmon/refusal"
)

// AssertionType is the client_assertion_type of private_key_jwt (RFC 7523, Section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// credentials are what a client proves itself with: one way (RFC 6749, Section 2.3).
type credentials struct {
	id        string
	secrets   []string // spellings of one secret
	assertion string
	header    bool // they came in the field Authorization
}

// authenticate says which client makes a request. A public client only says who it is.
func (s *Server) authenticate(ctx context.Context, r Request) (*Client, error) {
	c, err := read(r)
	if err != nil {
		return nil, err
	}
	client := s.Clients[c.id]
	switch {
	case client == nil:
		return nil, unauthenticated(c.header, "client %.64q is not registered (add it to clients)", c.id)
	case !client.confidential() && len(c.secrets) == 0 && c.assertion == "":
		return client, nil
	case client.hasSecret() && client.knows(c.secrets):
		return client, nil
	case client.keys.Load() != nil && c.assertion != "":
		return client, s.asserted(ctx, client, c.assertion, r.Now)
	}
	return nil, unauthenticated(c.header, "client %q did not prove who it is by its secret or key, or is public and has none", client.ID)
}

// knows compares in time that does not depend on the secret.
func (c *Client) knows(secrets []string) bool {
	good, hash := 0, c.secret.Load()
	if hash == nil {
		return false
	}
	for _, s := range secrets {
		sum := sha256.Sum256([]byte(s))
		good |= subtle.ConstantTimeCompare(sum[:], hash[:])
	}
	return good == 1
}

func read(r Request) (c credentials, err error) {
	f := r.Form
	ways := 0
	if len(r.Authorization) > 0 {
		ways++
		if c, err = basic(r.Authorization); err != nil {
			return c, err
		}
	}
	if secret := f.get("client_secret"); secret != "" {
		ways++
		c.secrets = append(c.secrets, secret)
	}
	if f.get("client_assertion") != "" || f.get("client_assertion_type") != "" {
		ways++
		c.assertion = f.get("client_assertion")
		if f.get("client_assertion_type") != AssertionType || c.assertion == "" {
			return c, failed(CodeRequest, "the client assertion has no known type", "a client assertion is not of type jwt-bearer, or is missing")
		}
	}
	if ways > 1 {
		return c, failed(CodeRequest, "the client proves itself in more than one way", "a client proves itself in %d ways at once (use one)", ways)
	}
	id := f.get("client_id")
	if id == "" && c.assertion != "" {
		id = subjectOf(c.assertion)
	}
	if c.id != "" && id != "" && c.id != id {
		return c, failed(CodeRequest, "two client ids", "a request names two clients: %.64q and %.64q", c.id, id)
	}
	if c.id == "" {
		c.id = id
	}
	if c.id == "" {
		return c, unauthenticated(c.header, "a request names no client (send client_id)")
	}
	return c, nil
}

// basic reads HTTP Basic. Both halves are form-encoded (RFC 6749, Section 2.3.1), which
// half of all clients forget: a secret is tried as it came, too.
func basic(values []string) (c credentials, err error) {
	c.header = true
	scheme, encoded, _ := strings.Cut(values[0], " ")
	raw, bad := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(encoded, " "))
	id, secret, ok := strings.Cut(string(raw), ":")
	if len(values) != 1 || !strings.EqualFold(scheme, "Basic") || bad != nil || !ok || !printable(string(raw)) {
		return c, unauthenticated(true, "Authorization is not one value of the form Basic ID:SECRET in base64")
	}
	if c.id, err = url.QueryUnescape(id); err != nil || c.id == "" {
		return c, unauthenticated(true, "the client id in Authorization is empty or not well encoded")
	}
	if secret != "" {
		c.secrets = []string{secret}
		if plain, err := url.QueryUnescape(secret); err == nil && plain != secret {
			c.secrets = append(c.secrets, plain)
		}
	}
	return c, nil
}

// subjectOf says whose an assertion would be; nothing is believed yet.
func subjectOf(assertion string) string {
	parts := strings.Split(assertion, ".")
	if len(assertion) > foreign.MaxSize || len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Sub string `json:"sub"`
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		return ""
	}
	return claims.Sub
}

const (
	assertionLife   = 10 * time.Minute
	assertionLeeway = 30 * time.Second
)

// asserted verifies the assertion of a client (RFC 7523, Section 3): of itself about
// itself, for this server alone, short-lived and used once.
func (s *Server) asserted(ctx context.Context, client *Client, assertion string, now time.Time) error {
	no := func(why any) error {
		return unauthenticated(false, "the assertion of client %q is not taken: %v", client.ID, why)
	}
	c, err := foreign.Verify(assertion, client.keys.Load(), foreign.Rules{Types: []string{"", "jwt", "client-authentication+jwt"},
		Issuer: client.ID, MaxLife: assertionLife, Leeway: assertionLeeway}, now)
	if err != nil {
		return no(err)
	}
	if sub, err := c.Text("sub"); err != nil || sub != client.ID {
		return no("sub is not the client")
	}
	if aud, err := c.Texts("aud"); err != nil || len(aud) != 1 || aud[0] != s.Issuer && aud[0] != s.Issuer+s.Endpoints.Token {
		return no("aud is not this server alone")
	}
	jti, err := c.Text("jti")
	if err != nil || jti == "" {
		return no("it has no jti")
	}
	verdict, err := s.Asserted.Use(ctx, sha256.Sum256([]byte(client.ID+"\x00"+jti)), now)
	switch {
	case err != nil:
		return err
	case verdict == dpop.Again:
		return no("it was used before (make one for each request)")
	case verdict == dpop.Full:
		return &refusal.Refusal{Code: refusal.Busy, RetryAfter: 10 * time.Second, Reason: "more client assertions come than can be remembered, so none is taken"}
	}
	return nil
}
