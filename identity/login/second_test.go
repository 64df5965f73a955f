package login

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// house is a Service on a real store, with Alice, who has an app, and Bob, who has none.
type house struct {
	*Service
	t     testing.TB
	store *storage.DB
	key   secret.Value // of Alice's app
	codes []secret.Value
}

var pre = []byte("a browser without session")

func newHouse(t testing.TB) *house {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	hasher := password.New(password.Options{Slots: 2, Share: 1})
	hash, err := hasher.Hash(bg, secret.NewString(right))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		r := principal.Record{ID: "usr_" + name, Kind: principal.User, Name: name + "@example.com", Password: hash, Roles: []string{"reader"}, Version: 1, CreatedAt: t0}
		if err := db.CreatePrincipal(bg, r, audit.Event{At: t0, Event: audit.UserAdded}); err != nil {
			t.Fatal(err)
		}
	}
	keeper, err := session.New(db, principal.NewDirectory(db, principal.Options{}), session.Options{})
	if err != nil {
		t.Fatal(err)
	}
	master, err := secret.NewMaster(secret.NewString("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	ring := secret.NewRing(secret.PurposeDevice, secret.Key{Version: 1, Value: secret.NewString("device key")})
	h := &house{t: t, store: db, key: totp.NewSecret(), Service: &Service{
		Users: db, Sessions: keeper, Hasher: hasher, Throttle: throttle.New(throttle.Options{}), Devices: throttle.Devices{Ring: ring}, Journal: db,
		Factors: &factor.Service{Store: db, Master: master}, Office: &ticket.Office{Master: master, Spent: db}, Passkeys: db,
	}}
	before := t0.Add(-time.Hour)
	if h.codes, err = h.Factors.Confirm(bg, "usr_alice", h.key, h.code(before, 0), audit.Event{}, before); err != nil {
		t.Fatal(err)
	}
	return h
}

// code is what Alice's app shows at a time, some steps away.
func (h *house) code(at time.Time, steps int64) string { return totp.Code(h.key, totp.Step(at)+steps) }

func (h *house) recovery(i int) string { return string(h.codes[i].Expose()) }

func with(policy Policy, email, pw, code string) Attempt {
	a := try(email, pw)
	a.SecondFactor, a.Code, a.Binding = policy, code, pre
	return a
}

// half signs in as far as the second step.
func (h *house) half(policy Policy, email string, now time.Time) *Pending {
	h.t.Helper()
	_, err := h.Login(bg, with(policy, email, right, ""), now)
	p, ok := errors.AsType[*Pending](err)
	if !ok || refusal.From(err).Code != refusal.StepUpRequired || refusal.From(err).Status() != 401 {
		h.t.Fatalf("got %v, want a pending second step", err)
	}
	return p
}

func (h *house) second(ticket, code string, now time.Time) (Grant, error) {
	a := try("", "")
	a.Ticket, a.Code, a.Binding = ticket, code, pre
	return h.Second(bg, a, now)
}

func (h *house) how(g Grant, now time.Time) caller.Caller {
	h.t.Helper()
	var c caller.Caller
	if _, err := h.Sessions.Judge(bg, string(g.Secret.Expose()), session.Client{Addr: home}, now, &c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestWhoIsAskedForACode(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		policy Policy
		email  string
		code   refusal.Code
		enrol  bool
		amr    string
	}{
		{Off, "alice@example.com", "", false, "pwd"}, {"", "alice@example.com", "", false, "pwd"},
		{Optional, "alice@example.com", refusal.StepUpRequired, false, ""}, {Optional, "bob@example.com", "", false, "pwd"},
		{Required, "alice@example.com", refusal.StepUpRequired, false, ""}, {Required, "bob@example.com", refusal.StepUpRequired, true, ""},
	} {
		g, err := h.Login(bg, with(c.policy, c.email, right, ""), t0)
		if c.code == "" {
			if got := h.how(g, t0); err != nil || strings.Join(got.AMR, " ") != c.amr || got.ACR != "aal1" {
				t.Errorf("%s %s: %v %v, %v", c.policy, c.email, got.AMR, got.ACR, err)
			}
			continue
		}
		p, ok := errors.AsType[*Pending](err)
		if refusal.From(err).Code != c.code || !ok || p.Enrol != c.enrol || p.Ticket == "" || g != (Grant{}) {
			t.Errorf("%s %s: %+v, %v", c.policy, c.email, p, err)
		}
	}
	if _, err := h.Login(bg, with(Required, "alice@example.com", "wrong password", h.code(t0, 0)), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("a code beside a wrong password: %v", err)
	}
	// Nobody without a browser gets a ticket, and nobody is let in without a code.
	a := with(Optional, "alice@example.com", right, "")
	a.Binding = nil
	_, err := h.Login(bg, a, t0)
	if p, ok := errors.AsType[*Pending](err); !ok || p.Ticket != "" {
		t.Errorf("no binding: %+v, %v", p, err)
	}
}

func TestSecondStep(t *testing.T) {
	h := newHouse(t)
	p := h.half(Optional, "alice@example.com", t0)
	code := h.code(t0, 0)
	for what, wrong := range map[string]string{"a guess": "000000", "two steps ago": h.code(t0, -2), "the password": right, "nothing": "", "somebody's recovery code": "0a1b-2c3d-4e5f-6g7h-8j9k-mnpq"} {
		if wrong == code {
			continue
		}
		if _, err := h.second(p.Ticket, wrong, t0); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("%s: %v", what, err)
		}
	}
	g, err := h.second(p.Ticket, code, t0)
	if err != nil || g.DeviceCookie == "" || g.Subject != "usr_alice" {
		t.Fatalf("%+v, %v", g, err)
	}
	if c := h.how(g, t0); c.ACR != "aal2" || !cmp.Equal(c.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("%v %v", c.ACR, c.AMR)
	}
	// ASVS 6.5.1: neither the code nor the ticket is good a second time.
	if _, err := h.second(p.Ticket, h.code(t0, 1), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("the ticket again: %v", err)
	}
	p = h.half(Optional, "alice@example.com", t0)
	for _, used := range []string{code, h.code(t0, -1)} {
		if _, err := h.second(p.Ticket, used, t0); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("a used code or one before it: %v", err)
		}
	}
	if _, err := h.Login(bg, with(Optional, "alice@example.com", right, h.code(t0, 2)), t0.Add(time.Minute)); err != nil {
		t.Errorf("password and code at once: %v", err)
	}
}

