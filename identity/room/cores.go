package room

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// look is how often what the cores do is looked at: the system counts in hundredths of a
// second.
const look = 200 * time.Millisecond

// cores tells how busy others keep the processors: other work of this process, and where it
// may use all of the machine's, other processes too, as a backend beside it. Its user
// serialises the calls.
type cores struct {
	n       float64
	process func() time.Duration             // processor time of this process so far
	machine func() (used, all time.Duration) // processor time of all so far; all is 0 where that is not known

	at        time.Time     // of the last look
	own       time.Duration // work that was paid since
	mine      time.Duration
	used, all time.Duration
	load      float64 // share of the cores, smoothed over a second
}

func newCores(now time.Time) *cores {
	c := &cores{n: float64(runtime.GOMAXPROCS(0)), process: processTime, machine: machineTime, at: now}
	if runtime.GOMAXPROCS(0) < runtime.NumCPU() {
		c.machine = func() (used, all time.Duration) { return 0, 0 } // a share of the machine is ours, whatever others do
	}
	c.mine = c.process()
	c.used, c.all = c.machine()
	return c
}

// others returns the share of the cores that anything but the work uses, which took that
// much since the last call.
func (c *cores) others(took time.Duration, now time.Time) float64 {
	c.own += took
	passed := now.Sub(c.at)
	if passed < 0 {
		c.at = now // the clock went back
	}
	if passed < look {
		return c.load
	}
	mine := c.process()
	used, all := c.machine()
	busy := float64(mine-c.mine-c.own) / (float64(passed) * c.n)
	if d := all - c.all; d > 0 {
		busy = max(busy, float64(used-c.used-c.own)/float64(d))
	}
	c.load += (min(max(busy, 0), 1) - c.load) * min(1, passed.Seconds())
	c.at, c.own, c.mine, c.used, c.all = now, 0, mine, used, all
	return c.load
}

// processTime is what this process has used of the processors; 0 where that is not known.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machineTime is what all processes have used of the processors, and that and the time that
// nobody used; 0 where it is not known (proc_stat(5), the line "cpu").
func machineTime() (used, all time.Duration) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0, 0
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	return parseStat(head[:n])
}

// tick is the unit of proc_stat(5) on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// parseStat reads user, nice, system, idle, iowait, irq, softirq and steal, in ticks.
func parseStat(b []byte) (used, all time.Duration) {
	line, _, ok := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line)
	if !ok || len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, 0
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil || n < 0 {
			return 0, 0
		}
		d := time.Duration(n) * tick
		all += d
		if i != 3 && i != 4 { // idle, iowait
			used += d
		}
	}
	return used, all
}
