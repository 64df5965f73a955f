package session

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// line is a world whose session was rotated n times, each secret confirmed; secrets are
// from the first to the current one, at is the last rotation.
func line(t *testing.T, n int) (w world, secrets []string, sid string, at time.Time) {
	t.Helper()
	w = newWorld(t, Options{})
	first, sid := w.begin(t0)
	secrets, at = []string{first}, t0
	for range n {
		at = at.Add(rotate)
		w.want(secrets[len(secrets)-1], at, "")
		secrets = append(secrets, w.renew(secrets[len(secrets)-1], at))
	}
	w.want(secrets[n], at, "") // confirmed
	return w, secrets, sid, at
}

// A.5: p < g-1 is theft. However old the copy is, it ends the session, once.
func TestACopyOfAnyAgeIsFound(t *testing.T) {
	for _, n := range []int{2, 3, 40} {
		w, secrets, sid, at := line(t, n)
		w.want(secrets[0], at.Add(10*time.Second), refusal.LoginRequired)
		if r := w.store.row(sid); r.RevokeReason != ReasonReuse {
			t.Errorf("%d rotations: reason %q, want reuse", n, r.RevokeReason)
		}
		w.want(secrets[n], at.Add(11*time.Second), refusal.LoginRequired)
		for _, again := range secrets {
			w.want(again, at.Add(12*time.Second), refusal.LoginRequired)
		}
		if got := w.store.count(audit.SessionRevoked); got != 1 {
			t.Errorf("%d events, want 1", got)
		}
		ev := w.store.events[len(w.store.events)-1]
		if ev.Detail != "reason=reuse class=stale" || ev.SID != sid || ev.Subject != "usr_alice" || ev.Actor != "system" || ev.Network != "203.0.113.0/24" {
			t.Errorf("event %+v", ev)
		}
	}
}

// A request that was under way while its secret was replaced twice is refused, and ends
// nothing: Race after the last rotation where its secret was seen, else Redeliver.
func TestAnOvertakenRequestEndsNothing(t *testing.T) {
	for _, c := range []struct {
		confirmed bool
		limit     time.Duration
	}{{true, 10 * time.Second}, {false, 60 * time.Second}} {
		w, secrets, sid, at := line(t, 1)
		at = at.Add(time.Second)
		v, _, err := w.StepUp(bg, secrets[1], alice, Meta{From: home}, at) // right after the rotation in passing
		if err != nil {
			t.Fatal(err)
		}
		next := string(v.Expose())
		if c.confirmed {
			w.want(next, at, "")
		}
		w.want(secrets[0], at.Add(c.limit-time.Microsecond), refusal.LoginRequired)
		if !w.store.row(sid).RevokedAt.IsZero() {
			t.Fatalf("confirmed %v: a request that was under way ended the session", c.confirmed)
		}
		for len(w.urgent) > 0 {
			w.write(bg, <-w.urgent)
		}
		w.node().want(secrets[0], at.Add(c.limit), refusal.LoginRequired)
		if w.store.row(sid).RevokeReason != ReasonReuse {
			t.Errorf("confirmed %v: a copy was not found", c.confirmed)
		}
	}
}

// Sessions that are over are not stolen: a browser restored from a backup comes late.
func TestACopyOfAnEndedSessionIsNoTheft(t *testing.T) {
	for what, c := range map[string]struct {
		after time.Duration
		end   bool
		want  refusal.Code
	}{"idle": {2 * time.Hour, false, refusal.SessionExpired}, "absolute": {25 * time.Hour, false, refusal.SessionExpired}, "logout": {time.Minute, true, refusal.LoginRequired}} {
		w, secrets, sid, at := line(t, 3)
		if c.end {
			if _, err := w.End(bg, sid, ReasonLogout, Meta{}, at); err != nil {
				t.Fatal(err)
			}
		}
		w.want(secrets[0], at.Add(c.after), c.want)
		if w.store.row(sid).RevokeReason == ReasonReuse || w.store.count(audit.SessionRevoked) != 0 {
			t.Errorf("%s: told as theft", what)
		}
	}
}

