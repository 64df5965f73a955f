package session

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/refusal"
)

const (
	firefox      = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
	firefoxNext  = "Mozilla/5.0 (X11; Linux x86_64; rv:151.0) Gecko/20100101 Firefox/151.0"
	chromeAtWork = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36"
)

// browsing is a world in which Alice has signed in with Firefox on Linux.
func browsing(t *testing.T, o Options) (w world, cookie, sid string) {
	t.Helper()
	w = newWorld(t, o)
	v, r, err := w.Begin(bg, alice, Meta{From: home, Agent: agent.Of(firefox)}, t0)
	if err != nil {
		t.Fatal(err)
	}
	if r.Agent != "gecko/linux" {
		t.Fatalf("family %q", r.Agent)
	}
	return w, string(v.Expose()), r.SID
}

func (w world) ask(cookie string, c Client, at time.Time) (who caller.Caller, renew bool, code refusal.Code) {
	w.t.Helper()
	renew, err := w.Judge(bg, cookie, c, at, &who)
	if err != nil {
		return who, renew, refusal.From(err).Code
	}
	return who, renew, ""
}

// B.5: another kind of browser is let in and does not count as recently authenticated; a new
// version of the same one is the same.
func TestKindsOfBrowser(t *testing.T) {
	epoch := time.Unix(0, 0)
	for _, c := range []struct {
		policy Policy
		agent  string
		auth   time.Time
	}{
		{StepUp, firefox, t0}, {StepUp, firefoxNext, t0}, {StepUp, chromeAtWork, epoch}, {StepUp, NoAgent, epoch}, {StepUp, "", t0}, {StepUp, "curl/8.14.1", epoch},
		{Strict, firefox, t0}, {Strict, chromeAtWork, epoch}, {Observe, chromeAtWork, t0},
	} {
		w, cookie, _ := browsing(t, Options{Network: c.policy})
		for range 2 { // the second time from what is remembered
			who, _, code := w.ask(cookie, Client{home, c.agent}, t0)
			if code != "" || !who.AuthTime.Equal(c.auth) || who.SudoUntil.IsZero() != c.auth.Equal(epoch) {
				t.Errorf("%s, %q: %q, auth time %v, sudo until %v", c.policy, c.agent, code, who.AuthTime, who.SudoUntil)
			}
		}
	}
}

// Two browsers in turn: what is remembered of the one says nothing of the other.
func TestKindsOfBrowserInTurn(t *testing.T) {
	w, cookie, _ := browsing(t, Options{})
	for range 3 {
		if who, _, _ := w.ask(cookie, Client{home, firefox}, t0); !who.AuthTime.Equal(t0) {
			t.Fatal("the person's own browser is strange")
		}
		if who, _, _ := w.ask(cookie, Client{home, chromeAtWork}, t0); who.AuthTime.Equal(t0) {
			t.Fatal("another browser is not")
		}
	}
}

