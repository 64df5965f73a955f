package oauth

import (
	"context"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/token"
)

// Sessions says who stands behind a session; identity/session's Keeper does.
type Sessions interface {
	// Behind fills into with the person or service behind a live session, wherever they
	// are; refusal.LoginRequired or refusal.SessionExpired when there is none.
	Behind(ctx context.Context, sid string, now time.Time, into *caller.Caller) error
}

// Services finds services by their name; a principal.Store does.
type Services interface {
	// PrincipalByName returns principal.ErrNotFound when there is none.
	PrincipalByName(ctx context.Context, kind principal.Kind, name string) (principal.Record, error)
}

// Server is an authorization server. Its fields are set before the first use; it is safe
// for concurrent use. A reload makes a new one over the same parts.
type Server struct {
	Issuer    string // public_url, exactly; also the audience of its tokens
	Endpoints Endpoints
	Clients   map[string]*Client

	Grants   *refresh.Service
	Minter   *token.Minter
	Access   *token.Keeper
	Sessions Sessions
	Services Services
	Acting   *Acting        // the sessions of services
	IDKeys   *keyset.Set    // signs ID tokens: keyset.New(ring, IDTokenType)
	Proofs   *dpop.Verifier // of the token endpoint
	Asserted *dpop.Seen     // assertions of clients that were used

	// Effective are the live effective scopes of a caller, sorted.
	Effective func(*caller.Caller) []string
}

// Endpoints are the paths of the server, from the root of the issuer.
type Endpoints struct{ Authorize, Token, Revoke, Introspect, JWKS string }

// Circumstances are what is known of a request beside what it says.
type Circumstances struct {
	From      netip.Addr // address of the client
	RequestID string
	Now       time.Time
	Agent     agent.Family // kind of program; zero when unknown
	Device    string       // what the person sees in a list: "Firefox on Linux"; "" the client id
}

// Request is one request to an endpoint for programs.
type Request struct {
	Form          Form
	Authorization []string // values of the field of that name
	Proofs        []string // values of the field DPoP
	Circumstances
}
