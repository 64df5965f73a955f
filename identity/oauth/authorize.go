package oauth

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/base64url"
	"github.com/sanmon-gate/sanmon/identity/refresh"
)

// MaxAuthorize is the longest query of an authorization request, in bytes: it travels
// inside the address of the login page.
const MaxAuthorize = 1800

// afterParameter is ours: a login that was asked for has to be younger than this, seconds
// since 1970. Who changes it could as well leave prompt out.
const afterParameter = "sanmon_after"

// clockSlack is how far the clocks of two nodes may differ for that.
const clockSlack = 5

// Answer is where a browser is sent. Exactly one of Login and Location is set.
type Answer struct {
	Login    string // the person has to sign in and come back with this query
	Location string // a registered redirect address with the response
	Refused  error  // why the response is an error; nil for a code
}

// asked is an authorization request that may be answered by a redirect.
type asked struct {
	form     Form
	client   *Client
	redirect string
	state    string
}

// Authorize answers an authorization request (RFC 6749, Section 4.1.1). who is who is
// signed in, nil for nobody. An error is for a page: as long as client and redirect
// address are not known to belong together, nobody is sent anywhere (RFC 9700, Section
// 4.11.2).
func (s *Server) Authorize(ctx context.Context, query string, who *caller.Caller, c Circumstances) (Answer, error) {
	a, err := s.read(query)
	if err != nil {
		return Answer{}, err
	}
	code, login, err := s.decide(ctx, a, who, c)
	switch {
	case err != nil:
		e := From(err)
		return Answer{Location: a.answer(s.Issuer, url.Values{"error": {e.Code}, "error_description": {e.Description}}), Refused: e}, nil
	case login != "":
		return Answer{Login: login}, nil
	}
	return Answer{Location: a.answer(s.Issuer, url.Values{"code": {code}})}, nil
}

func (s *Server) read(query string) (asked, error) {
	if len(query) > MaxAuthorize {
		return asked{}, failed(CodeRequest, "the request is too long", "an authorization request has %d bytes, and %d are the most (send less state)", len(query), MaxAuthorize)
	}
	f, err := ParseForm(query)
	if err != nil {
		return asked{}, err
	}
	a := asked{form: f, client: s.Clients[f.get("client_id")], redirect: f.get("redirect_uri"), state: f.get("state")}
	switch {
	case a.client == nil:
		return a, failed(CodeRequest, "the client is not registered", "client %.64q is not registered (add it to clients)", f.get("client_id"))
	case a.redirect == "":
		return a, failed(CodeRequest, "redirect_uri is missing", "the authorization request of client %q has no redirect_uri", a.client.ID)
	case !a.client.redirect(a.redirect):
		return a, failed(CodeRequest, "redirect_uri is not registered", "redirect_uri %.200q of client %q is not registered (add it to clients[].redirect_uris, byte for byte)", a.redirect, a.client.ID)
	}
	return a, nil
}

// answer is the redirect address with the response, which says who it is from (RFC 9207).
func (a asked) answer(issuer string, v url.Values) string {
	if a.state != "" {
		v.Set("state", a.state)
	}
	v.Set("iss", issuer)
	return withParameters(a.redirect, v)
}

// decide makes a code, or says with which query to sign in first.
func (s *Server) decide(ctx context.Context, a asked, who *caller.Caller, c Circumstances) (code, login string, err error) {
	scope, key, err := s.check(a)
	if err != nil {
		return "", "", err
	}
	need, err := a.login(who, c.Now)
	if err != nil {
		return "", "", err
	}
	if need {
		return "", a.afterLogin(c.Now), nil
	}
	value, err := s.Grants.Codes().Issue(ctx, refresh.Code{User: who.Subject, SID: who.SID, Client: a.client.ID, RedirectURI: a.redirect,
		Scope: scope, Audience: s.Issuer, Challenge: a.form.get("code_challenge"), Nonce: a.form.get("nonce"), Key: key, AuthTime: who.AuthTime}, c.Now)
	if err != nil {
		return "", "", err
	}
	return exposed(value), "", nil
}

