package login

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Policy says whether one-time codes are asked for beside a password.
type Policy string

// The policies of login.totp. The zero Policy is Off.
const (
	Off      Policy = "off"
	Optional Policy = "optional" // of those who have enrolled an app
	Required Policy = "required" // of everybody; who has no app enrols one before anything else
)

// StepLife is how long the second step of a login may take. Enrolling an app may take
// longer: people look for their phone.
const (
	StepLife  = 5 * time.Minute
	EnrolLife = 15 * time.Minute
)

const stepPurpose = "login/second"

// Pending is the error of a login whose password was right and which a second factor is
// missing of. It is the cause of a refusal.StepUpRequired: who does not know it refuses.
type Pending struct {
	Ticket string // to give back with the code; "" when the attempt had no Binding
	Enrol  bool   // the person has no app yet and has to enrol one
}

func (p *Pending) Error() string {
	if p.Enrol {
		return "a second factor has to be enrolled"
	}
	return "a one-time code is needed"
}

// proof is how somebody has authenticated.
type proof struct {
	amr []string
	acr string
}

func byPassword() proof { return proof{[]string{session.MethodPassword}, session.AAL1} }

func byBoth() proof {
	return proof{[]string{session.MethodPassword, session.MethodOTP, session.MethodMFA}, session.AAL2}
}

// step is what the ticket of a second step carries.
type step struct {
	User     string `json:"u"`
	Account  string `json:"a"` // canonical name
	Password string `json:"p"` // fingerprint of the hash that was right
	Key      []byte `json:"k,omitempty"`
	External bool   `json:"x,omitempty"` // the first step was at another provider
	AuthTime int64  `json:"t,omitempty"` // when that was, seconds
}

// second asks for the second factor of somebody whose password is right.
func (s *Service) second(ctx context.Context, a Attempt, user principal.Record, upgrade bool, now time.Time) (how proof, why string, err error) {
	if s.Factors == nil || a.SecondFactor == Off || a.SecondFactor == "" {
		return byPassword(), "", nil
	}
	enrolled, err := s.Factors.Enrolled(ctx, user.ID)
	switch {
	case err != nil:
		return proof{}, "", err
	case !enrolled && a.SecondFactor == Optional:
		return byPassword(), "", nil
	case !enrolled || a.Code == "":
		return proof{}, "", s.pending(ctx, a, user, upgrade, !enrolled, now)
	}
	_, why, err = s.Factors.Check(ctx, user.ID, a.Code, a.event(), now)
	return byBoth(), why, err
}

// pending issues the ticket of the second step. The password is known now only, so a hash
// of lower cost is replaced now.
func (s *Service) pending(ctx context.Context, a Attempt, user principal.Record, upgrade, enrol bool, now time.Time) error {
	p := &Pending{Enrol: enrol}
	if upgrade {
		s.upgrade(ctx, user.ID, a.Password, now)
		again, err := s.find(ctx, user.Name, true)
		if err != nil {
			return err
		}
		user = again
	}
	if len(a.Binding) > 0 {
		st, life := step{User: user.ID, Account: user.Name, Password: fingerprint(user.Password), External: a.external}, StepLife
		if a.external {
			st.AuthTime = a.authTime.Unix()
		}
		if enrol {
			st.Key, life = totp.NewSecret().Expose(), EnrolLife
		}
		payload, err := json.Marshal(st)
		if err != nil {
			return err
		}
		if p.Ticket, err = s.Office.Issue(stepPurpose, a.Binding, payload, now.Add(life)); err != nil {
			return err
		}
	}
	no := refusal.New(refusal.StepUpRequired, "the password of %s is right and the second step is missing: %s", user.ID, p.Error())
	no.Err = p
	no.Challenge = `Bearer error="insufficient_user_authentication", acr_values="aal2"` // RFC 9470, Section 3
	return no
}

