package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// pause is what the upstream waits between the first 4 KiB of a slow answer and its rest.
const pause = 5 * time.Millisecond

// slow answers in two pieces of one chunk each: the page, or the same bytes as plain text.
func slow(c net.Conn, contentType string, page []byte) error {
	const first = 4 << 10
	if _, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", contentType, first, page[:first]); err != nil {
		return err
	}
	time.Sleep(pause)
	_, err := fmt.Fprintf(c, "%x\r\n%s\r\n0\r\n\r\n", len(page)-first, page[first:])
	return err
}

// firstByte is the time from a request to the first byte of a body that streams, in
// microseconds: medians, and the median of the differences of a pair.
type firstByte struct {
	Pairs   int        `json:"pairs"`
	Bare    float64    `json:"bare_us"`
	Text    float64    `json:"text_us"` // through the gate, as plain text: nothing is injected
	Page    float64    `json:"page_us"` // with a token in each form, the script and the strict policy
	Added   float64    `json:"added_by_injection_us"`
	Quarter [2]float64 `json:"added_quartiles_us"`
}

// firstBytes asks for a slow page by turns, one request at a time: through the bare proxy,
// and through the gate as text and as page, in random order.
func (b *bench) firstBytes(pairs int) (*firstByte, error) {
	bareAddr, bareProxy, err := b.reference("bare")
	if err != nil {
		return nil, err
	}
	defer bareProxy.stop()
	gateAddr, gateProxy, err := b.gate.start(b, b.log, "local")
	if err != nil {
		return nil, err
	}
	defer gateProxy.stop()
	page := loadKind{name: "html", method: "GET"}
	auth := b.gate.credentials("session", "GET")[0]
	asks := []*asker{{request: b.head(page, "/slow.html", "")}, {request: b.head(page, "/s/slow.txt", auth)}, {request: b.head(page, "/s/slow/html", auth)}}
	for i, a := range asks {
		addr := gateAddr
		if i == 0 {
			addr = bareAddr
		}
		if err := a.dial(addr); err != nil {
			return nil, err
		}
		defer a.conn.Close()
	}
	var took [3][]float64
	for i := range pairs + 50 { // the first are for warming up
		for _, k := range rand.Perm(len(asks)) {
			us, body, err := asks[k].first()
			if err != nil {
				return nil, err
			}
			if got := strings.Count(body, "name=_sanmon"); got != []int{0, 0, 3}[k] {
				return nil, fmt.Errorf("first byte: the answer %d has %d tokens", k, got)
			}
			if i >= 50 {
				took[k] = append(took[k], us)
			}
		}
	}
	added := make([]float64, pairs)
	for i := range added {
		added[i] = took[2][i] - took[1][i]
	}
	slices.Sort(added)
	f := &firstByte{Pairs: pairs, Bare: median(took[0]), Text: median(took[1]), Page: median(took[2]), Added: added[pairs/2], Quarter: [2]float64{added[pairs/4], added[3*pairs/4]}}
	fmt.Fprintf(os.Stderr, "first byte of a page that streams: bare %.0f us, gate %.0f us as text and %.0f us as page; injection adds %.0f us (quartiles %.0f..%.0f)\n", f.Bare, f.Text, f.Page, f.Added, f.Quarter[0], f.Quarter[1])
	return f, nil
}

// asker sends one request again and again over a connection.
type asker struct {
	request string
	conn    net.Conn
	in      *bufio.Reader
}

func (a *asker) dial(addr string) (err error) {
	if a.conn, err = net.DialTimeout("tcp", addr, 2*time.Second); err == nil {
		a.in = bufio.NewReaderSize(a.conn, 64<<10)
	}
	return err
}

// first returns after how many microseconds the body began.
func (a *asker) first() (us float64, body string, err error) {
	_ = a.conn.SetDeadline(time.Now().Add(5 * time.Second))
	begin := time.Now()
	if _, err := io.WriteString(a.conn, a.request); err != nil {
		return 0, "", err
	}
	res, err := http.ReadResponse(a.in, nil)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	var one [1]byte
	if _, err := io.ReadFull(res.Body, one[:]); err != nil {
		return 0, "", err
	}
	us = float64(time.Since(begin)) / float64(time.Microsecond)
	rest, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("first byte: status %d: %.200s", res.StatusCode, rest)
	}
	return us, string(one[:]) + string(rest), err
}
