package harness

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Answer is a response with its body read.
type Answer struct {
	Status int
	Proto  string
	Header http.Header
	Body   []byte
	Close  bool // the answer said that the connection ends
}

// Code is the code of a refusal, "" when the answer is none.
func (a Answer) Code() string {
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
		return ""
	}
	var p struct{ Code string }
	_ = json.Unmarshal(a.Body, &p)
	return p.Code
}

// JSON decodes the body.
func (a Answer) JSON(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("answer %d is no JSON: %v\n%s", a.Status, err, a.Body)
	}
}

// Dial opens a connection to the gate, through TLS when it serves that.
func (g *Gate) Dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", g.Addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if g.Secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"})
	}
	return c
}

// Raw sends bytes exactly as they are on a connection of their own and returns every
// answer until the gate closes or nothing more comes for a second.
func (g *Gate) Raw(t testing.TB, request string) []Answer {
	t.Helper()
	c := g.Dial(t)
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, request)
	return ReadAnswers(c, methodOf(request), 10*time.Second, time.Second)
}

// ReadAnswers reads answers until the connection ends or stays silent: for first before
// the first answer, for silence after it. Only the first answer may be one to HEAD.
func ReadAnswers(c net.Conn, method string, first, silence time.Duration) []Answer {
	var all []Answer
	r := bufio.NewReader(c)
	for {
		wait := silence
		if len(all) == 0 {
			wait = first
		}
		_ = c.SetReadDeadline(time.Now().Add(wait))
		a, err := readAnswer(r, method)
		if err != nil {
			return all
		}
		all = append(all, a)
		method = "GET"
	}
}

func readAnswer(r *bufio.Reader, method string) (Answer, error) {
	res, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return Answer{}, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return Answer{res.StatusCode, res.Proto, res.Header, body, res.Close}, err
}

func methodOf(request string) string {
	if strings.HasPrefix(request, "HEAD ") {
		return "HEAD"
	}
	return "GET"
}

// One is the only answer of a raw request. No answer, or a second one, fails the test: a
// second answer means that the gate saw two requests where one was sent.
func One(t testing.TB, all []Answer) Answer {
	t.Helper()
	if len(all) != 1 {
		var b bytes.Buffer
		for _, a := range all {
			b.WriteString("\n" + http.StatusText(a.Status) + ": " + string(a.Body))
		}
		t.Fatalf("%d answers, want 1%s", len(all), b.String())
	}
	return all[0]
}
