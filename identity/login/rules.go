package login

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
)

func (s *Service) rules() password.Rules {
	if s.Rules == nil {
		return password.Rules{}
	}
	return s.Rules()
}

// hasSecond reports whether a person has more than a password: an app for codes.
func (s *Service) hasSecond(ctx context.Context, user string) (bool, error) {
	if s.Factors == nil {
		return false, nil
	}
	return s.Factors.Enrolled(ctx, user)
}

// flag writes down that somebody has signed in with a password that attackers have. It is
// no reason to keep the owner out: whoever guessed it is in as well.
func (s *Service) flag(ctx context.Context, a Attempt, user principal.Record, now time.Time) {
	if !s.rules().Known(a.Password) {
		return
	}
	ev := a.event()
	ev.At, ev.Event, ev.Subject, ev.Detail = now, audit.PasswordKnown, user.ID, "the password is in login.blocklist (ask for another one)"
	_ = s.Journal.Record(ctx, ev) // the login stands either way
}

func (s *Service) arrived(user principal.Record, a Attempt, now time.Time) {
	if s.Arrived != nil {
		s.Arrived(user, a, now)
	}
}
