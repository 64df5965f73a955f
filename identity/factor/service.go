package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/recovery"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// MaxFailures is how many wrong codes in a row an app survives: after that it is refused
// until a recovery code was used or its owner enrols it anew, signed in with a passkey
// (NIST SP 800-63B-4, Section 3.2.2: at most 100). Only who has the password can try one.
const MaxFailures = 100

// Service enrols and checks second factors. Its fields are set before use. It is safe for
// concurrent use.
type Service struct {
	Store  Store
	Master *secret.Master
}

// Method is by which code somebody was let in.
type Method string

// The methods.
const (
	ByApp      Method = "app"
	ByRecovery Method = "recovery"
)

// Enrolled reports whether a person has an app.
func (s *Service) Enrolled(ctx context.Context, user string) (bool, error) {
	_, err := s.Store.TOTP(ctx, user)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, busy("read the second factor", err)
}

// Check takes a code of the person's app, or one of the recovery codes. why says for the
// operator why it did not, "" when it did. err is for failures that say nothing about the
// code. The event of a recovery code is filled from ev.
func (s *Service) Check(ctx context.Context, user, code string, ev audit.Event, now time.Time) (m Method, why string, err error) {
	if recovery.Looks(code) {
		why, err = s.recover(ctx, user, code, ev, now)
		return ByRecovery, why, err
	}
	why, err = s.app(ctx, user, code, now)
	return ByApp, why, err
}

func (s *Service) app(ctx context.Context, user, code string, now time.Time) (why string, err error) {
	t, err := s.Store.TOTP(ctx, user)
	switch {
	case errors.Is(err, ErrNotFound):
		return "the person has no app for one-time codes", nil
	case err != nil:
		return "", busy("read the second factor", err)
	case t.Failures >= MaxFailures:
		return fmt.Sprintf("%d wrong codes in a row: the app is refused until a recovery code is used or it is enrolled anew", t.Failures), nil
	}
	key, err := s.Master.Open(sealedFor(user), t.Sealed)
	if err != nil {
		return "", err
	}
	step, ok := totp.Verify(key, code, now, t.LastStep)
	if !ok {
		return s.wrong(ctx, user)
	}
	err = s.Store.UseStep(ctx, user, step)
	if errors.Is(err, ErrSpent) {
		return s.wrong(ctx, user)
	}
	return "", busy("note a used code", err)
}

func (s *Service) wrong(ctx context.Context, user string) (string, error) {
	if err := s.Store.FailStep(ctx, user); err != nil {
		return "", busy("count a wrong code", err)
	}
	return "the one-time code is wrong or was used before", nil
}

func (s *Service) recover(ctx context.Context, user, code string, ev audit.Event, now time.Time) (why string, err error) {
	hash, _ := recovery.Hash(code)
	ev.Event, ev.At, ev.Subject, ev.Actor = audit.FactorUsed, now, user, user
	_, err = s.Store.UseRecoveryCode(ctx, user, hash, now, ev)
	switch {
	case errors.Is(err, ErrSpent):
		return "the recovery code was used before", nil
	case errors.Is(err, ErrNotFound):
		return "the recovery code is none of the person's", nil
	}
	return "", busy("use a recovery code", err)
}

// Confirm enrols an app after its owner has shown a code of it, and returns new recovery
// codes, for the only time. A wrong code is refusal.LoginFailed; where the person has an app
// already, it is refusal.InputInvalid with the cause ErrExists.
func (s *Service) Confirm(ctx context.Context, user string, key secret.Value, code string, ev audit.Event, now time.Time) ([]secret.Value, error) {
	step, ok := totp.Verify(key, code, now, 0)
	if !ok {
		return nil, refusal.New(refusal.LoginFailed, "the code does not fit the new app (look at the clock of the phone)")
	}
	sealed, err := s.Master.Seal(sealedFor(user), key.Expose())
	if err != nil {
		return nil, err
	}
	shown, hashes := codes()
	ev.Event, ev.At, ev.Subject, ev.Detail = audit.FactorAdded, now, user, "factor=totp"
	t := TOTP{User: user, Sealed: sealed, LastStep: step, CreatedAt: now}
	err = s.Store.AddTOTP(ctx, t, hashes, ev)
	if errors.Is(err, ErrExists) {
		no := refusal.New(refusal.InputInvalid, "%s has an app already, which may have been enrolled a moment ago (remove it first)", user)
		no.Err = err
		return nil, no
	}
	if err != nil {
		return nil, busy("store the second factor", err)
	}
	return shown, nil
}

// Remove removes app and recovery codes. ErrNotFound when there is no app.
func (s *Service) Remove(ctx context.Context, user string, ev audit.Event, now time.Time) error {
	ev.Event, ev.At, ev.Subject, ev.Detail = audit.FactorRemoved, now, user, "factor=totp"
	err := s.Store.RemoveTOTP(ctx, user, ev)
	if errors.Is(err, ErrNotFound) {
		return err
	}
	return busy("remove the second factor", err)
}

// Renew replaces the recovery codes and returns the new ones, for the only time. It is for
// who has an app: without a second factor they recover nothing, and it is ErrNotFound.
func (s *Service) Renew(ctx context.Context, user string, ev audit.Event, now time.Time) ([]secret.Value, error) {
	enrolled, err := s.Enrolled(ctx, user)
	if err == nil && !enrolled {
		err = ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	shown, hashes := codes()
	ev.Event, ev.At, ev.Subject, ev.Detail = audit.FactorAdded, now, user, "factor=recovery_codes"
	if err := s.Store.SetRecoveryCodes(ctx, user, hashes, ev); err != nil {
		return nil, busy("store the recovery codes", err)
	}
	return shown, nil
}

func codes() (shown []secret.Value, hashes [][32]byte) {
	shown = recovery.Generate()
	for _, c := range shown {
		hash, _ := recovery.Hash(string(c.Expose()))
		hashes = append(hashes, hash)
	}
	return shown, hashes
}

// sealedFor is the purpose that a secret is sealed for: moved to another row it opens
// nothing.
func sealedFor(user string) string { return SealedFor(user) }

// SealedFor is the purpose that the secret of a person's app is sealed for.
func SealedFor(user string) string { return "totp/" + user }

// busy is the refusal for a store that failed; refusals pass as they are.
func busy(doing string, err error) error {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*refusal.Refusal](err); ok {
		return r
	}
	return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err,
		Reason: "could not " + doing + " (is the database reachable?)"}
}
