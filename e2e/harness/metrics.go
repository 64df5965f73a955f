package harness

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// AdminGet fetches a path of the admin listener.
func (g *Gate) AdminGet(t testing.TB, path string) Answer {
	t.Helper()
	c := &http.Client{Timeout: 10 * time.Second}
	res, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d%s", g.Admin, path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{res.StatusCode, res.Proto, res.Header, body, res.Close}
}

// Metric reads a metric without labels.
func (g *Gate) Metric(t testing.TB, name string) float64 {
	t.Helper()
	a := g.AdminGet(t, "/metrics")
	for line := range strings.Lines(string(a.Body)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatalf("metric %s: %v", name, err)
			}
			return v
		}
	}
	t.Fatalf("/metrics has no %s", name)
	return 0
}
