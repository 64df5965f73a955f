package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Life is how long a ceremony may take.
const Life = 5 * time.Minute

// MaxResponse bounds what a browser sends to finish a ceremony, in bytes. Attestation
// statements with certificates are the long ones.
const MaxResponse = 16 << 10

// Options of Ceremonies. All are needed.
type Options struct {
	Origin string // exact public origin: "https://app.example.com"
	Name   string // what authenticators call the site
	Office *ticket.Office
}

// Ceremonies registers and verifies passkeys of one origin. It keeps no state: what a
// ceremony needs travels in its ticket. It is safe for concurrent use.
type Ceremonies struct {
	origin string
	site   *webauthn.WebAuthn
	office *ticket.Office
}

// New returns Ceremonies, or an error where browsers offer no passkeys: the host of the
// origin must be a name (WebAuthn, Section 5.1.2: an effective domain).
func New(o Options) (*Ceremonies, error) {
	u, err := url.Parse(o.Origin)
	if err != nil || u.Host == "" || o.Office == nil {
		return nil, fmt.Errorf("passkeys for %q: it is no origin, or there is no office for tickets", o.Origin)
	}
	if err := Possible(u.Hostname()); err != nil {
		return nil, err
	}
	// The library's own expiry stays off: it reads another clock than the one that decides.
	site, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: o.Name, RPOrigins: []string{o.Origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Timeout: Life, TimeoutUVD: Life},
			Registration: webauthn.TimeoutConfig{Timeout: Life, TimeoutUVD: Life},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys for %s: %w", o.Origin, err)
	}
	return &Ceremonies{o.Origin, site, o.Office}, nil
}

// Possible says why browsers offer no passkeys for a host name, nil when they do.
func Possible(host string) error {
	if err := protocol.ValidateRPID(host); err != nil {
		return fmt.Errorf("passkeys need a host name, and %s is none (browsers take no IP address)", host)
	}
	return nil
}

// Begun is a ceremony that was begun: what the browser is told, and the ticket that comes
// back with its answer.
type Begun struct {
	Options json.RawMessage `json:"publicKey"` // PublicKeyCredential…OptionsJSON (WebAuthn, Section 5.1.8 and 5.1.9)
	Ticket  string          `json:"ticket"`
}

// state is what a ticket carries.
type state struct {
	Session webauthn.SessionData `json:"s"`
	Account string               `json:"a,omitempty"` // the address that a login is for, "" any
}

func (c *Ceremonies) begun(purpose string, binding []byte, options any, s state, now time.Time) (Begun, error) {
	shown, err := json.Marshal(options)
	if err != nil {
		return Begun{}, fmt.Errorf("begin %s: %w", purpose, err)
	}
	payload, err := json.Marshal(s)
	if err != nil {
		return Begun{}, fmt.Errorf("begin %s: %w", purpose, err)
	}
	text, err := c.office.Issue(purpose, binding, payload, now.Add(Life))
	return Begun{shown, text}, err
}

// open reads the ticket of a ceremony. It is used up by its Office.
func (c *Ceremonies) open(purpose string, binding []byte, text string, now time.Time) (state, ticket.Ticket, error) {
	var s state
	t, err := c.office.Open(purpose, binding, text, now)
	if err != nil {
		return s, t, err
	}
	if err := json.Unmarshal(t.Payload.Expose(), &s); err != nil {
		return s, t, refused("read the state of "+purpose, err)
	}
	return s, t, nil
}

// refused is what everything that is wrong with an answer becomes. The library's details
// name the step that failed, never a key.
func refused(what string, err error) error {
	detail := err.Error()
	if e, ok := errors.AsType[*protocol.Error](err); ok && e.Details != "" {
		detail = e.Details
	}
	return refusal.New(refusal.LoginFailed, "%s: %.200s (begin again)", what, detail)
}

// person is a User of the library.
type person struct {
	id          string
	name        string
	credentials []webauthn.Credential
}

func (p person) WebAuthnID() []byte                         { return []byte(p.id) }
func (p person) WebAuthnName() string                       { return p.name }
func (p person) WebAuthnDisplayName() string                { return p.name }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

// credential is a Record as the library takes it. Of the flags it compares backup
// eligibility, which a wrong value of would refuse every login (go-webauthn since 0.11).
func (r Record) credential() webauthn.Credential {
	c := webauthn.Credential{
		ID: r.ID, PublicKey: r.PublicKey, AttestationFormat: r.Attestation,
		Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: r.BackupEligible, BackupState: r.BackedUp},
		Authenticator: webauthn.Authenticator{AAGUID: r.AAGUID, SignCount: r.SignCount},
	}
	for _, t := range r.Transports {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
	}
	return c
}
