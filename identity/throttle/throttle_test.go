package throttle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

var ctx = context.Background()

var t0 = time.Unix(1_780_000_000, 0)

const (
	alice = "alice@example.com"
	net1  = "203.0.113.0/24"
	net2  = "198.51.100.0/24"
)

// fails makes n attempts fail and returns how many were let in, and the last wait.
func fails(t *testing.T, th *Throttle, at time.Time, n int, a Attempt) (in int, wait time.Duration) {
	t.Helper()
	for range n {
		k, err := th.Begin(ctx, at, a)
		if err != nil {
			r := refusal.From(err)
			if r.Code != refusal.RateLimited || r.RetryAfter <= 0 || strings.Contains(err.Error(), a.Account) {
				t.Fatalf("got %v", err)
			}
			wait = r.RetryAfter
			continue
		}
		k.Failed(at)
		in++
	}
	return in, wait
}

func TestAccount(t *testing.T) {
	th := New(Options{})
	in, wait := fails(t, th, t0, 15, Attempt{Account: alice, Network: net1})
	if in != 10 || wait != 15*time.Minute {
		t.Errorf("%d in, wait %v; want 10 and 15m", in, wait)
	}
	// Over networks too: the account is what is guessed.
	if in, _ := fails(t, th, t0.Add(15*time.Minute-1000), 1, Attempt{Account: alice, Network: net2}); in != 0 {
		t.Error("let in before the window is over")
	}
	if in, _ := fails(t, th, t0.Add(15*time.Minute), 15, Attempt{Account: alice, Network: net2}); in != 10 {
		t.Errorf("%d in after the window, want 10", in)
	}
	if in, _ := fails(t, th, t0, 1, Attempt{Account: "bob@example.com", Network: net1}); in != 1 {
		t.Error("another account is slowed down")
	}
}

// The failure that fills a count says so, and no one before it.
func TestAFullCountIsTold(t *testing.T) {
	th := New(Options{Account: Limit{Failures: 3, Window: time.Minute}, Device: Limit{Failures: 2, Window: time.Minute}, Network: Limit{Failures: 4, Window: time.Minute}})
	for i, c := range []struct {
		account, device, full string
	}{
		{alice, "", ""}, {alice, "", ""}, {alice, "", "account"}, {"bob@example.com", "", "network"},
		{alice, "d", ""}, {alice, "d", "device"},
	} {
		k, err := th.Begin(ctx, t0, Attempt{Account: c.account, Network: net1, Device: c.device})
		if err != nil {
			t.Fatalf("attempt %d: %v", i, err)
		}
		if full := k.Failed(t0); full != c.full {
			t.Errorf("attempt %d: full %q, want %q", i, full, c.full)
		}
	}
	th = New(Options{Account: Limit{Failures: 1, Window: time.Minute}, Network: Limit{Failures: 1, Window: time.Minute}})
	k, err := th.Begin(ctx, t0, Attempt{Account: alice, Network: net1})
	if err != nil {
		t.Fatal(err)
	}
	if full := k.Failed(t0); full != "account,network" {
		t.Errorf("both: %q", full)
	}
}

func TestTheWindowSlides(t *testing.T) {
	th := New(Options{})
	for i := range 10 {
		fails(t, th, t0.Add(time.Duration(i)*time.Minute), 1, Attempt{Account: alice, Network: net1})
	}
	in, wait := fails(t, th, t0.Add(14*time.Minute), 1, Attempt{Account: alice, Network: net1})
	if in != 0 || wait != time.Minute {
		t.Errorf("%d in, wait %v; want 0 and 1m", in, wait)
	}
	if in, _ := fails(t, th, t0.Add(15*time.Minute), 3, Attempt{Account: alice, Network: net1}); in != 1 {
		t.Errorf("%d in, want the one that fell out of the window", in)
	}
}

func TestAKnownDeviceIsCountedApart(t *testing.T) {
	th := New(Options{})
	fails(t, th, t0, 15, Attempt{Account: alice, Network: net1})
	known := Attempt{Account: alice, Network: net1, Device: "laptop"}
	k, err := th.Begin(ctx, t0, known)
	if err != nil {
		t.Fatalf("the owner is locked out: %v", err)
	}
	k.Succeeded()
	if in, _ := fails(t, th, t0, 15, known); in != 10 {
		t.Errorf("%d in, want 10", in)
	}
	if in, _ := fails(t, th, t0, 1, Attempt{Account: alice, Network: net1, Device: "phone"}); in != 1 {
		t.Error("another known device is slowed down")
	}
}

