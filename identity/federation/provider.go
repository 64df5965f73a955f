package federation

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/identity/token/foreign"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Name is the name of the provider.
func (p *Provider) Name() string { return p.o.Name }

// Identity is who signed in, as the provider says.
type Identity struct {
	Provider        string
	Issuer, Subject string
	Email           string // "" when it says none
	Verified        bool   // it says that the address is verified
	Claims          *foreign.Claims
	AuthTime        time.Time // when the person authenticated there; zero when it does not say
}

const (
	purpose = "login/oidc/"
	// Life is how long a login at the provider may take.
	Life = 15 * time.Minute
	// maxNext is the longest return path that travels along.
	maxNext = 1024
	// maxValue is the longest parameter of a redirect that is looked at.
	maxValue = 4096
)

// errand is what the state carries, sealed and bound to the browser: nobody can finish here
// what was begun in another browser (RFC 9700, Section 4.7.1).
type errand struct {
	Verifier string `json:"v"`
	Nonce    string `json:"n"`
	Next     string `json:"x,omitempty"`
	User     string `json:"u,omitempty"` // of the Wish
	Begun    int64  `json:"t,omitempty"` // seconds
}

func (e errand) wish() Wish { return Wish{Next: e.Next, User: e.User} }

// Begin returns where the browser is sent to sign in. refusal.Busy when the provider does
// not answer.
func (p *Provider) Begin(ctx context.Context, binding []byte, w Wish, now time.Time) (location string, err error) {
	meta, err := p.remote.metadata(ctx, now)
	if err != nil {
		return "", p.away(err)
	}
	if len(w.Next) > maxNext {
		w.Next = ""
	}
	e := errand{Verifier: secret.Random62(64), Nonce: secret.Random62(32), Next: w.Next, User: w.User, Begun: now.Unix()}
	payload, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	state, err := p.o.Office.Issue(purpose+p.o.Name, binding, payload, now.Add(Life))
	if err != nil {
		return "", err
	}
	// RFC 7636, Section 4.2, and OpenID Connect Core, Section 3.1.2.1.
	more := append(w.prompts(), oauth2.S256ChallengeOption(e.Verifier), oauth2.SetAuthURLParam("nonce", e.Nonce))
	return p.config(meta, secret.Value{}).AuthCodeURL(state, more...), nil
}

func (p *Provider) config(m metadata, password secret.Value) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: string(password.Expose()), RedirectURL: p.o.Redirect,
		Endpoint: oauth2.Endpoint{AuthURL: m.authorize, TokenURL: m.token, AuthStyle: m.style(p.o.Secret == nil)},
		Scopes:   append([]string{"openid", "email", "profile"}, p.o.Scopes...),
	}
}

// Finish reads what the browser has brought back from the provider, and asks the provider
// for who it is, and why they were sent there. Everything that is wrong with it is
// refusal.LoginFailed; refusal.StepUpRequired, with one of the causes above, when a Wish for
// a new authentication was not heeded; refusal.Busy when the provider does not answer. The
// state is used up once the provider has said who it is: only then is there something that
// could be sent twice, and who has not been there leaves nothing at rest.
func (p *Provider) Finish(ctx context.Context, binding []byte, query url.Values, now time.Time) (id Identity, w Wish, err error) {
	e, code, t, err := p.returned(binding, query, now)
	if err != nil {
		return id, e.wish(), err
	}
	meta, err := p.remote.metadata(ctx, now)
	if err != nil {
		return id, e.wish(), p.away(err)
	}
	// RFC 9207, Section 2.4: an answer of another provider is not sent to this one.
	if iss := query.Get("iss"); meta.names && iss == "" || iss != "" && iss != p.o.Issuer {
		return id, e.wish(), p.no("the answer is not of its issuer %q", p.o.Issuer)
	}
	raw, err := p.exchange(ctx, meta, code, e.Verifier)
	if err != nil {
		return id, e.wish(), err
	}
	claims, err := p.verify(ctx, raw, now)
	if err != nil {
		return id, e.wish(), err
	}
	if id, err = p.identify(claims, e, now); err == nil {
		err = p.o.Office.Use(ctx, t, now)
	}
	if err != nil {
		return Identity{}, e.wish(), err
	}
	return id, e.wish(), nil
}

// returned judges the redirect, before anybody is asked anything.
func (p *Provider) returned(binding []byte, query url.Values, now time.Time) (e errand, code string, t ticket.Ticket, err error) {
	for _, name := range []string{"state", "code", "iss", "error"} {
		if all := query[name]; len(all) > 1 || len(all) == 1 && len(all[0]) > maxValue {
			return e, "", t, p.no("the parameter %s comes %d times, or is too long", name, len(all))
		}
	}
	t, err = p.o.Office.Open(purpose+p.o.Name, binding, query.Get("state"), now)
	if err != nil {
		return e, "", t, err
	}
	if err := json.Unmarshal(t.Payload.Expose(), &e); err != nil {
		return e, "", t, err
	}
	if why := query.Get("error"); why != "" {
		return e, "", t, p.no("it says %q", errorCode(why))
	}
	if code = query.Get("code"); code == "" {
		return e, "", t, p.no("it has sent no code")
	}
	return e, code, t, nil
}

