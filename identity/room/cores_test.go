package room

import (
	"runtime"
	"testing"
	"time"
)

// The line is of proc_stat(5): user nice system idle iowait irq softirq steal guest guest_nice.
func TestParseStat(t *testing.T) {
	used, all := parseStat([]byte("cpu  100 10 50 800 20 5 6 9 70 3\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	if used != 1800*time.Millisecond || all != 10*time.Second {
		t.Errorf("used %v of %v, want 1.8 s of 10 s", used, all)
	}
	for _, bad := range []string{"", "cpu", "cpu 1 2 3 4 5 6 7\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3 4 5 6 7 8", "cpu 1 2 x 4 5 6 7 8\n", "cpu 1 2 -3 4 5 6 7 8\n", "cpu 1 2 99999999999999999999 4 5 6 7 8\n"} {
		if used, all := parseStat([]byte(bad)); used != 0 || all != 0 {
			t.Errorf("%q: used %v of %v, want nothing", bad, used, all)
		}
	}
}

// FuzzParseStat: no line of a system that is strange ends the process, and nobody uses more
// than there is.
func FuzzParseStat(f *testing.F) {
	f.Add([]byte("cpu  1 2 3 4 5 6 7 8\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if used, all := parseStat(b); used < 0 && all >= 0 || used > all && all >= 0 {
			t.Errorf("used %v of %v", used, all)
		}
	})
}

func TestMachineTime(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /proc/stat")
	}
	if used, all := machineTime(); used <= 0 || all <= used {
		t.Errorf("used %v of %v", used, all)
	}
}

// What other processes use counts as what this one does; the work itself counts in neither.
func TestOthers(t *testing.T) {
	for name, c := range map[string]struct {
		process, machine, took time.Duration // in each second
		want                   float64
	}{
		"nobody":               {0, 0, 0, 0},
		"only the work":        {time.Second, time.Second, time.Second, 0},
		"this process":         {2 * time.Second, 2 * time.Second, 0, 0.5},
		"another process":      {0, 3 * time.Second, 0, 0.75},
		"another and the work": {time.Second, 3 * time.Second, time.Second, 0.5},
		"unknown":              {0, 0, time.Second, 0},
	} {
		now := time.Now()
		var process, used, all time.Duration
		o := &cores{n: 4, at: now, process: func() time.Duration { return process }, machine: func() (time.Duration, time.Duration) { return used, all }}
		var got float64
		for range 20 {
			now = now.Add(time.Second)
			process, used, all = process+c.process, used+c.machine, all+4*time.Second
			got = o.others(c.took, now)
		}
		if got < c.want-0.01 || got > c.want+0.01 {
			t.Errorf("%s: others use %.2f of the cores, want %.2f", name, got, c.want)
		}
	}
}