// The owner's success must not give the attacker new tries.
func TestSuccessOfAKnownDeviceForgivesNoStranger(t *testing.T) {
	th := New(Options{})
	fails(t, th, t0, 10, Attempt{Account: alice, Network: net1})
	k, _ := th.Begin(ctx, t0, Attempt{Account: alice, Network: net2, Device: "laptop"})
	k.Succeeded()
	if in, _ := fails(t, th, t0, 1, Attempt{Account: alice, Network: net1}); in != 0 {
		t.Error("let in")
	}
}

func TestSprayingIsCountedPerNetwork(t *testing.T) {
	th := New(Options{})
	in := 0
	for i := range 50 {
		n, wait := fails(t, th, t0, 1, Attempt{Account: fmt.Sprint("user", i, "@example.com"), Network: net1})
		if in += n; n == 0 && wait != 10*time.Minute {
			t.Errorf("wait %v, want 10m", wait)
		}
	}
	if in != 30 {
		t.Errorf("%d in, want 30", in)
	}
	// One right login between does not reset the network.
	if _, err := th.Begin(ctx, t0, Attempt{Account: "mallory@example.com", Network: net1}); err == nil {
		t.Error("let in")
	}
	if in, _ := fails(t, th, t0.Add(10*time.Minute), 1, Attempt{Account: alice, Network: net1}); in != 1 {
		t.Error("not let in after the window")
	}
}

func TestASuccessDoesNotResetTheNetwork(t *testing.T) {
	th := New(Options{})
	in := 0
	for i := range 60 {
		n, _ := fails(t, th, t0, 1, Attempt{Account: fmt.Sprint("user", i), Network: net1})
		in += n
		if k, err := th.Begin(ctx, t0, Attempt{Account: "mallory", Network: net1}); err == nil {
			k.Succeeded()
		}
	}
	if in != 30 {
		t.Errorf("%d in, want 30", in)
	}
}

func TestOnlyFailuresCount(t *testing.T) {
	th := New(Options{})
	for i := range 200 { // a shared office
		k, err := th.Begin(ctx, t0, Attempt{Account: fmt.Sprint("user", i), Network: net1})
		if err != nil {
			t.Fatal(err)
		}
		k.Succeeded()
		k.Failed(t0) // after an outcome nothing counts
	}
	for range 40 {
		k, err := th.Begin(ctx, t0, Attempt{Account: alice, Network: net1})
		if err != nil {
			t.Fatal(err)
		}
		k.Abandon()
	}
	if th.Len() != 0 {
		t.Errorf("%d counters are left", th.Len())
	}
}

// Many attempts at the same moment must not all pass the check first and fail later.
func TestConcurrentAttemptsDoNotSlipIn(t *testing.T) {
	th := New(Options{})
	var tickets []*Ticket
	for range 50 {
		if k, err := th.Begin(ctx, t0, Attempt{Account: alice, Network: net1}); err == nil {
			tickets = append(tickets, k)
		} else if r := refusal.From(err); r.RetryAfter != time.Second {
			t.Fatalf("wait %v while attempts are open, want 1s", r.RetryAfter)
		}
	}
	if len(tickets) != 10 {
		t.Fatalf("%d in, want 10", len(tickets))
	}
	var wg sync.WaitGroup
	for _, k := range tickets {
		wg.Go(func() { k.Failed(t0) })
	}
	wg.Wait()
	if _, err := th.Begin(ctx, t0, Attempt{Account: alice, Network: net1}); err == nil {
		t.Error("let in")
	}
}

