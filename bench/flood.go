package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A flood is some ten times what the cores could verify, from networks that change, so that
// no throttle stops it.
const (
	floodRate  = 500 // logins a second
	floodConns = 128 // which is also the most that are under way
	floodTime  = 4 * time.Second
)

// flooded is what a flood of logins that goes on leaves to routes that need no password: the medians of
// the ratios of rounds, each of them with the flood and without it.
type flooded struct {
	Rounds   int                `json:"rounds"`
	Kept     map[string]float64 `json:"throughput_kept"` // by row: 1 is all of it
	Least    map[string]float64 `json:"least_kept"`
	Answers  map[int]int        `json:"answers_to_logins"` // by status
	Waiting  int                `json:"busy_with_retry_after"`
	Before   int64              `json:"rss_before_bytes"`
	Peak     int64              `json:"peak_rss_bytes"`
	Verified float64            `json:"verified_per_second"`
}

// flood measures the token and the key row by turns with and without a flood of logins. It
// lets the processes use all cores: on one, nothing would be left beside the hashes.
func (b *bench) flood(rounds int) (*flooded, error) {
	pinned := b.launch
	b.launch = launcher{}
	defer func() { b.launch = pinned }()
	addr, p, err := b.gate.start(b, "error", "local")
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if err := b.gate.fetchTokens(addr); err != nil {
		return nil, err
	}
	f := &flooded{Rounds: rounds, Kept: map[string]float64{}, Least: map[string]float64{}, Answers: map[int]int{}}
	kept := map[string][]float64{}
	json := loadKind{name: "json", method: "GET", path: "/json"}
	rows := []row{{"token", "/t", "token", nil}, {"key", "/k", "key", nil}}
	for _, r := range rows {
		if _, err := b.fire(addr, r.requests(b, json), b.warm); err != nil {
			return nil, err
		}
	}
	f.Before = p.status("VmRSS:")
	var verifying time.Duration
	for i := range rounds {
		for _, r := range rows {
			requests, rate := r.requests(b, json), map[bool]float64{}
			for _, with := range rand.Perm(2) {
				ctx, cancel := context.WithCancel(context.Background())
				var done sync.WaitGroup
				if with == 1 {
					done.Go(func() { f.pour(ctx, b.gate, addr) })
					time.Sleep(floodTime / 2) // what hashing had saved up is gone by then
					verifying += floodTime * 3 / 2
				}
				got, err := b.fire(addr, requests, floodTime)
				cancel()
				done.Wait()
				if err != nil || got.Bad > 0 {
					return nil, fmt.Errorf("flood: %d of %d requests of %s failed: %w", got.Bad, got.Requests, r.name, err)
				}
				rate[with == 1] = got.PerSecond
			}
			kept[r.name] = append(kept[r.name], rate[true]/rate[false])
			fmt.Fprintf(os.Stderr, "flood %d/%d: %s keeps %.2f of %.0f/s\n", i+1, rounds, r.name, rate[true]/rate[false], rate[false])
		}
	}
	f.Peak, f.Verified = p.peakRSS(), float64(f.Answers[http.StatusUnauthorized])/verifying.Seconds()
	for name, all := range kept {
		f.Kept[name], f.Least[name] = median(all), all[0]
		for _, v := range all {
			f.Least[name] = min(f.Least[name], v)
		}
	}
	return f, nil
}

// pour sends logins at a fixed rate until ctx ends, and counts the answers.
func (f *flooded) pour(ctx context.Context, g *gate, addr string) {
	drops := make(chan struct{})
	var mu sync.Mutex
	var conns sync.WaitGroup
	for range floodConns {
		conns.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
			in := bufio.NewReader(c)
			for range drops {
				status, later, err := login(c, in, g.host)
				if err != nil {
					return
				}
				mu.Lock()
				f.Answers[status]++
				if status == http.StatusServiceUnavailable && later != "" {
					f.Waiting++
				}
				mu.Unlock()
			}
		})
	}
	tick := time.NewTicker(time.Second / floodRate)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			select {
			case drops <- struct{}{}:
			default: // all connections wait for an answer
			}
		}
	}
	close(drops)
	conns.Wait()
}

// login is one attempt of somebody else at something else, from somewhere else.
func login(c net.Conn, in *bufio.Reader, host string) (status int, later string, err error) {
	body := fmt.Sprintf(`{"email":"nobody%d@example.com","password":"a password that is wrong"}`, rand.Uint32())
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := fmt.Fprintf(c, "POST /.sanmon/login HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nX-Forwarded-For: %d.%d.%d.7\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		host, host, 1+rand.IntN(9), rand.IntN(256), rand.IntN(256), len(body), body); err != nil {
		return 0, "", err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header.Get("Retry-After"), err
}

func (f *flooded) print() {
	fmt.Printf("\nA flood of %d logins a second from changing networks (%d rounds, all cores): the token route keeps %.2f of its throughput (least %.2f), the key route %.2f (%.2f).", floodRate, f.Rounds, f.Kept["token"], f.Least["token"], f.Kept["key"], f.Least["key"])
	fmt.Printf(" %.0f logins a second were verified; answers %v, %d busy with Retry-After. RSS %d MiB before, %d MiB at most.\n", f.Verified, f.Answers, f.Waiting, f.Before>>20, f.Peak>>20)
}
