package secret

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The life of keys over time: keys begin at the given seconds, "-" is a key without a
// beginning; keep is 10 s.
func TestStates(t *testing.T) {
	base := time.Unix(1_000_000, 0)
	for _, tt := range []struct {
		begins string
		at     int
		want   string
		until  int // 0: never
	}{
		{"0 -", 5, "active next", 0},
		{"0 100 -", 99, "active next next", 100},
		{"0 100 -", 100, "retiring active next", 110},
		{"0 100 -", 109, "retiring active next", 110},
		{"0 100 -", 110, "gone active next", 0},
		{"0 100 105 -", 106, "retiring retiring active next", 110},
		{"0 100 105 -", 112, "gone retiring active next", 115},
		{"0 100 200", 150, "gone active next", 200},
		{"0 100 105", 104, "retiring active next", 105}, // two changes are due: the sooner one
		{"50", 0, "active", 50},                         // made by a node whose clock is ahead
		{"- 60 50 -", 0, "next next active next", 50},
		{"50 60", 50, "active next", 60},
		{"- -", 5, "retiring active", 0}, // none has times: kept elsewhere
		{"-", 5, "active", 0},
		{"", 5, "", 0},
	} {
		var keys []Key
		for i, s := range strings.Fields(tt.begins) {
			k := Key{Version: i + 1}
			if n := 0; s != "-" {
				_, _ = fmt.Sscan(s, &n)
				k.ActiveAt = base.Add(time.Duration(n) * time.Second)
			}
			keys = append(keys, k)
		}
		states, until := States(keys, 10*time.Second, base.Add(time.Duration(tt.at)*time.Second))
		var got []string
		for _, s := range states {
			got = append(got, s.String())
		}
		end := 0
		if !until.IsZero() {
			end = int(until.Sub(base).Seconds())
		}
		if strings.Join(got, " ") != tt.want || end != tt.until {
			t.Errorf("%q at %d: %v until %d, want %s until %d", tt.begins, tt.at, got, end, tt.want, tt.until)
		}
	}
}
