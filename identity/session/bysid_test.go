package session

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
)

// grant makes a session that no cookie stands for.
func (w world) grant(at time.Time) string {
	w.t.Helper()
	r := Record{SID: "ses_grant", User: alice.ID, SecretHash: [32]byte{1}, CreatedAt: at, AuthTime: at, LastSeenAt: at, RotatedAt: at,
		ExpiresAt: at.Add(720 * time.Hour), Kind: Grant, Client: "mobile", Networks: []string{"203.0.113.0/24"}}
	if err := w.store.CreateSession(bg, r, 0, audit.Event{}); err != nil {
		w.t.Fatal(err)
	}
	return r.SID
}

func (w world) live(sid string, from netip.Addr, at time.Time) (c caller.Caller, err error) {
	w.t.Helper()
	if err = w.Live(bg, sid, from, at, &c); err != nil && c.Subject != "" {
		w.t.Error("a refusal fills in the caller")
	}
	return c, err
}

func codeOf(err error) refusal.Code {
	if err == nil {
		return ""
	}
	return refusal.From(err).Code
}

func TestLiveSaysWhoIsBehindAGrant(t *testing.T) {
	w := newWorld(t, Options{})
	sid := w.grant(t0)
	c, err := w.live(sid, home, t0.Add(time.Minute))
	if err != nil || c.Subject != alice.ID || c.SID != sid || c.ClientID != "mobile" || c.Principal == nil || c.Bindings != nil || !c.AuthTime.Equal(t0) || !c.ExpiresAt.Equal(t0.Add(720*time.Hour)) {
		t.Errorf("%+v, %v", c, err)
	}
}

// A grant does not end by a pause, only by its own end.
func TestLiveOverTime(t *testing.T) {
	w := newWorld(t, Options{})
	sid := w.grant(t0)
	for _, tt := range []struct {
		at   time.Duration
		want refusal.Code
	}{{0, ""}, {300 * time.Hour, ""}, {720*time.Hour - 1, ""}, {720 * time.Hour, refusal.SessionExpired}} {
		if _, err := w.live(sid, home, t0.Add(tt.at)); codeOf(err) != tt.want {
			t.Errorf("after %s: %v", tt.at, err)
		}
	}
}

// What ends a session for a cookie ends it by its sid, in the very next verdict.
func TestLiveFollowsEveryEnd(t *testing.T) {
	for what, end := range map[string]func(w world, sid string){
		"ended here": func(w world, sid string) { _, _ = w.End(bg, sid, ReasonLogout, Meta{}, t0) },
		"revoked elsewhere": func(w world, sid string) {
			_, _ = w.store.RevokeSession(bg, sid, "revoked", t0, audit.Event{})
			w.Apply(change.Change{Kind: change.Session, ID: sid})
		},
		"the feed starts over": func(w world, sid string) {
			_, _ = w.store.RevokeSession(bg, sid, "revoked", t0, audit.Event{})
			w.Flush()
		},
		"disabled": func(w world, sid string) {
			w.people.set(principal.Principal{ID: alice.ID, Kind: principal.User, Disabled: true, Rights: &caller.Rights{}})
		},
	} {
		w := newWorld(t, Options{})
		sid := w.grant(t0)
		if _, err := w.live(sid, home, t0); err != nil {
			t.Fatal(err)
		}
		end(w, sid)
		if _, err := w.live(sid, home, t0); codeOf(err) != refusal.LoginRequired {
			t.Errorf("%s: %v", what, err)
		}
	}
	w := newWorld(t, Options{})
	for _, sid := range []string{"", "ses_nobody", "ses_\x00", "日"} {
		if _, err := w.live(sid, home, t0); codeOf(err) != refusal.LoginRequired {
			t.Errorf("sid %q: %v", sid, err)
		}
	}
}

func TestLiveInAStrangeNetwork(t *testing.T) {
	for _, tt := range []struct {
		policy   Policy
		want     refusal.Code
		authTime int64
	}{{Observe, "", t0.Unix()}, {StepUp, "", 0}, {Strict, refusal.LoginRequired, 0}} {
		w := newWorld(t, Options{Network: tt.policy})
		sid := w.grant(t0)
		if _, err := w.live(sid, homeToo, t0); err != nil {
			t.Errorf("%s: the same /24: %v", tt.policy, err)
		}
		c, err := w.live(sid, away, t0)
		if codeOf(err) != tt.want || errors.Is(err, ErrNetwork) != (tt.policy == Strict) || err == nil && c.AuthTime.Unix() != tt.authTime {
			t.Errorf("%s: %v, authenticated %s", tt.policy, err, c.AuthTime)
		}
	}
}

// A dead store fails closed; what is warm goes on until the feed is stale.
func TestLiveWithADeadStore(t *testing.T) {
	stale := false
	w := newWorld(t, Options{Stale: func() bool { return stale }})
	sid := w.grant(t0)
	_, _ = w.live(sid, home, t0)
	w.store.err = errDown
	if _, err := w.live(sid, home, t0); err != nil {
		t.Errorf("warm: %v", err)
	}
	stale = true
	if _, err := w.live(sid, home, t0); codeOf(err) != refusal.Busy {
		t.Errorf("stale: %v", err)
	}
}

// One read serves all that follow, and none of them allocates.
func TestLiveFromMemory(t *testing.T) {
	w := newWorld(t, Options{})
	sid := w.grant(t0)
	var c caller.Caller
	if err := w.Live(bg, sid, home, t0, &c); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = w.Live(bg, sid, home, t0, &c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	w.memory.hide(sid)
	if w.memory.bySIDShown(sid) != nil {
		t.Error("a hidden session is shown")
	}
	var group sync.WaitGroup
	for i := range 4 { // with -race: readers beside changes
		group.Go(func() {
			for range 100 {
				var c caller.Caller
				if err := w.Live(bg, sid, home, t0, &c); err != nil {
					t.Error(err)
				}
				if i == 0 {
					w.Apply(change.Change{Kind: change.Session, ID: sid})
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkLive(b *testing.B) {
	w := newWorld(b, Options{})
	sid := w.grant(t0)
	var c caller.Caller
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Live(bg, sid, home, t0, &c); err != nil {
			b.Fatal(err)
		}
	}
}