func TestMemoryIsBoundedAndKeepsWhatIsUnderAttack(t *testing.T) {
	th := New(Options{Max: 500})
	fails(t, th, t0, 10, Attempt{Account: alice, Network: net1})
	for i := range 20_000 {
		fails(t, th, t0, 1, Attempt{Account: fmt.Sprint("flood", i), Network: fmt.Sprint("net", i)})
	}
	if th.Len() > 500 {
		t.Errorf("%d counters, want at most 500", th.Len())
	}
	if in, _ := fails(t, th, t0, 1, Attempt{Account: alice, Network: net2}); in != 0 {
		t.Error("a flood washed out the account under attack")
	}
	th.Sweep(t0.Add(25 * time.Hour))
	if th.Len() != 0 {
		t.Errorf("%d counters are left a day later", th.Len())
	}
}

func TestNamesAreKeptApart(t *testing.T) {
	th := New(Options{})
	seen := map[name]string{}
	for _, p := range [][3]string{{"account", "a", ""}, {"device", "a", ""}, {"network", "a", ""}, {"device", "a", "b"}, {"device", "a\x00b", ""}, {"device", "", "a\x00b"}, {"device", "ab", ""}, {"device", "", "ab"}} {
		n := th.name(p[0], p[1], p[2])
		if old, ok := seen[n]; ok {
			t.Errorf("%q and %s are counted together", p, old)
		}
		seen[n] = fmt.Sprintf("%q", p)
	}
	if New(Options{}).name("account", "a", "") == th.name("account", "a", "") {
		t.Error("the hash has no key of its own")
	}
}

// In no window are more failures let in than the limit, whatever the order of things.
func TestNeverMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		th := New(Options{Account: Limit{Failures: 3, Window: time.Minute}, Network: Limit{Failures: 5, Window: 30 * time.Second}})
		now := t0
		var at []time.Time
		for range rapid.IntRange(1, 80).Draw(rt, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "gap")) * time.Second)
			k, err := th.Begin(ctx, now, Attempt{Account: alice, Network: rapid.SampledFrom([]string{net1, net2}).Draw(rt, "net")})
			if err != nil {
				if r := refusal.From(err); r.RetryAfter <= 0 || r.RetryAfter > time.Minute {
					rt.Fatalf("wait %v", r.RetryAfter)
				}
				continue
			}
			k.Failed(now)
			at = append(at, now)
		}
		for i := 3; i < len(at); i++ {
			if at[i].Sub(at[i-3]) < time.Minute {
				rt.Fatalf("four failures within %v", at[i].Sub(at[i-3]))
			}
		}
	})
}

func devices(keys ...string) Devices {
	var ks []secret.Key
	for i, k := range keys {
		ks = append(ks, secret.Key{Version: i + 1, Value: secret.NewString(k)})
	}
	return Devices{secret.NewRing(secret.PurposeDevice, ks...)}
}

func TestDeviceCookies(t *testing.T) {
	d := devices("one")
	cookie := d.Issue(alice, t0)
	id, ok := d.Known(cookie, alice, t0)
	if !ok || id == "" {
		t.Fatal("not known")
	}
	if other, _ := d.Known(d.Issue(alice, t0), alice, t0); other == id {
		t.Error("two devices have one id")
	}
	flipped := []byte(cookie)
	flipped[20] ^= 1
	const day = 24 * time.Hour
	for _, c := range []struct {
		name    string
		d       Devices
		cookie  string
		account string
		at      time.Time
		want    bool
	}{
		{"last moment", d, cookie, alice, t0.Add(180*day - 1), true},
		{"too old", d, cookie, alice, t0.Add(180 * day), false},
		{"another node's clock", d, cookie, alice, t0.Add(-time.Minute), true},
		{"from the future", d, cookie, alice, t0.Add(-time.Hour), false},
		{"rotated key", devices("one", "two"), cookie, alice, t0, true},
		{"another key", devices("three"), cookie, alice, t0, false},
		{"another account", d, cookie, "bob@example.com", t0, false},
		{"changed", d, string(flipped), alice, t0, false},
		{"truncated", d, cookie[:81], alice, t0, false},
		{"longer", d, cookie + "A", alice, t0, false},
		{"empty", d, "", alice, t0, false},
		{"line end", d, cookie[:81] + "\n", alice, t0, false},
	} {
		if _, ok := c.d.Known(c.cookie, c.account, c.at); ok != c.want {
			t.Errorf("%s: known %v, want %v", c.name, ok, c.want)
		}
	}
	retired := Devices{secret.NewRing(secret.PurposeDevice, secret.Key{Version: 2, Value: secret.NewString("two")})}
	if _, ok := retired.Known(cookie, alice, t0); ok {
		t.Error("known by a key that is gone")
	}
}

