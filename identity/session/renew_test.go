package session

import (
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

const rotate = 15 * time.Minute

// rotated is a world whose session was rotated at t0+15m.
func rotated(t *testing.T) (w world, old, next, sid string, at time.Time) {
	t.Helper()
	w = newWorld(t, Options{})
	old, sid = w.begin(t0)
	at = t0.Add(rotate)
	if _, renew, code := w.judge(old, at); !renew || code != "" {
		t.Fatalf("renew %v, %q", renew, code)
	}
	if next = w.renew(old, at); next == "" || next == old {
		t.Fatal("no new secret")
	}
	return w, old, next, sid, at
}

func TestRotationIsDue(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	if _, renew, _ := w.judge(cookie, t0.Add(rotate-1)); renew {
		t.Error("due too early")
	}
	if got := w.renew(cookie, t0.Add(rotate-time.Second)); got != "" {
		t.Error("renewed too early")
	}
	if _, renew, _ := w.judge(cookie, t0.Add(rotate)); !renew {
		t.Error("not due")
	}
}

func TestFormerSecretUnconfirmed(t *testing.T) {
	w, old, next, sid, at := rotated(t)
	if _, renew, code := w.judge(old, at.Add(59*time.Second)); code != "" || !renew {
		t.Errorf("got %q, renew %v; want it served and renewed", code, renew)
	}
	if got := w.renew(old, at.Add(59*time.Second)); got != next {
		t.Error("the redelivered secret is another one")
	}
	if w.store.rotated != 1 {
		t.Errorf("%d rotations, want 1", w.store.rotated)
	}
	w.want(old, at.Add(60*time.Second), refusal.LoginRequired)
	if r := w.store.row(sid); r.RevokeReason != "reuse" {
		t.Errorf("revoke reason %q, want reuse", r.RevokeReason)
	}
	w.want(next, at.Add(61*time.Second), refusal.LoginRequired)
}

func TestFormerSecretConfirmed(t *testing.T) {
	w, old, next, _, at := rotated(t)
	w.want(next, at.Add(time.Second), "")
	if _, renew, code := w.judge(old, at.Add(10*time.Second-time.Microsecond)); code != "" || renew {
		t.Errorf("within the race: got %q, renew %v", code, renew)
	}
	if got := w.renew(old, at.Add(5*time.Second)); got != "" {
		t.Error("a confirmed secret was delivered again")
	}
	w.want(next, at.Add(9*time.Second), "")
	w.want(old, at.Add(10*time.Second), refusal.LoginRequired)
	w.want(next, at.Add(11*time.Second), refusal.LoginRequired) // theft ended it for both
	if w.store.count(audit.SessionRevoked) != 1 {
		t.Error("want one session.revoked event")
	}
}

// Thief and victim hold the same secret. Whoever of them renews it goes on, until the
// other one comes back: that ends the session for both.
func TestThiefAndVictim(t *testing.T) {
	w := newWorld(t, Options{})
	stolen, sid := w.begin(t0)
	at := t0.Add(rotate)
	w.want(stolen, at, "")
	next := w.renew(stolen, at)
	w.want(next, at.Add(time.Second), "")
	w.want(stolen, at.Add(20*time.Second), refusal.LoginRequired)
	w.want(next, at.Add(21*time.Second), refusal.LoginRequired)
	if r := w.store.row(sid); r.RevokeReason != "reuse" {
		t.Errorf("reason %q, want reuse", r.RevokeReason)
	}
}

// A theft that cannot be written down is refused all the same, and tried again.
func TestTheftWithADeadStore(t *testing.T) {
	w, old, next, sid, at := rotated(t)
	w.want(next, at, "")
	w.store.fail(errDown)
	w.want(old, at.Add(20*time.Second), refusal.Busy)
	w.store.fail(nil)
	w.want(old, at.Add(20*time.Second), refusal.LoginRequired)
	if w.store.row(sid).RevokedAt.IsZero() {
		t.Error("the session lives on")
	}
}

func TestASecretBeforeTheFormerIsUnknown(t *testing.T) {
	w, old, next, sid, at := rotated(t)
	w.want(next, at, "")
	at = at.Add(rotate)
	third := w.renew(next, at)
	w.want(old, at, refusal.LoginRequired)
	w.want(third, at, "")
	if !w.store.row(sid).RevokedAt.IsZero() {
		t.Error("an unknown secret ended a session")
	}
}

func TestConfirmedReachesOtherNodes(t *testing.T) {
	w, old, next, sid, at := rotated(t)
	other := w.node()
	w.want(next, at, "")
	l := <-w.urgent
	w.write(bg, l)
	if !w.store.row(sid).Confirmed {
		t.Fatal("not confirmed in the store")
	}
	other.want(old, at.Add(9*time.Second), "")
	other.want(old, at.Add(11*time.Second), refusal.LoginRequired)
}

// What was learned of the secret before must not be written over the row after a
// rotation: an unconfirmed secret would pass for confirmed.
func TestOldMarksDoNotConfirmTheNewSecret(t *testing.T) {
	w, old, _, sid, at := rotated(t)
	for len(w.urgent) > 0 {
		w.write(bg, <-w.urgent)
	}
	w.flush(bg)
	if w.store.row(sid).Confirmed {
		t.Error("the new secret is confirmed by the old one")
	}
	w.want(old, at.Add(30*time.Second), "")
}

// The same, when another change is applied during the rotation.
func TestOldMarksAfterAnInterruptedRotation(t *testing.T) {
	w := newWorld(t, Options{})
	old, sid := w.begin(t0)
	at := t0.Add(rotate)
	w.want(old, at, "")
	w.store.onRotate = func() { w.Apply(change.Change{Kind: change.Session, ID: "ses_other"}) }
	next := w.renew(old, at)
	for len(w.urgent) > 0 {
		w.write(bg, <-w.urgent)
	}
	w.flush(bg)
	if w.store.row(sid).Confirmed {
		t.Error("the new secret is confirmed by the old one")
	}
	w.want(next, at, "")
}

// A row that was read before a rotation must not be kept after it: the former secret
// would pass for the current one.
func TestALoadDoesNotUndoARotation(t *testing.T) {
	w := newWorld(t, Options{})
	old, _ := w.begin(t0)
	at := t0.Add(rotate)
	w.store.onRead = func(string) {
		w.store.mu.Lock()
		w.store.onRead = nil
		w.store.mu.Unlock()
		w.renew(old, at)
	}
	w.want(old, at, "") // began before the rotation
	w.want(old, at.Add(61*time.Second), refusal.LoginRequired)
}

func TestConcurrentRenewals(t *testing.T) {
	w := newWorld(t, Options{})
	other := w.node()
	old, _ := w.begin(t0)
	at := t0.Add(rotate)
	got := make([]string, 16)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			n := w
			if i%2 == 1 {
				n = other
			}
			n.judge(old, at)
			v, err := n.Renew(bg, old, Client{Addr: home}, at)
			if err != nil {
				t.Error(err)
			}
			got[i] = string(v.Expose())
		})
	}
	wg.Wait()
	for _, g := range got {
		if g == "" || g != got[0] {
			t.Fatal("concurrent renewals gave different secrets")
		}
	}
	if w.store.rotated != 1 {
		t.Errorf("%d rotations, want exactly 1", w.store.rotated)
	}
	w.want(got[0], at, "")
}

