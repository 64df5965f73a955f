package schema

import (
	"os"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
)

func header(contentType string) exchange.Header {
	return exchange.Header{"Content-Type": {contentType}}
}

// fetch judges a request without a body.
func fetch(d *Document, target string) error {
	path, query, _ := strings.Cut(target, "?")
	m, err := d.Find("GET", path)
	if err != nil {
		return err
	}
	return m.Parameters(query, exchange.Header{})
}

func fastapiJSON(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("testdata/fastapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// fastapi is the document that FastAPI makes of e2e/backends/described_fastapi.py.
func fastapi(t testing.TB) *Document { t.Helper(); return mustParse(t, string(fastapiJSON(t))) }
