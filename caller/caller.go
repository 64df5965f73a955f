// Package caller says who a request is from: by which credential, what that
// credential grants, and what the principal behind it may do at this moment.
package caller

import (
	"net/netip"
	"time"
)

// Kind is the kind of credential a caller came with.
type Kind uint8

// The kinds of credential. A route's boundary is a set of them.
const (
	Anonymous Kind = iota // no credential; the boundary word is "public"
	Session               // Sanmon's own login session
	Token                 // access token
	Key                   // API key
	App                   // the backend's own login session, adopted
)

// String gives the word of the configuration's boundary list.
func (k Kind) String() string {
	switch k {
	case Anonymous:
		return "public"
	case Session:
		return "session"
	case Token:
		return "token"
	case Key:
		return "key"
	case App:
		return "app"
	}
	return "unknown"
}

// Rights is what one source of authority allows, as names; policy compiles it to
// a Set. For a credential, Roles and Scopes restrict each other: roles alone give
// the roles' scopes, scopes alone the scopes, both the intersection, neither
// nothing. Whole means that the credential does not narrow its principal (a login
// session). A *Rights is shared by many callers, compared by pointer and never
// changed once published.
type Rights struct {
	Roles  []string
	Scopes []string
	Whole  bool
}

// Caller is the verdict of the identity and key layers on one request. Callers
// are values of one request: nothing in them changes while it is judged.
type Caller struct {
	Kind    Kind
	Subject string // opaque id of the principal; "" when anonymous
	Email   string // "" for services
	Name    string // "service:NAME" for services, else the e-mail address
	SID     string // public id of the session; "" for keys
	KeyID   string // public id of the key; "" for sessions

	ClientID string // OAuth client that a token was issued to; "" for everything else

	Credential *Rights // what the credential grants
	Principal  *Rights // what the principal may do now

	AMR []string // how the person authenticated (RFC 8176): "pwd", "otp", "hwk"; not to be changed
	ACR string   // what that is worth: "aal1", "aal2"; "" not known

	AuthTime  time.Time // last authentication of the person; zero for keys
	SudoUntil time.Time // until when the authentication of a session is recent; zero: it is not
	ExpiresAt time.Time // when this credential ends at the latest

	Networks []netip.Prefix // networks the credential may be used from; empty means any
	Limit    any            // the credential's own limit, a *limit.Own of keys/limit; nil none

	// Bindings are the values that a CSRF token of this caller may be bound to:
	// the current one first, then the one of a just rotated secret. Empty when the
	// credential is not ambient (keys, tokens).
	Bindings [][]byte

	// Slot caches what is derived from this credential (compiled rights, the signed
	// assertion). It lives as long as the credential's entry in memory. Nil when
	// anonymous.
	Slot *Slot
}

// Anonymous reports whether nobody is known to stand behind the request.
func (c *Caller) Anonymous() bool { return c.Kind == Anonymous }