// Nobody ends a session of others: what is not ours costs the one statement that a guess
// always cost, and changes nothing.
func TestForgedSecretsEndNothing(t *testing.T) {
	w, secrets, sid, at := line(t, 3)
	other := newWorld(t, Options{Ring: secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.NewString("of another installation")})})
	theirs, _ := other.options.Load().random(sid, t0)
	mine, _ := w.begin(t0)
	cut := func(s string, from, to int) []byte { // bytes of a secret
		raw, ok := decode(s)
		if !ok {
			t.Fatal("no secret")
		}
		return raw.buf[from:to]
	}
	join := func(parts ...[]byte) string {
		all := []byte(nil)
		for _, p := range parts {
			all = append(all, p...)
		}
		return encoding.EncodeToString(all)
	}
	old := secrets[0]
	w.store.sidReads = 0
	for what, bad := range map[string]string{
		"another key": string(theirs.Expose()), "seed of its own": join(cut(mine, 0, 32), cut(old, 32, 75)),
		"sid of another": join(cut(mine, 0, 55), cut(old, 55, 75)), "another time": join(cut(old, 0, 32), cut(mine, 32, 38), []byte{1}, cut(old, 39, 75)),
		"no tag": join(cut(old, 0, 39), make([]byte, 16), cut(old, 55, 75)), "no mark": join(cut(old, 0, 32)),
	} {
		w.want(bad, at.Add(time.Minute), refusal.LoginRequired)
		if !w.store.row(sid).RevokedAt.IsZero() {
			t.Fatalf("%s: ended the session", what)
		}
	}
	for range 10_000 {
		guess := make([]byte, 55)
		_, _ = rand.Read(guess)
		w.want(join(guess, cut(old, 55, 75)), at.Add(time.Minute), refusal.LoginRequired)
	}
	if w.store.sidReads != 0 || !w.store.row(sid).RevokedAt.IsZero() {
		t.Errorf("%d statements for guesses, want none; revoked %v", w.store.sidReads, w.store.row(sid).RevokedAt)
	}
	w.want(secrets[3], at.Add(time.Minute), "")
}

// A.7, 18: the store was put back. The browser is ahead of it; nobody has stolen anything.
func TestAStoreThatWentBack(t *testing.T) {
	w, secrets, sid, _ := line(t, 1)
	backup := w.store.row(sid)
	at := backup.RotatedAt.Add(rotate)
	ahead := []string{w.renew(secrets[1], at)}
	ahead = append(ahead, w.renew(ahead[0], at.Add(rotate)))
	w.store.rows[sid] = backup
	w = w.node()
	for _, c := range ahead {
		w.want(c, at.Add(rotate+time.Minute), refusal.LoginRequired)
	}
	if !w.store.row(sid).RevokedAt.IsZero() || w.store.count(audit.SessionRevoked) != 0 {
		t.Error("told as theft")
	}
	w.want(secrets[1], at.Add(rotate+time.Minute-backup.RotatedAt.Sub(t0)), "")
}

func TestCopiesUnderOtherKeys(t *testing.T) {
	for _, c := range []struct {
		what    string
		dropped bool
		want    string
	}{{"the old key still verifies", false, ReasonReuse}, {"the old key was dropped", true, ""}} {
		w, secrets, sid, at := line(t, 1)
		o := *w.options.Load()
		former, next := o.Ring.Current(), secret.Key{Version: 2, Value: secret.NewString("another key")}
		o.Ring = secret.NewRing(secret.PurposeSession, former, next)
		if c.dropped {
			o.Ring = secret.NewRing(secret.PurposeSession, next)
		}
		if err := w.Configure(o); err != nil {
			t.Fatal(err)
		}
		current := w.renew(secrets[1], at.Add(rotate))
		w.want(current, at.Add(rotate), "")
		w.want(secrets[0], at.Add(rotate+time.Minute), refusal.LoginRequired)
		if got := w.store.row(sid).RevokeReason; got != c.want {
			t.Errorf("%s: reason %q, want %q", c.what, got, c.want)
		}
	}
}

// Many requests with one copy, on two nodes, while the browser goes on: one event, and
// nothing passes afterwards.
func TestCopiesInParallel(t *testing.T) {
	w, secrets, sid, at := line(t, 3)
	nodes := []world{w, w.node()}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			n := nodes[i%2]
			if i < 8 {
				n.want(secrets[i%2], at.Add(time.Minute), refusal.LoginRequired)
			} else {
				n.judge(secrets[3], at.Add(time.Minute))
			}
		})
	}
	wg.Wait()
	for _, n := range nodes {
		n.Apply(change.Change{Kind: change.Session, ID: sid})
		n.want(secrets[3], at.Add(time.Minute), refusal.LoginRequired)
	}
	if got := w.store.count(audit.SessionRevoked); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}

