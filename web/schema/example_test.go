package schema_test

import (
	"fmt"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/schema"
)

func Example() {
	document, err := schema.Parse([]byte(`
openapi: 3.1.0
info: { title: Notes, version: "1" }
paths:
  /notes:
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [title]
              additionalProperties: false
              properties: { title: { type: string, maxLength: 20 } }
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	header := exchange.Header{"Content-Type": {"application/json"}}
	for _, body := range []string{`{"title":"milk"}`, `{"title":"milk","admin":true}`, `{"title":7}`} {
		m, err := document.Find("POST", "/notes")
		if err == nil {
			err = m.Body(header, []byte(body))
		}
		if err != nil {
			fmt.Println(refusal.From(err).Detail)
			continue
		}
		fmt.Println("as described")
	}
	// Output:
	// as described
	// body.admin is not a known field (additionalProperties).
	// body.title has to be a string (type).
}