func FuzzKnown(f *testing.F) {
	d := devices("one")
	good := d.Issue(alice, t0)
	f.Add(good)
	f.Add("")
	f.Add(strings.Repeat("A", 82))
	f.Fuzz(func(t *testing.T, cookie string) {
		if _, ok := d.Known(cookie, alice, t0); ok && cookie != good {
			raw, err := deviceEncoding.DecodeString(cookie)
			if err != nil || !bytes.Equal(raw[deviceHead:], deviceMAC(d.Ring.Current().Value, raw[:deviceHead], alice)) {
				t.Errorf("%q is known", cookie)
			}
		}
	})
}

func BenchmarkBeginAndFail(b *testing.B) {
	th := New(Options{})
	b.ReportAllocs()
	now := t0
	for b.Loop() {
		now = now.Add(20 * time.Minute)
		k, err := th.Begin(ctx, now, Attempt{Account: alice, Network: net1})
		if err != nil {
			b.Fatal(err)
		}
		k.Failed(now)
	}
}

func Example() {
	th, now := New(Options{}), time.Now()
	for range 10 {
		if k, err := th.Begin(context.Background(), now, Attempt{Account: "alice@example.com", Network: "203.0.113.0/24"}); err == nil {
			k.Failed(now)
		}
	}
	_, err := th.Begin(context.Background(), now, Attempt{Account: "alice@example.com", Network: "203.0.113.0/24"})
	r, _ := errors.AsType[*refusal.Refusal](err)
	fmt.Println(r.Code, r.RetryAfter.Round(time.Second))
	_, err = th.Begin(context.Background(), now, Attempt{Account: "alice@example.com", Network: "203.0.113.0/24", Device: "my laptop"})
	fmt.Println(err)
	// Output:
	// rate_limited 15m0s
	// <nil>
}

// TestTheWaitGrows: whoever goes on guessing waits longer, until a success or a day of rest.
func TestTheWaitGrows(t *testing.T) {
	th := New(Options{})
	guess := Attempt{Account: alice, Network: net1}
	at := t0
	for i, want := range []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, time.Hour} {
		guess.Network = string(rune('a' + i)) // not the network's count
		in, wait := fails(t, th, at, 12, guess)
		if in != 10 || wait != want {
			t.Errorf("time %d: %d in, wait %v; want 10 and %v", i, in, wait, want)
		}
		th.Sweep(at.Add(wait)) // sweeping forgets nothing that counts
		at = at.Add(wait)
	}
	// A network does not: many people may be behind it.
	th = New(Options{Account: Limit{Failures: 1000, Window: time.Minute}})
	at = t0
	for range 3 {
		if in, wait := fails(t, th, at, 32, Attempt{Account: alice, Network: net1}); in != 30 || wait != 10*time.Minute {
			t.Errorf("network: %d in, wait %v", in, wait)
		}
		at = at.Add(10 * time.Minute)
	}
	for name, rest := range map[string]func(*Throttle, time.Time) time.Time{
		"a success": func(th *Throttle, at time.Time) time.Time {
			k, err := th.Begin(ctx, at, Attempt{Account: alice, Network: net2})
			if err != nil {
				t.Fatal(err)
			}
			k.Succeeded()
			return at
		},
		"a day": func(_ *Throttle, at time.Time) time.Time { return at.Add(24 * time.Hour) },
		"a day and a sweep": func(th *Throttle, at time.Time) time.Time {
			if th.Sweep(at.Add(24 * time.Hour)); th.Len() != 0 {
				t.Errorf("%d counters are left", th.Len())
			}
			return at.Add(24 * time.Hour)
		},
	} {
		th := New(Options{})
		fails(t, th, t0, 12, Attempt{Account: alice, Network: net1})
		fails(t, th, t0.Add(time.Hour), 12, Attempt{Account: alice, Network: net1})
		at := rest(th, t0.Add(2*time.Hour))
		if in, wait := fails(t, th, at, 12, Attempt{Account: alice, Network: net2}); in != 10 || wait != 15*time.Minute {
			t.Errorf("after %s: %d in, wait %v", name, in, wait)
		}
	}
}
