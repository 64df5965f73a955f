package alert

import (
	"strings"

	"github.com/sanmon-gate/sanmon/audit"
)

// Type is what an alert is about: the "type" of its message.
type Type string

// The types. Those of events of the audit trail have the event's name where one event is
// the whole story.
const (
	SessionReuse    Type = "session.reuse"        // a spent session secret came back: theft
	SessionLimit    Type = "session.limit"        // somebody has more sessions than one may have
	RefreshReuse    Type = "refresh.reuse"        // a spent refresh token came back: theft
	RefreshMisuse   Type = "refresh.misuse"       // of another client or key, newer than the store knows, or retried too often
	CodeReuse       Type = "code.reuse"           // an authorization code came twice
	FactorFlagged   Type = "factor.flagged"       // a passkey may have been copied
	KeyCanary       Type = "key.canary"           // a key that nobody should have was used
	KeyReported     Type = "key.reported"         // a key was found in public, or revoked by who held it
	KeyHeld         Type = "key.held"             // the store was restored: API keys wait for a person
	LoginThrottled  Type = "login.throttled"      // brute force: too many failed logins
	CallerThrottled Type = "credential.throttled" // brute force: too many failed keys, tokens and cookies
	AuditFailed     Type = "audit.failed"         // an event could not be written, a checkpoint not be signed or anchored, or a trail was tampered with
	ConfigRefused   Type = "config.refused"       // a changed configuration is not in force
	FeedStale       Type = "feed.stale"           // a node does not learn of revocations
	KeysStale       Type = "keys.stale"           // a node does not know whether its API keys still hold
	Test            Type = "alerts.test"          // sanmon alerts test
)

// Of says what alert an event of the trail is worth, if any.
func Of(ev audit.Event) (Type, bool) {
	switch ev.Event {
	case audit.RefreshReuse:
		return RefreshReuse, true
	case audit.FactorFlagged:
		return FactorFlagged, true
	case audit.KeyCanary:
		return KeyCanary, true
	case audit.KeyReported:
		return KeyReported, true
	case audit.KeyHeld:
		return KeyHeld, true
	case audit.LoginThrottled:
		return LoginThrottled, true
	case audit.AuditFailed:
		return AuditFailed, true
	case audit.ConfigRefused:
		return ConfigRefused, true
	}
	return byDetail(ev)
}

// byDetail judges events that are worth an alert in some cases only.
func byDetail(ev audit.Event) (Type, bool) {
	switch {
	case ev.Event == audit.SessionRevoked && says(ev, "reason=reuse") && !strings.Contains(ev.Detail, "by="): // with "by=": it ended with a refresh token's reuse
		return SessionReuse, true
	case ev.Event == audit.SessionLimit && says(ev, "at_max=notify"): // with "deny" nothing has happened, and the person gets a letter
		return SessionLimit, true
	case ev.Event == audit.TokenRevoked && says(ev, "reason=code_replay") && !strings.Contains(ev.Detail, "parent="):
		return CodeReuse, true
	case ev.Event == audit.RefreshRefused && (says(ev, "class=ahead") || says(ev, "class=mismatch")), ev.Event == audit.RefreshRetried && says(ev, "often=true"):
		return RefreshMisuse, true
	case ev.Event == audit.VerifyFailed && says(ev, "verdict=tampered"): // not where a key was missing: that is no news of the trail
		return AuditFailed, true
	case ev.Event == audit.AccessRefused && says(ev, "limit=failures"):
		return CallerThrottled, true
	}
	return "", false
}

// says reports whether a word stands in an event's detail.
func says(ev audit.Event, word string) bool {
	for w := range strings.FieldsSeq(ev.Detail) {
		if w == word {
			return true
		}
	}
	return false
}

// summary is what a type means, for people, and what to do about it.
func (t Type) summary() string {
	switch t {
	case SessionReuse:
		return "A session cookie that had been replaced came back: it was probably copied. The session has ended. Look at the person's devices and sessions."
	case SessionLimit:
		return "Somebody has signed in at more places than session.max_per_user. Look at the person's devices and sessions: sanmon session list --user"
	case RefreshReuse:
		return "A refresh token that had been replaced came back: it was probably copied. The grant and the login that it came from have ended. Look at the person's devices and sessions."
	case RefreshMisuse:
		return "A refresh token was used by another client or with another key, is newer than the store knows (was an old backup restored?), or is retried far too often: somebody may share it."
	case CodeReuse:
		return "An authorization code was used a second time: somebody may have read it on its way. What it had given has ended."
	case FactorFlagged:
		return "The counter of a passkey did not advance: it may have been copied. Ask its owner, and remove it if in doubt."
	case KeyCanary:
		return "A canary key was used. Nobody should have it: who uses it has read what it was hidden in."
	case KeyReported:
		return "An API key was found in a public place, or revoked by somebody who held it. It has ended. Find out where it leaked and what was done with it."
	case LoginThrottled:
		return "Too many logins failed for an account or from a network: somebody may be guessing passwords. Further ones wait."
	case CallerThrottled:
		return "Too many keys, tokens or cookies from a network were wrong: somebody may be guessing. Further ones are told to wait."
	}
	return t.health()
}

// health is summary for what concerns the gate itself.
func (t Type) health() string {
	switch t {
	case AuditFailed:
		return "The audit trail could not be written, signed or anchored, or somebody found that it was tampered with. Look at the log and run: sanmon audit verify"
	case ConfigRefused:
		return "A changed configuration was refused. The one before is in force. Run: sanmon check"
	case FeedStale:
		return "A node does not learn of changes: it asks the store about everything, or refuses. Is the database reachable?"
	case KeyHeld:
		return "The store was put back to an earlier state, and its API keys are refused, because some may have been revoked since. Run: sanmon key revoke, or sanmon key accept-restored"
	case KeysStale:
		return "A node has not confirmed for a while that the API keys in its memory still hold. Is the database reachable?"
	case Test:
		return "This is a test. Nothing happened."
	}
	return "Something happened that somebody should look at."
}
