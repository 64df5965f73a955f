package oauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Acting is the sessions of clients that act as a service, one each on this node: asking
// for a token again begins nothing new. It is safe for concurrent use; the zero value is
// ready.
type Acting struct {
	mu sync.Mutex
	of map[string]refresh.Family // by client and service
}

func (a *Acting) get(name string) (refresh.Family, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.of[name]
	return f, ok
}

// maxActing bounds the sessions that are remembered.
const maxActing = 10_000

func (a *Acting) put(name string, f refresh.Family) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil || len(a.of) >= maxActing {
		a.of = map[string]refresh.Family{}
	}
	a.of[name] = f
}

// credentials gives a client a token for itself (RFC 6749, Section 4.4): it acts as a
// service, whose roles of the moment count. There is no refresh token (Section 4.4.3).
func (s *Server) credentials(ctx context.Context, client *Client, p proof, r Request) (Tokens, error) {
	scope, bad := client.scope(r.Form.get("scope"))
	if bad != nil {
		return Tokens{}, bad
	}
	if err := s.use(ctx, p, r.Now); err != nil {
		return Tokens{}, err
	}
	f, err := s.acting(ctx, client, r.Circumstances)
	if err != nil {
		return Tokens{}, err
	}
	f.AuthTime, f.AMR, f.ACR, f.Gen = time.Time{}, nil, "", 0 // nobody authenticated
	return s.mint(client, f, scope, p.key, r.Now)
}

// acting is the live session of the service that a client acts as.
func (s *Server) acting(ctx context.Context, client *Client, c Circumstances) (refresh.Family, error) {
	r, err := s.Services.PrincipalByName(ctx, principal.Service, client.Service)
	switch {
	case errors.Is(err, principal.ErrNotFound):
		return refresh.Family{}, failed(CodeUnauthorized, "the client acts as nobody", "client %q acts as service %q, which does not exist (make it with its first key: sanmon key create --owner service:%s)", client.ID, client.Service, client.Service)
	case err != nil:
		return refresh.Family{}, &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err, Reason: "could not read a service (is the database reachable?)"}
	case r.Disabled:
		return refresh.Family{}, failed(CodeUnauthorized, "the client acts as nobody", "client %q acts as service %q, which is disabled (sanmon service enable %s)", client.ID, client.Service, client.Service)
	}
	name := client.ID + "\x00" + r.ID
	if f, ok := s.Acting.get(name); ok {
		var live caller.Caller
		err := s.Sessions.Behind(ctx, f.SID, c.Now, &live)
		if err == nil {
			return f, nil
		}
		if refusal.From(err).Code == refusal.Busy {
			return refresh.Family{}, err
		}
	}
	issued, err := s.Grants.Begin(ctx, refresh.Grant{User: r.ID, Client: client.ID, Scope: client.Scopes, Audience: s.Issuer, From: c.From, RequestID: c.RequestID, Now: c.Now})
	if err != nil {
		return refresh.Family{}, err
	}
	s.Acting.put(name, issued.Family)
	return issued.Family, nil
}
