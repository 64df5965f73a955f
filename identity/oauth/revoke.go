package oauth

import (
	"context"
	"strings"

	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Revoke answers a revocation request (RFC 7009). Either token of a grant ends the grant:
// what was given back by half is not given back. A token that is nothing to this client is
// no error; only a client that cannot prove itself, and a store that failed, are.
func (s *Server) Revoke(ctx context.Context, r Request) error {
	client, err := s.authenticate(ctx, r)
	if err != nil {
		return err
	}
	t := r.Form.get("token")
	if t == "" {
		return failed(CodeRequest, "token is missing", "a revocation request of client %q has no token", client.ID)
	}
	if strings.HasPrefix(t, refresh.Prefix) {
		return s.Grants.Revoke(ctx, t, refresh.Presented{Client: client.ID, From: r.From, RequestID: r.RequestID, Now: r.Now})
	}
	c, err := s.Access.Read(ctx, t, r.Now)
	if err != nil {
		return unless(err, refusal.Busy)
	}
	if c.ClientID != client.ID {
		return nil
	}
	return s.Grants.End(ctx, c.SID, c.Subject, refresh.Presented{Client: client.ID, From: r.From, RequestID: r.RequestID, Now: r.Now})
}

// unless passes an error on only where it is of that code, or nobody declared it.
func unless(err error, code refusal.Code) error {
	if no := refusal.From(err); no.Code == code || no.Code == refusal.Internal {
		return err
	}
	return nil
}
