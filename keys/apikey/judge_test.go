package apikey

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/refusal"
)

var home = netip.MustParseAddr("203.0.113.9")

// judge returns the code of the verdict, "" for admitted, and the operator's reason.
func (h *house) judge(t testing.TB, key string, from netip.Addr, now time.Time) (refusal.Code, string, caller.Caller) {
	t.Helper()
	var c caller.Caller
	err := h.Judge(t.Context(), key, from, now, &c)
	if err == nil {
		return "", "", c
	}
	no := refusal.From(err)
	if len(key) > 30 && strings.Contains(err.Error()+no.Detail, key[22:40]) {
		t.Errorf("the refusal gives the key away: %v", err)
	}
	if c.Kind != caller.Anonymous || c.Slot != nil {
		t.Errorf("a refused key left a caller: %+v", c)
	}
	return no.Code, no.Reason, c
}

func TestJudge(t *testing.T) {
	h := build(t)
	_, good := h.issue(t, Spec{})
	_, narrow := h.issue(t, Spec{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("fe80::/10")}})
	_, other := h.issue(t, Spec{Env: Test})
	_, off := h.issue(t, Spec{Owner: "usr_off"})
	_, orphan := h.issue(t, Spec{Owner: "usr_gone"})
	revoked, dead := h.issue(t, Spec{})
	if ok, err := h.s.Revoke(t.Context(), revoked.ID, "cli", t0); !ok || err != nil {
		t.Fatal(ok, err)
	}
	_, short := h.issue(t, Spec{Lifetime: time.Hour})
	_, foreign, _ := Generate(Live)
	wrongSecret := reseal(good[:21] + "_" + strings.Repeat("B", 32))

	for _, tt := range []struct {
		name, key, from string
		after           time.Duration
		code            refusal.Code
		reason          string
	}{
		{"good", good, "203.0.113.9", 0, "", ""},
		{"narrow, inside", narrow, "203.0.113.77", 0, "", ""},
		{"narrow, inside, mapped", narrow, "::ffff:203.0.113.77", 0, "", ""},
		{"narrow, inside, zone", narrow, "fe80::1%eth0", 0, "", ""},
		{"narrow, outside", narrow, "203.0.114.1", 0, refusal.NetworkDenied, "may not be used from 203.0.114.1"},
		{"just alive", short, "203.0.113.9", time.Hour - time.Microsecond, "", ""},
		{"expired", short, "203.0.113.9", time.Hour, refusal.KeyInvalid, "expired at 2026-11-25T13:00:30Z"},
		{"revoked", dead, "203.0.113.9", 0, refusal.KeyInvalid, "is revoked"},
		{"unknown", string(foreign.Expose()), "203.0.113.9", 0, refusal.KeyInvalid, "is unknown"},
		{"wrong secret", wrongSecret, "203.0.113.9", 0, refusal.KeyInvalid, "secret part is wrong"},
		{"wrong environment", other, "203.0.113.9", 0, refusal.KeyInvalid, "is a test key and this is a live server"},
		{"owner disabled", off, "203.0.113.9", 0, refusal.KeyInvalid, "usr_off, who is disabled"},
		{"owner gone", orphan, "203.0.113.9", 0, refusal.KeyInvalid, "usr_gone, who does not exist"},
		{"cut", good[:59], "203.0.113.9", 0, refusal.KeyInvalid, "60 characters"},
		{"mistyped", good[:59] + "_", "203.0.113.9", 0, refusal.KeyInvalid, "form"},
		{"relabelled", strings.Replace(good, "live", "test", 1), "203.0.113.9", 0, refusal.KeyInvalid, "checksum"},
		{"empty", "", "203.0.113.9", 0, refusal.KeyInvalid, "60 characters"},
	} {
		code, reason, _ := h.judge(t, tt.key, netip.MustParseAddr(tt.from), t0.Add(tt.after))
		if code != tt.code || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %q, %q, want %q, %q", tt.name, code, reason, tt.code, tt.reason)
		}
	}
}

// reseal gives the first 54 characters of a key the checksum that belongs to them.
func reseal(s string) string {
	sum := checksum(crc(s))
	return s + string(sum[:])
}

// To the client every invalid key is the same.
func TestInvalidKeysLookAlike(t *testing.T) {
	h := build(t)
	revoked, dead := h.issue(t, Spec{})
	_, _ = h.s.Revoke(t.Context(), revoked.ID, "cli", t0)
	_, unknown, _ := Generate(Live)
	var seen []refusal.Refusal
	for _, key := range []string{dead, string(unknown.Expose()), "garbage", vectorTst} {
		err := h.Judge(t.Context(), key, home, t0, &caller.Caller{})
		no := *refusal.From(err)
		no.Reason = ""
		seen = append(seen, no)
	}
	for _, no := range seen {
		if no.Code != refusal.KeyInvalid || no.Challenge != `Bearer error="invalid_token"` || no.Detail != "" || no.RetryAfter != 0 {
			t.Errorf("told apart: %+v", no)
		}
	}
}

