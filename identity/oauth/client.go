package oauth

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sanmon-gate/sanmon/identity/token/foreign"
	"github.com/sanmon-gate/sanmon/secret"
)

// The grant types (RFC 6749, Sections 4.1.3, 6 and 4.4.2).
const (
	GrantCode        = "authorization_code"
	GrantRefresh     = "refresh_token"
	GrantCredentials = "client_credentials"
)

// Client is a registered client. Once in use, only its proof is changed, by SetSecret and
// SetKeys, which are safe for concurrent use.
type Client struct {
	ID           string
	RedirectURIs []string // as CheckRedirectURI admits them
	Scopes       []string // the most that it may ask for; "notes:*" and "*" stand for many
	Grants       []string
	Service      string // name of the service that it acts as
	Introspect   bool   // it may ask about tokens of others
	DPoP         bool   // it has to prove a key

	// How it proves who it is; neither for a public client. The secret is one that nobody
	// could guess, so that its plain hash is enough (RFC 9700, Section 2.5, asks for an
	// asymmetric way, which Keys are).
	secret atomic.Pointer[[sha256.Size]byte]
	keys   atomic.Pointer[foreign.Keys]
}

// MinSecret is the shortest secret of a client, in bytes.
const MinSecret = 32

func (c *Client) hasSecret() bool    { return c.secret.Load() != nil }
func (c *Client) confidential() bool { return c.hasSecret() || c.keys.Load() != nil }
func (c *Client) may(grant string) bool {
	return slices.Contains(c.Grants, grant)
}

func (c *Client) redirect(uri string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(r string) bool { return sameRedirect(r, uri) })
}

// scope is what a client asks for, as words; all that it may ask for where it names
// nothing (RFC 6749, Section 3.3).
func (c *Client) scope(asked string) ([]string, *Error) {
	if asked == "" {
		return c.Scopes, nil
	}
	words, err := scopeWords(asked)
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		if !slices.ContainsFunc(c.Scopes, func(s string) bool { return covers(s, w) }) {
			return nil, failed(CodeScope, "the scope is not one that this client may ask for", "client %q asks for scope %.80q, which is not registered (add it to clients[].scopes)", c.ID, w)
		}
	}
	return words, nil
}

// still is what is left of a granted scope under the configuration of today.
func (c *Client) still(granted []string) []string {
	left := make([]string, 0, len(granted))
	for _, w := range granted {
		if slices.ContainsFunc(c.Scopes, func(s string) bool { return covers(s, w) }) {
			left = append(left, w)
		}
	}
	return left
}

// scopeWords reads a list of scopes: words of RFC 6749, Section 3.3, none of them twice.
func scopeWords(asked string) ([]string, *Error) {
	words := strings.Split(asked, " ")
	for i, w := range words {
		if w == "" || len(words) > maxScopes || !scopeToken(w) || slices.Contains(words[:i], w) {
			return nil, failed(CodeScope, "the scope cannot be read", "a scope is not words with one space between them, each once")
		}
	}
	return words, nil
}

const maxScopes = 100

func scopeToken(w string) bool {
	for i := range len(w) {
		if c := w[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// covers reports whether a registered scope allows another one to be asked for.
func covers(registered, asked string) bool {
	if registered == asked {
		return true
	}
	prefix, wild := strings.CutSuffix(registered, "*")
	return wild && !OpenIDScope(asked) && strings.HasPrefix(asked, prefix)
}

// OpenIDScope reports whether a scope is one of OpenID Connect that is understood here:
// it opens nothing, but changes what a client is told.
func OpenIDScope(scope string) bool {
	return scope == "openid" || scope == "email" || scope == "offline_access"
}

// SetSecret keeps the hash of a secret.
func (c *Client) SetSecret(v secret.Value) error {
	if n := len(v.Expose()); n < MinSecret {
		return fmt.Errorf("its secret has %d characters, and at least %d make one that nobody guesses (make one with: openssl rand -hex 32)", n, MinSecret)
	}
	hash := v.Hash()
	c.secret.Store(&hash)
	return nil
}

// SetKeys reads a JWK Set of public keys (RFC 7517, Section 5).
func (c *Client) SetKeys(v secret.Value) error {
	keys, err := foreign.ParseKeys(v.Expose())
	if err != nil {
		return fmt.Errorf("its jwks: %w", err)
	}
	c.keys.Store(keys)
	return nil
}
