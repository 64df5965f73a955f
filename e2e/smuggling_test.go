package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// counted is a gate in front of a backend that remembers the paths it was asked for.
func counted(t *testing.T) (*harness.Gate, *sync.Map) {
	t.Helper()
	var paths sync.Map // path to true
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths.Store(r.URL.Path, true)
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "served "+r.Method+" "+r.URL.Path)
	}))
	t.Cleanup(backend.Close)
	g := harness.StartGate(t, harness.Options{Upstream: backend.URL, Routes: `
  - { id: all, match: { path: "/{rest...}", methods: [GET, POST, PUT] }, boundary: public, ` + open + ` }
`})
	return g, &paths
}

// TestSmugglingDiesAtTheGate: every form in which two readers of HTTP/1.1 find different
// ends of a message. RFC 9112, Sections 6.3 and 11.2; PortSwigger's CL.TE, TE.CL, TE.TE
// and CL.0 families.
func TestSmugglingDiesAtTheGate(t *testing.T) {
	g, served := counted(t)
	host := "Host: " + publicHost(g) + "\r\n"
	second := "GET /smuggled HTTP/1.1\r\n" + host + "\r\n"
	chunked := "0\r\n\r\n" + second
	n := 0
	for name, request := range map[string]string{
		"CL and TE":               "POST /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"TE and CL":               "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunked,
		"CL twice, different":     "POST /a HTTP/1.1\r\n" + host + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
		"CL twice, equal":         "POST /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"CL list":                 "POST /a HTTP/1.1\r\n" + host + "Content-Length: 5, 5\r\n\r\nhello",
		"CL sign":                 "POST /a HTTP/1.1\r\n" + host + "Content-Length: +5\r\n\r\nhello",
		"CL minus":                "POST /a HTTP/1.1\r\n" + host + "Content-Length: -5\r\n\r\nhello",
		"CL hex":                  "POST /a HTTP/1.1\r\n" + host + "Content-Length: 0x5\r\n\r\nhello",
		"CL blank inside":         "POST /a HTTP/1.1\r\n" + host + "Content-Length: 5 5\r\n\r\nhello",
		"CL empty":                "POST /a HTTP/1.1\r\n" + host + "Content-Length:\r\n\r\nhello",
		"CL overflow":             "POST /a HTTP/1.1\r\n" + host + "Content-Length: 18446744073709551621\r\n\r\nhello",
		"TE identity":             "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: identity\r\n\r\n" + second,
		"TE twice":                "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked,
		"TE twice chunked":        "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"TE list":                 "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunked,
		"TE unknown":              "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n" + chunked,
		"TE vertical tab":         "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: \vchunked\r\n\r\n" + chunked,
		"TE space before colon":   "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\n\r\n" + chunked,
		"TE tab before colon":     "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding\t: chunked\r\n\r\n" + chunked,
		"TE folded":               "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunked,
		"TE after bare LF":        "POST /a HTTP/1.1\r\n" + host + "X: y\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
		"TE after bare CR":        "POST /a HTTP/1.1\r\n" + host + "X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
		"TE quoted":               "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: \"chunked\"\r\n\r\n" + chunked,
		"TE trailing comma":       "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked,\r\n\r\n" + chunked,
		"TE on HTTP/1.0":          "POST /a HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n" + chunked,
		"bare LF line ends":       "GET /a HTTP/1.1\nHost: " + publicHost(g) + "\n\n",
		"bare LF after the head":  "GET /a HTTP/1.1\r\n" + host + "\n",
		"chunk size bare LF":      "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
		"chunk data bare LF":      "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
		"chunk size sign":         "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
		"chunk size 0x":           "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
		"chunk size overflow":     "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
		"chunk size empty":        "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
		"chunk extension LF":      "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5;a\nX\r\nhello\r\n0\r\n\r\n",
		"chunk data too long":     "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n",
		"two hosts":               "GET /a HTTP/1.1\r\n" + host + "Host: evil.example\r\n\r\n",
		"two equal hosts":         "GET /a HTTP/1.1\r\n" + host + host + "\r\n",
		"no host":                 "GET /a HTTP/1.1\r\n\r\n",
		"folded field":            "GET /a HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n",
		"field without name":      "GET /a HTTP/1.1\r\n" + host + ": x\r\n\r\n",
		"field without colon":     "GET /a HTTP/1.1\r\n" + host + "nonsense\r\n\r\n",
		"first field folded":      "GET /a HTTP/1.1\r\n X: a\r\n" + host + "\r\n",
		"NUL in a value":          "GET /a HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n",
		"version 1.2":             "GET /a HTTP/1.2\r\n" + host + "\r\n",
		"version 2.0":             "GET /a HTTP/2.0\r\n" + host + "\r\n",
		"version 11":              "GET /a HTTP/11\r\n" + host + "\r\n",
		"version lower case":      "GET /a http/1.1\r\n" + host + "\r\n",
		"no version":              "GET /a\r\n" + host + "\r\n",
		"two spaces":              "GET  /a HTTP/1.1\r\n" + host + "\r\n",
		"tab for space":           "GET\t/a\tHTTP/1.1\r\n" + host + "\r\n",
		"trailing space":          "GET /a HTTP/1.1 \r\n" + host + "\r\n",
		"leading space":           " GET /a HTTP/1.1\r\n" + host + "\r\n",
		"three hundred fields":    "GET /a HTTP/1.1\r\n" + host + strings.Repeat("X: y\r\n", 300) + "\r\n",
		"a head of a megabyte":    "GET /a HTTP/1.1\r\n" + host + "X: " + strings.Repeat("y", 1<<20) + "\r\n\r\n",
		"a target of a megabyte":  "GET /" + strings.Repeat("y", 1<<20) + " HTTP/1.1\r\n" + host + "\r\n",
		"nothing but blank lines": "\r\n\r\n\r\n\r\n",
		"TLS on the plain port":   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"HTTP/2 preface":          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"HTTP/0.9":                "GET /a\r\n",
		"binary":                  strings.Repeat("\x00\xff\x01\xfe", 64) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			n++
			own := fmt.Sprintf("/case%d", n)
			all := g.Raw(t, strings.ReplaceAll(strings.ReplaceAll(request, "/a", own), "/smuggled", own+"/smuggled"))
			for _, a := range all {
				if a.Status < 400 || a.Status > 499 {
					t.Errorf("answered %d: %s", a.Status, clip(a.Body))
				}
			}
			if len(all) > 1 {
				t.Errorf("%d answers: the gate found more than one request", len(all))
			}
			if _, reached := served.Load(own + "/smuggled"); reached {
				t.Error("the smuggled request reached the backend")
			}
			// A chunked body may begin well: then its head reaches the backend and the
			// break is seen later.
			if _, reached := served.Load(own); reached && !strings.HasPrefix(name, "chunk ") {
				t.Error("the request reached the backend")
			}
		})
	}
}

