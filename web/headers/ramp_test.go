package headers_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/web/headers"
)

var rampStart = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// The ramp: a day until a week after its start, 30 days for 30 days, a year and the
// subdomains from then on.
func TestRamp(t *testing.T) {
	const aDay, aMonth = "max-age=86400", "max-age=2592000"
	week, month := time.Date(2026, 12, 8, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 7, 0, 0, 0, 0, time.UTC)
	floor := newFloor(t, headers.FloorOptions{HTTPS: true, HSTS: time.Hour, Ramp: rampStart})
	for _, tt := range []struct {
		now  string
		want string
		next time.Time
	}{
		{"0001-01-01T00:00:00Z", aDay, week},
		{"2026-11-25T12:00:00Z", aDay, week},
		{"2026-12-01T00:00:00Z", aDay, week},
		{"2026-12-07T23:59:59.999999999Z", aDay, week},
		{"2026-12-08T00:00:00Z", aMonth, month},
		{"2026-12-08T08:59:00+09:00", aDay, week},
		{"2027-01-06T23:59:59Z", aMonth, month},
		{"2027-01-07T00:00:00Z", hstsYear, time.Time{}},
		{"2099-01-01T00:00:00Z", hstsYear, time.Time{}},
	} {
		now, err := time.Parse(time.RFC3339Nano, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if value, next := headers.RampHSTS(rampStart).At(now); value != tt.want || !next.Equal(tt.next) {
			t.Errorf("%s: %q until %v, want %q until %v", tt.now, value, next, tt.want, tt.next)
		}
		if got := edited(floor.At(now), 200, "Content-Type: text/html"); !slices.Contains(got, "Strict-Transport-Security: "+tt.want) {
			t.Errorf("%s: the floor lacks %q: %q", tt.now, tt.want, got)
		}
	}
}

func TestFixedHSTS(t *testing.T) {
	for _, tt := range []struct {
		h    headers.HSTS
		want string
	}{
		{headers.HSTS{}, ""}, {headers.FixedHSTS(0, true), ""}, {headers.FixedHSTS(time.Hour, false), "max-age=3600"}, {headers.FixedHSTS(365*24*time.Hour, true), hstsYear},
	} {
		if got, until := tt.h.At(rampStart); got != tt.want || !until.IsZero() {
			t.Errorf("%q until %v, want %q for ever", got, until, tt.want)
		}
	}
}

// Over plain http there is no ramp either, a backend's longer lifetime stays, and its
// shorter one is replaced.
func TestRampMerges(t *testing.T) {
	for _, tt := range []struct {
		https      bool
		sent, want string
	}{
		{false, "max-age=5", ""}, {true, "max-age=63072000; includeSubDomains", "max-age=63072000; includeSubDomains"}, {true, "max-age=5", "max-age=86400"}, {true, "max-age=172800", "max-age=172800"},
	} {
		h := exchange.Header{"Content-Type": {"text/html"}, "Strict-Transport-Security": {tt.sent}}
		for _, e := range newFloor(t, headers.FloorOptions{HTTPS: tt.https, Ramp: rampStart}).At(rampStart).Edits(200, "text/html", h, nil) {
			e.Apply(h)
		}
		if got := exchange.First(h, "Strict-Transport-Security"); got != tt.want {
			t.Errorf("https %t, %q: %q, want %q", tt.https, tt.sent, got, tt.want)
		}
	}
}

func TestRampAllocatesNothing(t *testing.T) {
	f, buf := newFloor(t, headers.FloorOptions{HTTPS: true, Ramp: rampStart}), make([]headers.Edit, 0, 32)
	var res exchange.Fields = djangoPage
	if n := testing.AllocsPerRun(100, func() { buf = f.At(rampStart).Edits(200, "text/html; charset=utf-8", res, buf[:0]) }); n != 0 {
		t.Errorf("Edits allocates %v times", n)
	}
}
