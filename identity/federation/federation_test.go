package federation

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// party is a provider that says what a test wants it to. The exchange with a real one is in
// e2e; what no real one does is here.
type party struct {
	*httptest.Server
	key    *ecdsa.PrivateKey
	kid    string
	claims map[string]any // of the next ID token; "nonce" is filled in
	meta   map[string]any // over those of the metadata
	sets   atomic.Int32   // how often the keys were read
	answer func(w http.ResponseWriter)
	asked  url.Values               // of the token endpoint
	guard  func(*http.Request) bool // whether it knows the client; nil: yes
}

func newParty(t *testing.T) *party {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &party{key: key, kid: "one", claims: map[string]any{}, meta: map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		m := map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks"}
		for k, v := range p.meta {
			m[k] = v
		}
		_ = json.NewEncoder(w).Encode(m)
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		p.sets.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid, Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		p.asked = r.PostForm
		if p.guard != nil && !p.guard(r) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
			return
		}
		if p.answer != nil {
			p.answer(w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": p.token(t)})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *party) token(t *testing.T) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, (&jose.SignerOptions{}).WithHeader("kid", p.kid))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(p.claims)
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, _ := signed.CompactSerialize()
	return compact
}

// spent remembers used tickets.
type spent map[[16]byte]bool

func (s spent) Spend(_ context.Context, id [16]byte, _, _ time.Time) (bool, error) {
	first := !s[id]
	s[id] = true
	return first, nil
}

var (
	t0      = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	binding = []byte("pre-session of a browser")
)

func office(t *testing.T) *ticket.Office {
	t.Helper()
	master, err := secret.NewMaster(secret.New([]byte(strings.Repeat("k", 32))))
	if err != nil {
		t.Fatal(err)
	}
	return &ticket.Office{Master: master, Spent: spent{}}
}

func (p *party) provider(t *testing.T) *Provider {
	return New(Options{Name: "corp", Issuer: p.URL, ClientID: "us", Redirect: "https://app.example.com/cb", Office: office(t)})
}

// login begins one, and returns what the provider would send back.
func (p *party) login(t *testing.T, of *Provider, now time.Time) url.Values {
	t.Helper()
	back, _ := p.wished(t, of, Wish{Next: "/next"}, now)
	return back
}

// wished is login for a wish, and returns what the provider was asked, too.
func (p *party) wished(t *testing.T, of *Provider, w Wish, now time.Time) (back, asked url.Values) {
	t.Helper()
	to, err := of.Begin(t.Context(), binding, w, now)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("redirect_uri") != "https://app.example.com/cb" || q.Get("scope") != "openid email profile" || q.Get("response_type") != "code" {
		t.Errorf("the request: %s", to)
	}
	p.claims = map[string]any{"iss": p.URL, "sub": "248289761001", "aud": "us", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nonce": q.Get("nonce"), "email": "ada@example.com", "email_verified": true}
	return url.Values{"state": {q.Get("state")}, "code": {"a code"}}, q
}

func code(err error) refusal.Code {
	if err == nil {
		return ""
	}
	return refusal.From(err).Code
}

func TestLogin(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	back := p.login(t, of, t0)
	id, w, err := of.Finish(t.Context(), binding, back, t0)
	if err != nil || w != (Wish{Next: "/next"}) || !id.AuthTime.IsZero() || id.Issuer != p.URL || id.Subject != "248289761001" || id.Email != "ada@example.com" || !id.Verified {
		t.Fatalf("%+v, %+v, %v", id, w, err)
	}
	if p.asked.Get("code") != "a code" || len(p.asked.Get("code_verifier")) != 64 || p.asked.Get("client_id") != "us" {
		t.Errorf("the token endpoint was asked %v", p.asked)
	}
	if _, _, err := of.Finish(t.Context(), binding, back, t0); code(err) != refusal.LoginFailed {
		t.Errorf("a second time: %v", err)
	}
}

// TestIDTokens: OpenID Connect Core, Section 3.1.3.7.
func TestIDTokens(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	for name, c := range map[string]struct {
		set  map[string]any
		good bool
	}{
		"as it is":               {nil, true},
		"another issuer":         {map[string]any{"iss": p.URL + "/"}, false},
		"another audience":       {map[string]any{"aud": "them"}, false},
		"two, and no azp":        {map[string]any{"aud": []string{"us", "them"}}, false},
		"two, and we are azp":    {map[string]any{"aud": []string{"us", "them"}, "azp": "us"}, true},
		"two, and they are azp":  {map[string]any{"aud": []string{"us", "them"}, "azp": "them"}, false},
		"one, and they are azp":  {map[string]any{"azp": "them"}, false},
		"ended":                  {map[string]any{"exp": t0.Add(-time.Minute).Unix(), "iat": t0.Add(-time.Hour).Unix()}, false},
		"no end":                 {map[string]any{"exp": nil}, false},
		"of tomorrow":            {map[string]any{"iat": t0.Add(time.Hour).Unix(), "exp": t0.Add(2 * time.Hour).Unix()}, false},
		"good for a month":       {map[string]any{"exp": t0.Add(30 * 24 * time.Hour).Unix()}, false},
		"another nonce":          {map[string]any{"nonce": "other"}, false},
		"no nonce":               {map[string]any{"nonce": nil}, false},
		"a nonce that is a list": {map[string]any{"nonce": []string{"x"}}, false},
		"nobody":                 {map[string]any{"sub": nil}, false},
		"an empty subject":       {map[string]any{"sub": ""}, false},
		"a number":               {map[string]any{"sub": 7}, false},
		"a subject of 256 bytes": {map[string]any{"sub": strings.Repeat("x", 256)}, false},
		"a line end in it":       {map[string]any{"sub": "x\ny"}, false},
		"an address in a list":   {map[string]any{"email": []string{"ada@example.com"}}, false},
		"a name in another case": {map[string]any{"Sub": "eve"}, false},
		"authenticated before":   {map[string]any{"auth_time": t0.Add(-time.Hour).Unix()}, true},
		"authenticates tomorrow": {map[string]any{"auth_time": t0.Add(24 * time.Hour).Unix()}, false},
		"at no time":             {map[string]any{"auth_time": "noon"}, false},
	} {
		back := p.login(t, of, t0)
		for k, v := range c.set {
			if p.claims[k] = v; v == nil {
				delete(p.claims, k)
			}
		}
		id, _, err := of.Finish(t.Context(), binding, back, t0)
		if c.good != (err == nil) || !c.good && (code(err) != refusal.LoginFailed || id.Subject != "") {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	for value, want := range map[any]bool{true: true, "true": true, false: false, "TRUE": false, "yes": false, 1: false, nil: false} {
		back := p.login(t, of, t0)
		p.claims["email_verified"] = value
		if id, _, err := of.Finish(t.Context(), binding, back, t0); err != nil || id.Verified != want {
			t.Errorf("email_verified %v: %v, %v", value, id.Verified, err)
		}
	}
}

// TestAnswers: what is wrong with the redirect is refused before the provider is asked.
func TestAnswers(t *testing.T) {
	p := newParty(t)
	p.meta["authorization_response_iss_parameter_supported"] = true
	of := p.provider(t)
	for name, edit := range map[string]func(q url.Values){
		"no issuer":      func(url.Values) {},
		"another issuer": func(q url.Values) { q.Set("iss", "https://other.example") },
		"two issuers":    func(q url.Values) { q["iss"] = []string{p.URL, p.URL} },
		"an error":       func(q url.Values) { q.Set("iss", p.URL); q.Set("error", "access_denied\r\nX: y") },
		"no code":        func(q url.Values) { q.Set("iss", p.URL); q.Del("code") },
		"a long code":    func(q url.Values) { q.Set("iss", p.URL); q.Set("code", strings.Repeat("x", maxValue+1)) },
		"no state":       func(q url.Values) { q.Set("iss", p.URL); q.Del("state") },
	} {
		back := p.login(t, of, t0)
		edit(back)
		p.asked = nil
		_, _, err := of.Finish(t.Context(), binding, back, t0)
		if code(err) != refusal.LoginFailed || p.asked != nil || strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%s: %v, asked %v", name, err, p.asked)
		}
	}
	for name, c := range map[string]struct {
		of  *Provider
		who []byte
		at  time.Time
	}{
		"another browser":  {of, []byte("another"), t0},
		"no browser":       {of, nil, t0},
		"too late":         {of, binding, t0.Add(Life)},
		"another provider": {New(Options{Name: "other", Issuer: p.URL, ClientID: "us", Office: of.o.Office}), binding, t0},
	} {
		back := p.login(t, of, t0)
		back.Set("iss", p.URL)
		if _, _, err := c.of.Finish(t.Context(), c.who, back, c.at); code(err) != refusal.LoginFailed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestStrangersLeaveNothingAtRest: whoever begins logins and never signs in at the provider
// fills no store.
func TestStrangersLeaveNothingAtRest(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	used := of.o.Office.Spent.(spent)
	for name, edit := range map[string]func(q url.Values){
		"as it is":      func(url.Values) {},
		"an error":      func(q url.Values) { q.Set("error", "access_denied") },
		"no code":       func(q url.Values) { q.Del("code") },
		"a code of one": func(url.Values) { p.answer = func(w http.ResponseWriter) { w.WriteHeader(400) } },
		"a fault":       func(url.Values) { p.answer = func(w http.ResponseWriter) { w.WriteHeader(500) } },
		"another nonce": func(url.Values) { p.claims["nonce"] = "x" },
	} {
		clear(used)
		back := p.login(t, of, t0)
		edit(back)
		_, _, err := of.Finish(t.Context(), binding, back, t0)
		if p.answer = nil; (name == "as it is") != (err == nil) || (err == nil) != (len(used) == 1) {
			t.Errorf("%s: %v, and %d rows are kept", name, err, len(used))
		}
	}
}

// TestMetadata: what a provider says of itself is not believed in everything.
func TestMetadata(t *testing.T) {
	for name, set := range map[string]map[string]any{
		"another issuer":     {"issuer": "https://other.example"},
		"plain elsewhere":    {"token_endpoint": "http://other.example/token"},
		"keys elsewhere":     {"jwks_uri": "http://other.example/jwks"},
		"no keys":            {"jwks_uri": ""},
		"no address":         {"authorization_endpoint": "javascript:alert(1)"},
		"a name and a word":  {"token_endpoint": "https://me:hunter2@other.example/token"},
		"more than anything": {"filler": strings.Repeat("x", maxBody)},
	} {
		p := newParty(t)
		p.meta = set
		if to, err := p.provider(t).Begin(t.Context(), binding, Wish{}, t0); code(err) != refusal.Busy || to != "" {
			t.Errorf("%s: %q, %v", name, to, err)
		}
	}
	gone := newParty(t)
	of := gone.provider(t)
	gone.Close()
	if _, err := of.Begin(t.Context(), binding, Wish{}, t0); code(err) != refusal.Busy {
		t.Errorf("gone: %v", err)
	}
}

// TestTokenEndpoint: a refused code is a failed login, a server that has a fault is busy.
func TestTokenEndpoint(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   refusal.Code
	}{
		"refused": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(400)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		}, refusal.LoginFailed},
		"a fault":    {func(w http.ResponseWriter) { w.WriteHeader(500) }, refusal.Busy},
		"a redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(307) }, refusal.Busy},
		"no ID token": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"x","token_type":"Bearer"}`)
		}, refusal.LoginFailed},
		"no token at all": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{}`)
		}, refusal.Busy},
	} {
		back := p.login(t, of, t0)
		p.answer = c.answer
		if _, _, err := of.Finish(t.Context(), binding, back, t0); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		p.answer = nil
	}
}

