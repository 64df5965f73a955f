package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// options are the flags of one run.
type options struct {
	rounds           int
	json, html, post time.Duration
	warm             time.Duration
	conns            int
	core             string
	only             string
	log              string
	keys             int
	out              string
	binary           string
	generator        string
	users            int
	limiter          string
	first            int
	browser          int
	flood            int
}

func main() {
	role := flag.String("role", "", "internal: upstream, bare or load")
	addr := flag.String("addr", "", "internal: address of a role")
	to := flag.String("to", "", "internal: where a role connects to")
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "interleaved rounds")
	flag.DurationVar(&o.json, "json", 4*time.Second, "duration of the 1 KiB JSON load; 0 leaves it out")
	flag.DurationVar(&o.html, "html", 2*time.Second, "duration of the 20 KiB HTML load; 0 leaves it out")
	flag.DurationVar(&o.post, "post", 2*time.Second, "duration of the 280-byte POST load; 0 leaves it out")
	flag.DurationVar(&o.warm, "warm", 700*time.Millisecond, "warm-up before each measurement")
	flag.IntVar(&o.conns, "c", 64, "keep-alive connections")
	flag.StringVar(&o.core, "core", "auto", "core that everything is pinned to; auto, none or a number")
	flag.StringVar(&o.only, "only", "", "comma-separated rows (direct,bare,public,session,session+log,token,key,key+limiter)")
	flag.StringVar(&o.log, "log", "warn", "log level of sanmon but in the row session+log, which logs each request")
	flag.IntVar(&o.keys, "keys", 0, "also measure the memory of this many API keys")
	flag.StringVar(&o.out, "out", "bench/results", "directory of the JSON result; empty writes none")
	flag.StringVar(&o.binary, "sanmon", "", "binary to measure; empty builds ./cmd/sanmon")
	flag.StringVar(&o.generator, "load", "auto", "load generator: wrk, own or auto")
	flag.IntVar(&o.users, "users", 64, "distinct sessions and keys that take turns")
	flag.StringVar(&o.limiter, "limiter", "", "valkey://HOST:PORT of a server without a password, for the row key+limiter; empty leaves it out")
	flag.IntVar(&o.first, "first", 0, "also measure the time to the first byte of a page that streams, by this many requests")
	flag.IntVar(&o.browser, "browser", 0, "also measure the time to the first byte of a page in Chromium, by this many navigations")
	flag.IntVar(&o.flood, "flood", 0, "also measure what a flood of logins leaves to token and key routes, by this many rounds")
	flag.Parse()
	if err := run(*role, *addr, *to, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(role, addr, to string, o options) error {
	switch role {
	case "upstream":
		return upstream(addr)
	case "bare":
		return bare(addr, to)
	case "load":
		return load(addr, flag.Args())
	case "":
		return measure(o)
	}
	return errors.New("unknown role")
}

// bench is one run.
type bench struct {
	options
	dir, self string
	upstream  string // address
	gate      *gate
	launch    launcher
	results   []sample
}

func measure(o options) error {
	dir, err := os.MkdirTemp("", "sanmon-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{options: o, dir: dir, launch: newLauncher(o.core)}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.binary == "" {
		b.binary = filepath.Join(dir, "sanmon")
		build := exec.Command("go", "build", "-trimpath", "-o", b.binary, "./cmd/sanmon")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build sanmon: %w\n%s", err, out)
		}
	}
	if b.generator == "auto" {
		b.generator = "own"
		if _, err := exec.LookPath("wrk"); err == nil {
			b.generator = "wrk"
		}
	}
	up, err := b.startUpstream()
	if err != nil {
		return err
	}
	defer up.stop()
	if b.gate, err = b.prepare(); err != nil {
		return err
	}
	if err := b.interleave(); err != nil {
		return err
	}
	starts, err := b.starts(5)
	if err != nil {
		return err
	}
	var keys *keyMemory
	if o.keys > 0 {
		if keys, err = b.keyMemory(o.keys); err != nil {
			return err
		}
	}
	var first *firstByte
	if o.first > 0 {
		if first, err = b.firstBytes(o.first); err != nil {
			return err
		}
	}
	var seen *inBrowser
	if o.browser > 0 {
		if seen, err = b.browser(o.browser); err != nil {
			return err
		}
	}
	var flood *flooded
	if o.flood > 0 {
		if flood, err = b.flood(o.flood); err != nil {
			return err
		}
	}
	return b.report(starts, keys, first, seen, flood)
}

func (b *bench) startUpstream() (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	b.upstream = addr
	up, err := b.launch.start("upstream", nil, b.self, "-role", "upstream", "-addr", addr)
	if err != nil {
		return nil, err
	}
	return up, waitOpen(addr, 5*time.Second)
}

// interleave runs every row in every round, in shuffled order.
func (b *bench) interleave() error {
	rows := b.rows()
	for round := range b.rounds {
		rand.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		for _, r := range rows {
			fmt.Fprintf(os.Stderr, "round %d/%d: %-12s", round+1, b.rounds, r.name)
			if err := b.row(round, r); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			fmt.Fprintln(os.Stderr)
		}
	}
	return nil
}

// row starts a proxy afresh, checks it, and measures each load on it.
func (b *bench) row(round int, r row) error {
	addr, p, err := r.start(b)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := b.check(addr, r); err != nil {
		return err
	}
	for _, l := range b.loads() {
		if l.method == "POST" && r.auth == "token" {
			continue // its client may read only
		}
		requests := r.requests(b, l)
		if _, err := b.fire(addr, requests, b.warm); err != nil {
			return err
		}
		before, err := p.cpu()
		if err != nil {
			return err
		}
		got, err := b.fire(addr, requests, l.duration)
		if err != nil {
			return err
		}
		after, err := p.cpu()
		if err != nil {
			return err
		}
		if got.Bad > 0 || got.Requests == 0 {
			return fmt.Errorf("%s: %d of %d requests failed", l.name, got.Bad, got.Requests)
		}
		s := sample{Round: round, Row: r.name, Load: l.name, measured: got, CPU: (after - before).Seconds() / float64(got.Requests) * 1000, RSS: p.peakRSS()}
		b.results = append(b.results, s)
		fmt.Fprintf(os.Stderr, "  %s %.0f/s %.1f us", l.name, got.PerSecond, s.CPU*1000)
	}
	return nil
}

// list splits a comma-separated flag.
func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
