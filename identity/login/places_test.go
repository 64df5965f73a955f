package login

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/totp"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// filled lets each person have one session, which Alice and Bob have.
func (h *house) filled() (alice, bob Grant) {
	h.t.Helper()
	if err := h.Sessions.Configure(session.Options{MaxPerUser: 1, AtMax: session.Deny, Signal: h.store.Record}); err != nil {
		h.t.Fatal(err)
	}
	alice, err := h.Login(bg, with(Off, "alice@example.com", right, ""), t0)
	if err != nil {
		h.t.Fatal(err)
	}
	bob, err = h.Login(bg, with(Off, "bob@example.com", right, ""), t0)
	if err != nil {
		h.t.Fatal(err)
	}
	return alice, bob
}

// limited is how many logins the trail says found no place.
func (h *house) limited() (n int) {
	h.t.Helper()
	events, err := h.store.Events(bg, 0, 999)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, ev := range events {
		if ev.Event == audit.SessionLimit && ev.RequestID == "req1" && ev.Network == "203.0.113.0/24" {
			n++
		}
	}
	return n
}

// TestNoPlaceIsSaidLast: only who has shown everything learns that there is no place, whatever
// the way of signing in; it counts as nothing, and everybody else is refused as ever.
func TestNoPlaceIsSaidLast(t *testing.T) {
	h := newHouse(t)
	ceremonies, key := h.withPasskey()
	h.filled()
	trust := Trust{LinkByEmail: true}
	provider := func(id federation.Identity) error {
		_, err := h.Federated(bg, h.store, trust, id, federation.Wish{}, with(Optional, "", "", ""), t0)
		return err
	}
	code := func(code string) error {
		_, err := h.second(h.half(Optional, "alice@example.com", t0).Ticket, code, t0)
		return err
	}
	password := func(pw string) error {
		_, err := h.Login(bg, with(Optional, "bob@example.com", pw, ""), t0)
		return err
	}
	key.Count = 5
	for what, err := range map[string]error{
		"a wrong password": password("wrong"), "a wrong code": code("000000"), "nobody at the provider": provider(person("x", "carol@example.com", true)),
	} {
		if refusal.From(err).Code != refusal.LoginFailed || errors.Is(err, session.ErrFull) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := h.limited(); n != 0 {
		t.Errorf("%d logins found no place that had shown nothing", n)
	}
	_, presented := h.presents(ceremonies, key, "", "", t0)
	for what, err := range map[string]error{
		"password": password(right), "code": code(h.code(t0, 0)), "recovery code": code(h.recovery(0)), "passkey": presented, "provider": provider(person("y", "bob@example.com", true)),
	} {
		if no := refusal.From(err); no == nil || no.Code != refusal.PermissionMissing || !errors.Is(err, session.ErrFull) || !strings.Contains(no.Reason, "session.max_per_user") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := h.limited(); n != 5 {
		t.Errorf("the trail knows of %d, want 5", n)
	}
	for range 30 { // more than failures are let pass
		if err := password(right); !errors.Is(err, session.ErrFull) {
			t.Fatalf("refused logins count as failed ones: %v", err)
		}
	}
}

// TestARefusedLoginEnrolsNothing: else whoever has a password alone could enrol an app of his,
// and keep the person out with it.
func TestARefusedLoginEnrolsNothing(t *testing.T) {
	h := newHouse(t)
	_, bob := h.filled()
	p := h.half(Required, "bob@example.com", t0)
	enrol := func(code, current string, now time.Time) error {
		a := try("", "")
		a.Ticket, a.Binding, a.Code, a.Current = p.Ticket, pre, code, current
		_, _, err := h.Enrol(bg, a, now)
		return err
	}
	app, _, err := h.Enrolment(pre, p.Ticket, t0)
	if err != nil {
		t.Fatal(err)
	}
	if err := enrol("000000", "", t0); refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("a wrong code: %v", err)
	}
	if err := enrol(totp.Code(app, totp.Step(t0)), "", t0); !errors.Is(err, session.ErrFull) {
		t.Errorf("the right code: %v", err)
	}
	if enrolled, err := h.Factors.Enrolled(bg, "usr_bob"); enrolled || err != nil || h.limited() != 1 {
		t.Errorf("enrolled %v, %v; %d in the trail", enrolled, err, h.limited())
	}
	if err := enrol(totp.Code(app, totp.Step(t0)), string(bob.Secret.Expose()), t0); err != nil {
		t.Errorf("in the browser that is signed in: %v", err)
	}
}

// TestRoomIsThatOfALogin: what is idle takes none, and a place that becomes free is free.
func TestRoomIsThatOfALogin(t *testing.T) {
	h := newHouse(t)
	alice, _ := h.filled()
	room := func(now time.Time) error {
		return h.Sessions.Room(bg, "", principal.Record{ID: "usr_alice"}, session.Meta{}, now)
	}
	if err := room(t0.Add(time.Hour - time.Microsecond)); !errors.Is(err, session.ErrFull) {
		t.Errorf("before it is idle: %v", err)
	}
	if err := room(t0.Add(time.Hour)); err != nil {
		t.Errorf("when it is: %v", err)
	}
	if _, err := h.Sessions.End(bg, alice.SID, session.ReasonLogout, session.Meta{}, t0); err != nil {
		t.Fatal(err)
	}
	if err := room(t0); err != nil {
		t.Errorf("after it has ended: %v", err)
	}
}

// TestChangedWhileThereIsNoPlace: who has been changed meanwhile has not shown what is right.
func TestChangedWhileThereIsNoPlace(t *testing.T) {
	h := newHouse(t)
	h.filled()
	user, err := h.store.PrincipalByID(bg, "usr_bob")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.store.SetPassword(bg, "usr_bob", secret.NewString("$argon2id$other"), false, t0, audit.Event{At: t0, Event: audit.UserReset}); err != nil {
		t.Fatal(err)
	}
	if _, why, err := h.begin(bg, try("", ""), user.Name, user, byPassword(), t0); why == "" || err != nil {
		t.Errorf("%q, %v", why, err)
	}
}