// check judges everything that does not depend on who is signed in.
func (s *Server) check(a asked) (scope []string, key [32]byte, err error) {
	f := a.form
	no := func(code, description string) error {
		return failed(code, description, "an authorization request of client %q: %s", a.client.ID, description)
	}
	switch {
	case f.get("response_type") == "":
		return nil, key, no(CodeRequest, "response_type is missing")
	case f.get("response_type") != "code":
		return nil, key, no(CodeResponseType, "the only response_type is code")
	case !a.client.may(GrantCode):
		return nil, key, no(CodeUnauthorized, "the client may not use authorization codes")
	case f.get("response_mode") != "" && f.get("response_mode") != "query":
		return nil, key, no(CodeRequest, "the only response_mode is query")
	case f.get("request") != "":
		return nil, key, no(CodeRequestParam, "request objects are not taken")
	case f.get("request_uri") != "":
		return nil, key, no(CodeRequestURI, "request objects are not taken")
	case f.get("code_challenge") == "" || f.get("code_challenge_method") != "S256":
		return nil, key, no(CodeRequest, "PKCE with code_challenge_method S256 is required")
	case !challenge(f.get("code_challenge")):
		return nil, key, no(CodeRequest, "code_challenge is not a SHA-256 in base64url")
	case len(a.state) > maxState || len(f.get("nonce")) > maxState/2:
		return nil, key, no(CodeRequest, "state or nonce is too long")
	case f.get("resource") != "" && f.get("resource") != s.Issuer:
		return nil, key, no(CodeTarget, "the resource is not one of this server")
	}
	if jkt := f.get("dpop_jkt"); jkt != "" {
		raw, ok := base64url.AppendDecode(nil, jkt)
		if !ok || len(raw) != len(key) {
			return nil, key, no(CodeRequest, "dpop_jkt is not a SHA-256 thumbprint in base64url")
		}
		copy(key[:], raw)
	}
	words, bad := a.client.scope(f.get("scope"))
	if bad != nil {
		return nil, key, bad
	}
	return words, key, nil
}

func challenge(s string) bool {
	raw, ok := base64url.AppendDecode(nil, s)
	return ok && len(raw) == 32
}

// login says whether the person has to sign in before the answer (OpenID Connect Core,
// Section 3.1.2.1: prompt and max_age). A session in a network that it is not known in is
// not enough for a grant that lasts for weeks.
func (a asked) login(who *caller.Caller, now time.Time) (bool, error) {
	prompt := map[string]bool{}
	for word := range strings.FieldsSeq(a.form.get("prompt")) {
		prompt[word] = true
	}
	need := who == nil || who.AuthTime.Unix() <= 0 || prompt["login"] || prompt["select_account"]
	for _, p := range [...]struct {
		name string
		old  func(n int64) bool
	}{
		{"max_age", func(n int64) bool { return now.Unix()-who.AuthTime.Unix() > n || n == 0 }},
		{afterParameter, func(n int64) bool { return who.AuthTime.Unix() < n-clockSlack }},
	} {
		text := a.form.get(p.name)
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return false, failed(CodeRequest, p.name+" is no number of seconds", "client %q: %s is no number of seconds", a.client.ID, p.name)
		}
		need = need || p.old(n)
	}
	switch {
	case prompt["none"] && len(prompt) > 1:
		return false, failed(CodeRequest, "prompt none stands alone", "client %q: prompt none stands with others", a.client.ID)
	case prompt["none"] && need:
		return false, failed(CodeLogin, "the person has to sign in", "client %q asks without a page, and nobody is signed in freshly enough", a.client.ID)
	}
	return need, nil
}

// afterLogin is the request as it comes back after a login: what asked for the login is
// replaced by when it was asked, so that the next answer is not a login again.
func (a asked) afterLogin(now time.Time) string {
	v := url.Values{}
	for name, value := range a.form.values {
		if name != "prompt" && name != "max_age" && value != "" {
			v.Set(name, value)
		}
	}
	if a.form.get("prompt") != "" || a.form.get("max_age") != "" {
		v.Set(afterParameter, strconv.FormatInt(now.Unix(), 10))
	}
	return v.Encode()
}
