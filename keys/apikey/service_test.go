package apikey

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

func TestCreateChecks(t *testing.T) {
	prefix := netip.MustParsePrefix
	for _, tt := range []struct {
		name  string
		spec  Spec
		bound time.Duration
		err   string // "" for none
	}{
		{"plain", Spec{Owner: "u", Env: Live}, 0, ""},
		{"forever", Spec{Owner: "u", Env: Live, Forever: true}, 0, ""},
		{"no owner", Spec{Env: Live}, 0, "no owner"},
		{"environment", Spec{Owner: "u", Env: "prod"}, 0, `"prod" is unknown`},
		{"role", Spec{Owner: "u", Env: Live, Roles: []string{"a b"}}, 0, `role "a b"`},
		{"scope", Spec{Owner: "u", Env: Live, Scopes: []string{""}}, 0, `scope ""`},
		{"many", Spec{Owner: "u", Env: Live, Scopes: many(257)}, 0, "257 scopes"},
		{"host bits", Spec{Owner: "u", Env: Live, Networks: []netip.Prefix{prefix("203.0.113.9/24")}}, 0, "did you mean 203.0.113.0/24?"},
		{"no network", Spec{Owner: "u", Env: Live, Networks: []netip.Prefix{{}}}, 0, "a network is empty"},
		{"limit", Spec{Owner: "u", Env: Live, Limit: "10"}, 0, `rate "10" has no period`},
		{"negative", Spec{Owner: "u", Env: Live, Lifetime: -1}, 0, "negative"},
		{"too long", Spec{Owner: "u", Env: Live, Lifetime: 2 * time.Hour}, time.Hour, "too long"},
		{"forever, bound", Spec{Owner: "u", Env: Live, Forever: true}, time.Hour, "not allowed here"},
		{"both", Spec{Owner: "u", Env: Live, Forever: true, Lifetime: 1}, 0, "choose one"},
		{"all at once", Spec{Limit: "x"}, 0, "no owner"},
	} {
		h := build(t)
		h.s.MaxLifetime = tt.bound
		_, _, err := h.s.Create(t.Context(), tt.spec, "cli", t0)
		if tt.err == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		}
		if err != nil && len(h.store.keys) > 0 {
			t.Errorf("%s: stored all the same", tt.name)
		}
	}
}

func many(n int) []string {
	var out []string
	for i := range n {
		out = append(out, "s"+strings.Repeat("x", i%100)+string(rune('a'+i/100)))
	}
	return out
}

func TestLifetimes(t *testing.T) {
	for _, tt := range []struct {
		spec  Spec
		bound time.Duration
		want  time.Duration // 0: never
	}{
		{Spec{}, 0, 90 * 24 * time.Hour},
		{Spec{}, time.Hour, time.Hour},
		{Spec{Lifetime: time.Minute}, time.Hour, time.Minute},
		{Spec{Lifetime: 1000 * 24 * time.Hour}, 0, 1000 * 24 * time.Hour},
		{Spec{Forever: true}, 0, 0},
	} {
		h := build(t)
		h.s.MaxLifetime = tt.bound
		r, _ := h.issue(t, tt.spec)
		if tt.want == 0 != r.ExpiresAt.IsZero() || tt.want != 0 && !r.ExpiresAt.Equal(t0.Add(tt.want)) {
			t.Errorf("%+v: expires %v, want after %v", tt.spec, r.ExpiresAt, tt.want)
		}
	}
}

func TestCreateEvent(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{Roles: []string{"b", "a", "b"}, Limit: "10/m"})
	ev := h.store.events[0]
	if ev.Event != audit.KeyCreated || ev.Subject != "usr_1" || ev.Actor != "cli" || ev.KeyID != r.ID || !ev.At.Equal(t0) {
		t.Errorf("event %+v", ev)
	}
	if want := "env=live roles=a,b scopes= limit=10/m expires=2027-02-23T12:00:30Z"; ev.Detail != want {
		t.Errorf("detail %q, want %q", ev.Detail, want)
	}
	if strings.Contains(ev.Detail, key[22:]) {
		t.Error("the trail has the key")
	}
}

func TestRotate(t *testing.T) {
	h := build(t)
	old, oldKey := h.issue(t, Spec{Roles: []string{"reader"}, Lifetime: 30 * 24 * time.Hour, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Limit: "10/m"})
	later := t0.Add(24 * time.Hour)
	r, key, err := h.s.Rotate(t.Context(), old.ID, time.Hour, "usr_1", later)
	if err != nil {
		t.Fatal(err)
	}
	newKey := string(key.Expose())
	if r.Replaces != old.ID || r.ID == old.ID || r.Limit != "10/m" || len(r.Networks) != 1 || !r.ExpiresAt.Equal(later.Add(30*24*time.Hour)) || r.MAC == old.MAC {
		t.Errorf("new record %+v", r)
	}
	for _, tt := range []struct {
		key   string
		after time.Duration
		code  refusal.Code
	}{{oldKey, 0, ""}, {newKey, 0, ""}, {oldKey, time.Hour - 1000, ""}, {oldKey, time.Hour, refusal.KeyInvalid}, {newKey, time.Hour, ""}} {
		if code, _, _ := h.judge(t, tt.key, home, later.Add(tt.after)); code != tt.code {
			t.Errorf("after %v: %q, want %q", tt.after, code, tt.code)
		}
	}
	if ev := h.store.events[1]; ev.Event != audit.KeyRotated || !strings.Contains(ev.Detail, "replaces="+old.ID) {
		t.Errorf("event %+v", ev)
	}
	_, now, err := h.s.Rotate(t.Context(), r.ID, 0, "usr_1", later)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := h.judge(t, newKey, home, later); code != refusal.KeyInvalid {
		t.Errorf("rotated without overlap: the old key gets %q", code)
	}
	if code, _, _ := h.judge(t, string(now.Expose()), home, later); code != "" {
		t.Errorf("rotated without overlap: the new key gets %q", code)
	}
}

