package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one measurement of one row under one load in one round.
type sample struct {
	Round int    `json:"round"`
	Row   string `json:"row"`
	Load  string `json:"load"`
	measured
	CPU float64 `json:"cpu_seconds_per_1000"`
	RSS int64   `json:"peak_rss_bytes"`
}

// machine says where figures come from. They compare within one machine only.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Pinned bool   `json:"pinned_to_one_core"`
	Load   string `json:"load_generator"`
}

// result is what is written to a file.
type result struct {
	At      time.Time          `json:"at"`
	Machine machine            `json:"machine"`
	Samples []sample           `json:"samples"`
	Starts  map[string]float64 `json:"start_ms"`
	Keys    *keyMemory         `json:"keys,omitempty"`
	First   *firstByte         `json:"first_byte,omitempty"`
	Browser *inBrowser         `json:"first_byte_in_chromium,omitempty"`
	Flood   *flooded           `json:"flood,omitempty"`
}

func (b *bench) report(starts map[string]float64, keys *keyMemory, first *firstByte, seen *inBrowser, flood *flooded) error {
	r := result{time.Now().UTC(), describe(b), b.results, starts, keys, first, seen, flood}
	fmt.Printf("%s, %d cores, Linux %s, %s; load by %s, %d connections, all on one core: %v; %d rounds.\n", r.Machine.CPU, r.Machine.Cores, r.Machine.Kernel, r.Machine.Go, r.Machine.Load, b.conns, r.Machine.Pinned, b.rounds)
	fmt.Printf("Ratios are medians of the ratios to \"bare\" within each round. Log level %s, but info with a line per request in session+log.\n", b.log)
	for _, l := range b.loads() {
		fmt.Printf("\n### %s: %s, %d bytes of head\n\n", l.name, l.method, headSize)
		fmt.Println("| row | CPU s/1000 | CPU ratio (min..max) | req/s | req/s ratio | p50 ms | p99 ms | p99 ratio | peak RSS MiB |")
		fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
		for _, row := range []string{"direct", "bare", "public", "session", "session+log", "token", "key", "key+limiter"} {
			if s := b.of(row, l.name); len(s) > 0 {
				b.line(row, l.name, s)
			}
		}
	}
	for _, name := range []string{"bare", "public"} {
		if ms, ok := starts[name]; ok {
			fmt.Printf("\n%s: %.0f ms from start to first answer (median of 5)", name, ms)
		}
	}
	fmt.Println()
	if keys != nil {
		fmt.Printf("\n%d API keys: RSS %d MiB, peak %d MiB, ready after %d ms (without keys %d MiB)\n", keys.Keys, keys.RSS>>20, keys.Peak>>20, keys.ReadyMS, keys.Baseline>>20)
	}
	if first != nil {
		fmt.Printf("\nFirst byte of a page that streams, %d requests each: bare %.0f us, gate %.0f us as text and %.0f us as page; injection adds %.0f us (quartiles %.0f..%.0f)\n", first.Pairs, first.Bare, first.Text, first.Page, first.Added, first.Quarter[0], first.Quarter[1])
	}
	if seen != nil {
		seen.print()
	}
	if flood != nil {
		flood.print()
	}
	return b.write(r)
}

func (b *bench) line(row, load string, s []sample) {
	cpu := ratios(s, b.of("bare", load), func(x sample) float64 { return x.CPU })
	rate := ratios(s, b.of("bare", load), func(x sample) float64 { return x.PerSecond })
	p99 := ratios(s, b.of("bare", load), func(x sample) float64 { return x.P99 })
	spread := "-"
	if len(cpu) > 0 && row != "direct" {
		spread = fmt.Sprintf("**%.2f** (%.2f..%.2f)", median(cpu), slices.Min(cpu), slices.Max(cpu))
	}
	fmt.Printf("| %s | %.4f | %s | %.0f | %.2f | %.2f | %.2f | %.2f | %.0f |\n", row,
		median(each(s, func(x sample) float64 { return x.CPU })), spread,
		median(each(s, func(x sample) float64 { return x.PerSecond })), median(rate),
		median(each(s, func(x sample) float64 { return x.P50 })), median(each(s, func(x sample) float64 { return x.P99 })), median(p99),
		median(each(s, func(x sample) float64 { return float64(x.RSS) }))/(1<<20))
}

func (b *bench) of(row, load string) []sample {
	var all []sample
	for _, s := range b.results {
		if s.Row == row && s.Load == load {
			all = append(all, s)
		}
	}
	return all
}

// ratios divides samples by the reference of the same round.
func ratios(s, reference []sample, value func(sample) float64) []float64 {
	var all []float64
	for _, x := range s {
		for _, y := range reference {
			if y.Round == x.Round && value(y) > 0 {
				all = append(all, value(x)/value(y))
			}
		}
	}
	return all
}

func each(s []sample, value func(sample) float64) []float64 {
	var all []float64
	for _, x := range s {
		all = append(all, value(x))
	}
	return all
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func describe(b *bench) machine {
	m := machine{CPU: "unknown CPU", Cores: runtime.NumCPU(), Go: runtime.Version(), Pinned: b.launch.core != "", Load: b.generator}
	var u syscall.Utsname
	if syscall.Uname(&u) == nil {
		var release []byte
		for _, c := range u.Release {
			if c == 0 {
				break
			}
			release = append(release, byte(c))
		}
		m.Kernel = string(release)
	}
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return m
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		if name, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			return m
		}
	}
	return m
}

func (b *bench) write(r result) error {
	if b.out == "" {
		return nil
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(b.out, r.At.Format("20060102-150405")+".json")
	fmt.Printf("\nwritten to %s\n", path)
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