// TestRefusedBytesGetAnAnswer: DESIGN §4, a refusal of the protocol layer is in the same
// form as any other.
func TestRefusedBytesGetAnAnswer(t *testing.T) {
	g, _ := counted(t)
	a := harness.One(t, g.Raw(t, "POST /a HTTP/1.1\r\nHost: "+publicHost(g)+"\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"))
	want(t, "CL and TE", a, 400, "header_ambiguous")
	if a.Header.Get("X-Request-Id") == "" || !a.Close {
		t.Errorf("header of the refusal: %v", a.Header)
	}
	g.LogWith(t, 3*time.Second, map[string]any{"request_id": a.Header.Get("X-Request-Id")})
}

// TestPipelinedRequestsKeepTheirOrder: what is unusual and legal still works.
func TestPipelinedRequestsKeepTheirOrder(t *testing.T) {
	g, _ := counted(t)
	host := "Host: " + publicHost(g) + "\r\n"
	all := g.Raw(t, "GET /1 HTTP/1.1\r\n"+host+"\r\n"+
		"POST /2 HTTP/1.1\r\n"+host+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"+
		"POST /3 HTTP/1.1\r\n"+host+"Content-Length: 5\r\n\r\nhello"+
		"GET /4 HTTP/1.1\r\n"+host+"Connection: close\r\n\r\n")
	var got []string
	for _, a := range all {
		got = append(got, string(a.Body))
	}
	if strings.Join(got, ",") != "served GET /1,served POST /2,served POST /3,served GET /4" {
		t.Errorf("answers: %q", got)
	}
}
