package limit

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/refusal"
)

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Rate
	}{
		{"10/m", Rate{10, time.Minute, 0}},
		{"100/s", Rate{100, time.Second, 0}},
		{"30/10m", Rate{30, 10 * time.Minute, 0}},
		{"1000/d", Rate{1000, 24 * time.Hour, 0}},
		{"1/h", Rate{1, time.Hour, 0}},
		{"1000000/s", Rate{1_000_000, time.Second, 0}},
		{"1/366d", Rate{1, 366 * 24 * time.Hour, 0}},
	} {
		got, err := Parse(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %v, %v, want %v", tt.in, got, err, tt.want)
		}
		if s := got.String(); s != tt.in {
			t.Errorf("Parse(%q).String() = %q", tt.in, s)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "10", "10/", "/m", "0/m", "-1/m", "+1/m", "01/m", "1.5/m", " 10/m", "10/m ", "10 /m", "10/ m", "10/M", "10/min",
		"10/0m", "10/-1m", "10/1.5m", "10/ms", "10/1m30s", "10/m/m", "1000001/s", "99999999999999999999/s", "10/367d", "10/9999999d",
		"1e3/s", "１０/m", "10/м", "0x10/m", "10/m\n", "10\x00/m",
	} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"10/m", "30/10m", "1/366d", "x", "1/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Fatalf("Parse(%q) = %v, and its String %q reads as %v, %v", s, r, r.String(), again, err)
		}
		if r.interval() < 1 || r.tolerance() < r.interval() {
			t.Fatalf("Parse(%q): interval %d, tolerance %d", s, r.interval(), r.tolerance())
		}
	})
}

// Burst N admits exactly N at once; then one per interval. (DESIGN, Section 7, Limits.)
func TestBurst(t *testing.T) {
	for _, tt := range []struct {
		rate   Rate
		atOnce int
		every  time.Duration
	}{
		{Rate{10, time.Minute, 5}, 5, 6 * time.Second},
		{Rate{10, time.Minute, 0}, 10, 6 * time.Second},
		{Rate{1, time.Second, 1}, 1, time.Second},
		{Rate{100, time.Second, 400}, 400, 10 * time.Millisecond},
		{Rate{30, 10 * time.Minute, 30}, 30, 20 * time.Second},
		{Rate{3, time.Second, 0}, 3, 333_334 * time.Microsecond},
		{Rate{1_000_000, time.Second, 2}, 2, time.Microsecond},
	} {
		tab := NewTable(0)
		d := Demand{Policy: policy(t, "p", tt.rate), Key: tab.Named("a", "")}
		for i := range tt.atOnce {
			if r := tab.Take(t0, d); !r.Allowed {
				t.Fatalf("%v: unit %d of %d refused", tt.rate, i+1, tt.atOnce)
			}
		}
		r := tab.Take(t0, d)
		if r.Allowed || r.RetryAfter != tt.every {
			t.Errorf("%v: unit %d: allowed %v, retry after %v, want %v", tt.rate, tt.atOnce+1, r.Allowed, r.RetryAfter, tt.every)
		}
		if r := tab.Take(t0.Add(tt.every-time.Microsecond), d); r.Allowed {
			t.Errorf("%v: admitted a microsecond too early", tt.rate)
		}
		if r := tab.Take(t0.Add(tt.every), d); !r.Allowed {
			t.Errorf("%v: refused after the interval", tt.rate)
		}
		if r := tab.Take(t0.Add(tt.every), d); r.Allowed {
			t.Errorf("%v: two admitted for one interval", tt.rate)
		}
	}
}

// Research E: with 10/s burst 5 and 1/s burst 3, exactly 3 of 10 pass, and refused
// calls leave the first limit untouched.
func TestAllOrNothing(t *testing.T) {
	tab := NewTable(0)
	fast := Demand{Policy: policy(t, "fast", Rate{10, time.Second, 5}), Key: tab.Named("a", "fast")}
	slow := Demand{Policy: policy(t, "slow", Rate{1, time.Second, 3}), Key: tab.Named("a", "slow")}
	passed := 0
	for range 10 {
		r := tab.Take(t0, fast, slow)
		if r.Allowed {
			passed++
		} else if r.RetryAfter != time.Second || r.Refused.Name() != "slow" {
			t.Errorf("refused by %s for %v, want slow for 1s", r.Refused.Name(), r.RetryAfter)
		}
	}
	if passed != 3 {
		t.Errorf("%d passed, want 3", passed)
	}
	if n := left(tab, t0, fast); n != 2 {
		t.Errorf("fast has %d left, want 2: refused requests were counted", n)
	}
}

