package federation

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// TestRequestsOfAWish: OpenID Connect Core, Section 3.1.2.1.
func TestRequestsOfAWish(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	for user, want := range map[string][2]string{"": {"2592000", ""}, "usr_1": {"60", "login"}} {
		_, q := p.wished(t, of, Wish{User: user}, t0)
		if len(q["max_age"]) != 1 || q.Get("max_age") != want[0] || q.Get("prompt") != want[1] {
			t.Errorf("user %q: max_age %q, prompt %q", user, q["max_age"], q["prompt"])
		}
	}
}

// TestRenewal: a provider that has not asked the person anew, or does not say so, does not
// renew anything, whatever else is right (OpenID Connect Core, Section 3.1.3.7, number 13).
func TestRenewal(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	at := t0.Add(5 * time.Minute) // when the person is back
	for name, c := range map[string]struct {
		auth  any // auth_time, nil: none
		code  refusal.Code
		cause error
	}{
		"while there":           {t0.Add(2 * time.Minute).Unix(), "", nil},
		"as it began":           {t0.Unix(), "", nil},
		"a minute before":       {t0.Add(-60 * time.Second).Unix(), "", nil},
		"a little more before":  {t0.Add(-61 * time.Second).Unix(), refusal.StepUpRequired, ErrOld},
		"in the morning":        {t0.Add(-4 * time.Hour).Unix(), refusal.StepUpRequired, ErrOld},
		"it does not say":       {nil, refusal.StepUpRequired, ErrSilent},
		"a clock that is fast":  {at.Add(30 * time.Second).Unix(), "", nil},
		"a clock that is wrong": {at.Add(31 * time.Second).Unix(), refusal.LoginFailed, nil},
		"the beginning of time": {0, refusal.LoginFailed, nil},
		"before the beginning":  {-1, refusal.LoginFailed, nil},
		"a text":                {"1764072000", refusal.LoginFailed, nil},
		"true":                  {true, refusal.LoginFailed, nil},
		"a list":                {[]int64{t0.Unix()}, refusal.LoginFailed, nil},
		"parts of a second":     {float64(t0.Unix()) + 0.5, refusal.LoginFailed, nil},
		"a year of five places": {int64(253402300800), refusal.LoginFailed, nil},
	} {
		back, _ := p.wished(t, of, Wish{Next: "/next", User: "usr_1"}, t0)
		p.claims["iat"], p.claims["exp"] = at.Unix(), at.Add(time.Hour).Unix()
		if c.auth != nil {
			p.claims["auth_time"] = c.auth
		}
		id, w, err := of.Finish(t.Context(), binding, back, at)
		if code(err) != c.code || c.cause != nil && !errors.Is(err, c.cause) || w != (Wish{Next: "/next", User: "usr_1"}) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
		if c.code != "" && (id.Subject != "" || !strings.Contains(err.Error(), "(")) {
			t.Errorf("%s: %+v, without a remedy: %v", name, id, err)
		}
		if c.code == "" && id.AuthTime.Unix() != p.claims["auth_time"] {
			t.Errorf("%s: authenticated at %v", name, id.AuthTime)
		}
	}
	// auth_time in another case is none.
	back, _ := p.wished(t, of, Wish{User: "usr_1"}, t0)
	p.claims["Auth_Time"] = t0.Unix()
	if _, _, err := of.Finish(t.Context(), binding, back, t0); !errors.Is(err, ErrSilent) {
		t.Errorf("Auth_Time: %v", err)
	}
}
