package refresh

import (
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// Attempt is one presentation of a refresh token whose MAC was good.
type Attempt struct {
	Family  [16]byte
	Gen     int64
	Client  string
	Key     [32]byte // thumbprint of the key that the client proved to hold; zero for none
	Network string   // network key of the request; "" when unknown
	Agent   string   // kind of program, an agent.Family; "" when unknown
	At      time.Time

	Idle            time.Duration // what a rotation gives
	Race, Redeliver time.Duration // windows, from the rotation
	Cap             int           // presentations of the one before that are answered, per rotation

	RequestID string
}

// Verdict is what a presented token is worth.
type Verdict uint8

// The verdicts. The first three are a yes.
const (
	Unknown     Verdict = iota // no such family
	Rotated                    // the current generation: replaced by the next
	Redelivered                // the one before, and nobody has shown to hold the current one: the same successor again
	AccessOnly                 // the one before, from a request that was under way: no refresh token
	Theft                      // spent: the grant and its login end
	Ahead                      // newer than the store knows
	Mismatch                   // of another client or key
	Strange                    // the one before, from a network or a kind of program that is not known of the grant
	Capped                     // the one before, too often
	Revoked                    // the grant has ended
	Expired                    // the grant's time is over
)

// String gives the word of events and metrics.
func (v Verdict) String() string {
	words := [...]string{"unknown", "rotated", "redelivered", "access_only", "theft", "ahead", "mismatch", "strange", "capped", "revoked", "expired"}
	if int(v) < len(words) {
		return words[v]
	}
	return "invalid"
}

// Judge says what the token is worth, given the row of its family. It is the whole state
// machine; the store runs it in the transaction that makes the answer true. Windows
// include their last moment and do not slide: they begin with the rotation, whatever
// comes in between.
func (a Attempt) Judge(f Family) Verdict {
	switch {
	case a.Client != f.Client || f.Key != [32]byte{} && f.Key != a.Key:
		return Mismatch
	case !f.RevokedAt.IsZero() && f.RevokeReason != ReasonIdle:
		return Revoked
	case !a.At.Before(f.ExpiresAt) || !a.At.Before(f.IdleExpiresAt):
		return Expired
	case a.Gen > f.Gen:
		return Ahead
	case a.Gen == f.Gen:
		return Rotated
	case a.Gen < f.Gen-1:
		return Theft
	}
	return a.former(f)
}

// former judges the generation before the current one.
func (a Attempt) former(f Family) Verdict {
	window := a.Redeliver
	if f.Confirmed {
		window = a.Race
	}
	switch {
	case a.At.Sub(f.RotatedAt) > window:
		return Theft
	case f.Redeliveries >= a.Cap:
		return Capped
	case a.Network != f.RotatedFrom && !slices.Contains(f.Networks, a.Network), a.foreign(f):
		return Strange
	case f.Confirmed:
		return AccessOnly
	}
	return Redelivered
}

// foreign reports whether the program is of another kind than both that which the grant was
// given to and that which asked for the rotation. Nothing is made of what is not known.
func (a Attempt) foreign(f Family) bool {
	return a.Agent != "" && f.Agent != "" && a.Agent != f.Agent && a.Agent != f.RotatedAgent
}

// A grant whose former token comes within its window again and again is not being lucky:
// a thief and an honest client share it, each in the other's windows. Of such windows
// three a day pass without a word.
const (
	retryEvery = 8 * time.Hour
	retryBurst = 24 * time.Hour
)

// Retried returns the next RetryAt after a window had its first retry, and whether that
// was one too many (GCRA: one window per retryEvery, three at once). It is told once,
// until the grant has been quiet for retryEvery.
func (a Attempt) Retried(f Family) (next time.Time, often bool) {
	from := f.RetryAt
	if from.Before(a.At) {
		from = a.At
	}
	next = from.Add(retryEvery)
	often = next.Sub(a.At) > retryBurst && from.Sub(a.At) <= retryBurst
	if latest := a.At.Add(retryBurst + retryEvery); next.After(latest) {
		next = latest
	}
	return next, often
}

// Result is what became of an attempt.
type Result struct {
	Verdict Verdict
	Family  Family   // as it is now; zero when Unknown
	Ended   []string // sids that ended with it
	Often   bool     // retries too often, for the first time in a while
	Noted   bool     // the audit trail has an event of it
}

// Event is what the audit trail says of a result, and whether it says anything. A
// rotation is everyday and says nothing.
func (a Attempt) Event(r Result) (audit.Event, bool) {
	var name audit.Name
	switch r.Verdict {
	case Redelivered, AccessOnly:
		name = audit.RefreshRetried
	case Theft:
		name = audit.RefreshReuse
	case Ahead, Mismatch, Strange, Capped, Revoked:
		name = audit.RefreshRefused
	default:
		return audit.Event{}, false
	}
	return audit.Event{At: a.At, Event: name, Subject: r.Family.User, Actor: "system", SID: r.Family.SID,
		Network: a.Network, RequestID: a.RequestID, Detail: a.detail(r)}, true
}