// TestSecretThatFollows: a secret that the provider refuses is read anew, and the code
// exchanged once more if there is another one; once only.
func TestSecretThatFollows(t *testing.T) {
	for name, c := range map[string]struct {
		next  string
		want  refusal.Code
		asked int
	}{
		"another one": {"new", "", 2}, "the same": {"old", refusal.LoginFailed, 1}, "another wrong one": {"wrong", refusal.LoginFailed, 2},
	} {
		p, now, asked := newParty(t), "old", 0
		of := New(Options{Name: "corp", Issuer: p.URL, ClientID: "us", Redirect: "https://app.example.com/cb", Office: office(t),
			Secret:  func(context.Context) (secret.Value, error) { return secret.New([]byte(now)), nil },
			Refused: func(context.Context) bool { changed := now != c.next; now = c.next; return changed },
		})
		back := p.login(t, of, t0)
		p.guard = func(r *http.Request) bool {
			asked++
			_, given, ok := r.BasicAuth()
			return ok && given == "new"
		}
		if _, _, err := of.Finish(t.Context(), binding, back, t0); code(err) != c.want || asked != c.asked {
			t.Errorf("%s: %v, the code was exchanged %d times, want %d", name, err, asked, c.asked)
		}
	}
}

// TestKeysThatFollowEachOther: a new kid makes the keys be read again, but not at will.
func TestKeysThatFollowEachOther(t *testing.T) {
	p := newParty(t)
	of := p.provider(t)
	try := func(kid string, at time.Time) error {
		back := p.login(t, of, at)
		p.kid = kid
		_, _, err := of.Finish(t.Context(), binding, back, at)
		return err
	}
	if err := try("one", t0); err != nil || p.sets.Load() != 1 {
		t.Fatal(err, p.sets.Load())
	}
	if err := try("two", t0.Add(time.Minute)); err != nil || p.sets.Load() != 2 {
		t.Errorf("another key: %v, %d reads", err, p.sets.Load())
	}
	if err := try("three", t0.Add(time.Minute+time.Second)); code(err) != refusal.LoginFailed || p.sets.Load() != 2 {
		t.Errorf("another one at once: %v, %d reads", err, p.sets.Load())
	}
	if err := try("three", t0.Add(2*time.Hour)); err != nil || p.sets.Load() != 3 {
		t.Errorf("an hour later: %v, %d reads", err, p.sets.Load())
	}
}

func ExampleProvider_Begin() {
	of := New(Options{Name: "corp", Issuer: "https://id.example.com", ClientID: "us", Redirect: "https://app.example.com/cb"})
	fmt.Println(of.Name())
	// Output: corp
}
