package limit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestParseQuota(t *testing.T) {
	for in, want := range map[string]Quota{"10000/d": {10000, Day}, "1/month": {1, Month}, "1000000000/d": {1_000_000_000, Day}} {
		got, err := ParseQuota(in)
		if err != nil || got != want || got.String() != in {
			t.Errorf("ParseQuota(%q) = %v %q, %v, want %v", in, got, got, err, want)
		}
	}
	for _, in := range []string{"", "/", "10", "10/", "/d", "0/d", "-1/d", "01/d", "1.5/d", " 1/d", "1/d ", "1/D", "1/m", "1/mo", "1/day", "1/2d", "1000000001/d", "99999999999999999999/d", "1e3/d", "１/d"} {
		if got, err := ParseQuota(in); err == nil {
			t.Errorf("ParseQuota(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzParseQuota(f *testing.F) {
	f.Add("10000/d")
	f.Add("1/month")
	f.Fuzz(func(t *testing.T, s string) {
		if q, err := ParseQuota(s); err == nil && (q.String() != s || q.Check() != nil) {
			t.Fatalf("%q is read as %v", s, q)
		}
	})
}

func quotaOf(t testing.TB, name string, q Quota) *Policy {
	t.Helper()
	p, err := NewQuota(name, q)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A quota is there again at midnight, or on the first of the month, in UTC: not before and
// not later.
func TestQuotaWindows(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse("2006-01-02 15:04:05.000000", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		window           Window
		now, last, again string
	}{
		{Day, "2026-11-25 00:00:00.000000", "2026-11-25 23:59:59.999999", "2026-11-26 00:00:00.000000"},
		{Day, "2026-12-31 12:00:00.000000", "2026-12-31 23:59:59.999999", "2027-01-01 00:00:00.000000"},
		{Month, "2026-11-25 12:00:00.000000", "2026-11-30 23:59:59.999999", "2026-12-01 00:00:00.000000"},
		{Month, "2026-12-01 00:00:00.000000", "2026-12-31 23:59:59.999999", "2027-01-01 00:00:00.000000"},
		{Month, "2028-02-01 00:00:00.000000", "2028-02-29 23:59:59.999999", "2028-03-01 00:00:00.000000"},
	} {
		tab := NewTable(0)
		d := Demand{Policy: quotaOf(t, "q", Quota{3, tt.window}), Key: tab.Named("a", "")}
		for i := range 3 {
			r := tab.Take(at(tt.now), d)
			if s := r.States()[0]; !r.Allowed || s.Remaining != 2-i || s.Reset != at(tt.again).Sub(at(tt.now)) {
				t.Fatalf("%s unit %d: %+v", tt.now, i+1, r.States()[0])
			}
		}
		if r := tab.Take(at(tt.last), d); r.Allowed || r.RetryAfter != at(tt.again).Sub(at(tt.last)) {
			t.Errorf("%s: allowed %v, retry after %v", tt.last, r.Allowed, r.RetryAfter)
		}
		tab.Sweep(at(tt.last))
		if tab.Len() != 1 {
			t.Errorf("%s: a quota in use was forgotten", tt.last)
		}
		if r := tab.Take(at(tt.again), d); !r.Allowed || r.States()[0].Remaining != 2 {
			t.Errorf("%s: %v, want a fresh quota", tt.again, r.States()[0])
		}
	}
}

// A request that began before midnight and is judged after one of the new day counts there;
// what the new day has counted is not lost.
func TestQuotaAroundMidnight(t *testing.T) {
	tab := NewTable(0)
	d := Demand{Policy: quotaOf(t, "q", Quota{5, Day}), Key: tab.Named("a", "")}
	midnight := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for range 3 {
		tab.Take(midnight.Add(time.Millisecond), d)
	}
	tab.Take(midnight.Add(-time.Millisecond), d)
	if n := left(tab, midnight.Add(2*time.Millisecond), d); n != 1 {
		t.Errorf("%d left of 5 after four units, want 1", n)
	}
}

func TestQuotaIsExact(t *testing.T) {
	tab := NewTable(0)
	q := Demand{Policy: quotaOf(t, "q", Quota{100, Month}), Key: tab.Named("a", "q")}
	r := Demand{Policy: policy(t, "r", Rate{Count: 70, Per: time.Hour}), Key: tab.Named("a", "r")}
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for range 100 {
				demands := []Demand{q, r}
				if g%2 == 0 {
					demands = []Demand{r, q}
				}
				if got := tab.Take(t0, demands...); got.Allowed {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 70 || left(tab, t0, q) != 30 {
		t.Errorf("%d admitted and %d of the quota left, want 70 and 30", admitted.Load(), left(tab, t0, q))
	}
	taken := tab.Take(t0, q)
	if tab.Refund(t0, &taken); left(tab, t0, q) != 30 {
		t.Errorf("%d left after a refund, want 30", left(tab, t0, q))
	}
	for range 50 {
		tab.Charge(t0, q)
	}
	if r := tab.Peek(t0, q); r.Allowed || r.States()[0].Remaining != 0 {
		t.Errorf("after more charges than the quota: %+v", r.States()[0])
	}
}

// The fields of quotas and concurrency limits (draft-ietf-httpapi-ratelimit-headers-11,
// Sections 3.1.2 to 3.1.4 and 4).
func TestFieldsOfOtherKinds(t *testing.T) {
	tab := NewTable(0)
	places, err := NewConcurrency("route-concurrency", 4)
	if err != nil {
		t.Fatal(err)
	}
	r := tab.Take(t0, Demand{Policy: quotaOf(t, "route-day", Quota{1000, Day}), Key: tab.Named("a", "")})
	var h Held
	seats := tab.Enter(&h, Seat{places, tab.Named("a", "places")})
	r.Join(&seats)
	if got, want := string(r.AppendPolicy(nil)), `"route-day";q=1000;w=86400, "route-concurrency";q=4;qu="concurrent-requests"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := string(r.AppendState(nil)), `"route-day";r=999;t=43200, "route-concurrency";r=3`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A million identities: the table stays within its bound, whoever was there keeps its
// count, and the newcomers buy nothing by their number.
func TestAMillionIdentities(t *testing.T) {
	const entries = 10_000
	tab := NewTable(entries)
	p := policy(t, "p", Rate{Count: 5, Per: time.Hour})
	q := quotaOf(t, "q", Quota{5, Month})
	known := []Demand{{Policy: p, Key: tab.Named("known", "p")}, {Policy: q, Key: tab.Named("known", "q")}}
	tab.Take(t0, known...)
	admitted := 0
	for i := range identities {
		r := tab.Take(t0, Demand{Policy: p, Key: tab.Key(Who{Network: [16]byte{byte(i >> 16), byte(i >> 8), byte(i)}})})
		if r.Allowed {
			admitted++
		}
	}
	if tab.Len() > entries || admitted > entries+5 {
		t.Errorf("%d entries of %d, %d newcomers admitted", tab.Len(), entries, admitted)
	}
	for _, d := range known {
		if n := left(tab, t0, d); n != 4 {
			t.Errorf("%s of the known caller: %d left, want 4", d.Policy.Name(), n)
		}
	}
}

func TestConcurrency(t *testing.T) {
	tab := NewTable(0)
	two, err := NewConcurrency("two", 2)
	if err != nil {
		t.Fatal(err)
	}
	one, err := NewConcurrency("one", 1)
	if err != nil {
		t.Fatal(err)
	}
	a, b := Seat{two, tab.Named("a", "two")}, Seat{one, tab.Named("route", "one")}
	var first, second, third Held
	if r := tab.Enter(&first, a, b); !r.Allowed || r.States()[0].Remaining != 1 || r.States()[1].Remaining != 0 {
		t.Fatalf("first: %+v", r.States())
	}
	// The second has room in one of two: it takes neither.
	if r := tab.Enter(&second, a, b); r.Allowed || r.Refused.Name() != "one" || r.RetryAfter != time.Second || r.Err() == nil {
		t.Errorf("second: %+v", r)
	}
	if r := tab.Enter(&second, a); !r.Allowed {
		t.Error("a refused request kept a place")
	}
	if r := tab.Enter(&third, a); r.Allowed {
		t.Error("three of two")
	}
	first.Release()
	first.Release() // twice is once
	if r := tab.Enter(&third, a, b); !r.Allowed {
		t.Errorf("a released place is not free: %v", r.Err())
	}
	second.Release()
	third.Release()
	new(Held).Release()
	if n := tab.UnderWay(); n != 0 {
		t.Errorf("%d identities hold places after the last release", n)
	}
	for _, n := range []int{0, -1, MaxPlaces + 1} {
		if _, err := NewConcurrency("x", n); err == nil {
			t.Errorf("NewConcurrency takes %d", n)
		}
	}
	var many Held
	if r := tab.Enter(&many, a, b, Seat{two, 1}, Seat{two, 2}, Seat{two, 3}, Seat{two, 4}); r.Allowed || tab.UnderWay() != 0 {
		t.Error("six seats were taken unweighed")
	}
}

func TestConcurrencyNeverOverAdmits(t *testing.T) {
	tab := NewTable(0)
	p, err := NewConcurrency("p", 3)
	if err != nil {
		t.Fatal(err)
	}
	var under, worst atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				var h Held
				if r := tab.Enter(&h, Seat{p, 7}); !r.Allowed {
					continue
				}
				if n := under.Add(1); n > worst.Load() {
					worst.Store(n)
				}
				under.Add(-1)
				h.Release()
			}
		})
	}
	wg.Wait()
	if worst.Load() > 3 || tab.UnderWay() != 0 {
		t.Errorf("%d at once, %d left", worst.Load(), tab.UnderWay())
	}
}

// What a Shared refuses is given back here, and what it says of the others counts.
func TestSettle(t *testing.T) {
	tab := NewTable(0)
	d := []Demand{{Policy: policy(t, "a", Rate{Count: 10, Per: time.Hour}), Key: tab.Named("a", "")}, {Policy: policy(t, "net", Rate{Count: 10, Per: time.Hour})}}
	r := tab.Take(t0, d[0])
	tab.Settle(t0, &r, d, &[MaxDemands]Answer{{Remaining: 3, Reset: time.Minute}, {Remaining: 1}})
	if s := r.States(); !r.Allowed || len(s) != 1 || s[0].Remaining != 3 || s[0].Reset != time.Minute || left(tab, t0, d[0]) != 9 {
		t.Errorf("admitted: %+v", s)
	}
	r = tab.Take(t0, d[0])
	tab.Settle(t0, &r, d, &[MaxDemands]Answer{{Remaining: 2}, {Wait: 90 * time.Second}})
	if r.Allowed || r.Refused.Name() != "net" || r.RetryAfter != 90*time.Second || left(tab, t0, d[0]) != 9 {
		t.Errorf("refused: %+v, %d left here", r.Refused, left(tab, t0, d[0]))
	}
}

func BenchmarkConcurrency(b *testing.B) {
	tab := NewTable(0)
	p, err := NewConcurrency("p", 1000)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			var h Held
			tab.Enter(&h, Seat{p, 7})
			h.Release()
		}
	})
}

func BenchmarkQuota(b *testing.B) {
	for _, w := range []Window{Day, Month} {
		b.Run(fmt.Sprint(w), func(b *testing.B) {
			tab := NewTable(0)
			d := Demand{Policy: quotaOf(b, "q", Quota{MaxQuota, w}), Key: tab.Named("a", "")}
			b.ReportAllocs()
			for b.Loop() {
				tab.Take(t0, d)
			}
		})
	}
}