// Signing in again makes the browser the session's.
func TestStepUpTakesTheBrowser(t *testing.T) {
	w, cookie, sid := browsing(t, Options{})
	v, _, err := w.StepUp(bg, cookie, alice, Meta{From: home, Agent: agent.Of(chromeAtWork)}, t0.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if who, _, _ := w.ask(string(v.Expose()), Client{home, chromeAtWork}, t0.Add(time.Minute)); !who.AuthTime.Equal(t0.Add(time.Minute)) {
		t.Error("strange after signing in")
	}
	if r := w.store.row(sid); r.Agent != "blink/windows" || r.RotatedBy != (Place{"203.0.113.0/24", "blink/windows"}) {
		t.Errorf("row %q, %+v", r.Agent, r.RotatedBy)
	}
}

// A.5: the former secret is answered in the networks and browsers that are known, and where
// its successor was given; elsewhere it asks to sign in, and nothing ends.
func TestFormerSecretInOtherHands(t *testing.T) {
	for _, c := range []struct {
		what   string
		policy Policy
		by, c  Client // who asked for the rotation, and who comes with the former secret
		want   refusal.Code
		again  bool // gets the successor
	}{
		{"the same", StepUp, Client{home, firefox}, Client{home, firefox}, "", true},
		{"an update", StepUp, Client{home, firefox}, Client{home, firefoxNext}, "", true},
		{"another network", StepUp, Client{home, firefox}, Client{away, firefox}, refusal.StepUpRequired, false},
		{"another browser", StepUp, Client{home, firefox}, Client{home, chromeAtWork}, refusal.StepUpRequired, false},
		{"a program", StepUp, Client{home, firefox}, Client{away, "curl/8.14.1"}, refusal.StepUpRequired, false},
		{"roaming", StepUp, Client{away, firefox}, Client{away, firefox}, "", true},
		{"roaming, and back home", StepUp, Client{away, firefox}, Client{home, firefox}, "", true},
		{"in desktop mode", StepUp, Client{home, chromeAtWork}, Client{home, chromeAtWork}, "", true},
		{"strict", Strict, Client{home, firefox}, Client{home, chromeAtWork}, refusal.StepUpRequired, false},
		{"observed", Observe, Client{home, firefox}, Client{away, chromeAtWork}, "", false},
		{"nobody knows", StepUp, Client{home, firefox}, Client{home, ""}, "", true},
	} {
		w, cookie, sid := browsing(t, Options{Network: c.policy})
		at := t0.Add(rotate)
		w.ask(cookie, c.by, at)
		next, err := w.Renew(bg, cookie, c.by, at)
		if err != nil || next.Empty() {
			t.Fatal(err)
		}
		for _, n := range []world{w, w.node()} { // the row says who rotated
			_, renew, code := n.ask(cookie, c.c, at.Add(time.Second))
			if code != c.want || renew != c.again {
				t.Errorf("%s: %q, renewed %v", c.what, code, renew)
			}
		}
		v, err := w.node().Renew(bg, cookie, c.c, at.Add(time.Second))
		if c.again && !v.Equal(next) || !c.again && c.policy != Observe && !v.Empty() || err != nil {
			t.Errorf("%s: the successor was given: %v, %v", c.what, !v.Empty(), err)
		}
		if !w.store.row(sid).RevokedAt.IsZero() {
			t.Errorf("%s: ended the session", c.what)
		}
		if got := w.Counts()["step_up"]; (got > 0) != (c.want == refusal.StepUpRequired) {
			t.Errorf("%s: counted %d times", c.what, got)
		}
	}
}

// The same, when the new secret was seen: a race, not a lost answer.
func TestRacingSecretInOtherHands(t *testing.T) {
	w, cookie, sid := browsing(t, Options{})
	at := t0.Add(rotate)
	next := string(must(w.Renew(bg, cookie, Client{home, firefox}, at)).Expose())
	w.ask(next, Client{home, firefox}, at)
	if _, _, code := w.ask(cookie, Client{home, firefox}, at.Add(time.Second)); code != "" {
		t.Errorf("a race: %q", code)
	}
	if _, _, code := w.ask(cookie, Client{home, chromeAtWork}, at.Add(time.Second)); code != refusal.StepUpRequired {
		t.Errorf("in another browser: %q", code)
	}
	if _, _, code := w.ask(cookie, Client{home, chromeAtWork}, at.Add(10*time.Second)); code != refusal.LoginRequired || w.store.row(sid).RevokeReason != ReasonReuse {
		t.Errorf("late, in another browser: %q, %q", code, w.store.row(sid).RevokeReason)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// notes is what Run wrote down.
type notes struct {
	mu  sync.Mutex
	all []audit.Event
	err error
}

func (n *notes) write(_ context.Context, ev audit.Event) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, ev)
	return n.err
}

// A kind of browser is told of once for each session, however often it comes, on whatever row.
func TestAnotherBrowserIsToldOnce(t *testing.T) {
	n := &notes{}
	w, cookie, sid := browsing(t, Options{Signal: n.write})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { w.ask(cookie, Client{home, []string{chromeAtWork, firefox}[i%2]}, t0) })
	}
	wg.Wait()
	w.Apply(change.Change{Kind: change.Session, ID: sid})
	w.ask(cookie, Client{home, chromeAtWork}, t0)
	w.ask(cookie, Client{away, "curl/8.14.1"}, t0)
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(n.all) != 2 || w.Counts()["agent"] != 2 {
		t.Fatalf("told %d times, counted %d", len(n.all), w.Counts()["agent"])
	}
	ev := n.all[0]
	if ev.Event != audit.SessionStrange || ev.SID != sid || ev.Subject != "usr_alice" || ev.Actor != "system" || ev.Network != "203.0.113.0/24" ||
		ev.Detail != "agent=blink/windows began=gecko/linux secret=current" || n.all[1].Detail != "agent=other/other began=gecko/linux secret=current" {
		t.Errorf("%+v", n.all)
	}
}

// A trail that cannot be written stops nobody, and a full queue is tried again.
func TestAnotherBrowserAndABusyRun(t *testing.T) {
	n := &notes{err: errors.New("the trail is away")}
	w, cookie, _ := browsing(t, Options{Signal: n.write})
	for len(w.signals) < cap(w.signals) {
		w.signals <- audit.Event{}
	}
	if _, _, code := w.ask(cookie, Client{home, chromeAtWork}, t0); code != "" || w.Counts()["agent"] != 0 {
		t.Fatalf("%q, counted %d", code, w.Counts()["agent"])
	}
	<-w.signals
	if _, _, code := w.ask(cookie, Client{home, chromeAtWork}, t0); code != "" || w.Counts()["agent"] != 1 {
		t.Errorf("%q, counted %d", code, w.Counts()["agent"])
	}
	w.record(bg, <-w.signals)
}

// Sessions from before kinds were kept are compared with nothing.
func TestSessionsWithoutAKind(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	if who, _, code := w.ask(cookie, Client{home, chromeAtWork}, t0); code != "" || !who.AuthTime.Equal(t0) {
		t.Errorf("%q, %v", code, who.AuthTime)
	}
}

func TestKindsOfBrowserAllocateNothing(t *testing.T) {
	w, cookie, _ := browsing(t, Options{})
	var c caller.Caller
	from := Client{netip.MustParseAddr("203.0.113.9"), firefox}
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Judge(bg, cookie, from, t0, &c) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
