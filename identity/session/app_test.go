package session

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

func master() *secret.Master {
	m, err := secret.NewMaster(secret.New(bytes.Repeat([]byte{7}, secret.MasterSize)))
	if err != nil {
		panic(err)
	}
	return m
}

func newAppWorld(t *testing.T, o Options) world {
	o.Master = master()
	return newWorld(t, o)
}

func held(upstream, value string) adopt.Held {
	return adopt.Held{Upstream: upstream, Since: t0, Cookies: []adopt.Cookie{{Name: "s", Path: "/", Value: secret.NewString(value)}}}
}

func (w world) adopt(cookie string, h adopt.Held, at time.Time) string {
	w.t.Helper()
	v, err := w.Adopt(bg, cookie, h, Meta{From: home, Device: "Firefox on Linux"}, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(v.Expose())
}

// holds is the Cookie field that a backend would get.
func (w world) holds(sid, upstream string, at time.Time) string {
	w.t.Helper()
	h, err := w.Held(bg, sid, upstream, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return h.Append("", "/", at)
}

func TestAdopt(t *testing.T) {
	w := newAppWorld(t, Options{})
	cookie := w.adopt("", held("shop", "one"), t0)
	c, _, code := w.judge(cookie, t0)
	if code != "" || c.Kind != caller.App || c.Subject != "app:shop" || c.Name != "app:shop" || c.Email != "" || !c.AuthTime.Equal(t0) || !c.ExpiresAt.Equal(t0.Add(24*time.Hour)) || len(c.Bindings) != 1 {
		t.Fatalf("%q %+v", code, c)
	}
	if c.Credential == nil || c.Principal == nil || c.Credential.Whole || c.Principal.Whole || len(c.Credential.Roles)+len(c.Principal.Roles) > 0 {
		t.Errorf("it grants %+v, %+v", c.Credential, c.Principal)
	}
	if got := w.holds(c.SID, "shop", t0); got != "s=one" {
		t.Errorf("the backend gets %q", got)
	}
	if got := w.holds(c.SID, "wiki", t0); got != "" {
		t.Errorf("another backend gets %q", got)
	}
	r := w.store.row(c.SID)
	if r.Kind != App || r.Device != "Firefox on Linux" || len(r.Jar) == 0 || bytes.Contains(r.Jar, []byte("one")) {
		t.Errorf("at rest: %+v", r)
	}
	if w.store.count(audit.LoginOK) != 1 {
		t.Error("no login.ok")
	}
	// Another node opens it; the jar of one session opens on no other.
	if got := w.node().holds(c.SID, "shop", t0); got != "s=one" {
		t.Errorf("another node: %q", got)
	}
	other, _, _ := w.judge(w.adopt("", held("shop", "two"), t0), t0)
	_ = w.store.ReplaceJar(bg, other.SID, w.store.row(other.SID).Jar, r.Jar)
	if h, err := w.node().Held(bg, other.SID, "shop", t0); err == nil {
		t.Errorf("a jar was moved to another session: %v", h)
	}
}

func TestAdoptReplaces(t *testing.T) {
	w := newAppWorld(t, Options{})
	first := w.adopt("", held("shop", "one"), t0)
	a, _, _ := w.judge(first, t0)
	second := w.adopt(first, held("wiki", "two"), t0.Add(time.Minute))
	at := t0.Add(time.Minute)
	w.want(first, at, refusal.LoginRequired) // at once: no window
	b, _, _ := w.judge(second, at)
	if b.SID == a.SID || !b.AuthTime.Equal(at) || b.Subject != "app:wiki" {
		t.Errorf("%+v", b)
	}
	if w.holds(b.SID, "shop", at) != "s=one" || w.holds(b.SID, "wiki", at) != "s=two" {
		t.Error("what it held of the other backend is lost")
	}
	if r := w.store.row(a.SID); r.RevokeReason != ReasonReplaced || r.Jar != nil {
		t.Errorf("the former: %+v", r)
	}
	for _, bad := range []string{"garbage", first} { // never taken over
		c, _, _ := w.judge(w.adopt(bad, held("shop", "x"), at), at)
		if c.SID == a.SID || w.holds(c.SID, "wiki", at) != "" {
			t.Errorf("%s was taken over", bad)
		}
	}
	if w.store.count(audit.SessionRevoked) != 1 {
		t.Errorf("%d session.revoked", w.store.count(audit.SessionRevoked))
	}
}

// Strangers share the subject of a backend: no limit per person ends their sessions.
func TestAppSessionsDoNotEvictEachOther(t *testing.T) {
	w := newAppWorld(t, Options{MaxPerUser: 1})
	a, b := w.adopt("", held("shop", "one"), t0), w.adopt("", held("shop", "two"), t0)
	w.want(a, t0, "")
	w.want(b, t0, "")
}

// A login session of ours stays what it is, and holds the backend's beside.
func TestAdoptOnALogin(t *testing.T) {
	w := newAppWorld(t, Options{})
	cookie, sid := w.begin(t0)
	at := t0.Add(time.Hour - time.Second)
	next := w.adopt(cookie, held("shop", "one"), at)
	if next == cookie {
		t.Error("the secret is the same")
	}
	c, _, _ := w.judge(next, at)
	if c.Kind != caller.Session || c.SID != sid || c.Subject != "usr_alice" || !c.AuthTime.Equal(t0) || w.holds(sid, "shop", at) != "s=one" {
		t.Fatalf("%+v", c)
	}
	w.Lend(&c, held("shop", "one"))
	if c.Kind != caller.App || c.Subject != "usr_alice" || c.Credential.Whole || c.Principal.Whole || len(c.AMR) > 0 || c.ACR != "" {
		t.Errorf("lent: %+v", c)
	}
	ended, err := w.Leave(bg, sid, "shop", Meta{}, at)
	if err != nil || ended || w.holds(sid, "shop", at) != "" {
		t.Errorf("after the logout at the backend: %v %v %q", ended, err, w.holds(sid, "shop", at))
	}
	w.want(next, at, "")
}

// Whoever signs in with us afterwards goes on with what backends know them by.
func TestLoginOnAnAppSession(t *testing.T) {
	w := newAppWorld(t, Options{})
	cookie := w.adopt("", held("shop", "one"), t0)
	former, _, _ := w.judge(cookie, t0)
	next, r := w.stepUp(cookie, alice, t0)
	c, _, code := w.judgeFrom(next, away, t0)
	if code != "" || c.Kind != caller.Session || r.SID == former.SID || w.holds(r.SID, "shop", t0) != "s=one" {
		t.Errorf("%q %+v", code, c)
	}
	w.want(cookie, t0, refusal.LoginRequired)
	// Another person with the same browser does not.
	_, r = w.stepUp(next, bob, t0)
	if w.holds(r.SID, "shop", t0) != "" {
		t.Error("Bob got Alice's session at the backend")
	}
}

func TestFollow(t *testing.T) {
	w := newAppWorld(t, Options{})
	cookie := w.adopt("", held("shop", "one"), t0)
	c, _, _ := w.judge(cookie, t0)
	set := func(value string) []adopt.Cookie { return held("shop", value).Cookies }
	if err := w.Follow(bg, c.SID, "shop", set("two"), t0); err != nil || w.holds(c.SID, "shop", t0) != "s=two" {
		t.Errorf("%v %q", err, w.holds(c.SID, "shop", t0))
	}
	w.want(cookie, t0, "")
	jar := w.store.row(c.SID).Jar
	if err := w.Follow(bg, c.SID, "shop", set("two"), t0); err != nil || !bytes.Equal(jar, w.store.row(c.SID).Jar) {
		t.Errorf("no news was written: %v", err)
	}
	if err := w.Follow(bg, c.SID, "wiki", set("x"), t0); err != nil || w.holds(c.SID, "wiki", t0) != "" {
		t.Errorf("a backend where nobody signed in: %v", err)
	}
	_, _ = w.End(bg, c.SID, ReasonLogout, Meta{}, t0)
	if err := w.Follow(bg, c.SID, "shop", set("three"), t0); err != nil || w.store.row(c.SID).Jar != nil {
		t.Errorf("a dead session got a jar: %v", err)
	}
	w.store.fail(errDown)
	if err := w.Follow(bg, c.SID, "shop", set("four"), t0); refusal.From(err).Code != refusal.Busy {
		t.Errorf("a store that is down: %v", err)
	}
}

// Answers that come together on two nodes lose none of the cookies that they set.
func TestFollowTogether(t *testing.T) {
	w := newAppWorld(t, Options{})
	c, _, _ := w.judge(w.adopt("", held("shop", "one"), t0), t0)
	nodes := []world{w, w.node()}
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			set := []adopt.Cookie{{Name: fmt.Sprintf("c%d", i), Path: "/", Value: secret.NewString("x")}}
			if err := nodes[i%2].Follow(bg, c.SID, "shop", set, t0); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if h, err := w.node().Held(bg, c.SID, "shop", t0); err != nil || len(h.Cookies) != 7 {
		t.Errorf("%d cookies, %v", len(h.Cookies), err)
	}
}

func TestLeave(t *testing.T) {
	w := newAppWorld(t, Options{})
	cookie := w.adopt(w.adopt("", held("shop", "one"), t0), held("wiki", "two"), t0)
	c, _, _ := w.judge(cookie, t0)
	if ended, err := w.Leave(bg, c.SID, "shop", Meta{}, t0); ended || err != nil || w.holds(c.SID, "wiki", t0) != "s=two" {
		t.Errorf("one of two backends: %v %v", ended, err)
	}
	w.want(cookie, t0, "")
	if ended, err := w.Leave(bg, c.SID, "wiki", Meta{}, t0); !ended || err != nil {
		t.Errorf("the last one: %v %v", ended, err)
	}
	w.want(cookie, t0, refusal.LoginRequired)
	if ended, err := w.Leave(bg, c.SID, "wiki", Meta{}, t0); !ended || err != nil {
		t.Errorf("again: %v %v", ended, err)
	}
	if r := w.store.row(c.SID); r.RevokeReason != "app" || r.Jar != nil || w.store.count(audit.Logout) != 1 {
		t.Errorf("%+v, %d logouts", r, w.store.count(audit.Logout))
	}
}

// The limits of a session hold for backends that have none.
func TestAppTimeouts(t *testing.T) {
	w := newAppWorld(t, Options{Network: Strict})
	cookie := w.adopt("", held("shop", "one"), t0)
	c, _, _ := w.judge(cookie, t0)
	if _, _, code := w.judgeFrom(cookie, away, t0); code != refusal.LoginRequired {
		t.Errorf("a strange network under strict: %q", code)
	}
	w.want(cookie, t0.Add(time.Hour), refusal.SessionExpired)
	if got, err := w.Held(bg, c.SID, "shop", t0.Add(time.Hour)); err != nil || len(got.Cookies) > 0 {
		t.Errorf("held after the end: %v %v", got, err)
	}
	var into caller.Caller
	if err := w.Live(bg, c.SID, home, t0, &into); refusal.From(err).Code != refusal.LoginRequired {
		t.Errorf("a token stands on it: %v", err)
	}
}

func TestNoMasterKey(t *testing.T) {
	w := newWorld(t, Options{})
	if _, err := w.Adopt(bg, "", held("shop", "one"), Meta{}, t0); err == nil {
		t.Error("a jar without a key")
	}
}

func TestAWarmHeldAllocatesNothing(t *testing.T) {
	w := newAppWorld(t, Options{Rotate: -1})
	c, _, _ := w.judge(w.adopt("", held("shop", "one"), t0), t0)
	if n := testing.AllocsPerRun(100, func() { _, _ = w.Held(bg, c.SID, "shop", t0) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkHeldWarm(b *testing.B) {
	k, err := New(newFakeStore(), directory(), Options{Rotate: -1, Master: master()})
	if err != nil {
		b.Fatal(err)
	}
	v, err := k.Adopt(bg, "", held("shop", "one"), Meta{From: home}, t0)
	if err != nil {
		b.Fatal(err)
	}
	var c caller.Caller
	_, _ = k.Judge(bg, string(v.Expose()), Client{Addr: home}, t0, &c)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = k.Held(bg, c.SID, "shop", t0)
	}
}
