package federation

import (
	"errors"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"github.com/sanmon-gate/sanmon/identity/token/foreign"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Wish is what somebody is sent to the provider for. It comes back sealed in the state.
type Wish struct {
	Next string // return path that travels along
	// User is the principal id of who is signed in here already and has to authenticate at
	// the provider anew; "" where nobody is: an old session there then does.
	User string
}

// The causes of the refusal.StepUpRequired of somebody who had to authenticate anew.
var (
	ErrSilent = errors.New("the provider does not say when the person authenticated")
	ErrOld    = errors.New("the provider did not ask the person to authenticate anew")
)

const (
	// renewal is how much older than the step-up an authentication may be: as much as clocks
	// may differ. As max_age it is what a provider that ignores the prompt goes by. It is not
	// 0, which some providers take for none and some for a login that never ends.
	renewal = time.Minute
	// oldest is the max_age of a login that is none of these. It is there to be told the
	// auth_time (OpenID Connect Core, Section 2), and is as long as any session may be
	// (NIST SP 800-63B-4, Section 2.1.3).
	oldest = 30 * 24 * time.Hour
	leeway = 30 * time.Second
)

// prompts asks for a new authentication, or for none (OpenID Connect Core, Section 3.1.2.1).
func (w Wish) prompts() []oauth2.AuthCodeOption {
	if w.User == "" {
		return []oauth2.AuthCodeOption{maxAge(oldest)}
	}
	return []oauth2.AuthCodeOption{maxAge(renewal), oauth2.SetAuthURLParam("prompt", "login")}
}

func maxAge(d time.Duration) oauth2.AuthCodeOption {
	return oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(d/time.Second)))
}

// since is when the person authenticated at the provider; the zero time where it does not
// say and need not. The parameters of the request went through the browser, so that only
// this proves that the provider has heeded them (OpenID Connect Core, Section 3.1.3.7,
// number 13).
func (p *Provider) since(c *foreign.Claims, e errand, now time.Time) (time.Time, error) {
	at, err := c.Time("auth_time")
	switch {
	case err != nil:
		return at, p.no("its ID token: %v", err)
	case at.After(now.Add(leeway)):
		return at, p.no("its ID token says that the person authenticates in the future (auth_time)")
	case e.User == "":
		return at, nil
	case at.IsZero():
		return at, p.stale(ErrSilent, "its ID token has no auth_time, which it must have where max_age was sent (turn the claim on at the provider)")
	case at.Before(time.Unix(e.Begun, 0).Add(-renewal)):
		return at, p.stale(ErrOld, "the person authenticated there at "+at.UTC().Format(time.RFC3339)+", before it was asked for (auth_time; does the provider heed prompt and max_age?)")
	}
	return at, nil
}

func (p *Provider) stale(cause error, why string) error {
	no := refusal.New(refusal.StepUpRequired, "step-up with %s failed: %s", p.o.Name, why)
	no.Detail, no.Err = "The provider did not confirm that you have signed in there just now.", cause
	return no
}
