package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What is written while an answer is gathered arrives whole and in order, whatever its
// size, and the connection goes on.
func TestGatheredAnswers(t *testing.T) {
	g := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		if err := Gather(r.Context(), true); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(pattern(n)))
		if err := Gather(r.Context(), false); err != nil {
			t.Error(err)
		}
	})})
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for _, n := range []int{0, 1, 2047, 2048, 3800, 3900, 4000, 4095, 4096, 4097, 8192, 20 << 10, 1 << 20, 5} {
		if _, err := fmt.Fprintf(c, "GET /?n=%d HTTP/1.1\r\nHost: a\r\n\r\n", n); err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != pattern(n) {
			t.Errorf("%d bytes: %d, %v", n, len(body), err)
		}
	}
}

// pattern is n bytes that show when some are lost, doubled or moved.
func pattern(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strconv.Itoa(i) + ",")
	}
	return b.String()[:n]
}

// A small write waits for the end of the gathering, even when it is flushed.
func TestGatheringHolds(t *testing.T) {
	flushed, goOn := make(chan struct{}), make(chan struct{})
	g := start(t, Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = Gather(r.Context(), true)
		_, _ = io.WriteString(w, "held")
		_ = http.NewResponseController(w).Flush()
		close(flushed)
		<-goOn
		_ = Gather(r.Context(), false)
	})})
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-flushed
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n != 0 {
		t.Errorf("%d bytes left while gathering, %v", n, err)
	}
	close(goOn)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != "held" {
		t.Errorf("%q, %v", body, err)
	}
}

// A request of another server has nothing to gather.
func TestGatheringOfNothing(t *testing.T) {
	if err := Gather(t.Context(), true); err != nil {
		t.Error(err)
	}
	if err := Gather(t.Context(), false); err != nil {
		t.Error(err)
	}
}
