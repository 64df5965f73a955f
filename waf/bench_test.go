package waf

import (
	"bytes"
	"net/url"
	"strings"
	"testing"
)

func BenchmarkInspect(b *testing.B) {
	e := engine(b)
	prose := "Call the plumber at half past ten and ask about the sink. It drips since Monday, and the bucket is full every evening. "
	text := strings.Repeat(prose, 9)[:1000]
	for _, bb := range []struct{ name, method, target, contentType, body string }{
		{"GET", "GET", "/notes?page=2&order=created", "", ""},
		{"POST-form-1KiB", "POST", "/notes", form, "title=Sink&body=" + url.QueryEscape(text)},
		{"POST-json-1KiB-3-values", "POST", "/items", jsonDoc, `{"id":7,"name":"Sink","body":"` + text + `"}`},
		{"POST-json-1KiB-40-values", "POST", "/items", jsonDoc, `{"items":["` + strings.Repeat(`call the plumber","`, 39) + `x"]}`},
		{"POST-json-128KiB", "POST", "/items", jsonDoc, `{"body":"` + strings.Repeat(prose, 1200)[:MaxBody-11] + `"}`},
		{"POST-json-1000-values", "POST", "/items", jsonDoc, `{"items":[` + strings.Repeat(`"select the plumber and drop by at 8",`, 990) + `"x"]}`},
		{"refused", "GET", "/notes?q=1%27+OR+%271%27%3D%271", "", ""},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r, body := request(bb.method, bb.contentType, bb.body), []byte(bb.body)
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Inspect(r, bb.target, body); (err != nil) != (bb.name == "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a hostile body costs: the engine has to be bounded by more than its window.
func BenchmarkHostile(b *testing.B) {
	e := engine(b)
	for name, body := range map[string][]byte{
		"quotes":   append([]byte("a="), bytes.Repeat([]byte("'"), MaxBody-2)...),
		"brackets": append([]byte("a="), bytes.Repeat([]byte("<"), MaxBody-2)...),
		"comments": append([]byte("a="), bytes.Repeat([]byte("/*"), MaxBody/2-1)...),
		"spaces":   append([]byte("a="), bytes.Repeat([]byte("+"), MaxBody-2)...),
		"values":   []byte(strings.Repeat("a="+strings.Repeat("%27+or+", 18)+"&", 999) + "b=1")[:MaxBody],
	} {
		b.Run(name, func(b *testing.B) {
			r := request("POST", form, string(body))
			b.ReportAllocs()
			for b.Loop() {
				_ = e.Inspect(r, "/notes", body)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
