package refresh

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// The causes of refusals, for errors.Is. To a client all but ErrScope are the OAuth error
// invalid_grant (RFC 6749, Section 5.2); ErrScope is invalid_scope. None of them ever
// takes a cookie away: the client that lost a race keeps what it has.
var (
	ErrInvalid  = errors.New("no token of this server and client") // forged, cut, of another client, or of a dropped key
	ErrReuse    = errors.New("refresh token was used before")      // theft: everything has ended
	ErrAhead    = errors.New("refresh token is newer than the store")
	ErrMismatch = errors.New("refresh token is bound to another key")
	ErrStrange  = errors.New("network or kind of program is not known of the grant")
	ErrCapped   = errors.New("refresh token was presented too often")
	ErrRevoked  = errors.New("grant has ended")
	ErrExpired  = errors.New("grant has expired")
	ErrScope    = errors.New("scope is wider than the grant")
	ErrReplay   = errors.New("authorization code was used before") // what it gave has ended
	ErrProof    = errors.New("authorization code was presented by somebody else")
)

// refused is the refusal of a verdict.
func (a Attempt) refused(r Result) error {
	f := r.Family
	no := func(code refusal.Code, cause error, format string, args ...any) error {
		return &refusal.Refusal{Code: code, Err: cause, Reason: fmt.Sprintf(format, args...)}
	}
	switch r.Verdict {
	case Theft:
		return no(refusal.TokenRevoked, ErrReuse, "generation %d of the refresh tokens of %s came back while %d is current: %s ended (check the devices of %s)",
			a.Gen, f.SID, f.Gen, list(r.Ended), f.User)
	case Ahead:
		return no(refusal.TokenInvalid, ErrAhead, "generation %d of the refresh tokens of %s was presented and the store knows %d: the database was put back, or the refresh key is in other hands (compare with the audit anchor; rotate with: sanmon keyset rotate refresh)",
			a.Gen, f.SID, f.Gen)
	case Mismatch:
		return no(refusal.TokenInvalid, ErrMismatch, "the refresh token of %s is bound to another key than the client proved (the token may have been copied)", f.SID)
	case Strange:
		return no(refusal.StepUpRequired, ErrStrange, "the former refresh token of %s came from network %q by a program of kind %q, one of which is not known of it (the client signs in again)", f.SID, a.Network, a.Agent)
	case Capped:
		return no(refusal.TokenInvalid, ErrCapped, "the former refresh token of %s came more than %d times since its rotation (the client should keep the new one)", f.SID, a.Cap)
	case Revoked:
		return no(refusal.TokenRevoked, ErrRevoked, "grant %s was ended, reason %q (the client signs in again)", f.SID, f.RevokeReason)
	case Expired:
		return no(refusal.TokenExpired, ErrExpired, "grant %s has expired (the client signs in again; see token.refresh_idle and token.refresh_absolute)", f.SID)
	}
	return invalid("the refresh token is of a grant that the store does not have (deleted, or of another installation)")
}

// invalid refuses a token that says nothing that can be believed.
func invalid(reason string) error {
	return &refusal.Refusal{Code: refusal.TokenInvalid, Err: ErrInvalid, Reason: reason}
}

// busy is the refusal for a store that failed; refusals pass as they are.
func busy(doing string, err error) error {
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		return r
	}
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err,
		Reason: fmt.Sprintf("could not %s (is the database reachable?)", doing)}
}

func list(sids []string) string {
	if len(sids) == 0 {
		return "nothing"
	}
	return strings.Join(sids, ", ")
}

// detail is the text of an audit event: words, and nothing that could be presented.
func (a Attempt) detail(r Result) string {
	d := fmt.Sprintf("class=%s client=%s presented=%d current=%d", a.class(r), r.Family.Client, a.Gen, r.Family.Gen)
	if r.Verdict == Strange && a.Agent != "" {
		d += " agent=" + a.Agent
	}
	if r.Often {
		d += " often=true"
	}
	return d
}

// class tells the two kinds of theft apart (ASVS 5.0, 10.4.5 makes no difference between
// them; an operator does): the one before may be a client that slept, anything older is a
// copy.
func (a Attempt) class(r Result) string {
	switch {
	case r.Verdict != Theft:
		return r.Verdict.String()
	case a.Gen == r.Family.Gen-1:
		return "recent_prev"
	}
	return "stale"
}