// A rotation on another node between the two reads of a judgement does not make an honest
// request a thief's.
func TestARotationBetweenTheReads(t *testing.T) {
	w := newWorld(t, Options{})
	other := w.node()
	old, sid := w.begin(t0)
	at := t0.Add(rotate)
	w.want(old, at, "")
	next := other.renew(old, at)
	w.store.onRead = func(string) { // w has read that old is the former one
		w.store.mu.Lock()
		w.store.onRead = nil
		w.store.mu.Unlock()
		if _, _, err := other.StepUp(bg, next, alice, Meta{From: home}, at.Add(time.Second)); err != nil {
			t.Error(err)
		}
	}
	w.Apply(change.Change{Kind: change.Session, ID: sid})
	w.want(old, at.Add(time.Second), "") // as the row was when it was read
	w.Apply(change.Change{Kind: change.Session, ID: sid})
	w.want(old, at.Add(2*time.Second), refusal.LoginRequired)
	if !w.store.row(sid).RevokedAt.IsZero() {
		t.Error("a request that was under way ended the session")
	}
}

func TestACopyAndADeadStore(t *testing.T) {
	w, secrets, sid, at := line(t, 2)
	w.store.onRead = func(string) { w.store.fail(errDown) } // between the two statements
	w.want(secrets[0], at.Add(time.Minute), refusal.Busy)
	w.store.onRead = nil
	w.store.fail(nil)
	w.want(secrets[0], at.Add(time.Minute), refusal.LoginRequired)
	if w.store.row(sid).RevokeReason != ReasonReuse {
		t.Error("the session lives on")
	}
}

// A clock that goes back does not turn the order of secrets round.
func TestMarksKeepTheirOrder(t *testing.T) {
	w, secrets, sid, at := line(t, 1)
	back := at.Add(-5 * time.Minute)
	v, _, err := w.StepUp(bg, secrets[1], alice, Meta{From: home}, back)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err = w.StepUp(bg, string(v.Expose()), alice, Meta{From: home}, back.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	w.want(string(v.Expose()), back.Add(time.Second), "")
	w.want(secrets[1], at.Add(time.Minute), refusal.LoginRequired)
	if w.store.row(sid).RevokeReason != ReasonReuse {
		t.Error("a secret before the former one passes for a newer one")
	}
}

// A session of a backend rotates by the same machine.
func TestACopyOfAnAppSession(t *testing.T) {
	w, at := newAppWorld(t, Options{}), t0
	first := w.adopt("", held("shop", "one"), at)
	c, _, _ := w.judge(first, at)
	last := first
	for range 2 {
		at = at.Add(rotate)
		last = w.renew(last, at)
		w.want(last, at, "")
	}
	w.want(first, at.Add(time.Minute), refusal.LoginRequired)
	if r := w.store.row(c.SID); r.RevokeReason != ReasonReuse || r.Jar != nil {
		t.Errorf("reason %q, want reuse", r.RevokeReason)
	}
}

// Sessions from before there were marks go on, and have one after their next rotation.
func TestSecretsWithoutMark(t *testing.T) {
	w := newWorld(t, Options{})
	ringless := Options{}
	plain, hash := ringless.random("", t0)
	cookie := string(plain.Expose())
	if len(cookie) != 43 {
		t.Fatalf("%d characters, want 43", len(cookie))
	}
	w.store.rows["ses_0123456789abcdefghij"] = Record{SID: "ses_0123456789abcdefghij", User: alice.ID, SecretHash: hash, RotatedAt: t0,
		CreatedAt: t0, AuthTime: t0, LastSeenAt: t0, ExpiresAt: t0.Add(24 * time.Hour), Networks: []string{"203.0.113.0/24"}}
	at := t0.Add(rotate)
	w.want(cookie, at, "")
	next := w.renew(cookie, at)
	if len(next) != 100 || strings.HasPrefix(next, cookie) {
		t.Errorf("successor of %d characters, want 100", len(next))
	}
	if again := w.renew(cookie, at.Add(time.Second)); again != next {
		t.Error("the redelivered secret is another one")
	}
	w.want(next, at, "")
}
