package markup

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Hostile pages cost little memory and time linear in their length, and arrive untouched.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("10 MB a page")
	}
	for _, row := range []struct{ name, before, unit string }{
		{"less-than", "", "<"}, {"tags", "", "<a>"}, {"nested", "", "<div><p><b>"}, {"tables", "", "<table><tr><td>"}, {"templates", "", "<template>"}, {"forms", "", "<form>"}, {"svg", "", "<svg>"}, {"svg g", "<svg>", "<g a=b>"}, {"selects", "", "<select>"}, {"noscripts", "", "<noscript>"},
		{"one tag", "<a ", "b "}, {"one form", "<form ", "a=b "}, {"one name", "<", "a"}, {"one value", "<form action='", "x"}, {"comment", "<!--", "-"}, {"comments", "", "<!--"}, {"script", "<script>", "<!--<script"}, {"title", "<title>", "</titl"}, {"cdata", "<svg><![CDATA[", "]]"}, {"entities", "<form method=post action='", "&amp"}, {"quotes", "<a ", `"'`}, {"end tags", "", "</div>"}, {"nul", "", "\x00"},
	} {
		piece := []byte(strings.Repeat(row.unit, (32<<10)/len(row.unit)))
		j := NewInjector(testPage(Document))
		var before, after runtime.MemStats
		var dst []byte
		size := int64(10 << 20)
		if row.unit == "<" {
			size = 100 << 20
		}
		in, out := int64(len(row.before)), int64(0)
		runtime.ReadMemStats(&before)
		start := time.Now()
		dst = j.Push(dst[:0], []byte(row.before))
		out += int64(len(dst))
		for in < size {
			dst = j.Push(dst[:0], piece)
			in, out = in+int64(len(piece)), out+int64(len(dst))
		}
		dst = j.Close(dst[:0])
		out += int64(len(dst))
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for %d", row.name, used, in)
		}
		if took > 20*time.Second {
			t.Errorf("%s: %v", row.name, took)
		}
		if r := j.Report(); out-in > 200 || out < in || r.Forms > 0 {
			t.Errorf("%s: %d bytes became %d (%+v)", row.name, in, out, r)
		}
		t.Logf("%-10s %6.0f MB/s %s", row.name, float64(in)/took.Seconds()/1e6, j.Report().Reason)
	}
}

// TestManyForms: every form of a page gets its field, and the page its bytes.
func TestManyForms(t *testing.T) {
	page := strings.Repeat("<form method=post></form>", 1000)
	out, r := run(testPage(Fragment), page, 4096)
	if r.Forms != 1000 || !bytes.Equal([]byte(strings.ReplaceAll(out, field, "")), []byte(page)) {
		t.Errorf("%+v", r)
	}
}
