package passkey

import (
	"context"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

const authentication = "passkey/login"

// BeginLogin begins to sign somebody in. binding is the browser's pre-session. account,
// when not "", is the address that was typed: FinishLogin returns it, and its caller takes
// a passkey of that account only. What is returned does not depend on whether the account
// exists or has passkeys.
func (c *Ceremonies) BeginLogin(binding []byte, account string, now time.Time) (Begun, error) {
	assertion, session, err := c.site.BeginDiscoverableLogin()
	if err != nil {
		return Begun{}, err
	}
	return c.begun(authentication, binding, assertion.Response, state{Session: *session, Account: account}, now)
}

// Answer is a browser's answer to BeginLogin, taken apart and not verified.
type Answer struct {
	// ID is the credential that it claims to be of.
	ID     []byte
	parsed *protocol.ParsedCredentialAssertionData
}

// Read takes an answer apart. What cannot be read is refusal.LoginFailed.
func Read(response []byte) (Answer, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return Answer{}, refused("read the answer of a passkey", err)
	}
	return Answer{parsed.RawID, parsed}, nil
}

// Proven is a passkey that has proven its possession now.
type Proven struct {
	Record  Record // with counter, backup state and LastUsedAt as they are to be stored
	Account string // address that the login was begun for, "" any
	// Stuck says that the counter of the authenticator did not advance: there may be a copy
	// of it (WebAuthn, Section 7.2, step 22). It must not let anybody in; FlaggedAt is set
	// and the counter is the one before.
	Stuck bool
}

// FinishLogin verifies an answer (WebAuthn, Section 7.2) with the passkey that is stored
// for its ID, the zero Record when there is none. Everything that is wrong is
// refusal.LoginFailed. The ceremony is over once the passkey has signed for it: only then is
// there something that could be sent twice, and who has no passkey leaves nothing at rest.
func (c *Ceremonies) FinishLogin(ctx context.Context, binding []byte, ticket string, a Answer, r Record, now time.Time) (Proven, error) {
	s, t, err := c.open(authentication, binding, ticket, now)
	if err != nil {
		return Proven{}, err
	}
	if r.Handle == "" {
		return Proven{}, refused("find a passkey", ErrNotFound)
	}
	if err := c.exactly(a.parsed.Response.CollectedClientData.Origin); err != nil {
		return Proven{}, err
	}
	p := person{id: r.User, credentials: []webauthn.Credential{r.credential()}}
	credential, err := c.site.ValidateDiscoverableLogin(func(_, _ []byte) (webauthn.User, error) { return p, nil }, s.Session, a.parsed)
	if err != nil {
		return Proven{}, refused("check the answer of passkey "+r.Handle, err)
	}
	if err := c.office.Use(ctx, t, now); err != nil {
		return Proven{}, err
	}
	if credential.Authenticator.CloneWarning {
		r.FlaggedAt = now
		return Proven{r, s.Account, true}, nil
	}
	r.SignCount, r.BackedUp, r.LastUsedAt = credential.Authenticator.SignCount, credential.Flags.BackupState, now
	return Proven{r, s.Account, false}, nil
}
