package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// starts measures the time from starting a process to its first good answer, n times
// each, in milliseconds (median).
func (b *bench) starts(n int) (map[string]float64, error) {
	all := map[string]float64{}
	for _, r := range b.rows() {
		if r.name != "bare" && r.name != "public" {
			continue
		}
		var took []time.Duration
		for range n {
			start := time.Now()
			addr, p, err := r.start(b)
			if err != nil {
				return nil, err
			}
			a, err := ask(addr, r.requestsFor(b, loadKind{method: "GET", path: "/check"}, ""))
			took = append(took, time.Since(start))
			p.stop()
			if err != nil || a.status != http.StatusOK {
				return nil, fmt.Errorf("start of %s: status %d: %w", r.name, a.status, err)
			}
		}
		slices.Sort(took)
		all[r.name] = float64(took[n/2]) / float64(time.Millisecond)
	}
	return all, nil
}

// keyMemory is what many keys take in a running server.
type keyMemory struct {
	Keys     int   `json:"keys"`
	RSS      int64 `json:"rss_bytes"`
	Peak     int64 `json:"peak_rss_bytes"`
	Baseline int64 `json:"rss_without_bytes"`
	ReadyMS  int64 `json:"ready_ms"`
}

// keyMemory fills the store with keys, starts sanmon and reads its resident memory, with
// the first key proving that the index is in place.
func (b *bench) keyMemory(n int) (*keyMemory, error) {
	_, p, err := b.gate.start(b, "warn", "local")
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Second)
	m := &keyMemory{Keys: n, Baseline: p.status("VmRSS:")}
	p.stop()
	if err := fillKeys(filepath.Join(b.gate.dir, "data", "sanmon.db"), n); err != nil {
		return nil, err
	}
	start := time.Now()
	addr, p, err := b.gate.start(b, "warn", "local")
	if err != nil {
		return nil, err
	}
	defer p.stop()
	a, err := ask(addr, b.head(loadKind{method: "GET"}, "/k/check", b.gate.credentials("key", "GET")[0]))
	if err != nil || a.status != http.StatusOK {
		return nil, fmt.Errorf("with %d keys: status %d: %w", n, a.status, err)
	}
	m.ReadyMS = time.Since(start).Milliseconds()
	time.Sleep(3 * time.Second) // until the collector has given back what loading took
	m.RSS, m.Peak = p.status("VmRSS:"), p.peakRSS()
	fmt.Fprintf(os.Stderr, "%d keys: %d MiB (peak %d MiB, without %d MiB), ready after %d ms\n", n, m.RSS>>20, m.Peak>>20, m.Baseline>>20, m.ReadyMS)
	return m, nil
}
