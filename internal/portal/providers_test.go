package portal

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
)

// corp is one provider whose answer a test decides.
type corp struct {
	wishes []federation.Wish
	err    error
}

func (c *corp) Names() []string { return []string{"corp"} }

func (c *corp) Begin(_ context.Context, name string, _ []byte, w federation.Wish, _ time.Time) (string, bool, error) {
	c.wishes = append(c.wishes, w)
	return "https://id.example.com/auth", name == "corp", nil
}

func (c *corp) Finish(context.Context, string, url.Values, Attempt) (Grant, string, error) {
	return Grant{}, "/next", c.err
}

const begins = Prefix + "login/oidc/corp"

// TestWhoIsAskedToAuthenticateAnew: who is signed in, and nobody else. Where that cannot be
// said, nobody is sent anywhere.
func TestWhoIsAskedToAuthenticateAnew(t *testing.T) {
	p, h := newPortal(t)
	c := &corp{}
	p.Providers = c
	for _, row := range []struct {
		cookies string
		judge   error
		status  int
		want    federation.Wish
	}{
		{"", nil, 303, federation.Wish{Next: "/next"}},
		{"__Host-sanmon=" + cookie, nil, 303, federation.Wish{Next: "/next", User: "usr_1"}},
		{"__Host-sanmon=OTHER", nil, 303, federation.Wish{Next: "/next"}},
		{"__Host-sanmon=" + cookie, refusal.New(refusal.Busy, "the store does not answer"), 503, federation.Wish{}},
	} {
		c.wishes, h.judgeErr = nil, row.judge
		w := ask{target: begins + "?next=/next", cookies: row.cookies}.send(p)
		if w.Code != row.status || row.status == 303 && (len(c.wishes) != 1 || c.wishes[0] != row.want) || row.status != 303 && len(c.wishes) != 0 {
			t.Errorf("cookies %q: %d, %+v", row.cookies, w.Code, c.wishes)
		}
	}
}

// TestWhatAProviderDidWrong: each has words of its own, and signs nobody in.
func TestWhatAProviderDidWrong(t *testing.T) {
	stepUp := func(cause error) error {
		no := refusal.New(refusal.StepUpRequired, "operator only")
		no.Err = cause
		return no
	}
	for word, row := range map[string]struct {
		err     error
		cookies string
		words   string
	}{
		"silent":          {stepUp(federation.ErrSilent), "__Host-sanmon=" + cookie, "does not say when you signed in"},
		"old":             {stepUp(errors.Join(federation.ErrOld)), "__Host-sanmon=" + cookie, "did not ask you to sign in again"},
		"other":           {stepUp(session.ErrOther), "__Host-sanmon=" + cookie, "You are signed in as ann@example.com, and the provider"},
		"other, gone now": {stepUp(session.ErrOther), "", "has not signed you in"},
		"failed":          {refusal.New(refusal.LoginFailed, "operator only"), "", "has not signed you in"},
	} {
		p, _ := newPortal(t)
		p.Providers = &corp{err: row.err}
		w := ask{target: begins + "/callback?code=x&state=y", cookies: row.cookies}.send(p)
		page := w.Body.String()
		if w.Code != 401 || !strings.Contains(page, row.words) || !strings.Contains(page, `id="wrong"`) || strings.Contains(page, "operator only") || !strings.Contains(page, `href="`+begins+`?next=%2Fnext"`) {
			t.Errorf("%s: %d\n%s", word, w.Code, page)
		}
		for _, set := range w.Result().Cookies() {
			if set.Name == "__Host-sanmon" {
				t.Errorf("%s: a session cookie is set", word)
			}
		}
		if w := (ask{target: begins + "/callback?code=x&state=y", cookies: row.cookies, fetch: true}).send(p); w.Code != 401 || !strings.Contains(w.Body.String(), string(refusal.From(row.err).Code)) {
			t.Errorf("%s, by a program: %d %s", word, w.Code, w.Body)
		}
	}
}
