package portal

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Ways are the ways to sign in beside the password alone.
type Ways struct {
	NoPassword bool      // nobody signs in with a password
	Second     Second    // nil: there is no second step
	Passkeys   Passkeyer // nil: nobody signs in with a passkey
}

// Second finishes a login whose password was right. Its refusals are those of an
// Authenticator; login_failed also where the ticket has ended.
type Second interface {
	// Second takes the code for a ticket.
	Second(ctx context.Context, a Attempt) (Grant, error)
	// Holds reports whether a ticket is still good.
	Holds(binding []byte, ticket string, now time.Time) bool
	// Enrolment is the secret of the app that a ticket has to enrol, and for whom.
	Enrolment(binding []byte, ticket string, now time.Time) (secret.Value, string, error)
	// Enrol enrols it with a code, and returns the recovery codes.
	Enrol(ctx context.Context, a Attempt) (Grant, []secret.Value, error)
}

// Passkeyer signs people in with passkeys.
type Passkeyer interface {
	// Begin tells a browser what to ask its authenticator. email may be "".
	Begin(binding []byte, email string, now time.Time) (passkey.Begun, error)
	// Finish takes the authenticator's answer.
	Finish(ctx context.Context, a Attempt, response []byte) (Grant, error)
}

// wayAt maps the paths of these ways.
func wayAt(name string) (endpoint, bool) {
	switch name {
	case "login/code":
		return endpoint{[]string{"GET", "HEAD", "POST"}, (*Portal).secondCode}, true
	case "login/enrol":
		return endpoint{[]string{"GET", "HEAD", "POST"}, (*Portal).secondEnrol}, true
	case "login/passkey/options":
		return endpoint{[]string{"POST"}, (*Portal).passkeyBegin}, true
	case "login/passkey":
		return endpoint{[]string{"POST"}, (*Portal).passkeyFinish}, true
	}
	return endpoint{}, false
}

// pending reports whether a login waits for its second step.
func pending(err error) (*login.Pending, bool) {
	if err == nil {
		return nil, false
	}
	p, ok := errors.AsType[*login.Pending](err)
	return p, ok && p.Ticket != ""
}

// secondFactor is the member of a problem document that says what a login lacks.
func secondFactor(why *refusal.Refusal) string {
	p, ok := errors.AsType[*login.Pending](why)
	switch {
	case !ok:
		return ""
	case p.Enrol:
		return "enrol"
	}
	return "code"
}

// beginAgain leads who opens a second step by its address to where it begins.
func beginAgain(w http.ResponseWriter) error { return seeOther(w, Prefix+"login") }
