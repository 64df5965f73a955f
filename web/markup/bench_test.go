package markup

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const lorem = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of Darkness. "

// pages to measure by: prose has a tag every 500 bytes or so, dense has little but tags.
var (
	prose = []byte("<!doctype html><html><head><title>a</title></head><body>" + strings.Repeat("<p class=\"text\">"+lorem+lorem+lorem+"</p>\n", 200))
	dense = []byte("<!doctype html><html><head><title>a</title></head><body><table>" + strings.Repeat("<tr class=\"row odd\"><td><a href=\"/notes/12345\" title='x'>one</a></td><td class=\"num\"><span>42</span></td></tr>\n", 1000))
	// forms is a page of 20 KiB with three forms.
	forms = []byte("<!doctype html><html lang=en><head><meta charset=utf-8><title>Notes</title><link rel=stylesheet href=/static/app.css></head><body>" +
		strings.Repeat("<section class=\"card\"><h2>A title</h2><p class=\"text\">"+lorem+"</p><form method=\"post\" action=\"/notes\"><label>Title <input name=\"title\"></label><button>Save</button></form></section>", 3) +
		strings.Repeat("<div class=\"item\"><a href=\"/notes/17\">Note</a> <span class=\"date\">2026-11-25</span><p>"+lorem+"</p></div>\n", 58) + "</body></html>")
)

func BenchmarkScanner(b *testing.B) {
	for name, page := range map[string][]byte{"prose": prose, "dense": dense, "forms": forms} {
		b.Run(name+"/scanner", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				s := Scanner{Want: NamesOf(Form, Base)}
				for rest := page; len(rest) > 0; {
					n, _ := s.Scan(rest[:min(len(rest), 32<<10)])
					rest = rest[n:]
				}
			}
		})
		b.Run(name+"/injector", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			dst := make([]byte, 0, 64<<10)
			for b.Loop() {
				j := NewInjector(testPage(Document))
				for rest := page; len(rest) > 0; {
					n := min(len(rest), 32<<10)
					dst = j.Push(dst[:0], rest[:n])
					rest = rest[n:]
				}
				dst = j.Close(dst[:0])
			}
		})
		b.Run(name+"/x-net-html", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				z := html.NewTokenizer(bytes.NewReader(page))
				for z.Next() != html.ErrorToken {
				}
			}
		})
	}
}