func TestCaller(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{Owner: "svc_1", Roles: []string{"writer"}, Scopes: []string{"b:x", "a:x"}, Limit: "10/m", Lifetime: time.Hour, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	_, _, c := h.judge(t, key, home, t0)
	if c.Kind != caller.Key || c.Subject != "svc_1" || c.Name != "service:sync" || c.Email != "" || c.KeyID != r.ID || c.SID != "" || len(c.Bindings) != 0 || !c.AuthTime.IsZero() {
		t.Errorf("caller %+v", c)
	}
	if !slices.Equal(c.Credential.Roles, []string{"writer"}) || !slices.Equal(c.Credential.Scopes, []string{"a:x", "b:x"}) || c.Credential.Whole || c.Principal != reader {
		t.Errorf("rights %+v, %+v", c.Credential, c.Principal)
	}
	if !c.ExpiresAt.Equal(t0.Add(time.Hour)) || len(c.Networks) != 1 || c.Slot == nil {
		t.Errorf("caller %+v", c)
	}
	if o, ok := c.Limit.(*limit.Own); !ok || o.String() != "10/m" || len(o.Units) != 1 || o.Units[0].Name() != "key" || o.Units[0].Rate() != (limit.Rate{Count: 10, Per: time.Minute}) {
		t.Errorf("limit %v", c.Limit)
	}
	_, _, again := h.judge(t, key, home, t0)
	if again.Slot != c.Slot || again.Credential != c.Credential {
		t.Error("the slot or the rights are made anew with each request")
	}
	_, twin := h.issue(t, Spec{Owner: "usr_1", Roles: []string{"writer"}, Scopes: []string{"a:x", "b:x"}})
	if _, _, c2 := h.judge(t, twin, home, t0); c2.Credential != c.Credential || c2.Slot == c.Slot || c2.Limit != nil {
		t.Error("keys with the same rights do not share them, or share a slot")
	}
}

// A revocation counts from the moment that Apply is called, even while the store is
// dead: then the key is refused as busy, never passed.
func TestDeadStoreFailsClosed(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{})
	_, bystander := h.issue(t, Spec{})
	h.store.fail(errors.New("disk on fire"))
	h.Apply(t.Context(), change.Change{Kind: change.Key, ID: r.ID})
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.Busy {
		t.Errorf("a changed key that cannot be read: %q, want busy", code)
	}
	if code, _, _ := h.judge(t, bystander, home, t0); code != "" {
		t.Errorf("an unchanged key: %q", code)
	}
	h.store.fail(nil)
	h.store.mu.Lock()
	r.RevokedAt = t0
	h.store.keys[r.ID] = r
	h.store.mu.Unlock()
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.KeyInvalid {
		t.Errorf("after the store is back: %q, want key_invalid", code)
	}
	h.settle(t.Context())
	reads := h.store.reads
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.KeyInvalid || h.store.reads != reads {
		t.Errorf("after settling: %q, %d reads", code, h.store.reads-reads)
	}
}

func TestStaleFeedReadsTheStore(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{})
	_, _, before := h.judge(t, key, home, t0)
	h.stale = true
	if _, _, c := h.judge(t, key, home, t0); c.Slot != before.Slot || c.Credential != before.Credential {
		t.Error("an unchanged key loses its slot while the feed is behind")
	}
	h.store.mu.Lock()
	r.RevokedAt = t0
	h.store.keys[r.ID] = r // by another node
	h.store.mu.Unlock()
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.KeyInvalid {
		t.Errorf("revoked elsewhere: %q", code)
	}
	h.store.fail(errors.New("gone"))
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.Busy {
		t.Errorf("store dead: %q, want busy", code)
	}
}

func TestFlush(t *testing.T) {
	h := build(t)
	_, key := h.issue(t, Spec{})
	h.Flush()
	h.store.fail(errors.New("gone"))
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.Busy {
		t.Errorf("%q, want busy", code)
	}
	if err := h.Load(t.Context()); err == nil {
		t.Error("Load succeeds without a store")
	}
	if code, _, _ := h.judge(t, key, home, t0); code != refusal.Busy {
		t.Errorf("after a failed Load: %q, want busy", code)
	}
	h.store.fail(nil)
	h.settle(t.Context())
	h.store.fail(errors.New("gone"))
	if code, _, _ := h.judge(t, key, home, t0); code != "" {
		t.Errorf("from memory: %q", code)
	}
}

func TestDoubtOutlivesAnOlderRead(t *testing.T) {
	var d doubt
	id := ID([]byte("000000000001"))
	first := d.add(id)
	second := d.add(id)
	if d.remove(id, first); !d.of(id) {
		t.Error("an older read ended a newer doubt")
	}
	if d.remove(id, second); d.of(id) {
		t.Error("doubt without end")
	}
	seen := d.begin()
	d.add(id)
	d.everything()
	if d.end(seen); !d.of(id) || !d.all.Load() {
		t.Error("a Load ended doubts that are newer than it")
	}
	d.end(d.begin())
	for i := range maxDoubts + 1 {
		d.add(ID([]byte{byte(i), byte(i >> 8), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
	}
	if len(d.ids) > maxDoubts || !d.all.Load() {
		t.Error("too many doubts are not a doubt about all")
	}
}

func TestUses(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{})
	for i := range 100 {
		h.judge(t, key, netip.MustParseAddr("2001:db8:1:2::3"), t0.Add(time.Duration(i)*time.Second/10))
	}
	if err := h.FlushUses(t.Context()); err != nil || len(h.store.uses) != 1 {
		t.Fatalf("%v, %d uses written, want 1", err, len(h.store.uses))
	}
	want := Use{ID: r.ID, At: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Network: "2001:db8:1::/48"}
	if got := h.store.uses[0]; got != want {
		t.Errorf("use %+v, want %+v", got, want)
	}
	h.judge(t, key, home, t0.Add(time.Minute))
	h.store.fail(errors.New("gone"))
	if err := h.FlushUses(t.Context()); err == nil {
		t.Error("no error")
	}
	h.store.fail(nil)
	if err := h.FlushUses(t.Context()); err != nil || len(h.store.uses) != 2 || h.store.uses[1].Network != "203.0.113.0/24" {
		t.Errorf("%v, %+v: what could not be written was lost", err, h.store.uses)
	}
	if err := h.FlushUses(t.Context()); err != nil || len(h.store.uses) != 2 {
		t.Error("a use is written twice")
	}
}
