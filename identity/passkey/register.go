package passkey

import (
	"context"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

const registration = "passkey/register"

// BeginRegistration begins to make a passkey for a person who has just authenticated.
// binding is the person's session; have are the passkeys that they have already, which an
// authenticator then does not offer again. name is the e-mail address.
func (c *Ceremonies) BeginRegistration(user, name string, have []Record, binding []byte, now time.Time) (Begun, error) {
	p := person{id: user, name: name}
	var known []protocol.CredentialDescriptor
	for _, r := range have {
		credential := r.credential()
		known = append(known, credential.Descriptor())
	}
	creation, session, err := c.site.BeginRegistration(p, webauthn.WithExclusions(known))
	if err != nil {
		return Begun{}, err
	}
	return c.begun(registration, binding, creation.Response, state{Session: *session}, now)
}

// FinishRegistration checks the browser's answer (WebAuthn, Section 7.1) and returns the
// passkey, without a name and not stored yet. Everything that is wrong is
// refusal.LoginFailed; the ceremony is over either way.
func (c *Ceremonies) FinishRegistration(ctx context.Context, user, name string, binding []byte, ticket string, response []byte, now time.Time) (Record, error) {
	s, t, err := c.open(registration, binding, ticket, now)
	if err != nil {
		return Record{}, err
	}
	if err := c.office.Use(ctx, t, now); err != nil {
		return Record{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return Record{}, refused("read a new passkey", err)
	}
	if err := c.exactly(parsed.Response.CollectedClientData.Origin); err != nil {
		return Record{}, err
	}
	made, err := c.site.CreateCredential(person{id: user, name: name}, s.Session, parsed)
	if err != nil {
		return Record{}, refused("check a new passkey", err)
	}
	r := Record{
		Handle: secret.NewID("pky_"), User: user, ID: slices.Clone(made.ID), PublicKey: slices.Clone(made.PublicKey),
		AAGUID: slices.Clone(made.Authenticator.AAGUID), Attestation: made.AttestationFormat, SignCount: made.Authenticator.SignCount,
		BackupEligible: made.Flags.BackupEligible, BackedUp: made.Flags.BackupState, CreatedAt: now,
	}
	for _, t := range made.Transport {
		if len(r.Transports) < 8 && len(t) <= 32 {
			r.Transports = append(r.Transports, string(t))
		}
	}
	return r, nil
}

// exactly compares an origin byte for byte: the library's comparison ignores case and what
// follows the host.
func (c *Ceremonies) exactly(origin string) error {
	if origin != c.origin {
		return refusal.New(refusal.LoginFailed, "a passkey answered for origin %.80q instead of %s (open the site at its public URL)", origin, c.origin)
	}
	return nil
}
