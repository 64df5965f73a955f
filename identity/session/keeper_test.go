package session

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
)

func TestJudgeSaysWho(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	if len(cookie) != 100 {
		t.Errorf("secret has %d characters, want 100", len(cookie))
	}
	c, renew, code := w.judge(cookie, t0.Add(time.Minute))
	if code != "" || renew {
		t.Fatalf("got %q, renew %v", code, renew)
	}
	want := caller.Caller{Kind: caller.Session, Subject: "usr_alice", Email: "alice@example.com", Name: "alice@example.com", SID: sid,
		Credential: &caller.Rights{Whole: true}, Principal: &caller.Rights{Roles: []string{"reader"}, Whole: true}, AMR: []string{"pwd"}, ACR: "aal1",
		AuthTime: t0, SudoUntil: t0.Add(10 * time.Minute), ExpiresAt: t0.Add(24 * time.Hour)}
	if len(c.Bindings) != 1 || len(c.Bindings[0]) != 32 || c.Slot == nil {
		t.Errorf("bindings %d, slot %v", len(c.Bindings), c.Slot)
	}
	again, _, _ := w.judge(cookie, t0.Add(2*time.Minute))
	if again.Slot != c.Slot || again.Credential != c.Credential || again.Principal != c.Principal {
		t.Error("slot or rights are other ones on the second request")
	}
	c.Bindings, c.Slot = nil, nil
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
	if w.store.reads != 1 {
		t.Errorf("%d reads, want 1", w.store.reads)
	}
	if n := w.store.count(audit.LoginOK); n != 1 {
		t.Errorf("%d login.ok events, want 1", n)
	}
}

// ZITADEL CVE-2026-27840: a truncated token was still valid.
func TestJudgeReadsOneForm(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	plain := strings.Repeat("A", 42)
	sibling := "B" // same 256 bits, other padding bits
	for name, bad := range map[string]string{
		"empty": "", "truncated": cookie[:99], "longer": cookie + "A", "padded": cookie + "=", "padding bits": plain + sibling,
		"line end": cookie[:99] + "\n", "line end within": cookie[:20] + "\n" + cookie[20:99], "space": " " + cookie[:99],
		"standard alphabet": strings.Repeat("+", 100), "guess": strings.Repeat("A", 100), "guess without mark": plain + "A",
		"seed without its mark": cookie[:43], "quoted": `"` + cookie + `"`, "NUL": cookie[:99] + "\x00",
	} {
		if _, _, code := w.judge(bad, t0); code != refusal.LoginRequired {
			t.Errorf("%s: got %q, want login_required", name, code)
		}
	}
	if w.store.reads != 3 { // the well-formed ones: two guesses, and a seed
		t.Errorf("%d reads of the store, want 3", w.store.reads)
	}
	if w.Len() != 0 {
		t.Errorf("%d sessions are kept for bad cookies", w.Len())
	}
}

func TestTheStoreHoldsNoSecret(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	raw, _ := decode(cookie)
	r := w.store.row(sid)
	if strings.Contains(string(raw.bytes()), string(r.SecretHash[:])) || strings.Contains(sid, cookie) || r.SecretHash == ([32]byte{}) {
		t.Error("the secret is in the row")
	}
	for _, e := range w.store.events {
		if strings.Contains(e.Detail, cookie) {
			t.Error("the secret is in the audit trail")
		}
	}
}

func TestTimeouts(t *testing.T) {
	const h, s, us = time.Hour, time.Second, time.Microsecond
	for _, c := range []struct {
		name     string
		requests []time.Duration // after the login; all but the last pass
		want     refusal.Code
	}{
		{"one moment before idle", []time.Duration{h - us}, ""},
		{"at idle", []time.Duration{h}, refusal.SessionExpired},
		{"requests keep it alive", []time.Duration{50 * 60 * s, 100 * 60 * s, 150 * 60 * s}, ""},
		{"idle after a request", []time.Duration{50 * 60 * s, 110 * 60 * s}, refusal.SessionExpired},
		{"clock goes back", []time.Duration{30 * 60 * s, -10 * s}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{Rotate: -1})
			cookie, _ := w.begin(t0)
			for i, at := range c.requests {
				want := c.want
				if i < len(c.requests)-1 {
					want = ""
				}
				w.want(cookie, t0.Add(at), want)
			}
		})
	}
}