func TestTooManyDemandsAreRefused(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: policy(t, "p", Rate{Count: 100, Per: time.Second})}
	if r := tab.Take(t0, slices.Repeat([]Demand{d}, MaxDemands+1)...); r.Allowed || r.Err() == nil {
		t.Error("too many demands were admitted unweighed")
	}
}

// Exactly N of many concurrent requests are admitted, whichever limits they share.
func TestNeverOverAdmits(t *testing.T) {
	tab := NewTable(0)
	var slot atomic.Int64
	demands := []Demand{
		{Policy: policy(t, "a", Rate{Count: 50, Per: time.Hour}), Key: tab.Named("a", "")},
		{Policy: policy(t, "b", Rate{Count: 70, Per: time.Hour}), Key: tab.Named("b", "")},
		{Policy: policy(t, "c", Rate{Count: 60, Per: time.Hour}), Cell: &slot},
	}
	orders := [][]Demand{{demands[0], demands[1], demands[2]}, {demands[2], demands[1], demands[0]}, {demands[1], demands[0]}}
	var admitted, a atomic.Int64
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 200 {
				if r := tab.Take(t0, orders[(g+i)%3]...); r.Allowed {
					admitted.Add(1)
					a.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 50 {
		t.Errorf("%d admitted, want exactly 50", admitted.Load())
	}
	if n := left(tab, t0, demands[1]); n != 20 {
		t.Errorf("b has %d left, want 70-50 = 20", n)
	}
}

// The same while another goroutine keeps forgetting entries.
func TestForgettingDoesNotForgive(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: policy(t, "p", Rate{Count: 100, Per: time.Hour}), Key: tab.Named("a", "")}
	stop := make(chan struct{})
	var wg, sweeper sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				tab.Sweep(t0)
			}
		}
	})
	var admitted atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 500 {
				if r := tab.Take(t0, d); r.Allowed {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	sweeper.Wait()
	if admitted.Load() != 100 {
		t.Errorf("%d admitted, want exactly 100", admitted.Load())
	}
}

// A flood of identities shares one burst; who was there before is untouched.
func TestFloodOfIdentities(t *testing.T) {
	tab := NewTable(640)
	p := policy(t, "p", Rate{Count: 5, Per: time.Hour})
	known := Demand{Policy: p, Key: tab.Named("known", "")}
	tab.Take(t0, known)
	admitted := 0
	for i := range 100_000 {
		if r := tab.Take(t0, Demand{Policy: p, Key: tab.Named(fmt.Sprint("flood", i), "")}); r.Allowed {
			admitted++
		}
	}
	if n := tab.Len(); n > 640 {
		t.Errorf("table has %d entries, bound 640", n)
	}
	if admitted > 640+5 {
		t.Errorf("%d newcomers admitted, want at most one for each entry and one shared burst", admitted)
	}
	if n := left(tab, t0, known); n != 4 {
		t.Errorf("the known caller has %d left, want 4", n)
	}
	if tab.Overflowed() == 0 {
		t.Error("nothing was counted as overflow")
	}
	later := t0.Add(2 * time.Hour) // all are back to a full burst: newcomers have room again
	if r := tab.Take(later, Demand{Policy: p, Key: tab.Named("newcomer", "")}); r.States()[0].Remaining != 4 {
		t.Errorf("a newcomer after the flood has %d left, want 4", r.States()[0].Remaining)
	}
	tab.Sweep(later.Add(2 * time.Hour))
	if tab.Len() != 0 {
		t.Errorf("%d entries after the sweep, want 0", tab.Len())
	}
}

func TestCharge(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: policy(t, "failures", Rate{Count: 30, Per: 10 * time.Minute}), Key: tab.Named("net", "failures")}
	for i := range 29 {
		if s := tab.Charge(t0, d); s.Remaining != 29-i {
			t.Fatalf("failure %d leaves %d, want %d", i+1, s.Remaining, 29-i)
		}
	}
	if r := tab.Peek(t0, d); !r.Allowed {
		t.Error("blocked after 29 failures of 30")
	}
	for range 1000 { // in flight when the limit was reached
		tab.Charge(t0, d)
	}
	r := tab.Peek(t0, d)
	if r.Allowed || r.RetryAfter != 20*time.Second {
		t.Errorf("after 1029 failures: allowed %v, retry after %v, want 20s", r.Allowed, r.RetryAfter)
	}
	if r := tab.Peek(t0.Add(20*time.Second), d); !r.Allowed {
		t.Error("still blocked after the wait that was told")
	}
}

