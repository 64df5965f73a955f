package apikey

import (
	"context"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"pgregory.net/rapid"
)

// The vectors of docs/formats.md, which Python made.
func TestBoundMAC(t *testing.T) {
	h := build(t)
	r := Record{
		ID: vector[9:21], Owner: "usr_1", Env: "live", Roles: []string{"reader"}, Scopes: []string{"notes:read"},
		Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Limit: "10/m", Pepper: 1, Bound: true,
		Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	}
	terms := termsOf(&r)
	if got := hex.EncodeToString(terms[:]); got != "56c7b0c7c74517e98ae05c8ed9f37a4a5a2ca755884649f8fc824781d9cb60ac" {
		t.Errorf("terms %s", got)
	}
	tied := tieOf(&r)
	sum, ok := h.macs.sum(1, vector, &tied)
	if got := hex.EncodeToString(sum[:]); !ok || got != "bf39cf278e352757d4d1e9f166e392f0facf372f7be44e944841a23498bdda05" {
		t.Errorf("MAC %s", got)
	}
	e := &entry{}
	newInterner().fill(e, &r)
	if e.tie() != tied {
		t.Errorf("entry %+v, record %+v", e.tie(), tied)
	}
}

// Terms that differ are never written alike.
func TestTermsAreInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", "a", "b", "ab", "\x00", "a\x00", "\x01", "\x00\x00\x00\x01a"})
		terms := rapid.Custom(func(t *rapid.T) Record {
			return Record{Roles: rapid.SliceOfN(word, 0, 3).Draw(t, "roles"), Scopes: rapid.SliceOfN(word, 0, 3).Draw(t, "scopes"), Limit: word.Draw(t, "limit")}
		})
		a, b := terms.Draw(t, "a"), terms.Draw(t, "b")
		same := strings.Join(a.Roles, "|") == strings.Join(b.Roles, "|") && len(a.Roles) == len(b.Roles) &&
			strings.Join(a.Scopes, "|") == strings.Join(b.Scopes, "|") && len(a.Scopes) == len(b.Scopes) && a.Limit == b.Limit
		if (termsOf(&a) == termsOf(&b)) != same {
			t.Fatalf("%q and %q", termsOf(&a), termsOf(&b))
		}
	})
}

// Keys from before terms were bound still work, as long as their pepper is there.
func TestKeyFromBefore(t *testing.T) {
	h := build(t)
	id, key, err := Generate(Live)
	if err != nil {
		t.Fatal(err)
	}
	text := string(key.Expose())
	sum, _ := h.macs.sum(1, text, &tie{})
	h.store.keys[id.String()] = Record{ID: id.String(), Owner: "usr_1", Env: "live", Roles: []string{"reader"}, Pepper: 1, MAC: sum, CreatedAt: t0}
	if err := h.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code, reason, _ := h.judge(t, text, home, t0); code != "" {
		t.Errorf("%s %s", code, reason)
	}
	found, err := h.s.Report(t.Context(), key, "holder", "", t0)
	if err != nil || !found.Ours || !found.Revoked {
		t.Errorf("a report of it: %+v %v", found, err)
	}
}

// With a newer pepper such a key is bound at its next use, and cannot be widened after that.
func TestKeyFromBeforeIsBound(t *testing.T) {
	h := build(t)
	id, key, err := Generate(Live)
	if err != nil {
		t.Fatal(err)
	}
	text := string(key.Expose())
	sum, _ := h.macs.sum(1, text, &tie{})
	h.store.keys[id.String()] = Record{ID: id.String(), Owner: "usr_1", Env: "live", Roles: []string{"reader"}, Pepper: 1, MAC: sum, CreatedAt: t0}
	two := secret.NewRing(secret.PurposePepper, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))}, secret.Key{Version: 2, Value: secret.NewString(strings.Repeat("p", 32))})
	x, err := NewIndex(h.store, Options{Env: Live, Peppers: two, Owners: h.people, Remacs: h.store})
	if err != nil {
		t.Fatal(err)
	}
	judge := func() error {
		var c caller.Caller
		return errors.Join(x.Load(t.Context()), x.Judge(t.Context(), text, home, t0, &c))
	}
	if err := errors.Join(judge(), x.FlushRemacs(t.Context()), judge()); err != nil {
		t.Fatal(err)
	}
	r := h.store.keys[id.String()]
	if !r.Bound || r.Pepper != 2 {
		t.Fatalf("bound %v, pepper %d", r.Bound, r.Pepper)
	}
	r.Roles = []string{"admin"}
	h.store.keys[r.ID] = r
	if code := refusal.From(judge()).Code; code != refusal.KeyInvalid {
		t.Errorf("with other roles: %q", code)
	}
}

// A canary raises one alarm a minute, says nothing to its user, and never waits.
func TestCanary(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{Canary: true, Roles: []string{"reader"}})
	var heard []audit.Event
	var failed []error
	down := false
	h.o.Alarm = func(_ context.Context, ev audit.Event) error {
		if down {
			return errors.New("the store is away")
		}
		heard = append(heard, ev)
		return nil
	}
	h.o.Failed = func(err error) { failed = append(failed, err) }
	sound := func() {
		for len(h.alarms) > 0 {
			h.sound(t.Context(), <-h.alarms)
		}
	}
	use := func(at time.Time) {
		t.Helper()
		if code, reason, _ := h.judge(t, key, home, at); code != refusal.KeyInvalid || !strings.Contains(reason, "is a canary") {
			t.Errorf("%s %s", code, reason)
		}
		sound()
	}
	use(t0)
	use(t0)
	if len(heard) != 1 || heard[0].Event != audit.KeyCanary || heard[0].KeyID != r.ID || heard[0].Network != "203.0.113.0/24" || heard[0].Subject != "usr_1" {
		t.Fatalf("heard %+v", heard)
	}
	use(t0.Add(time.Minute))
	down = true
	use(t0.Add(2 * time.Minute))
	down = false
	use(t0.Add(2 * time.Minute)) // not written: raised again
	if len(heard) != 3 || len(failed) != 1 {
		t.Errorf("%d alarms, %d failures", len(heard), len(failed))
	}
	if _, err := h.s.Revoke(t.Context(), r.ID, "cli", t0); err != nil {
		t.Fatal(err)
	}
	use(t0.Add(3 * time.Minute)) // revoked, and still a trace of who has it
	if len(heard) != 4 {
		t.Errorf("%d alarms", len(heard))
	}
	for range maxAlarms + 10 { // nobody writes: the requests go on
		h.alarms <- audit.Event{}
		if len(h.alarms) == maxAlarms {
			break
		}
	}
	if code, _, _ := h.judge(t, key, home, t0.Add(4*time.Minute)); code != refusal.KeyInvalid || len(failed) != 2 {
		t.Errorf("with a full queue: %s, %d failures", code, len(failed))
	}
	wrong := reseal(key[:21] + "_" + strings.Repeat("B", 32))
	if code, reason, _ := h.judge(t, wrong, home, t0); code != refusal.KeyInvalid || strings.Contains(reason, "canary") {
		t.Errorf("who does not hold it raises no alarm: %s", reason)
	}
	if err := h.Judge(t.Context(), key, home, t0, &caller.Caller{}); err == nil {
		t.Error("a canary was admitted")
	}
}
