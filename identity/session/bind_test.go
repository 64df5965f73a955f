package session

import (
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/dbsc"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

func newBindWorld(t *testing.T, o Options) world {
	o.Ring = secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
	o.Binder = &dbsc.Binder{Ring: o.Ring}
	return newWorld(t, o)
}

func (w world) bound(sid string, at time.Time) string {
	return string(w.options.Load().Binder.Cookie(sid, at).Expose())
}

// TestWithoutTheKeyNothingIsLearned: who has the cookie of a bound session alone, and asks to
// refresh it, neither keeps it from its idle end nor makes its network or secret a known one.
func TestWithoutTheKeyNothingIsLearned(t *testing.T) {
	w := newBindWorld(t, Options{Network: Observe, Idle: time.Hour, Rotate: -1})
	cookie, sid := w.begin(t0)
	if err := w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{From: home}, t0); err != nil {
		t.Fatal(err)
	}
	if got, _, _, err := w.Binding(bg, cookie, Client{Addr: away}, t0.Add(59*time.Minute)); err != nil || got != sid {
		t.Fatalf("%q, %v", got, err)
	}
	for len(w.urgent) > 0 {
		w.write(bg, <-w.urgent)
	}
	w.flush(bg)
	if r := w.store.row(sid); len(r.Networks) != 1 || !r.LastSeenAt.Equal(t0) || r.Confirmed {
		t.Errorf("networks %v, seen %v, confirmed %v", r.Networks, r.LastSeenAt, r.Confirmed)
	}
	w.want(Presented(cookie, w.bound(sid, t0.Add(time.Hour))), t0.Add(time.Hour), refusal.SessionExpired)
}

// After the registration the long-lived cookie alone is worth nothing, on every node, but for
// requests that were under way.
func TestBound(t *testing.T) {
	w := newBindWorld(t, Options{Rotate: -1})
	cookie, sid := w.begin(t0)
	w.want(cookie, t0, "")
	if err := w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{From: home}, t0); err != nil {
		t.Fatal(err)
	}
	good := Presented(cookie, w.bound(sid, t0))
	_, other := w.begin(t0)
	for _, c := range []struct {
		what, cookie string
		at           time.Duration
		want         refusal.Code
	}{
		{"under way", cookie, 30*time.Second - 1, ""},
		{"alone", cookie, 30 * time.Second, refusal.LoginRequired},
		{"with the short one", good, time.Minute, ""},
		{"again", good, 9 * time.Minute, ""},
		{"when that is over", good, 10 * time.Minute, refusal.LoginRequired},
		{"with the next one", Presented(cookie, w.bound(sid, t0.Add(9*time.Minute))), 18 * time.Minute, ""},
		{"with that of another session", Presented(cookie, w.bound(other, t0)), time.Minute, refusal.LoginRequired},
		{"with anything", cookie + ".x", time.Minute, refusal.LoginRequired},
		{"with an empty one", cookie + ".", time.Minute, refusal.LoginRequired},
		{"with a challenge", Presented(cookie, w.options.Load().Binder.Challenge(sid, t0)), time.Minute, refusal.LoginRequired},
	} {
		w.want(c.cookie, t0.Add(c.at), c.want)
		w.node().want(c.cookie, t0.Add(c.at), c.want)
	}
	if w.store.count(audit.SessionBound) != 1 || !w.store.row(sid).RevokedAt.IsZero() {
		t.Error("no event, or a refused cookie has ended the session")
	}
	if err := w.Bind(bg, sid, DBSC, []byte{4, 2}, Meta{}, t0); refusal.From(err).Code != refusal.InputInvalid || w.store.row(sid).BindKey[1] != 1 {
		t.Errorf("bound anew: %v", err)
	}
}

// Who has the long-lived cookie only can neither renew it nor log in on it.
func TestAThiefOfABoundSession(t *testing.T) {
	w := newBindWorld(t, Options{})
	cookie, sid := w.begin(t0)
	_ = w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{}, t0)
	at := t0.Add(time.Minute)
	if _, r := w.stepUp(cookie, alice, at); r.SID == sid {
		t.Error("a login took over a bound session without its key")
	}
	if _, r := w.stepUp(Presented(cookie, w.bound(sid, at)), alice, at); r.SID != sid {
		t.Error("a step-up with the key began another session")
	}
}

func TestBinding(t *testing.T) {
	w := newBindWorld(t, Options{})
	cookie, sid := w.begin(t0)
	_ = w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{}, t0)
	got, kind, key, err := w.Binding(bg, cookie, Client{Addr: home}, t0.Add(time.Minute))
	if err != nil || got != sid || kind != DBSC || len(key) != 2 {
		t.Errorf("%s %s %v %v", got, kind, key, err)
	}
	_, _ = w.End(bg, sid, ReasonLogout, Meta{}, t0)
	if _, _, _, err := w.Binding(bg, cookie, Client{Addr: home}, t0.Add(time.Minute)); refusal.From(err).Code != refusal.LoginRequired {
		t.Errorf("after the end: %v", err)
	}
}

func TestBindRequired(t *testing.T) {
	w := newBindWorld(t, Options{BindRequired: true, Master: master()})
	cookie, sid := w.begin(t0)
	w.want(cookie, t0.Add(2*time.Minute), "")
	w.want(cookie, t0.Add(2*time.Minute+time.Second), refusal.LoginRequired)
	_ = w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{}, t0)
	w.want(Presented(cookie, w.bound(sid, t0)), t0.Add(3*time.Minute), "")
	w.want(w.adopt("", held("shop", "one"), t0), t0.Add(3*time.Minute), "") // those of backends are not bound
}

func TestNoBinderNoBinding(t *testing.T) {
	w := newBindWorld(t, Options{})
	cookie, sid := w.begin(t0)
	_ = w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{}, t0)
	o := *w.options.Load()
	o.Binder = nil
	if err := w.Configure(o); err != nil {
		t.Fatal(err)
	}
	w.want(cookie, t0.Add(time.Minute), "") // dbsc: off is the operator's word
}

func TestAWarmBoundVerdictAllocatesNothing(t *testing.T) {
	w := newBindWorld(t, Options{Rotate: -1})
	cookie, sid := w.begin(t0)
	_ = w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{}, t0)
	at := t0.Add(time.Minute)
	both := Presented(cookie, w.bound(sid, at))
	var c caller.Caller
	k, err := New(w.store, directory(), *w.options.Load())
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = k.Judge(bg, both, Client{Addr: home}, at, &c) }); n != 0 || c.SID != sid {
		t.Errorf("%v allocations, want 0", n)
	}
}
