package oauth

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Tokens is the answer of the token endpoint (RFC 6749, Section 5.1).
type Tokens struct {
	Access    secret.Value
	Refresh   secret.Value // empty: the client has it, or gets none
	ID        secret.Value // ID token; empty none
	Bound     bool         // to the key of the proof
	ExpiresIn time.Duration
	Scope     []string
}

// Words is the answer as it is sent.
func (t Tokens) Words() map[string]any {
	words := map[string]any{"access_token": exposed(t.Access), "token_type": "Bearer", "expires_in": int64(t.ExpiresIn / time.Second), "scope": strings.Join(t.Scope, " ")}
	if t.Bound {
		words["token_type"] = "DPoP"
	}
	if !t.Refresh.Empty() {
		words["refresh_token"] = exposed(t.Refresh)
	}
	if !t.ID.Empty() {
		words["id_token"] = exposed(t.ID)
	}
	return words
}

// Token answers a token request. A no is best read by From.
func (s *Server) Token(ctx context.Context, r Request) (Tokens, error) {
	client, err := s.authenticate(ctx, r)
	if err != nil {
		return Tokens{}, err
	}
	grant := r.Form.get("grant_type")
	switch grant {
	case GrantCode, GrantRefresh, GrantCredentials:
	case "":
		return Tokens{}, failed(CodeRequest, "grant_type is missing", "a token request of client %q has no grant_type", client.ID)
	default:
		return Tokens{}, failed(CodeGrantType, "the grant type is not known", "client %q asks for grant type %.64q", client.ID, grant)
	}
	if !client.may(grant) {
		return Tokens{}, failed(CodeUnauthorized, "the client may not use this grant type", "client %q may not use %s (see clients[].grants)", client.ID, grant)
	}
	if resource := r.Form.get("resource"); resource != "" && resource != s.Issuer {
		return Tokens{}, failed(CodeTarget, "the resource is not one of this server", "client %q asks for a token for %.200q", client.ID, resource)
	}
	p, err := s.prove(client, r)
	if err != nil {
		return Tokens{}, err
	}
	switch grant {
	case GrantCode:
		return s.exchange(ctx, client, p, r)
	case GrantRefresh:
		return s.refresh(ctx, client, p, r)
	}
	return s.credentials(ctx, client, p, r)
}

// proof is the proof of possession that came with a request, verified.
type proof struct {
	key   [32]byte // thumbprint; zero where there is none
	claim dpop.Claim
}

// prove verifies the proof of a request (RFC 9449, Section 5). It is used up by use, once
// somebody is known: strangers must not fill the memory of what was used.
func (s *Server) prove(client *Client, r Request) (p proof, err error) {
	if len(r.Proofs) == 0 {
		if client.DPoP {
			return p, &dpop.Problem{Code: dpop.InvalidProof, Err: refusal.New(refusal.InputInvalid, "client %q has to send a DPoP proof (clients[].dpop is required)", client.ID)}
		}
		return p, nil
	}
	p.claim, err = s.Proofs.Verify(r.Proofs, "POST", s.Endpoints.Token, "", r.Now)
	p.key = p.claim.Thumbprint
	return p, err
}

func (s *Server) use(ctx context.Context, p proof, now time.Time) error {
	if p.key == [32]byte{} {
		return nil
	}
	return s.Proofs.Use(ctx, p.claim, now)
}

// exchange takes an authorization code (RFC 6749, Section 4.1.3).
func (s *Server) exchange(ctx context.Context, client *Client, p proof, r Request) (Tokens, error) {
	f := r.Form
	for _, name := range [...]string{"code", "redirect_uri", "code_verifier"} {
		if f.get(name) == "" {
			return Tokens{}, failed(CodeRequest, name+" is missing", "a token request of client %q has no %s", client.ID, name)
		}
	}
	issued, err := s.Grants.Codes().Redeem(ctx, f.get("code"), refresh.Exchange{Client: client.ID, RedirectURI: f.get("redirect_uri"), Verifier: f.get("code_verifier"),
		Key: p.key, Device: r.Device, Agent: r.Agent, From: r.From, RequestID: r.RequestID, Now: r.Now})
	if err == nil {
		err = s.use(ctx, p, r.Now)
	}
	if err != nil {
		return Tokens{}, err
	}
	out, err := s.mint(client, issued.Family, issued.Family.Scope, p.key, r.Now)
	if err != nil {
		return Tokens{}, err
	}
	if client.may(GrantRefresh) {
		out.Refresh = issued.Token
	}
	out.ID, err = s.identity(ctx, client, issued, out.Access, r.Now)
	return out, err
}

// refresh takes a refresh token (RFC 6749, Section 6). A narrower scope holds for the
// access token alone.
func (s *Server) refresh(ctx context.Context, client *Client, p proof, r Request) (Tokens, error) {
	f := r.Form
	if f.get("refresh_token") == "" {
		return Tokens{}, failed(CodeRequest, "refresh_token is missing", "a token request of client %q has no refresh_token", client.ID)
	}
	var scope []string
	if asked := f.get("scope"); asked != "" {
		words, bad := scopeWords(asked)
		if bad != nil {
			return Tokens{}, bad
		}
		scope = words
	}
	if s.Grants.Ours(f.get("refresh_token"), client.ID) {
		if err := s.use(ctx, p, r.Now); err != nil {
			return Tokens{}, err
		}
	}
	o, err := s.Grants.Rotate(ctx, f.get("refresh_token"), refresh.Presented{Client: client.ID, Key: p.key, Scope: scope, From: r.From, Agent: r.Agent, RequestID: r.RequestID, Now: r.Now})
	if err != nil {
		return Tokens{}, err
	}
	out, err := s.mint(client, o.Family, client.still(o.Scope), p.key, r.Now)
	out.Refresh = o.Token
	return out, err
}

// mint makes the access token of a grant.
func (s *Server) mint(client *Client, f refresh.Family, scope []string, key [32]byte, now time.Time) (Tokens, error) {
	g := token.Grant{Subject: f.User, ClientID: client.ID, SID: f.SID, Scope: strings.Join(scope, " "), AuthTime: f.AuthTime,
		ACR: f.ACR, AMR: f.AMR, Generation: uint64(f.Gen), NotAfter: f.ExpiresAt}
	if key != [32]byte{} {
		g.Thumbprint = base64.RawURLEncoding.EncodeToString(key[:])
	}
	m, err := s.Minter.Mint(g, now)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: m.Token, Bound: g.Thumbprint != "", ExpiresIn: m.ExpiresIn, Scope: scope}, nil
}
