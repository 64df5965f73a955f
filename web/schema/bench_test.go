package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
)

// twoKiB is a JSON body of 2 KiB for the model Item of the FastAPI application.
func twoKiB() []byte {
	item := func(inner string) string {
		return `{"title":"a title of words","count":42,"price":12.5,"color":"blue","tags":[{"name":"abc","weight":1.5},{"name":"defg"},{"name":"h","weight":2}],` +
			`"owner":"123e4567-e89b-12d3-a456-426614174000","due":"2026-11-25T15:30:00Z","day":"2026-11-25","extra":{"one":1,"two":2,"three":3},"either":"text","parent":` + inner + `}`
	}
	body := "null"
	for range 6 {
		body = item(body)
	}
	return []byte(body + strings.Repeat(" ", max(0, 2048-len(body))))
}

func BenchmarkBody2KiB(b *testing.B) {
	d, body, h := fastapi(b), twoKiB(), header("application/json")
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		m, err := d.Find("POST", "/items")
		if err == nil {
			err = m.Body(h, body)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBody300Bytes(b *testing.B) {
	d, body, h := fastapi(b), []byte(`{"title":"a title of words","count":42,"price":12.5,"color":"blue","tags":[{"name":"abc","weight":1.5},{"name":"defg"}],"owner":"123e4567-e89b-12d3-a456-426614174000","due":"2026-11-25T15:30:00Z"}`), header("application/json")
	b.ReportAllocs()
	for b.Loop() {
		m, err := d.Find("POST", "/items")
		if err == nil {
			err = m.Body(h, body)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParameters(b *testing.B) {
	d := fastapi(b)
	h := exchange.Header{}
	b.ReportAllocs()
	for b.Loop() {
		m, err := d.Find("GET", "/items/42")
		if err == nil {
			err = m.Parameters("verbose=true", h)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWorst is the most that a body of the largest size can cost here.
func BenchmarkWorst(b *testing.B) {
	branch := `{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/components/schemas/E"}},"op":{"const":"%s"}},"required":["op"]}`
	d := mustParse(b, documentOf("3.1.0", `{"$ref":"#/components/schemas/E"}`, `{"E":{"oneOf":[`+fmt.Sprintf(branch, "and")+`,`+fmt.Sprintf(branch, "or")+`]}}`))
	body := []byte(strings.Repeat(`{"kids":[`, 30) + `{"op":"and"}` + strings.Repeat(`],"op":"or"}`, 30))
	b.ReportAllocs()
	for b.Loop() {
		m, _ := d.Find("POST", "/x")
		if m.Body(header("application/json"), body) == nil {
			b.Fatal("taken")
		}
	}
}
