package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/passkey/passkeytest"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// home is a portal on a real store with ann and ben, and what a browser of ann's has.
type home struct {
	*Portal
	t       testing.TB
	store   *storage.DB
	service *login.Service
	jar     map[string]string
	now     time.Time
}

func newHome(t testing.TB, policy login.Policy) *home {
	t.Helper()
	ctx := t.Context()
	db, err := sqlite.Open(ctx, sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	hasher := password.New(password.Options{Slots: 2, Share: 1})
	hash, err := hasher.Hash(ctx, secret.NewString(good))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ann", "ben"} {
		r := principal.Record{ID: "usr_" + name, Kind: principal.User, Name: name + "@example.com", Password: hash, Roles: []string{"writer"}, Version: 1, CreatedAt: noon}
		if err := db.CreatePrincipal(ctx, r, audit.Event{At: noon, Event: audit.UserAdded}); err != nil {
			t.Fatal(err)
		}
	}
	keeper, err := session.New(db, principal.NewDirectory(db, principal.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := func(purpose string) *secret.Ring {
		return secret.NewRing(purpose, secret.Key{Version: 1, Value: secret.NewString("0123456789abcdef0123456789abcdef")})
	}
	master, _ := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	office := &ticket.Office{Master: master, Spent: db}
	service := &login.Service{Users: db, Sessions: keeper, Hasher: hasher, Throttle: throttle.New(throttle.Options{}), Devices: throttle.Devices{Ring: key(secret.PurposeDevice)},
		Journal: db, Factors: &factor.Service{Store: db, Master: master}, Office: office, Passkeys: db}
	ceremonies, err := passkey.New(passkey.Options{Origin: origin, Name: "x", Office: office})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := NewPages("app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	d := desk{service, keeper, ceremonies, policy}
	h := &home{t: t, store: db, service: service, jar: map[string]string{}, now: noon}
	h.Portal = &Portal{
		Auth: d, Sessions: d, Routes: &house{}, Pages: pages, Tokens: &csrf.Tokens{Ring: key(secret.PurposeCSRF), Origin: origin, Spent: db},
		Scopes: func(*caller.Caller) []string { return []string{"notes:read", "notes:write"} },
		Ways:   Ways{Second: second{d}, Passkeys: passkeyer{d}},
		Account: &Account{Store: db, Sessions: keeper, Logins: service, Factors: service.Factors, Office: office, Passkeys: ceremonies,
			Keys: &apikey.Service{Store: db, Peppers: key(secret.PurposePepper)}, Env: apikey.Live, SecondFactor: policy, Password: true},
	}
	return h
}

// desk connects the portal with the login layer, as the gate does.
type desk struct {
	service    *login.Service
	keeper     *session.Keeper
	ceremonies *passkey.Ceremonies
	policy     login.Policy
}

func (d desk) attempt(a Attempt) login.Attempt {
	return login.Attempt{Email: a.Email, Password: a.Password, Addr: a.Network, UserAgent: a.UserAgent, RequestID: a.RequestID, Current: a.Current,
		DeviceCookie: a.DeviceCookie, SecondFactor: d.policy, Code: a.Code, Binding: a.Binding, Ticket: a.Ticket}
}

func grantOf(g login.Grant, err error) (Grant, error) {
	return Grant{Secret: g.Secret, DeviceCookie: g.DeviceCookie, SID: g.SID}, err
}

func (d desk) Login(ctx context.Context, a Attempt) (Grant, error) {
	return grantOf(d.service.Login(ctx, d.attempt(a), a.Now))
}

func (d desk) Judge(ctx context.Context, cookie string, v Visit) (*caller.Caller, error) {
	c := new(caller.Caller)
	_, err := d.keeper.Judge(ctx, cookie, session.Client{Addr: v.Network}, v.Now, c)
	return c, err
}

func (d desk) Leaving(ctx context.Context, cookie string, v Visit) (string, [][]byte, error) {
	return d.keeper.Leaving(ctx, cookie, v.Network, v.Now)
}

func (d desk) End(ctx context.Context, sid, reason string, v Visit) error {
	_, err := d.keeper.End(ctx, sid, reason, session.Meta{From: v.Network}, v.Now)
	return err
}

type second struct{ d desk }

func (s second) Second(ctx context.Context, a Attempt) (Grant, error) {
	return grantOf(s.d.service.Second(ctx, s.d.attempt(a), a.Now))
}

func (s second) Holds(binding []byte, text string, now time.Time) bool {
	return s.d.service.Holds(binding, text, now)
}

func (s second) Enrolment(binding []byte, text string, now time.Time) (secret.Value, string, error) {
	return s.d.service.Enrolment(binding, text, now)
}

func (s second) Enrol(ctx context.Context, a Attempt) (Grant, []secret.Value, error) {
	g, codes, err := s.d.service.Enrol(ctx, s.d.attempt(a), a.Now)
	grant, err := grantOf(g, err)
	return grant, codes, err
}

type passkeyer struct{ d desk }

func (p passkeyer) Begin(binding []byte, email string, now time.Time) (passkey.Begun, error) {
	return p.d.ceremonies.BeginLogin(binding, email, now)
}

func (p passkeyer) Finish(ctx context.Context, a Attempt, response []byte) (Grant, error) {
	return grantOf(p.d.service.Passkey(ctx, p.d.ceremonies, p.d.attempt(a), response, a.Now))
}

// send is one request of a browser that keeps cookies. body "" is a GET.
func (h *home) send(path, kind, body string, fetch bool, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	method := http.MethodGet
	if kind != "" {
		method = http.MethodPost
	}
	r := httptest.NewRequest(method, origin+path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	for name, value := range h.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	h.Serve(w, r, Visit{RequestID: "req_1", Network: netip.MustParseAddr("203.0.113.9"), Now: h.now, Navigation: !fetch})
	for _, k := range w.Result().Cookies() {
		if h.jar[k.Name] = k.Value; k.MaxAge < 0 {
			delete(h.jar, k.Name)
		}
	}
	return w
}

func (h *home) get(path string) *httptest.ResponseRecorder { return h.send(path, "", "", false) }

// post sends a form with the token of the page that is shown at path.
func (h *home) post(path string, f url.Values) *httptest.ResponseRecorder {
	h.t.Helper()
	if f == nil {
		f = url.Values{}
	}
	f.Set("_sanmon", h.token())
	return h.send(path, mediaForm, f.Encode(), false)
}

func (h *home) token() string {
	h.t.Helper()
	return inputOf(h.t, h.get(AccountPath).Body.String(), "_sanmon")
}

func inputOf(t testing.TB, page, name string) string {
	t.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no input %s in:\n%s", name, page)
	}
	return m[1]
}

// signIn signs ann in, by a form.
func (h *home) signIn() *httptest.ResponseRecorder {
	h.t.Helper()
	page := h.get(Prefix + "login?next=%2F.sanmon%2Faccount").Body.String()
	f := url.Values{"email": {"ann@example.com"}, "password": {good}, "next": {AccountPath}, "_sanmon": {inputOf(h.t, page, "_sanmon")}}
	return h.send(Prefix+"login", mediaForm, f.Encode(), false)
}

// changes are all paths that change something, with fields that would.
func (h *home) changes() map[string]url.Values {
	return map[string]url.Values{
		"/session/end": {"sid": {"ses_x"}}, "/session/others": {}, "/passkey/rename": {"handle": {"x"}, "name": {"y"}}, "/passkey/remove": {"handle": {"x"}},
		"/totp": {"code": {"123456"}, "step": {"x"}}, "/totp/remove": {}, "/recovery": {}, "/provider/unlink": {"issuer": {"x"}, "subject": {"y"}}, "/password": {"former": {good}, "password": {"a new horse entirely"}, "again": {"a new horse entirely"}},
		"/key/create": {"scope": {"notes:read"}, "days": {"30"}}, "/key/rotate": {"id": {"x"}}, "/key/revoke": {"id": {"x"}},
	}
}

func TestAccountIsForWhoIsSignedIn(t *testing.T) {
	h := newHome(t, login.Optional)
	if w := h.get(AccountPath); w.Code != 303 || w.Header().Get("Location") != "/.sanmon/login?next=%2F.sanmon%2Faccount" {
		t.Errorf("navigation: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := h.send(AccountPath, "", "", true); w.Code != 401 || !strings.Contains(w.Body.String(), `"login_required"`) {
		t.Errorf("fetch: %d", w.Code)
	}
	for path, f := range h.changes() {
		if w := h.send(AccountPath+path, mediaForm, f.Encode(), true); w.Code != 401 {
			t.Errorf("%s: %d", path, w.Code)
		}
		if w := h.send(AccountPath+path, mediaForm, f.Encode(), false); w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "/.sanmon/login?next=") {
			t.Errorf("%s: %d to %s", path, w.Code, w.Header().Get("Location"))
		}
	}
}

// TestChangesNeedTheirToken: CSRF on every form (MISSION M10).
func TestChangesNeedTheirToken(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	for path, f := range h.changes() {
		for code, token := range map[string]string{"csrf_missing": "", "csrf_invalid": h.Tokens.Issue(csrf.Session, []byte("another session"), "", h.now)} {
			if f.Del("_sanmon"); token != "" {
				f.Set("_sanmon", token)
			}
			if w := h.send(AccountPath+path, mediaForm, f.Encode(), true); w.Code != 403 || !strings.Contains(w.Body.String(), `"`+code+`"`) {
				t.Errorf("%s with token %q: %d %s", path, token, w.Code, w.Body)
			}
		}
		if w := h.send(AccountPath+path, "text/plain", f.Encode(), true); w.Code != 415 {
			t.Errorf("%s as text: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/passkey/options", "/passkey/add"} {
		if w := h.send(AccountPath+path, mediaJSON, "{}", true); w.Code != 403 {
			t.Errorf("%s without a token: %d", path, w.Code)
		}
	}
}

// TestChangesNeedAFreshLogin: ASVS 7.5.1.
func TestChangesNeedAFreshLogin(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	if page := h.get(AccountPath).Body.String(); !strings.Contains(page, "/key/create") || strings.Contains(page, `id="confirm"`) {
		t.Error("a fresh page offers no change")
	}
	h.now = noon.Add(10 * time.Minute)
	token := h.token()
	if page := h.get(AccountPath).Body.String(); strings.Count(page, `<form`) != 1 || !strings.Contains(page, `action="/.sanmon/logout"`) || !strings.Contains(page, `id="confirm"`) {
		t.Error("a page that is not fresh offers changes")
	}
	for path, f := range h.changes() {
		f.Set("_sanmon", token)
		if w := h.send(AccountPath+path, mediaForm, f.Encode(), false); w.Code != 303 || w.Header().Get("Location") != "/.sanmon/login?next=%2F.sanmon%2Faccount" {
			t.Errorf("%s: %d to %s", path, w.Code, w.Header().Get("Location"))
		}
		w := h.send(AccountPath+path, mediaForm, f.Encode(), true)
		if w.Code != 401 || !strings.Contains(w.Body.String(), "step_up_required") || !strings.Contains(w.Header().Get("WWW-Authenticate"), "max_age=600") {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	if w := h.send(AccountPath+"/passkey/options", mediaJSON, "{}", true, "X-Sanmon-Csrf", token); w.Code != 401 {
		t.Errorf("a passkey: %d", w.Code)
	}
	h.signIn() // the step-up leads back
	if page := h.get(AccountPath).Body.String(); !strings.Contains(page, "/key/create") {
		t.Error("after the step-up no change is offered")
	}
}

// said is what the account page says after a change, and the secrets that it shows.
func (h *home) said(w *httptest.ResponseRecorder) (notice string, secrets []string) {
	h.t.Helper()
	if w.Code != 303 || w.Header().Get("Location") != AccountPath || w.Body.Len() != 0 {
		h.t.Fatalf("%d to %s: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	page := h.get(AccountPath)
	if page.Header().Get("Cache-Control") != "no-store" {
		h.t.Error("the page may be kept")
	}
	m := regexp.MustCompile(`(?:role="status"|role="alert")[^>]*>\s*<p class="lead">([^<]*)</p>`).FindStringSubmatch(page.Body.String())
	if m == nil {
		h.t.Fatalf("the page says nothing:\n%s", page.Body)
	}
	if list := regexp.MustCompile(`(?s)<ul class="secrets">(.*?)</ul>`).FindString(page.Body.String()); list != "" {
		for _, s := range regexp.MustCompile(`<code>([^<]*)</code>`).FindAllStringSubmatch(list, -1) {
			secrets = append(secrets, s[1])
		}
	}
	if again := h.get(AccountPath).Body.String(); strings.Contains(again, m[1]) || len(secrets) > 0 && strings.Contains(again, secrets[0]) {
		h.t.Error("it is said twice")
	}
	return m[1], secrets
}

func (h *home) expect(what string, w *httptest.ResponseRecorder, want string) []string {
	h.t.Helper()
	notice, secrets := h.said(w)
	if !strings.Contains(notice, want) {
		h.t.Errorf("%s: the page says %q, want %q", what, notice, want)
	}
	return secrets
}

func TestPersonalKeys(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	for what, c := range map[string]struct {
		f    url.Values
		want string
	}{
		"no scope":      {url.Values{"days": {"30"}}, "at least one right"},
		"another's":     {url.Values{"scope": {"notes:read", "admin:all"}, "days": {"30"}}, "more than you can"},
		"everything":    {url.Values{"scope": {"*"}, "days": {"30"}}, "more than you can"},
		"for ever":      {url.Values{"scope": {"notes:read"}, "days": {"0"}}, "1 to 365 days"},
		"too long":      {url.Values{"scope": {"notes:read"}, "days": {"366"}}, "1 to 365 days"},
		"no end":        {url.Values{"scope": {"notes:read"}}, "1 to 365 days"},
		"not a number":  {url.Values{"scope": {"notes:read"}, "days": {"1e9"}}, "1 to 365 days"},
		"negative days": {url.Values{"scope": {"notes:read"}, "days": {"-1"}}, "1 to 365 days"},
	} {
		h.expect(what, h.post(AccountPath+"/key/create", c.f), c.want)
	}
	if all, _ := h.store.KeysOf(t.Context(), "usr_ann", 9); len(all) != 0 {
		t.Fatalf("%d keys were made", len(all))
	}
	secrets := h.expect("create", h.post(AccountPath+"/key/create", url.Values{"scope": {"notes:read"}, "days": {"30"}}), "new key")
	all, _ := h.store.KeysOf(t.Context(), "usr_ann", 9)
	if len(secrets) != 1 || len(all) != 1 || !strings.HasPrefix(secrets[0], "smk_live_"+all[0].ID+"_") || !all[0].ExpiresAt.Equal(noon.Add(30*24*time.Hour)) || strings.Join(all[0].Scopes, " ") != "notes:read" || len(all[0].Roles) != 0 {
		t.Fatalf("%q %+v", secrets, all)
	}
	if secrets = h.expect("rotate", h.post(AccountPath+"/key/rotate", url.Values{"id": {all[0].ID}}), "replaces the other"); len(secrets) != 1 {
		t.Error("no key is shown")
	}
	// One that was replaced is not replaced again: its limit would be there once more, and
	// a key behind fifty others is not listed.
	h.expect("rotate again", h.post(AccountPath+"/key/rotate", url.Values{"id": {all[0].ID}}), "gone already")
	for n := range maxKeys - 2 {
		if _, _, err := h.Account.Keys.Create(t.Context(), apikey.Spec{Owner: "usr_ann", Env: apikey.Live, Scopes: []string{"notes:read"}}, "cli", noon.Add(time.Duration(n)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	full, _ := h.store.KeysOf(t.Context(), "usr_ann", 2*maxKeys)
	if len(full) != maxKeys {
		t.Fatalf("%d keys", len(full))
	}
	h.expect("rotate beyond the bound", h.post(AccountPath+"/key/rotate", url.Values{"id": {full[0].ID}}), "too many keys")
	h.expect("create beyond the bound", h.post(AccountPath+"/key/create", url.Values{"scope": {"notes:read"}, "days": {"30"}}), "too many keys")
	// A key of somebody else is none of the person's.
	other, _, err := h.Account.Keys.Create(t.Context(), apikey.Spec{Owner: "usr_ben", Env: apikey.Live, Scopes: []string{"notes:read"}}, "cli", noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"rotate", "revoke"} {
		h.expect(do+" another's", h.post(AccountPath+"/key/"+do, url.Values{"id": {other.ID}}), "gone already")
	}
	if r, _ := h.store.KeyByID(t.Context(), other.ID); !r.RevokedAt.IsZero() {
		t.Error("another person's key was revoked")
	}
	h.expect("revoke", h.post(AccountPath+"/key/revoke", url.Values{"id": {all[0].ID}}), "revoked")
	if r, _ := h.store.KeyByID(t.Context(), all[0].ID); r.RevokedAt.IsZero() {
		t.Error("the key is alive")
	}
	if w := h.send(AccountPath+"/key/revoke", mediaForm, url.Values{"id": {"a", "b"}, "_sanmon": {h.token()}}.Encode(), true); w.Code != 422 {
		t.Errorf("a field twice: %d", w.Code)
	}
}

func TestSessionsOfOthersStay(t *testing.T) {
	h := newHome(t, login.Optional)
	begin := func(user string) string {
		r, err := h.store.PrincipalByID(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		_, s, err := h.Account.Sessions.Begin(t.Context(), r, session.Meta{Device: "<b>curl</b>"}, noon)
		if err != nil {
			t.Fatal(err)
		}
		return s.SID
	}
	bens, first, second := begin("usr_ben"), begin("usr_ann"), begin("usr_ann")
	h.signIn()
	page := h.get(AccountPath).Body.String()
	if strings.Contains(page, bens) || !strings.Contains(page, first) || strings.Contains(page, "<b>curl") || !strings.Contains(page, "&lt;b&gt;curl") {
		t.Error("the list of sessions")
	}
	h.expect("ben's", h.post(AccountPath+"/session/end", url.Values{"sid": {bens}}), "gone already")
	h.expect("one", h.post(AccountPath+"/session/end", url.Values{"sid": {first}}), "has ended")
	h.expect("others", h.post(AccountPath+"/session/others", nil), "All other sessions")
	for sid, alive := range map[string]bool{bens: true, first: false, second: false} {
		if r, _ := h.store.SessionBySID(t.Context(), sid); r.RevokedAt.IsZero() != alive {
			t.Errorf("%s alive: %v, want %v", sid, !alive, alive)
		}
	}
}

func TestAppOnTheAccountPage(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	page := h.get(AccountPath + "/totp").Body.String()
	text := regexp.MustCompile(`(?s)class="secret"><code>([A-Z2-7 ]+)</code>`).FindStringSubmatch(page)
	if text == nil || !strings.Contains(page, "<svg") || strings.Contains(page, "style=") {
		t.Fatalf("no secret, no picture, or an inline style:\n%s", page)
	}
	step := inputOf(t, page, "step")
	key, err := h.Account.Office.Open(enrolPurpose, []byte(h.sid()), step, noon)
	if err != nil || totp.Text(key.Payload) != text[1] {
		t.Fatal(text, err)
	}
	if _, err := h.store.TOTP(t.Context(), "usr_ann"); err == nil {
		t.Error("the app counts before a code of it was shown")
	}
	if w := h.post(AccountPath+"/totp", url.Values{"step": {step}, "code": {"000000"}}); w.Code != 401 || !strings.Contains(w.Body.String(), text[1]) {
		t.Errorf("a wrong code: %d", w.Code)
	}
	if w := h.post(AccountPath+"/totp", url.Values{"step": {step[1:]}, "code": {"000000"}}); w.Code != 303 || w.Header().Get("Location") != AccountPath+"/totp" {
		t.Errorf("another ticket: %d", w.Code)
	}
	code := totp.Code(key.Payload, totp.Step(noon))
	codes := h.expect("enrol", h.post(AccountPath+"/totp", url.Values{"step": {step}, "code": {code}}), "recovery codes")
	if len(codes) != 10 {
		t.Fatalf("%d codes", len(codes))
	}
	if w := h.get(AccountPath + "/totp"); w.Code != 303 {
		t.Errorf("a second app: %d", w.Code)
	}
	other := totp.NewSecret() // that another tab has shown
	sealed, err := h.Account.Office.Issue(enrolPurpose, []byte(h.sid()), other.Expose(), noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	h.expect("a second app", h.post(AccountPath+"/totp", url.Values{"step": {sealed}, "code": {totp.Code(other, totp.Step(noon))}}), "on already, with another app")
	renewed := h.expect("renew", h.post(AccountPath+"/recovery", nil), "new recovery codes")
	if len(renewed) != 10 || renewed[0] == codes[0] {
		t.Errorf("%q", renewed)
	}
	h.expect("remove", h.post(AccountPath+"/totp/remove", nil), "are off")
	h.expect("remove again", h.post(AccountPath+"/totp/remove", nil), "gone already")
	h.expect("renew without", h.post(AccountPath+"/recovery", nil), "gone already")
}

func (h *home) sid() string {
	h.t.Helper()
	c, err := h.Sessions.Judge(h.t.Context(), h.jar[h.Cookies.SessionName()], Visit{Network: netip.MustParseAddr("203.0.113.9"), Now: h.now})
	if err != nil {
		h.t.Fatal(err)
	}
	return c.SID
}

// TestRequiredBeforeAnythingElse: without an app there is a page and no session.
func TestRequiredBeforeAnythingElse(t *testing.T) {
	h := newHome(t, login.Required)
	w := h.signIn()
	if w.Code != 200 || h.jar[h.Cookies.SessionName()] != "" || !strings.Contains(w.Body.String(), "asks everybody") {
		t.Fatalf("%d, session %q\n%s", w.Code, h.jar[h.Cookies.SessionName()], w.Body)
	}
	step, token := inputOf(t, w.Body.String(), "step"), inputOf(t, w.Body.String(), "_sanmon")
	key, _, err := h.service.Enrolment(PreBinding(h.jar[h.Cookies.PreName()]), step, noon)
	if err != nil {
		t.Fatal(err)
	}
	enrol := func(code string) *httptest.ResponseRecorder {
		return h.send(Prefix+"login/enrol", mediaForm, url.Values{"step": {step}, "_sanmon": {token}, "code": {code}, "next": {"/notes"}}.Encode(), false)
	}
	if w := enrol("000000"); w.Code != 401 || h.jar[h.Cookies.SessionName()] != "" || inputOf(t, w.Body.String(), "step") != step {
		t.Errorf("a wrong code: %d", w.Code)
	}
	w = enrol(totp.Code(key, totp.Step(noon)))
	if h.jar[h.Cookies.SessionName()] == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	page := h.get(AccountPath).Body.String()
	if !strings.Contains(page, `class="secrets"`) || !strings.Contains(page, `href="/notes"`) || strings.Contains(page, "/totp/remove") {
		t.Error("codes, the way on, or the removal")
	}
	if w := h.send(AccountPath+"/totp/remove", mediaForm, url.Values{"_sanmon": {h.token()}}.Encode(), true); w.Code != 403 || !strings.Contains(w.Body.String(), "permission_missing") {
		t.Errorf("removed what is required: %d", w.Code)
	}
}

// TestSecondStepByForm: the code page, the same again after a wrong code, and the beginning
// when it took too long.
func TestSecondStepByForm(t *testing.T) {
	h := newHome(t, login.Optional)
	key := totp.NewSecret()
	if _, err := h.service.Factors.Confirm(t.Context(), "usr_ann", key, totp.Code(key, totp.Step(noon)-20), audit.Event{}, noon.Add(-10*time.Minute)); err != nil {
		t.Fatal(err)
	}
	w := h.signIn()
	if w.Code != 200 || h.jar[h.Cookies.SessionName()] != "" {
		t.Fatalf("%d, session %q", w.Code, h.jar[h.Cookies.SessionName()])
	}
	step, token := inputOf(t, w.Body.String(), "step"), inputOf(t, w.Body.String(), "_sanmon")
	try := func(step, token, code string) *httptest.ResponseRecorder {
		return h.send(Prefix+"login/code", mediaForm, url.Values{"step": {step}, "_sanmon": {token}, "code": {code}, "next": {"//evil.example"}}.Encode(), false)
	}
	if w := try(step, "", "123456"); w.Code != 403 {
		t.Errorf("no token: %d", w.Code)
	}
	if w := try(step, token, ""); w.Code != 422 {
		t.Errorf("no code: %d", w.Code)
	}
	if w := try(step, token, "000000"); w.Code != 401 || inputOf(t, w.Body.String(), "step") != step {
		t.Errorf("a wrong code: %d", w.Code)
	}
	if w := try(step+"A", token, "000000"); w.Code != 401 || !strings.Contains(w.Body.String(), `name="password"`) {
		t.Errorf("a ticket that is none leads to the beginning: %d", w.Code)
	}
	if w := h.get(Prefix + "login/code"); w.Code != 303 || w.Header().Get("Location") != "/.sanmon/login" {
		t.Errorf("opened by its address: %d", w.Code)
	}
	if w := try(step, token, totp.Code(key, totp.Step(noon))); w.Code != 303 || w.Header().Get("Location") != "/" || h.jar[h.Cookies.SessionName()] == "" {
		t.Errorf("the right code: %d to %s", w.Code, w.Header().Get("Location"))
	}
	problem := h.send(Prefix+"login", mediaJSON, `{"email":"ann@example.com","password":"`+good+`"}`, true)
	if problem.Code != 401 || !strings.Contains(problem.Body.String(), `"code":"step_up_required"`) || !strings.Contains(problem.Body.String(), `"second_factor":"code"`) ||
		problem.Header().Get("WWW-Authenticate") != `Bearer error="insufficient_user_authentication", acr_values="aal2"` {
		t.Errorf("JSON: %d %s %s", problem.Code, problem.Body, problem.Header())
	}
}

func TestPasskeysByScript(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	a := passkeytest.New(t)
	token := h.token()
	told := ""
	h.Account.Changed = func(n Notice) { told += n.Change + " to " + n.Email + "; " }
	call := func(path, body string) *httptest.ResponseRecorder {
		return h.send(path, mediaJSON, body, true, "X-Sanmon-Csrf", token)
	}
	begun := func(w *httptest.ResponseRecorder) (options, ticket string) {
		t.Helper()
		m := regexp.MustCompile(`^{"publicKey":(.*),"ticket":"([^"]+)"}$`).FindStringSubmatch(w.Body.String())
		if w.Code != 200 || m == nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return m[1], m[2]
	}
	options, tick := begun(call(AccountPath+"/passkey/options", "{}"))
	answer := string(a.Register([]byte(options)))
	if w := call(AccountPath+"/passkey/add", fmt.Sprintf(`{"ticket":%q,"name":"<script>alert(1)</script>","response":%s}`, tick, answer)); w.Code != 204 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := call(AccountPath+"/passkey/add", fmt.Sprintf(`{"ticket":%q,"name":"x","response":%s}`, tick, answer)); w.Code != 422 {
		t.Errorf("added twice: %d", w.Code)
	}
	page := h.get(AccountPath)
	if strings.Contains(page.Body.String(), "<script>alert") || !strings.Contains(page.Body.String(), "&lt;script&gt;alert(1)") {
		t.Error("the name of a passkey is live markup")
	}
	all, _ := h.store.Passkeys(t.Context(), "usr_ann")
	if len(all) != 1 {
		t.Fatal(all)
	}
	h.expect("rename", h.post(AccountPath+"/passkey/rename", url.Values{"handle": {all[0].Handle}, "name": {"  鍵 "}}), "renamed")
	for _, bad := range []string{"", "  ", strings.Repeat("x", 65), "a\x00b"} {
		h.expect("rename", h.post(AccountPath+"/passkey/rename", url.Values{"handle": {all[0].Handle}, "name": {bad}}), "Give a name")
	}
	h.expect("rename another's", h.post(AccountPath+"/passkey/rename", url.Values{"handle": {"pky_other"}, "name": {"x"}}), "gone already")

	h.jar = map[string]string{} // signed out
	a.Count = 2
	options, tick = begun(call(Prefix+"login/passkey/options", `{"email":"ann@example.com"}`))
	answer = string(a.Answer([]byte(options)))
	for what, body := range map[string]string{
		"unknown member": `{"ticket":"x","evil":1}`, "no object": `[]`, "two": `{}{}`, "nothing": ``, "long": `{"ticket":"` + strings.Repeat("x", maxCeremony) + `"}`, "long address": `{"email":"` + strings.Repeat("x", 300) + `"}`,
	} {
		if w := call(Prefix+"login/passkey", body); w.Code != 422 && w.Code != 413 {
			t.Errorf("%s: %d", what, w.Code)
		}
	}
	if w := h.send(Prefix+"login/passkey", "text/plain", "{}", true); w.Code != 415 {
		t.Errorf("as text: %d", w.Code)
	}
	w := call(Prefix+"login/passkey", fmt.Sprintf(`{"ticket":%q,"next":"https://evil.example","response":%s}`, tick, answer))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"next":"/"`) || !strings.Contains(w.Body.String(), `"email":"ann@example.com"`) || h.jar[h.Cookies.SessionName()] == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := call(Prefix+"login/passkey", fmt.Sprintf(`{"ticket":%q,"response":%s}`, tick, answer)); w.Code != 401 || !strings.Contains(w.Body.String(), "login_failed") {
		t.Errorf("replayed: %d %s", w.Code, w.Body)
	}
	token = h.token()
	h.expect("remove", h.post(AccountPath+"/passkey/remove", url.Values{"handle": {all[0].Handle}}), "removed")
	h.expect("remove again", h.post(AccountPath+"/passkey/remove", url.Values{"handle": {all[0].Handle}}), "gone already")
	if told != "passkey_added to ann@example.com; passkey_removed to ann@example.com; " {
		t.Errorf("told of %q", told)
	}
	h.Ways.Passkeys = nil
	if w := call(Prefix+"login/passkey/options", "{}"); w.Code != 404 {
		t.Errorf("no passkeys here: %d", w.Code)
	}
}

// TestScriptedPolicy: our script comes in by its nonce alone.
func TestScriptedPolicy(t *testing.T) {
	h := newHome(t, login.Optional)
	seen := map[string]bool{}
	for range 3 {
		w := h.get(Prefix + "login")
		rules := w.Header().Get("Content-Security-Policy")
		m := regexp.MustCompile(`script-src 'nonce-([0-9A-Za-z]{22})';`).FindStringSubmatch(rules)
		if m == nil || seen[m[1]] || strings.Contains(rules, "unsafe") || !strings.Contains(rules, "trusted-types 'none'") || !strings.Contains(w.Body.String(), `nonce="`+m[1]+`"`) {
			t.Fatalf("policy %q", rules)
		}
		seen[m[1]] = true
		if n := strings.Count(w.Body.String(), "<script"); n != 1 || strings.Contains(w.Body.String(), "javascript:") || regexp.MustCompile(` on[a-z]+=`).MatchString(w.Body.String()) {
			t.Errorf("%d scripts", n)
		}
	}
	h.Ways.Passkeys = nil
	if w := h.get(Prefix + "login"); strings.Contains(w.Body.String(), "<script") || strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src") {
		t.Error("a script without need")
	}
}

func TestLoginWithoutPasswords(t *testing.T) {
	h := newHome(t, login.Off)
	h.Ways.NoPassword, h.Ways.Second = true, nil
	page := h.get(Prefix + "login").Body.String()
	if strings.Contains(page, `type="password"`) || !strings.Contains(page, `id="passkey"`) || !strings.Contains(page, "<noscript>") {
		t.Error("the page asks for a password, or for no passkey")
	}
	if w := h.send(Prefix+"login/code", mediaForm, "code=123456", false); w.Code != 303 {
		t.Errorf("a second step that there is not: %d", w.Code)
	}
}

func TestPasswordOnTheAccountPage(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	change := func(former, next, again string) *httptest.ResponseRecorder {
		return h.post(AccountPath+"/password", url.Values{"former": {former}, "password": {next}, "again": {again}})
	}
	const next = "a new horse entirely, quite"
	h.expect("wrong", change("wrong", next, next), "not right")
	h.expect("differs", change(good, next, next+"x"), "not the same")
	h.expect("weak", change(good, "short", "short"), "too short")
	h.expect("long", change(good, strings.Repeat("x", 2000), strings.Repeat("x", 2000)), "too short, or too easy")
	h.expect("right", change(good, next, next), "was changed")
	for range 11 {
		change("wrong", next, next)
	}
	h.expect("guessing", change("wrong", next, next), "Too many tries")
}

// TestFlashIsForItsSession: what is shown once is shown to whom it belongs.
func TestFlashIsForItsSession(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	h.post(AccountPath+"/key/create", url.Values{"scope": {"notes:read"}, "days": {"1"}})
	stolen := h.jar[h.Cookies.FlashName()]
	if stolen == "" || strings.Contains(stolen, "smk_") {
		t.Fatalf("flash %q", stolen)
	}
	h.now = noon.Add(flashLife)
	if page := h.get(AccountPath).Body.String(); strings.Contains(page, "smk_live") && strings.Contains(page, `class="secrets"`) {
		t.Error("a flash is shown after its time")
	}
	h.now = noon
	h.jar = map[string]string{}
	h.signIn()
	h.jar[h.Cookies.FlashName()] = stolen
	if page := h.get(AccountPath).Body.String(); strings.Contains(page, `class="secrets"`) {
		t.Error("another session sees the key")
	}
}

func TestNoAccountPage(t *testing.T) {
	p, _ := newPortal(t)
	w := ask{target: AccountPath, cookies: p.Cookies.SessionName() + "=" + cookie, fetch: true}.send(p)
	if w.Code != 404 || !strings.Contains(w.Body.String(), string(refusal.RouteUnknown)) {
		t.Errorf("%d", w.Code)
	}
}

// another makes keys of the same person between what a request reads and what it writes.
type another struct {
	AccountStore
	keys  *apikey.Service
	makes int
}

func (a *another) KeysOf(ctx context.Context, owner string, limit int) ([]apikey.Record, error) {
	all, err := a.AccountStore.KeysOf(ctx, owner, limit)
	for ; a.makes > 0 && err == nil; a.makes-- {
		_, _, err = a.keys.Create(ctx, apikey.Spec{Owner: owner, Env: apikey.Live, Scopes: []string{"notes:read"}}, "cli", noon.Add(time.Hour))
	}
	return all, err
}

// TestNoKeyBehindTheList: requests at once make no more keys than the page lists, so that a
// thief hides none there.
func TestNoKeyBehindTheList(t *testing.T) {
	h := newHome(t, login.Optional)
	h.signIn()
	race := &another{h.Account.Store, h.Account.Keys, maxKeys - 1}
	h.Account.Store = race
	token := h.token() // the page reads the keys, too
	for _, do := range []string{"create", "rotate"} {
		all, err := h.store.KeysOf(t.Context(), "usr_ann", 2*maxKeys)
		if err != nil || len(all) != maxKeys-1 {
			t.Fatalf("%d keys, %v", len(all), err)
		}
		race.makes = 1
		f := url.Values{"_sanmon": {token}, "scope": {"notes:read"}, "days": {"30"}, "id": {all[0].ID}}
		h.expect(do+" beside another", h.send(AccountPath+"/key/"+do, mediaForm, f.Encode(), false), "too many keys")
		after, _ := h.store.KeysOf(t.Context(), "usr_ann", 2*maxKeys)
		if len(after) != maxKeys {
			t.Errorf("%s: %d keys, want %d", do, len(after), maxKeys)
		}
		if _, err := h.Account.Keys.Revoke(t.Context(), after[0].ID, "cli", noon); err != nil {
			t.Fatal(err)
		}
	}
}