func fingerprint(hash secret.Value) string {
	sum := hash.Hash()
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Second finishes a login with the code for the ticket of its first step. A wrong code is
// refusal.LoginFailed and counts like a wrong password; the ticket holds until it ends or
// a code was right. So does a person who has been changed since.
func (s *Service) Second(ctx context.Context, a Attempt, now time.Time) (Grant, error) {
	return s.finish(ctx, a, now, func(st step) (string, error) {
		if len(st.Key) > 0 {
			return "the ticket is for enrolling an app", nil
		}
		_, why, err := s.Factors.Check(ctx, st.User, a.Code, a.event(), now)
		return why, err
	})
}

// Enrol finishes a login by enrolling the app that Enrolment shows, with a code of it. It
// returns the recovery codes too, for the only time. Where session.Deny has no place for the
// login, no app is enrolled.
func (s *Service) Enrol(ctx context.Context, a Attempt, now time.Time) (Grant, []secret.Value, error) {
	var codes []secret.Value
	g, err := s.finish(ctx, a, now, func(st step) (why string, err error) {
		if len(st.Key) == 0 {
			return "the ticket is not for enrolling an app", nil
		}
		if enrolled, err := s.Factors.Enrolled(ctx, st.User); enrolled || err != nil {
			return "another app was enrolled meanwhile", err
		}
		if _, fits := totp.Verify(secret.New(st.Key), a.Code, now, 0); fits { // who is refused then has enrolled nothing
			if err := s.Sessions.Room(ctx, a.Current, principal.Record{ID: st.User, Name: st.Account}, a.meta(byBoth()), now); err != nil {
				return "", err
			}
		}
		codes, err = s.Factors.Confirm(ctx, st.User, secret.New(st.Key), a.Code, a.event(), now)
		if r, ok := errors.AsType[*refusal.Refusal](err); ok && r.Code == refusal.LoginFailed {
			return r.Reason, nil
		}
		if errors.Is(err, factor.ErrExists) {
			return "another app was enrolled meanwhile", nil
		}
		return "", err
	})
	if err != nil {
		return Grant{}, nil, err
	}
	return g, codes, nil
}

// Enrolment is the secret of the app that a pending login has to enrol, and whose it is.
func (s *Service) Enrolment(binding []byte, ticket string, now time.Time) (key secret.Value, account string, err error) {
	t, err := s.Office.Open(stepPurpose, binding, ticket, now)
	if err != nil {
		return secret.Value{}, "", err
	}
	var st step
	if err := json.Unmarshal(t.Payload.Expose(), &st); err != nil || len(st.Key) == 0 {
		return secret.Value{}, "", refusal.New(refusal.LoginFailed, "the ticket of a login is not for enrolling an app (begin again)")
	}
	return secret.New(st.Key), st.Account, nil
}

// Holds reports whether the ticket of a first step is still good for that browser.
func (s *Service) Holds(binding []byte, ticket string, now time.Time) bool {
	_, err := s.Office.Open(stepPurpose, binding, ticket, now)
	return err == nil
}

// finish is the second step of a login: prove says why it is not proven, "" when it is.
func (s *Service) finish(ctx context.Context, a Attempt, now time.Time, prove func(step) (why string, err error)) (Grant, error) {
	opened, err := s.Office.Open(stepPurpose, a.Binding, a.Ticket, now)
	if err != nil {
		return Grant{}, err
	}
	var st step
	if err := json.Unmarshal(opened.Payload.Expose(), &st); err != nil {
		return Grant{}, err
	}
	device, known := s.Devices.Known(a.DeviceCookie, st.Account, now)
	counted, err := s.Throttle.Begin(ctx, now, throttle.Attempt{Account: st.Account, Network: session.Network(a.Addr).String(), Device: device})
	if err != nil {
		return Grant{}, err
	}
	defer counted.Abandon() // does nothing after an outcome
	user, err := s.find(ctx, st.Account, true)
	if err != nil {
		return Grant{}, err
	}
	why := "the user was changed during the login"
	if user.ID == st.User && !user.Disabled && fingerprint(user.Password) == st.Password {
		if why, err = prove(st); err != nil {
			return Grant{}, err
		}
	}
	var grant Grant
	if why == "" {
		if err := s.Office.Use(ctx, opened, now); err != nil {
			return Grant{}, err
		}
		how := byBoth()
		if st.External {
			how = byProvider(true)
			a.external, a.authTime = true, time.Unix(st.AuthTime, 0)
		}
		if grant, why, err = s.begin(ctx, a, st.Account, user, how, now); err != nil {
			return Grant{}, err
		}
	}
	if why != "" {
		return Grant{}, s.failed(ctx, a, counted.Failed(now), st.User, why, now)
	}
	counted.Succeeded()
	return s.welcome(grant, known, st.Account, user, a, now), nil
}