func TestAbsoluteEnd(t *testing.T) {
	w := newWorld(t, Options{Rotate: -1})
	cookie, _ := w.begin(t0)
	for at := 30 * time.Minute; at < 24*time.Hour; at += 30 * time.Minute {
		w.want(cookie, t0.Add(at), "")
	}
	w.want(cookie, t0.Add(24*time.Hour-time.Microsecond), "")
	w.want(cookie, t0.Add(24*time.Hour), refusal.SessionExpired)
}

func TestAnotherNodeKeepsASessionAlive(t *testing.T) {
	w := newWorld(t, Options{Rotate: -1})
	cookie, sid := w.begin(t0)
	w.want(cookie, t0, "")
	if err := w.store.TouchSession(bg, sid, w.store.row(sid).SecretHash, t0.Add(50*time.Minute), []string{"203.0.113.0/24"}, true); err != nil {
		t.Fatal(err)
	}
	w.want(cookie, t0.Add(70*time.Minute), "") // idle by memory, not by the row
}

func TestDisabledInTheMiddle(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	w.want(cookie, t0, "")
	w.people.set(principal.Principal{ID: "usr_alice", Disabled: true, Rights: &caller.Rights{}})
	w.want(cookie, t0, refusal.LoginRequired)
	w.people.err = errDown
	w.want(cookie, t0, refusal.Busy)
	w.people.err = nil
	delete(w.people.m, "usr_alice")
	w.want(cookie, t0, refusal.LoginRequired)
}

func TestRolesChangeInTheMiddle(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	w.want(cookie, t0, "")
	w.people.set(principal.Principal{ID: "usr_alice", Rights: &caller.Rights{Roles: []string{"writer"}, Whole: true}})
	c, _, _ := w.judge(cookie, t0)
	if !cmp.Equal(c.Principal.Roles, []string{"writer"}) {
		t.Errorf("roles %v", c.Principal.Roles)
	}
}

func TestEndIsInForceAtOnce(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	w.want(cookie, t0, "")
	if alive, err := w.End(bg, sid, ReasonLogout, Meta{}, t0); !alive || err != nil {
		t.Fatal(alive, err)
	}
	w.want(cookie, t0, refusal.LoginRequired)
	if alive, err := w.End(bg, sid, ReasonLogout, Meta{}, t0); alive || err != nil {
		t.Error("ended twice", alive, err)
	}
	if w.store.count(audit.Logout) != 1 {
		t.Error("want one logout event")
	}
}

// fosite CVE-2020-15223: a failed revocation was reported as done.
func TestEndThatFailsSaysSo(t *testing.T) {
	w := newWorld(t, Options{})
	_, sid := w.begin(t0)
	w.store.fail(errDown)
	_, err := w.End(bg, sid, ReasonLogout, Meta{}, t0)
	if refusal.From(err).Code != refusal.Busy {
		t.Errorf("got %v, want busy", err)
	}
}

func TestApplyAndOtherNodes(t *testing.T) {
	w := newWorld(t, Options{})
	other := w.node()
	cookie, sid := w.begin(t0)
	other.want(cookie, t0, "")
	if _, err := w.End(bg, sid, "admin", Meta{Actor: "cli"}, t0); err != nil {
		t.Fatal(err)
	}
	other.want(cookie, t0, "") // it cannot know yet
	other.Apply(change.Change{Kind: change.Key, ID: sid})
	other.want(cookie, t0, "")
	other.Apply(change.Change{Kind: change.Session, ID: sid})
	other.Apply(change.Change{Kind: change.Session, ID: sid})
	other.want(cookie, t0, refusal.LoginRequired)
	if other.Len() != 0 {
		t.Errorf("%d sessions in memory, want 0", other.Len())
	}
}