// exchange gives a code for an ID token (OpenID Connect Core, Section 3.1.3), once more
// with another secret where the provider refuses the one that we have (RFC 6749, Section
// 5.2: the code is not spent by that).
func (p *Provider) exchange(ctx context.Context, m metadata, code, verifier string) (string, error) {
	raw, err := p.exchangeOnce(ctx, m, code, verifier)
	if said, ok := errors.AsType[*oauth2.RetrieveError](err); ok && said.ErrorCode == "invalid_client" && p.o.Refused != nil && p.o.Refused(ctx) {
		raw, err = p.exchangeOnce(ctx, m, code, verifier)
	}
	if _, ok := errors.AsType[*refusal.Refusal](err); err != nil && !ok {
		return "", p.exchangeFailed(err)
	}
	return raw, err
}

func (p *Provider) exchangeOnce(ctx context.Context, m metadata, code, verifier string) (string, error) {
	var password secret.Value
	if p.o.Secret != nil {
		var err error
		if password, err = p.o.Secret(ctx); err != nil {
			return "", p.away(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, p.remote.client), patience)
	defer cancel()
	t, err := p.config(m, password).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", err
	}
	raw, _ := t.Extra("id_token").(string)
	if raw == "" {
		return "", p.no("it has sent no ID token")
	}
	return raw, nil
}

func (p *Provider) rules() foreign.Rules {
	return foreign.Rules{
		Algorithms: []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}, Issuer: p.o.Issuer, Audience: p.o.ClientID, Leeway: leeway,
	}
}

// verify reads an ID token strictly. A kid that is not known makes the keys be read again,
// seldom.
func (p *Provider) verify(ctx context.Context, raw string, now time.Time) (*foreign.Claims, error) {
	u, err := foreign.Parse(raw, p.rules())
	if err != nil {
		return nil, p.no("its ID token: %v", err)
	}
	keys, err := p.remote.jwks(ctx, now, false)
	if err != nil {
		return nil, p.away(err)
	}
	key, err := keys.Find(u.Header)
	if err != nil {
		if keys, err = p.remote.jwks(ctx, now, true); err != nil {
			return nil, p.away(err)
		}
		if key, err = keys.Find(u.Header); err != nil {
			return nil, p.no("its ID token: %v", err)
		}
	}
	claims, err := u.Verify(key, now)
	if err != nil {
		return nil, p.no("its ID token: %v", err)
	}
	return claims, nil
}

// identify judges what goes beyond the registered claims (OpenID Connect Core, Section
// 3.1.3.7).
func (p *Provider) identify(c *foreign.Claims, e errand, now time.Time) (id Identity, err error) {
	var words [4]string
	for i, name := range [...]string{"nonce", "azp", "sub", "email"} {
		if words[i], err = c.Text(name); err != nil {
			return id, p.no("its ID token: %v", err)
		}
	}
	audience, err := c.Texts("aud")
	switch {
	case err != nil || words[1] != "" && words[1] != p.o.ClientID || len(audience) > 1 && words[1] == "":
		return id, p.no("its ID token is for another client (azp)")
	case subtle.ConstantTimeCompare([]byte(words[0]), []byte(e.Nonce)) != 1:
		return id, p.no("its ID token is of another login (nonce)")
	case words[2] == "" || len(words[2]) > 255 || strings.ContainsFunc(words[2], func(r rune) bool { return r < ' ' || r == 0x7f }):
		return id, p.no("its ID token names nobody (sub)")
	}
	at, err := p.since(c, e, now)
	if err != nil {
		return id, err
	}
	verified := slices.Contains([]string{"true", `"true"`}, string(c.Raw("email_verified"))) // a text at some providers
	return Identity{Provider: p.o.Name, Issuer: p.o.Issuer, Subject: words[2], Email: words[3], Verified: verified && words[3] != "", Claims: c, AuthTime: at}, nil
}

func (p *Provider) no(why string, args ...any) error {
	return refusal.New(refusal.LoginFailed, "login with "+p.o.Name+" failed: "+why+" (begin again)", args...)
}

// away is the refusal while the provider cannot be asked.
func (p *Provider) away(err error) error {
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: 10 * time.Second, Err: err,
		Reason: "the provider " + p.o.Name + " cannot be asked (is " + p.o.Issuer + " reachable, and its metadata right?)"}
}

// errorCode is an error code as it may be told: the registered ones are lower-case words
// (RFC 6749, Section 11.4.1). Anything else may be what the provider was sent.
func errorCode(s string) string {
	if len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "(a code that is none)"
	}
	return s
}
