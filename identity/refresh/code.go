package refresh

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// CodePrefix begins every authorization code; 43 random characters of base62 follow
// (256 bits). The store has its SHA-256.
const CodePrefix = "smc_"

const codeSize = len(CodePrefix) + 43

// Code is an authorization at rest, between the person's yes and the client's request.
type Code struct {
	User, SID   string // who said yes, in which login session
	Client      string
	RedirectURI string // byte for byte as in the authorization request
	Scope       []string
	Audience    string
	Challenge   string // PKCE code challenge, method S256 (RFC 7636, Section 4.2)
	Nonce       string
	Key         [32]byte // dpop_jkt (RFC 9449, Section 10); zero for none
	AuthTime    time.Time
	CreatedAt   time.Time
	ExpiresAt   time.Time
	UsedAt      time.Time // zero while it is good
	Granted     string    // sid of the grant that it was exchanged for
}

// Redeemed is what became of a code.
type Redeemed struct {
	Code   Code
	Family Family
	Replay bool     // it had been used before
	Ended  []string // sids that ended because of that
}

// Codes issues authorization codes and exchanges them for grants.
type Codes struct{ service *Service }

// Codes returns the authorization codes of the service.
func (s *Service) Codes() Codes { return Codes{s} }

// Issue makes a code for what a person has just allowed. CreatedAt, ExpiresAt, UsedAt and
// Granted are set here.
func (c Codes) Issue(ctx context.Context, a Code, now time.Time) (secret.Value, error) {
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(a.Challenge); err != nil || len(raw) != sha256.Size {
		return secret.Value{}, refusal.New(refusal.InputInvalid, "the PKCE challenge is not a SHA-256 in base64url (code_challenge_method S256 is the only one)")
	}
	o := c.service.options.Load()
	a.CreatedAt = now.Add(o.Offset()).Truncate(time.Microsecond)
	a.ExpiresAt, a.UsedAt, a.Granted = a.CreatedAt.Add(o.CodeLife), time.Time{}, ""
	a.AuthTime = a.AuthTime.Truncate(time.Microsecond)
	text := CodePrefix + secret.Random62(codeSize-len(CodePrefix))
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := c.service.store.CreateCode(ctx, sha256.Sum256([]byte(text)), a); err != nil {
		return secret.Value{}, busy("store an authorization code", err)
	}
	return secret.NewString(text), nil
}

// Exchange is a client that presents a code.
type Exchange struct {
	Client      string // client id, authenticated where the client can
	RedirectURI string
	Verifier    string       // PKCE code verifier
	Key         [32]byte     // thumbprint of the key that the request proved to hold; zero for none
	Device      string       // what the person sees in a list; the client id where empty
	Agent       agent.Family // kind of program; zero when unknown
	From        netip.Addr
	RequestID   string
	Now         time.Time
}

// Redeem exchanges a code for a grant. It uses the code up, whatever comes of it: a code
// that fails once is worth nothing to the next one either. The second time, whoever
// presents it, what the first one gave ends (RFC 6749, Section 4.1.2; ASVS 5.0, 10.4.2).
// A no is a refusal; its causes are ErrInvalid, ErrExpired, ErrProof, ErrReplay and
// ErrParent, all of them invalid_grant to the client.
func (c Codes) Redeem(ctx context.Context, code string, x Exchange) (Issued, error) {
	s, o := c.service, c.service.options.Load()
	if len(code) != codeSize || code[:len(CodePrefix)] != CodePrefix {
		return Issued{}, invalid("the authorization code is not spelled like one of this server")
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	at := x.Now.Add(o.Offset()).Truncate(time.Microsecond)
	r, err := s.store.RedeemCode(ctx, sha256.Sum256([]byte(code)), Redemption{At: at, Max: o.MaxPerUser,
		Admit: func(a Code) (Family, audit.Event, error) {
			if err := x.admit(a, at); err != nil {
				return Family{}, audit.Event{}, err
			}
			f, ev := o.family(x.grant(a))
			return f, ev, nil
		},
		Replayed: func(a Code) audit.Event { return x.replayed(a, at) },
	})
	if len(r.Ended) > 0 {
		o.Ended(r.Ended)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return Issued{}, invalid("the authorization code is unknown (guessed, or long over)")
	case err != nil:
		return Issued{}, begun(err)
	case r.Replay:
		o.Alert(x.replayed(r.Code, at))
		no := refusal.New(refusal.TokenInvalid, "an authorization code of client %q was presented a second time: %s ended (its first use may have been a thief's)", r.Code.Client, list(r.Ended))
		no.Err = ErrReplay
		return Issued{}, no
	}
	issued, err := o.issue(r.Family)
	issued.Nonce = r.Code.Nonce
	return issued, err
}

// admit checks a code that was not used before.
func (x Exchange) admit(a Code, at time.Time) error {
	no := func(cause error, format string, args ...any) error {
		return &refusal.Refusal{Code: refusal.TokenInvalid, Err: cause, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case !at.Before(a.ExpiresAt):
		return no(ErrExpired, "the authorization code of client %q is older than %v (the client must exchange it at once)", a.Client, a.ExpiresAt.Sub(a.CreatedAt))
	case x.Client != a.Client:
		return no(ErrProof, "an authorization code of client %q was presented by client %q (it may have been intercepted)", a.Client, x.Client)
	case x.RedirectURI != a.RedirectURI:
		return no(ErrProof, "the redirect_uri of client %q is not the one that its code was sent to (send the same)", a.Client)
	case a.Key != [32]byte{} && a.Key != x.Key:
		return no(ErrProof, "the authorization code of client %q is bound to another key (dpop_jkt)", a.Client)
	case subtle.ConstantTimeCompare([]byte(Challenge(x.Verifier)), []byte(a.Challenge)) != 1:
		return no(ErrProof, "the code_verifier of client %q does not belong to its code_challenge (it may have been intercepted)", a.Client)
	}
	return nil
}

func (x Exchange) grant(a Code) Grant {
	return Grant{User: a.User, Parent: a.SID, Client: a.Client, Scope: a.Scope, Audience: a.Audience, Key: x.Key,
		AuthTime: a.AuthTime, Device: x.Device, Agent: x.Agent, From: x.From, RequestID: x.RequestID, Now: x.Now}
}

// Challenge is the S256 code challenge of a verifier (RFC 7636, Section 4.6); "" for a
// text that is no verifier: 43 to 128 unreserved characters (Section 4.1).
func Challenge(verifier string) string {
	if len(verifier) < 43 || len(verifier) > 128 {
		return ""
	}
	for i := range len(verifier) {
		if _, ok := digit(verifier[i]); !ok && verifier[i] != '-' && verifier[i] != '.' && verifier[i] != '_' && verifier[i] != '~' {
			return ""
		}
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// replayed is the event of a code that came twice.
func (x Exchange) replayed(a Code, at time.Time) audit.Event {
	return audit.Event{At: at, Event: audit.TokenRevoked, Subject: a.User, Actor: "system", SID: a.Granted,
		Network: network(x.From), RequestID: x.RequestID, Detail: "reason=" + ReasonCodeReplay + " client=" + a.Client}
}
