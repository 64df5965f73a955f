package refresh

import "time"

// Family is a grant at rest: its session and the state of its refresh tokens. It holds no
// credential.
type Family struct {
	ID  [16]byte
	SID string // the grant's own session, "ses_…": what access tokens name, and what ends them

	Parent   string // sid of the login session that it came from; "" for none
	User     string // principal id
	Client   string // client id
	Scope    []string
	Audience string
	Key      [32]byte // SHA-256 thumbprint of the client's key (RFC 7638); zero: bound to none
	AuthTime time.Time
	AMR      []string // how the person authenticated (RFC 8176)
	ACR      string
	Device   string   // what the person sees in a list
	Networks []string // network keys known of the grant, newest first
	Agent    string   // kind of program that it was given to, an agent.Family; "" when unknown

	CreatedAt     time.Time
	ExpiresAt     time.Time // absolute end, set once
	IdleExpiresAt time.Time // moved by every rotation

	Gen          int64     // generation that is current
	RotatedAt    time.Time // when it replaced the one before; by one clock for all nodes
	RotatedFrom  string    // network key of that request
	RotatedAgent string    // and the kind of program
	Confirmed    bool      // somebody has shown that the current generation arrived
	Redeliveries int       // how often the one before came since
	RetryAt      time.Time // moves on with every window that had a retry; see often

	RevokedAt    time.Time // zero while alive
	RevokeReason string
}

// The reasons that grants end for, as stored.
const (
	ReasonReuse      = "reuse"       // a spent refresh token came back
	ReasonAhead      = "ahead"       // a token was newer than the store: the store went back in time, or the key leaked
	ReasonIdle       = "idle"        // no rotation for Options.Idle
	ReasonRevoked    = "revoked"     // the client gave it back (RFC 7009)
	ReasonCodeReplay = "code_replay" // its authorization code was presented twice
)