func TestRotateRefuses(t *testing.T) {
	h := build(t)
	r, _ := h.issue(t, Spec{Lifetime: time.Hour})
	gone, _ := h.issue(t, Spec{})
	_, _ = h.s.Revoke(t.Context(), gone.ID, "cli", t0)
	for _, tt := range []struct {
		id      string
		overlap time.Duration
		now     time.Time
		err     string
	}{
		{r.ID, 7*24*time.Hour + 1, t0, "out of range"},
		{r.ID, -1, t0, "out of range"},
		{r.ID, 0, t0.Add(time.Hour), "it expired at"},
		{gone.ID, 0, t0, "it is revoked"},
		{"zzzzzzzzzzzz", 0, t0, "not found"},
		{"x", 0, t0, "no key id"},
	} {
		if _, _, err := h.s.Rotate(t.Context(), tt.id, tt.overlap, "cli", tt.now); err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	if _, _, err := h.s.Rotate(t.Context(), "zzzzzzzzzzzz", 0, "cli", t0); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

func TestReport(t *testing.T) {
	h := build(t)
	r, key := h.issue(t, Spec{Env: Test})
	_, unknown, _ := Generate(Live)
	for _, k := range []string{"", "garbage", string(unknown.Expose()), reseal("smk_test_" + r.ID + "_" + strings.Repeat("B", 32))} {
		if got, err := h.s.Report(t.Context(), secret.NewString(k), "holder", "", t0); got != (Reported{}) || err != nil {
			t.Errorf("%q: %v, %v", k, got, err)
		}
	}
	if !h.store.keys[r.ID].RevokedAt.IsZero() {
		t.Fatal("revoked by someone who does not have the key")
	}
	for _, want := range []bool{true, false} {
		got, err := h.s.Report(t.Context(), secret.NewString(key), "holder", "found", t0)
		if got != (Reported{Ours: true, Revoked: want, ID: r.ID}) || err != nil {
			t.Errorf("%v, %v, want revoked %v", got, err, want)
		}
	}
	for i, name := range []audit.Name{audit.KeyReported, audit.KeyRevoked} { // once each: the second report ended nothing
		if ev := h.store.events[len(h.store.events)-2+i]; ev.Event != name || ev.Actor != "holder" || ev.KeyID != r.ID || ev.Detail != "found" {
			t.Errorf("event %+v, want %s", ev, name)
		}
	}
	h.store.fail(errors.New("gone"))
	if _, err := h.s.Report(t.Context(), secret.NewString(key), "holder", "", t0); err == nil {
		t.Error("a dead store is no answer")
	}
}

func TestNoPepper(t *testing.T) {
	h := build(t)
	h.s.Peppers = secret.NewRing(secret.PurposePepper)
	if _, _, err := h.s.Create(t.Context(), Spec{Owner: "u", Env: Live}, "cli", t0); err == nil || len(h.store.keys) > 0 {
		t.Errorf("a key without a pepper: %v", err)
	}
}

// Peppers are rotated under running keys; a retired one ends its keys.
func TestPepperRotation(t *testing.T) {
	h := build(t)
	_, key := h.issue(t, Spec{})
	one, two := secret.Key{Version: 1, Value: secret.New(make([]byte, 32))}, secret.Key{Version: 2, Value: secret.New([]byte(strings.Repeat("x", 32)))}
	both := secret.NewRing(secret.PurposePepper, one, two)
	h.s.Peppers, h.macs.peppers = both, both
	r2, key2 := h.issue(t, Spec{})
	for _, k := range []string{key, key2} {
		if code, reason, _ := h.judge(t, k, home, t0); code != "" || r2.Pepper != 2 {
			t.Errorf("%q %q", code, reason)
		}
	}
	h.macs.peppers = secret.NewRing(secret.PurposePepper, two)
	if code, reason, _ := h.judge(t, key, home, t0); code != refusal.KeyInvalid || !strings.Contains(reason, "pepper 1") {
		t.Errorf("%q %q", code, reason)
	}
}

// Hammered while it is rotated and revoked, an index never passes a key after its
// revocation has returned.
func TestConcurrentRevocation(t *testing.T) {
	h := build(t)
	for range 20 {
		r, key := h.issue(t, Spec{})
		var revoked, late atomic.Bool
		var wg sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					after := revoked.Load()
					if err := h.Judge(context.Background(), key, home, t0, &caller.Caller{}); err == nil && after {
						late.Store(true)
					}
				}
			})
		}
		wg.Go(func() { _ = h.Load(context.Background()) })
		wg.Go(func() { h.Apply(context.Background(), change.Change{Kind: change.Key, ID: r.ID}) })
		if _, err := h.s.Revoke(t.Context(), r.ID, "cli", t0); err != nil {
			t.Fatal(err)
		}
		revoked.Store(true)
		for range 50 {
			if code, _, _ := h.judge(t, key, home, t0); code != refusal.KeyInvalid {
				t.Fatalf("after the revocation: %q", code)
			}
		}
		close(stop)
		wg.Wait()
		if late.Load() {
			t.Fatal("passed after the revocation")
		}
	}
}
