package schema

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

func header(contentType string) exchange.Header { return exchange.Header{"Content-Type": {contentType}} }

// fetch judges a request without a body.
func fetch(d *Document, target string) error {
	path, query, _ := strings.Cut(target, "?")
	m, err := d.Find("GET", path)
	if err != nil {
		return err
	}
	return m.Parameters(query, exchange.Header{})
}
