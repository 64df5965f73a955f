// Package audit is the vocabulary of the audit trail. The store writes an Event in
// the same transaction as the change that it records, so that there is no change
// without its record.
package audit

import "time"

// Name is the name of an event. The set is a contract.
type Name string

// The events that this version writes.
const (
	LoginOK         Name = "login.ok"
	LoginFailed     Name = "login.failed"
	LoginThrottled  Name = "login.throttled" // the failure that filled a count: logins of that account or network wait
	Logout          Name = "logout"
	SessionRevoked  Name = "session.revoked"
	SessionExpired  Name = "session.expired"
	SessionBound    Name = "session.bound"   // to a key of the browser
	SessionStrange  Name = "session.strange" // another kind of browser than the one that signed in
	SessionLimit    Name = "session.limit"   // a login found as many sessions as one may have, and was refused or told of
	UserAdded       Name = "user.added"
	UserDisabled    Name = "user.disabled"
	UserEnabled     Name = "user.enabled"
	UserDeleted     Name = "user.deleted" // with sessions, factors and links; keys are revoked
	UserRoles       Name = "user.roles"
	UserReset       Name = "user.reset"
	ServiceRoles    Name = "service.roles"
	ServiceDisabled Name = "service.disabled"
	ServiceEnabled  Name = "service.enabled"
	PasswordKnown   Name = "password.known" // somebody signed in with a password that attackers have
	LinkIssued      Name = "link.issued"    // for a new password, an invitation or an account
	Linked          Name = "user.linked"    // to a person at another provider
	Unlinked        Name = "user.unlinked"
	KeyCreated      Name = "key.created"
	KeyRotated      Name = "key.rotated"
	KeyRevoked      Name = "key.revoked"
	KeyHeld         Name = "key.held"     // keys wait for a person: the store was put back to an earlier state
	KeyAccepted     Name = "key.accepted" // and one of them counts again
	KeyReported     Name = "key.reported"
	KeyCanary       Name = "key.canary"      // a key that nobody should have was used
	TokenIssued     Name = "token.issued"    // a grant began
	TokenRevoked    Name = "token.revoked"   // a grant ended, and its tokens with it
	RefreshReuse    Name = "refresh.reuse"   // a spent refresh token came back: theft
	RefreshRetried  Name = "refresh.retried" // the one before came within its window: first of it, or too often in a day
	RefreshRefused  Name = "refresh.refused" // of another key or network, of a dead grant, or newer than the store knows
	KeysetRotated   Name = "keyset.rotated"
	ConfigLoaded    Name = "config.loaded"
	ConfigRefused   Name = "config.refused"
	CSRFRefused     Name = "csrf.refused"
	AccessRefused   Name = "access.refused"
	Checkpoint      Name = "audit.checkpoint"    // the state of the trail was signed
	Adopted         Name = "audit.adopted"       // events from before the hash tree were taken into it
	AuditFailed     Name = "audit.failed"        // a checkpoint could not be signed, or not be anchored
	Exported        Name = "audit.exported"      // the trail, or a part of it, was given out
	VerifyFailed    Name = "audit.verify_failed" // somebody checked the trail, and it is not intact or not verifiable
	FactorAdded     Name = "factor.added"        // a passkey, an app for codes, recovery codes
	FactorRemoved   Name = "factor.removed"      // and gone
	FactorRenamed   Name = "factor.renamed"      // a passkey
	FactorUsed      Name = "factor.used"         // a recovery code
	FactorFlagged   Name = "factor.flagged"      // a passkey whose counter did not advance
	OpenAPIPinned   Name = "openapi.pinned"      // the first document of a backend
	OpenAPIChanged  Name = "openapi.changed"     // another one was seen
	OpenAPIApproved Name = "openapi.approved"    // and put in force by a person
)

// Event is one line of the trail. No field ever holds a credential.
type Event struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	Event     Name      `json:"event"`
	Subject   string    `json:"subject,omitempty"` // principal the event is about
	Actor     string    `json:"actor,omitempty"`   // who did it: a principal id, "cli" or "system"
	SID       string    `json:"sid,omitempty"`
	KeyID     string    `json:"key_id,omitempty"`
	Route     string    `json:"route,omitempty"`
	Network   string    `json:"network,omitempty"`
	RequestID string    `json:"request_id,omitempty"`
	Detail    string    `json:"detail,omitempty"` // a sentence, or "key=value" words
}