func TestApplyOfAPersonReloadsTheSessions(t *testing.T) {
	w := newWorld(t, Options{})
	other := w.node()
	cookie, _ := w.begin(t0)
	other.want(cookie, t0, "")
	if _, err := w.EndUser(bg, "usr_alice", "", "password", Meta{}, t0); err != nil {
		t.Fatal(err)
	}
	w.want(cookie, t0, refusal.LoginRequired)
	other.Apply(change.Change{Kind: change.Principal, ID: "usr_alice"})
	other.want(cookie, t0, refusal.LoginRequired)
}

// A row that was read before a revocation must not be kept after it.
func TestALoadDoesNotUndoAnApply(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, sid := w.begin(t0)
	w.store.onRead = func(string) {
		w.store.mu.Lock()
		w.store.onRead = nil
		w.store.mu.Unlock()
		_, _ = w.store.RevokeSession(bg, sid, "admin", t0, audit.Event{})
		w.Apply(change.Change{Kind: change.Session, ID: sid})
	}
	w.want(cookie, t0, "") // began before the revocation
	w.want(cookie, t0, refusal.LoginRequired)
}

func TestStaleFeedBypassesMemory(t *testing.T) {
	stale := false
	w := newWorld(t, Options{Stale: func() bool { return stale }})
	cookie, sid := w.begin(t0)
	c, _, _ := w.judge(cookie, t0)
	stale = true
	again, _, _ := w.judge(cookie, t0)
	if again.Slot != c.Slot {
		t.Error("slot is lost while the feed is stale")
	}
	_, _ = w.store.RevokeSession(bg, sid, "admin", t0, audit.Event{})
	w.want(cookie, t0, refusal.LoginRequired)
	w.store.fail(errDown)
	w.want(cookie, t0, refusal.Busy)
}

func TestADeadStoreFailsClosed(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	w.store.fail(errDown)
	w.want(cookie, t0, refusal.Busy)
	w.store.fail(nil)
	w.want(cookie, t0, "")
	w.store.fail(errDown)
	w.want(cookie, t0, "") // from memory, which the feed keeps true
	w.Flush()
	w.want(cookie, t0, refusal.Busy)
}

func TestNetworkPolicies(t *testing.T) {
	epoch := time.Unix(0, 0)
	for _, c := range []struct {
		policy Policy
		from   netip.Addr
		want   refusal.Code
		auth   time.Time
	}{
		{Observe, homeToo, "", t0}, {Observe, away, "", t0}, {Observe, netip.Addr{}, "", t0},
		{StepUp, homeToo, "", t0}, {StepUp, away, "", epoch}, {StepUp, netip.Addr{}, "", epoch},
		{Strict, homeToo, "", t0}, {Strict, away, refusal.LoginRequired, time.Time{}}, {Strict, netip.Addr{}, refusal.LoginRequired, time.Time{}},
	} {
		w := newWorld(t, Options{Network: c.policy})
		cookie, _ := w.begin(t0)
		got, _, code := w.judgeFrom(cookie, c.from, t0)
		if code != c.want || !got.AuthTime.Equal(c.auth) {
			t.Errorf("%s from %v: got %q, auth time %v; want %q, %v", c.policy, c.from, code, got.AuthTime, c.want, c.auth)
		}
		if _, _, again := w.judgeFrom(cookie, c.from, t0); again != c.want {
			t.Errorf("%s from %v, again: got %q, want %q", c.policy, c.from, again, c.want)
		}
	}
}