func TestConcurrentRenewalsWithoutARing(t *testing.T) {
	w := newWorld(t, Options{})
	o := *w.options.Load()
	o.Ring = nil
	if err := w.Configure(o); err != nil {
		t.Fatal(err)
	}
	old, _ := w.begin(t0)
	at := t0.Add(rotate)
	first, second := w.renew(old, at), w.renew(old, at)
	if first == "" || second != "" || w.store.rotated != 1 {
		t.Errorf("first %v, second %v, %d rotations", first != "", second != "", w.store.rotated)
	}
	w.want(first, at, "")
	w.want(old, at, "")
}

func TestRedeliverySurvivesAKeyRotation(t *testing.T) {
	w, old, next, _, at := rotated(t)
	o := *w.options.Load()
	o.Ring = secret.NewRing(secret.PurposeSession, o.Ring.Current(), secret.Key{Version: 2, Value: secret.NewString("another key")})
	if err := w.Configure(o); err != nil {
		t.Fatal(err)
	}
	if w.renew(old, at) != next {
		t.Error("the redelivered secret is another one")
	}
}

func TestNoRedeliveryIntoAStrangeNetwork(t *testing.T) {
	w, old, _, _, at := rotated(t)
	if _, renew, code := w.judgeFrom(old, away, at); renew || code != refusal.StepUpRequired {
		t.Errorf("renew %v, %q", renew, code)
	}
	if v, err := w.Renew(bg, old, Client{Addr: away}, at); err != nil || !v.Empty() {
		t.Error("a strange network got the new secret", err)
	}
}

func TestTheSuccessorNeedsTheKey(t *testing.T) {
	raw, _ := decode("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	a, _ := successor(secret.NewString("a"), "ses_1", raw, t0)
	b, _ := successor(secret.NewString("b"), "ses_1", raw, t0)
	c, _ := successor(secret.NewString("a"), "ses_2", raw, t0)
	if a.Equal(b) || a.Equal(c) {
		t.Error("the successor does not depend on key and session")
	}
}

func TestTokensFollowTheSecret(t *testing.T) {
	w := newWorld(t, Options{})
	old, _ := w.begin(t0)
	at := t0.Add(rotate)
	before, _, _ := w.judge(old, at)
	next := w.renew(old, at)
	during, _, _ := w.judge(next, at)
	late, _, _ := w.judge(old, at.Add(time.Second))
	after, _, _ := w.judge(next, at.Add(10*time.Second))
	is := func(c caller.Caller, i int, b []byte) bool {
		return len(c.Bindings) > i && string(c.Bindings[i]) == string(b)
	}
	if !is(during, 1, before.Bindings[0]) || is(during, 0, before.Bindings[0]) {
		t.Error("within the race: want the new binding first, then the former")
	}
	if !is(late, 0, during.Bindings[0]) || !is(late, 1, before.Bindings[0]) {
		t.Error("the former secret has other bindings than the new one")
	}
	if len(after.Bindings) != 1 || !is(after, 0, during.Bindings[0]) {
		t.Error("after the race: want the new binding alone")
	}
}

func TestRotationOnAnotherNode(t *testing.T) {
	w := newWorld(t, Options{})
	other := w.node()
	old, sid := w.begin(t0)
	at := t0.Add(rotate)
	other.want(old, at, "")
	next := w.renew(old, at)
	other.want(next, at, "") // unknown in memory, so read
	other.Apply(change.Change{Kind: change.Session, ID: sid})
	other.want(old, at.Add(30*time.Second), refusal.LoginRequired) // confirmed at other itself
}

func TestRenewOfADeadStoreIsBusy(t *testing.T) {
	w := newWorld(t, Options{})
	old, _ := w.begin(t0)
	w.store.fail(errDown)
	if _, err := w.Renew(bg, old, Client{Addr: home}, t0.Add(rotate)); refusal.From(err).Code != refusal.Busy {
		t.Errorf("got %v, want busy", err)
	}
}
