//go:build unix

package scan

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkTree scans whole trees from their files, with tests and examples: the repository,
// Go's own sources, and those that SANMON_SCAN_TREES names (a list as in PATH). With
// -cpu 1 it says what a core does.
func BenchmarkTree(b *testing.B) {
	trees := map[string]string{"sanmon": "../..", "goroot": filepath.Join(goroot(b), "src")}
	for _, dir := range filepath.SplitList(os.Getenv("SANMON_SCAN_TREES")) {
		trees[filepath.Base(dir)] = dir
	}
	for name, dir := range trees {
		b.Run(name, func(b *testing.B) {
			s := New(true)
			read, report := int64(0), perCPU(b)
			defer func() { report(read) }()
			for b.Loop() {
				var r Report
				if err := s.Path(context.Background(), &r, dir); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(r.Bytes)
				read += r.Bytes
			}
		})
	}
}

// perCPU reports what was read in a second of processor time, which other programs on the
// machine disturb less than the time of day.
func perCPU(b *testing.B) func(read int64) {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func(read int64) { b.ReportMetric(float64(read)/1e6/(used()-before).Seconds(), "MB/cpu-s") }
}

// BenchmarkLog scans lines of an access log and of a structured log.
func BenchmarkLog(b *testing.B) {
	var text strings.Builder
	for i := 0; text.Len() < 16<<20; i++ {
		fmt.Fprintf(&text, "198.51.100.%d - - [26/Nov/2026:10:%02d:%02d +0000] \"GET /orders/%d?page=%d&q=a%%20b HTTP/1.1\" 200 %d \"https://shop.example.org/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"\n", i%256, i/60%60, i%60, i*7919, i%40, i%50000)
		fmt.Fprintf(&text, "{\"time\":\"2026-11-26T10:%02d:%02dZ\",\"level\":\"INFO\",\"msg\":\"request\",\"trace\":\"%032x\",\"etag\":\"W/\\\"%016x\\\"\",\"route\":\"orders\",\"status\":200,\"ms\":%d}\n", i/60%60, i%60, i*104729, i*1299709, i%900)
	}
	s, log, read, report := New(true), []byte(text.String()), int64(0), perCPU(b)
	b.SetBytes(int64(len(log)))
	for b.Loop() {
		s.Text(&Report{}, "access.log", log)
		read += int64(len(log))
	}
	report(read)
}
