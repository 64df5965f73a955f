package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// measured is what a load generator found.
type measured struct {
	Requests  int64   `json:"requests"`
	Bad       int64   `json:"bad"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// fire sends the requests in turn on all connections for a while.
func (b *bench) fire(addr string, requests []string, d time.Duration) (measured, error) {
	if b.generator == "wrk" {
		return b.wrk(addr, requests, d)
	}
	file := filepath.Join(b.dir, "requests.json")
	text, err := json.Marshal(requests)
	if err != nil {
		return measured{}, err
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return measured{}, err
	}
	out, err := b.launch.command(b.self, "-role", "load", "-addr", addr, file, strconv.Itoa(b.conns), d.String()).Output()
	if err != nil {
		return measured{}, fmt.Errorf("load: %w", err)
	}
	var m measured
	return m, json.Unmarshal(out, &m)
}

// wrk runs wrk with a script that returns whole requests: wrk's own formatting would
// differ from row to row.
func (b *bench) wrk(addr string, requests []string, d time.Duration) (measured, error) {
	var lua strings.Builder
	lua.WriteString("local r = {\n")
	for _, s := range requests {
		lua.WriteString(strconv.Quote(s) + ",\n")
	}
	lua.WriteString("}\nlocal n, i = #r, 0\nfunction request() i = i % n + 1; return r[i] end\n" +
		"function done(s, l) io.write(string.format('RESULT %d %d %d %f %f\\n', s.requests, s.errors.status + s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout, s.duration, l:percentile(50), l:percentile(99))) end\n")
	script := filepath.Join(b.dir, "load.lua")
	if err := os.WriteFile(script, []byte(lua.String()), 0o600); err != nil {
		return measured{}, err
	}
	// wrk takes whole seconds only.
	seconds := max(1, int(d.Round(time.Second)/time.Second))
	out, err := b.launch.command("wrk", "-t1", "-c"+strconv.Itoa(b.conns), "-d"+strconv.Itoa(seconds)+"s", "-s", script, "http://"+addr+"/").CombinedOutput()
	if err != nil {
		return measured{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	m := regexp.MustCompile(`RESULT (\d+) (\d+) (\d+) ([0-9.]+) ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		return measured{}, fmt.Errorf("wrk printed no result\n%s", out)
	}
	number := func(i int) float64 { f, _ := strconv.ParseFloat(string(m[i]), 64); return f }
	return measured{Requests: int64(number(1)), Bad: int64(number(2)), PerSecond: number(1) / (number(3) / 1e6), P50: number(4) / 1e3, P99: number(5) / 1e3}, nil
}

// load is the generator for machines without wrk: one goroutine a connection.
func load(addr string, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("load wants a file, connections and a duration")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var requests []string
	if err := json.Unmarshal(text, &requests); err != nil {
		return err
	}
	conns, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var took []time.Duration
	var bad int64
	var wg sync.WaitGroup
	start := time.Now()
	for i := range conns {
		wg.Go(func() {
			mine, failed := drive(addr, requests, i, start.Add(d))
			mu.Lock()
			defer mu.Unlock()
			took, bad = append(took, mine...), bad+failed
		})
	}
	wg.Wait()
	elapsed := time.Since(start)
	slices.Sort(took)
	m := measured{Requests: int64(len(took)), Bad: bad, PerSecond: float64(len(took)) / elapsed.Seconds(), P50: percentile(took, 50), P99: percentile(took, 99)}
	return json.NewEncoder(os.Stdout).Encode(m)
}

func percentile(sorted []time.Duration, p int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[(len(sorted)-1)*p/100]) / float64(time.Millisecond)
}

func drive(addr string, requests []string, i int, end time.Time) (took []time.Duration, bad int64) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, 1
	}
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 64<<10)
	for ; time.Now().Before(end); i++ {
		start := time.Now()
		_ = c.SetDeadline(start.Add(10 * time.Second))
		if _, err := c.Write([]byte(requests[i%len(requests)])); err != nil {
			return took, bad + 1
		}
		ok, err := readAnswer(r)
		if err != nil {
			return took, bad + 1
		}
		if !ok {
			bad++
		}
		took = append(took, time.Since(start))
	}
	return took, bad
}

func readAnswer(r *bufio.Reader) (ok bool, err error) {
	head, err := readHead(r)
	if err != nil {
		return false, err
	}
	ok = bytes.HasPrefix(head, []byte("HTTP/1.1 200 "))
	if field(head, "content-length") != "" {
		return ok, skipBody(r, head)
	}
	// Rare: a chunked answer is read by the standard library.
	res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.Clone(head)), r)), nil)
	if err != nil {
		return false, err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return ok, err
}
