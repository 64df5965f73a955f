package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Introspect answers a question about a token (RFC 7662). The answer is the truth of this
// moment: a token whose session has ended, or whose person was disabled, is not active,
// and scope is what its bearer could really use. Of tokens that are none of the client's
// business it learns as much as of random ones (Section 4).
func (s *Server) Introspect(ctx context.Context, r Request) (map[string]any, error) {
	client, err := s.authenticate(ctx, r)
	if err != nil {
		return nil, err
	}
	if !client.confidential() {
		return nil, unauthenticated(false, "client %q is public: anybody could ask in its name (set type: confidential)", client.ID)
	}
	t := r.Form.get("token")
	if t == "" {
		return nil, failed(CodeRequest, "token is missing", "an introspection request of client %q has no token", client.ID)
	}
	if strings.HasPrefix(t, refresh.Prefix) {
		return s.aboutRefresh(ctx, client, t, r)
	}
	return s.aboutAccess(ctx, client, t, r)
}

func inactive(err error) (map[string]any, error) {
	if err != nil {
		err = unless(err, refusal.Busy)
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"active": false}, nil
}

func (s *Server) aboutAccess(ctx context.Context, client *Client, t string, r Request) (map[string]any, error) {
	c, err := s.Access.Read(ctx, t, r.Now)
	if err != nil || c.ClientID != client.ID && !client.Introspect {
		return inactive(err)
	}
	var live caller.Caller
	if err := s.Sessions.Behind(ctx, c.SID, r.Now, &live); err != nil || live.Subject != c.Subject {
		return inactive(err)
	}
	live.Kind, live.Credential = caller.Token, &caller.Rights{Scopes: token.Scopes(c.Scope)}
	scope := s.Effective(&live)
	for _, word := range token.Scopes(c.Scope) {
		if OpenIDScope(word) {
			scope = append(slices.Clip(scope), word)
		}
	}
	answer := map[string]any{"active": true, "scope": strings.Join(scope, " "), "client_id": c.ClientID, "sub": c.Subject, "sid": c.SID, "iss": c.Issuer, "aud": c.Audience,
		"iat": c.IssuedAt, "nbf": c.IssuedAt, "exp": c.ExpiresAt, "jti": c.ID, "token_type": "Bearer"}
	if c.JKT != "" {
		answer["token_type"], answer["cnf"] = "DPoP", map[string]string{"jkt": c.JKT}
	}
	if c.AuthTime != 0 {
		answer["auth_time"] = c.AuthTime
	}
	if c.ACR != "" {
		answer["acr"] = c.ACR
	}
	if len(c.AMR) > 0 {
		answer["amr"] = c.AMR
	}
	return answer, nil
}

// aboutRefresh answers the client itself alone: to others its refresh token is nothing.
func (s *Server) aboutRefresh(ctx context.Context, client *Client, t string, r Request) (map[string]any, error) {
	held, err := s.Grants.Inspect(ctx, t, refresh.Presented{Client: client.ID, From: r.From, RequestID: r.RequestID, Now: r.Now})
	if err != nil || !held.Active(r.Now) {
		return inactive(err)
	}
	f := held.Family
	var live caller.Caller
	if err := s.Sessions.Behind(ctx, f.SID, r.Now, &live); err != nil {
		return inactive(err)
	}
	end := f.ExpiresAt
	if f.IdleExpiresAt.Before(end) {
		end = f.IdleExpiresAt
	}
	return map[string]any{"active": true, "scope": strings.Join(f.Scope, " "), "client_id": f.Client, "sub": f.User, "sid": f.SID, "iss": s.Issuer, "aud": s.Issuer,
		"iat": f.RotatedAt.Unix(), "exp": end.Unix()}, nil
}