func TestRefund(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: policy(t, "p", Rate{Count: 5, Per: time.Minute}), Key: tab.Named("a", "")}
	r := tab.Take(t0, d)
	tab.Take(t0, d)
	tab.Refund(t0, &r)
	if n := left(tab, t0, d); n != 4 {
		t.Errorf("%d left after two units and a refund, want 4", n)
	}
	r = tab.Take(t0, d)
	late := t0.Add(time.Hour) // time gave it back already; another's unit stands there now
	tab.Take(late, d)
	tab.Refund(late, &r)
	if n := left(tab, late, d); n != 4 {
		t.Errorf("%d left: a late refund gave another's unit back", n)
	}
	refused := Result{}
	tab.Refund(t0, &refused) // harmless
}

func TestKeysAreApart(t *testing.T) {
	tab := NewTable(0)
	keys := map[Key]string{}
	for _, k := range []struct {
		name string
		key  Key
	}{
		{"a,b", tab.Named("a", "b")}, {"ab,", tab.Named("ab", "")}, {",ab", tab.Named("", "ab")}, {"b,a", tab.Named("b", "a")},
		{"net a", tab.Network([16]byte{'a'}, "")}, {"net a scope b", tab.Network([16]byte{'a'}, "b")}, {"net", tab.Network([16]byte{}, "a")},
	} {
		if other, taken := keys[k.key]; taken {
			t.Errorf("%q and %q have one key", k.name, other)
		}
		keys[k.key] = k.name
	}
	if again := tab.Named("a", "b"); keys[again] != "a,b" {
		t.Error("a key is not stable")
	}
	if NewTable(0).Named("a", "b") == tab.Named("a", "b") {
		t.Error("keys of two tables agree: the hash has no seed")
	}
}

// draft-ietf-httpapi-ratelimit-headers-11, Sections 3 and 4.
func TestFields(t *testing.T) {
	tab := NewTable(0)
	d := []Demand{
		{Policy: policy(t, "caller", Rate{10, time.Minute, 5}), Key: tab.Named("a", "")},
		{Policy: policy(t, `my "daily" \ quota`, Rate{1000, 24 * time.Hour, 0}), Key: tab.Named("b", "")},
	}
	r := tab.Take(t0, d...)
	got := []string{string(r.AppendPolicy(nil)), string(r.AppendState(nil))}
	want := []string{
		`"caller";q=10;w=60, "my \"daily\" \\ quota";q=1000;w=86400`,
		`"caller";r=4;t=6, "my \"daily\" \\ quota";r=999;t=87`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 4 {
		r = tab.Take(t0, d...)
	}
	r = tab.Take(t0.Add(500*time.Millisecond), d...)
	if got := string(r.AppendState(nil)); !strings.HasPrefix(got, `"caller";r=0;t=6, `) {
		t.Errorf("RateLimit of a refused request: %s", got)
	}
	refused := refusal.From(r.Err())
	if refused.Code != refusal.RateLimited || Seconds(refused.RetryAfter) != 6 {
		t.Errorf("refusal %v, retry after %v, want rate_limited, 5.5s", refused, refused.RetryAfter)
	}
	if err := (&Result{Allowed: true}).Err(); err != nil {
		t.Errorf("an admitted request has the error %v", err)
	}
}

func TestSecondsRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]int64{-1: 0, 0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 1500 * time.Millisecond: 2} {
		if got := Seconds(d); got != want {
			t.Errorf("Seconds(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestNewPolicyRefuses(t *testing.T) {
	for _, r := range []Rate{{}, {Count: -1, Per: time.Second}, {Count: 1}, {Count: 1, Per: time.Millisecond}, {10, time.Second, -1}, {1, 366 * 24 * time.Hour, 11}} {
		if _, err := NewPolicy("p", r); err == nil {
			t.Errorf("NewPolicy accepts %+v", r)
		}
	}
	if _, err := NewPolicy("a\r\nSet-Cookie: x", Rate{Count: 1, Per: time.Second}); err == nil {
		t.Error("NewPolicy accepts a name with a line break")
	}
}

// For any sequence of arrivals, no window of length d ever holds more than
// burst + d/interval admissions (the definition of GCRA, ITU-T I.371, Annex A).
func TestConformance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := Rate{rapid.IntRange(1, 20).Draw(rt, "count"), time.Duration(rapid.IntRange(1, 10).Draw(rt, "per")) * time.Second, rapid.IntRange(0, 20).Draw(rt, "burst")}
		tab := NewTable(0)
		d := Demand{Policy: policy(t, "p", rate), Key: tab.Named("a", "")}
		burst := rate.Burst
		if burst == 0 {
			burst = rate.Count
		}
		interval := float64(rate.Per.Microseconds()) / float64(rate.Count)
		now, admitted := t0, []time.Time{}
		for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 2_000_000), 1, 200).Draw(rt, "gaps") {
			now = now.Add(time.Duration(gap) * time.Microsecond)
			if r := tab.Take(now, d); r.Allowed {
				admitted = append(admitted, now)
			} else if again := tab.Peek(now.Add(r.RetryAfter), d); !again.Allowed {
				rt.Fatalf("refused again after RetryAfter %v", r.RetryAfter)
			}
		}
		for i := range admitted {
			for j := i; j < len(admitted); j++ {
				if n, most := j-i+1, float64(burst)+float64(admitted[j].Sub(admitted[i]).Microseconds())/interval; float64(n) > most+1e-6 {
					rt.Fatalf("%v: %d admitted within %v, at most %v", rate, n, admitted[j].Sub(admitted[i]), most)
				}
			}
		}
	})
}