// A fresh authentication opens what needs one for its person, network and secret only.
func TestSudo(t *testing.T) {
	w := newWorld(t, Options{Sudo: 5 * time.Minute})
	old, sid := w.begin(t0)
	for _, c := range []struct {
		from netip.Addr
		want time.Time
	}{{home, t0.Add(5 * time.Minute)}, {homeToo, t0.Add(5 * time.Minute)}, {away, time.Time{}}} {
		if got, _, _ := w.judgeFrom(old, c.from, t0); !got.SudoUntil.Equal(c.want) {
			t.Errorf("from %v: until %v, want %v", c.from, got.SudoUntil, c.want)
		}
	}
	at := t0.Add(time.Minute)
	next, _ := w.stepUp(old, alice, at)
	if got, _, _ := w.judgeFrom(next, away, at); !got.SudoUntil.Equal(at.Add(5*time.Minute)) || !w.store.row(sid).SudoUntil.Equal(at.Add(5*time.Minute)) {
		t.Errorf("after a step-up until %v", got.SudoUntil)
	}
	if got, _, code := w.judge(old, at); code != "" || !got.SudoUntil.IsZero() {
		t.Errorf("the former secret: %q, until %v", code, got.SudoUntil)
	}
}

// Translated addresses move between networks that say nothing; they are one network, and
// none of the outside.
func TestInsideNetworksAreOne(t *testing.T) {
	for _, c := range []struct {
		begun, seen string
		known       bool
	}{
		{"10.0.0.1", "10.9.0.1", true}, {"192.168.1.1", "172.16.0.1", true}, {"100.64.0.1", "100.127.255.1", true}, {"10.0.0.1", "fd00::1", true},
		{"10.0.0.1", "203.0.113.1", false}, {"203.0.113.1", "10.0.0.1", false}, {"127.0.0.1", "10.0.0.1", false}, {"100.63.0.1", "100.64.0.1", false}, {"100.128.0.1", "100.64.0.1", false}, {"fe80::1", "fd00::1", false},
	} {
		w := newWorld(t, Options{Network: Strict})
		v, _, err := w.Begin(bg, alice, Meta{From: netip.MustParseAddr(c.begun)}, t0)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, code := w.judgeFrom(string(v.Expose()), netip.MustParseAddr(c.seen), t0); (code == "") != c.known {
			t.Errorf("%s, then %s: %q", c.begun, c.seen, code)
		}
	}
}

func TestMaxPerUserIsInForceAtOnce(t *testing.T) {
	w := newWorld(t, Options{MaxPerUser: 2})
	first, _ := w.begin(t0)
	w.want(first, t0, "")
	second, _ := w.begin(t0.Add(time.Second))
	third, _ := w.begin(t0.Add(2 * time.Second))
	at := t0.Add(3 * time.Second)
	w.want(first, at, refusal.LoginRequired)
	w.want(second, at, "")
	w.want(third, at, "")
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t, Options{Max: 10})
	for range 50 {
		cookie, _ := w.begin(t0)
		w.want(cookie, t0, "")
	}
	if w.Len() > 10 {
		t.Errorf("%d sessions in memory, want at most 10", w.Len())
	}
	hashes := 0
	for i := range w.memory.shards {
		hashes += len(w.memory.shards[i].byHash)
	}
	if hashes != w.Len() || len(w.memory.byUser["usr_alice"]) != w.Len() {
		t.Errorf("%d hashes, %d of the user, %d sessions", hashes, len(w.memory.byUser["usr_alice"]), w.Len())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, o := range map[string]Options{
		"race": {Race: time.Minute, Redeliver: time.Second}, "policy": {Network: "whatever"}, "negative": {Idle: -1},
	} {
		if _, err := New(newFakeStore(), &people{}, o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestConfigureTakesEffect(t *testing.T) {
	w := newWorld(t, Options{})
	cookie, _ := w.begin(t0)
	w.want(cookie, t0.Add(10*time.Minute), "")
	if err := w.Configure(Options{Idle: time.Minute}); err != nil {
		t.Fatal(err)
	}
	w.want(cookie, t0.Add(12*time.Minute), refusal.SessionExpired)
}
