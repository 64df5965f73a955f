package schema

import (
	"os"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
)

func header(contentType string) exchange.Header {
	return exchange.Header{"Content-Type": {contentType}}
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