// left is how many units d has at now.
func left(tab *Table, now time.Time, d Demand) int {
	r := tab.Peek(now, d)
	return r.States()[0].Remaining
}

func policy(t testing.TB, name string, r Rate) *Policy {
	t.Helper()
	p, err := NewPolicy(name, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func BenchmarkTake(b *testing.B) {
	tab := NewTable(0)
	keys := make([]Key, 50_000)
	p := policy(b, "p", Rate{Count: 1_000_000, Per: time.Second})
	for i := range keys {
		keys[i] = tab.Named(fmt.Sprint(i), "route")
		tab.Take(t0, Demand{Policy: p, Key: keys[i]})
	}
	var slot atomic.Int64
	for _, bb := range []struct {
		name string
		take func(i int, now time.Time)
	}{
		{"table/key given", func(i int, now time.Time) { tab.Take(now, Demand{Policy: p, Key: keys[i%len(keys)]}) }},
		{"table/key hashed", func(_ int, now time.Time) {
			tab.Take(now, Demand{Policy: p, Key: tab.Named("usr_0123456789abcdefghij", "notes-write")})
		}},
		{"slot", func(_ int, now time.Time) { tab.Take(now, Demand{Policy: p, Cell: &slot}) }},
		{"three at once", func(i int, now time.Time) {
			tab.Take(now, Demand{Policy: p, Key: keys[i%len(keys)]}, Demand{Policy: p, Key: keys[(i+7)%len(keys)]}, Demand{Policy: p, Cell: &slot})
		}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			now := t0
			for i := 0; b.Loop(); i++ {
				now = now.Add(time.Microsecond)
				bb.take(i, now)
			}
		})
	}
}

func BenchmarkTakeContended(b *testing.B) {
	tab := NewTable(0)
	d := Demand{Policy: policy(b, "p", Rate{Count: 1_000_000, Per: time.Second}), Key: tab.Named("a", "")}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for now := t0; pb.Next(); now = now.Add(time.Microsecond) {
			tab.Take(now, d)
		}
	})
}

// The second demand finds the bucket emptied by the first, as by an overtaking
// request: what was counted already is given back.
func TestOvertakenIsRolledBack(t *testing.T) {
	tab := NewTable(0)
	a := Demand{Policy: policy(t, "a", Rate{Count: 5, Per: time.Minute}), Key: tab.Named("a", "")}
	b := Demand{Policy: policy(t, "b", Rate{Count: 1, Per: time.Minute}), Key: tab.Named("b", "")}
	if r := tab.Take(t0, a, b, b); r.Allowed {
		t.Error("admitted twice out of one")
	}
	if left(tab, t0, a) != 5 || left(tab, t0, b) != 1 {
		t.Errorf("a has %d left of 5, b %d of 1", left(tab, t0, a), left(tab, t0, b))
	}
}

// Whoever holds a cell that is forgotten sees it, and counts in the new one.
func TestForgottenCellIsMarked(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: policy(t, "p", Rate{Count: 5, Per: time.Minute}), Key: tab.Named("a", "")}
	tab.Take(t0, d)
	held := tab.find(d.Key)
	tab.Sweep(t0.Add(time.Hour))
	if held.Load() != gone || tab.find(d.Key) != nil {
		t.Error("a forgotten cell can still be counted in")
	}
}

// A clock that was set back must not shut anybody out until it is there again.
func TestClockSetBack(t *testing.T) {
	p, err := NewPolicy("caller", Rate{Count: 60, Per: time.Minute, Burst: 2})
	if err != nil {
		t.Fatal(err)
	}
	table := NewTable(0)
	d := Demand{Policy: p, Key: table.Named("ada", "route")}
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for range 2 {
		if r := table.Take(now, d); !r.Allowed {
			t.Fatal("the burst was refused")
		}
	}
	back := now.Add(-time.Hour)
	for range 2 {
		if r := table.Take(back, d); !r.Allowed {
			t.Errorf("an hour back the burst is refused for %v", r.RetryAfter)
		}
	}
	if r := table.Take(back, d); r.Allowed {
		t.Error("an hour back there is no limit")
	}
}