func TestTicketsOfOtherStepsAndBrowsers(t *testing.T) {
	h := newHouse(t)
	p, enrol := h.half(Optional, "alice@example.com", t0), h.half(Required, "bob@example.com", t0)
	code := h.code(t0, 0)
	for what, f := range map[string]func() error{
		"another browser": func() error {
			a := try("", "")
			a.Ticket, a.Code, a.Binding = p.Ticket, code, []byte("other")
			_, err := h.Second(bg, a, t0)
			return err
		},
		"too late":                  func() error { _, err := h.second(p.Ticket, h.code(t0.Add(StepLife), 0), t0.Add(StepLife)); return err },
		"no ticket":                 func() error { _, err := h.second("", code, t0); return err },
		"the ticket of enrolling":   func() error { _, err := h.second(enrol.Ticket, code, t0); return err },
		"enrolling with the other":  func() error { _, err := h.enrol(p.Ticket, code, t0); return err },
		"enrolling with a bad code": func() error { _, err := h.enrol(enrol.Ticket, "000000", t0); return err },
		"showing the other":         func() error { _, _, err := h.Enrolment(pre, p.Ticket, t0); return err },
	} {
		if err := f(); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !h.Holds(pre, p.Ticket, t0) || h.Holds(pre, p.Ticket, t0.Add(StepLife)) || h.Holds(nil, p.Ticket, t0) {
		t.Error("Holds")
	}
}

func (h *house) enrol(ticket, code string, now time.Time) ([]secret.Value, error) {
	a := try("", "")
	a.Ticket, a.Code, a.Binding = ticket, code, pre
	_, codes, err := h.Enrol(bg, a, now)
	return codes, err
}

// TestRequiredEnrols: who has no app enrols one before there is any session.
func TestRequiredEnrols(t *testing.T) {
	h := newHouse(t)
	p := h.half(Required, "bob@example.com", t0)
	key, account, err := h.Enrolment(pre, p.Ticket, t0)
	if err != nil || account != "bob@example.com" || len(key.Expose()) != 20 {
		t.Fatal(account, err)
	}
	if all, _ := h.store.Sessions(bg, "usr_bob", t0, 9); len(all) != 0 {
		t.Error("there is a session before the app")
	}
	code := totp.Code(key, totp.Step(t0))
	codes, err := h.enrol(p.Ticket, code, t0)
	if err != nil || len(codes) != 10 {
		t.Fatal(len(codes), err)
	}
	if all, _ := h.store.Sessions(bg, "usr_bob", t0, 9); len(all) != 1 || all[0].ACR != "aal2" {
		t.Errorf("%+v", all)
	}
	// The code that enrolled is used up, and the ticket cannot replace the app.
	second := h.half(Required, "bob@example.com", t0)
	if _, err := h.second(second.Ticket, code, t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("the code that enrolled: %v", err)
	}
	if _, err := h.enrol(p.Ticket, totp.Code(key, totp.Step(t0)+1), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("enrolled twice: %v", err)
	}
	if _, err := h.second(second.Ticket, string(codes[3].Expose()), t0); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
}

func TestRecoveryCode(t *testing.T) {
	h := newHouse(t)
	p := h.half(Optional, "alice@example.com", t0)
	if g, err := h.second(p.Ticket, strings.ToUpper(h.recovery(0)), t0); err != nil || h.how(g, t0).ACR != "aal2" {
		t.Fatal(err)
	}
	p = h.half(Optional, "alice@example.com", t0)
	if _, err := h.second(p.Ticket, h.recovery(0), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("again: %v", err)
	}
	if n, _ := h.store.RecoveryCodes(bg, "usr_alice"); n != 9 {
		t.Errorf("%d left", n)
	}
	events, _ := h.store.Events(bg, 0, 100)
	var used []string
	for _, ev := range events {
		if ev.Event == audit.FactorUsed {
			used = append(used, ev.Subject+" "+ev.Detail+" "+ev.Network+" "+ev.RequestID)
		}
	}
	if !cmp.Equal(used, []string{"usr_alice factor=recovery_code left=9 203.0.113.0/24 req1"}) {
		t.Errorf("%q", used)
	}
}

// TestCodesAreThrottled: who has the password gets ten tries, and getting the password
// right in between gives no more.
func TestCodesAreThrottled(t *testing.T) {
	h := newHouse(t)
	for i := range 10 {
		p := h.half(Optional, "alice@example.com", t0)
		if _, err := h.second(p.Ticket, "00000"+string(rune('0'+i)), t0); refusal.From(err).Code != refusal.LoginFailed {
			t.Fatalf("try %d: %v", i, err)
		}
	}
	_, err := h.Login(bg, with(Optional, "alice@example.com", right, h.code(t0, 0)), t0)
	if r := refusal.From(err); r.Code != refusal.RateLimited || r.RetryAfter != 15*time.Minute {
		t.Errorf("got %v", err)
	}
}

// NIST SP 800-63B-4, Section 3.2.2: after a hundred wrong codes in a row the app is refused
// until a recovery code was used.
func TestAnAppSurvivesAHundred(t *testing.T) {
	h := newHouse(t)
	for range factor.MaxFailures {
		if err := h.store.FailStep(bg, "usr_alice"); err != nil {
			t.Fatal(err)
		}
	}
	p := h.half(Optional, "alice@example.com", t0)
	_, err := h.second(p.Ticket, h.code(t0, 0), t0)
	if r := refusal.From(err); r.Code != refusal.LoginFailed || !strings.Contains(r.Reason, "100 wrong codes in a row") {
		t.Errorf("got %v", err)
	}
	if _, err := h.second(p.Ticket, h.recovery(1), t0); err != nil {
		t.Fatal(err)
	}
	p = h.half(Optional, "alice@example.com", t0)
	if _, err := h.second(p.Ticket, h.code(t0, 0), t0); err != nil {
		t.Errorf("after the recovery code: %v", err)
	}
}

func TestChangedBetweenTheSteps(t *testing.T) {
	for what, change := range map[string]func(h *house) error{
		"disabled": func(h *house) error {
			return h.store.SetDisabled(bg, "usr_alice", true, t0, audit.Event{At: t0, Event: audit.UserDisabled})
		},
		"reset": func(h *house) error {
			hash, _ := h.Hasher.Hash(bg, secret.NewString("another password entirely"))
			return h.store.SetPassword(bg, "usr_alice", hash, true, t0, audit.Event{At: t0, Event: audit.UserReset})
		},
	} {
		h := newHouse(t)
		p := h.half(Optional, "alice@example.com", t0)
		if err := change(h); err != nil {
			t.Fatal(err)
		}
		if _, err := h.second(p.Ticket, h.code(t0, 0), t0); refusal.From(err).Code != refusal.LoginFailed {
			t.Errorf("%s: %v", what, err)
		}
		if all, _ := h.store.Sessions(bg, "usr_alice", t0, 9); len(all) != 0 {
			t.Errorf("%s: a session was made", what)
		}
	}
}

// ASVS 6.3.8: before the right password nothing tells a person with an app from one
// without, or from nobody.
func TestSecondFactorTellsNothing(t *testing.T) {
	h := newHouse(t)
	var first string
	for _, email := range []string{"alice@example.com", "bob@example.com", "nobody@example.com"} {
		_, err := h.Login(bg, with(Required, email, "wrong password", "123456"), t0)
		r := refusal.From(err)
		r.Reason = ""
		if got := r.Error(); first == "" {
			first = got
		} else if got != first {
			t.Errorf("%s: %s, want %s", email, got, first)
		}
	}
}

// asked counts what is asked of the store of factors.
type asked struct {
	factor.Store
	n int
}

func (a *asked) TOTP(ctx context.Context, user string) (factor.TOTP, error) {
	a.n++
	return a.Store.TOTP(ctx, user)
}

func (a *asked) UseRecoveryCode(ctx context.Context, user string, code [32]byte, at time.Time, ev audit.Event) (int, error) {
	a.n++
	return a.Store.UseRecoveryCode(ctx, user, code, at, ev)
}

// TestWorkBeforeTheRightPassword: the time of an answer follows from the work, and nothing
// of the second factor is looked at before the password was right. Behind it, a wrong code
// costs as much as a used one.
func TestWorkBeforeTheRightPassword(t *testing.T) {
	h := newHouse(t)
	counted := &asked{Store: h.store}
	h.Factors.Store = counted
	for _, email := range []string{"alice@example.com", "bob@example.com", "nobody@example.com"} {
		for _, code := range []string{"", "123456", h.code(t0, 0), h.recovery(0)} {
			_, _ = h.Login(bg, with(Required, email, "wrong password", code), t0)
		}
	}
	if counted.n != 0 {
		t.Errorf("the store of factors was asked %d times", counted.n)
	}
	p := h.half(Optional, "alice@example.com", t0.Add(time.Hour))
	now := t0.Add(time.Hour)
	if _, err := h.second(p.Ticket, h.code(now, 0), now); err != nil {
		t.Fatal(err)
	}
	works := map[int]bool{}
	for _, code := range []string{"000000", h.code(now, 0), h.code(now, -1)} {
		p, counted.n = h.half(Optional, "alice@example.com", now), 0
		_, _ = h.second(p.Ticket, code, now)
		works[counted.n] = true
	}
	if len(works) != 1 {
		t.Errorf("the work of wrong codes differs: %v", works)
	}
}

func TestUpgradeBeforeTheSecondStep(t *testing.T) {
	h := newHouse(t)
	old := secret.NewString("$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg") // "password"
	if err := h.store.SetPassword(bg, "usr_alice", old, false, t0, audit.Event{At: t0, Event: audit.UserReset}); err != nil {
		t.Fatal(err)
	}
	_, err := h.Login(bg, with(Optional, "alice@example.com", "password", ""), t0)
	p, ok := errors.AsType[*Pending](err)
	if !ok {
		t.Fatal(err)
	}
	if r, _ := h.store.PrincipalByID(bg, "usr_alice"); !strings.HasPrefix(string(r.Password.Expose()), "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error("the hash is still of the former cost")
	}
	if _, err := h.second(p.Ticket, h.code(t0, 0), t0); err != nil {
		t.Error(err)
	}
}

func TestChangePassword(t *testing.T) {
	h := newHouse(t)
	mine, err := h.Login(bg, with(Off, "alice@example.com", right, ""), t0)
	if err != nil {
		t.Fatal(err)
	}
	other, _ := h.Login(bg, with(Off, "alice@example.com", right, ""), t0)
	change := func(former, next string) error {
		return h.ChangePassword(bg, h.store, Change{User: "usr_alice", SID: mine.SID, Password: secret.NewString(former), Next: secret.NewString(next), Attempt: try("", "")}, t0)
	}
	if err := change("wrong password", "a new horse entirely, quite"); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("wrong present password: %v", err)
	}
	if err := change(right, "short"); !errors.Is(err, password.ErrPolicy) {
		t.Errorf("weak: %v", err)
	}
	h.how(other, t0)
	if err := change(right, "a new horse entirely, quite"); err != nil {
		t.Fatal(err)
	}
	h.how(mine, t0) // this session goes on
	var c caller.Caller
	if _, err := h.Sessions.Judge(bg, string(other.Secret.Expose()), session.Client{Addr: home}, t0, &c); refusal.From(err).Code != refusal.LoginRequired {
		t.Errorf("the other session: %v", err)
	}
	if _, err := h.Login(bg, with(Off, "alice@example.com", right, ""), t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("the former password: %v", err)
	}
	for range 12 {
		err = change("wrong password", "yet another horse entirely")
	}
	if refusal.From(err).Code != refusal.RateLimited {
		t.Errorf("guessing the present password is not slowed down: %v", err)
	}
}
