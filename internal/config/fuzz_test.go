package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unicode/utf8"
)

// Whatever the bytes, Parse returns a configuration or errors that lie inside the
// file, and is done in a moment.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/starter/*.yaml"} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte(minimal))
	f.Add([]byte("a: &b [*b, !!x {<<: ~}]\n? |\n  x\n: \"\\q\"\n--- \n%Y"))
	f.Fuzz(func(t *testing.T, src []byte) {
		start := time.Now()
		c, err := parse("f", src, now)
		if took := time.Since(start); took > 10*time.Second {
			t.Fatalf("took %s", took)
		}
		if err == nil {
			if len(c.Routes) == 0 || len(c.Upstreams) == 0 || c.PublicURL == "" {
				t.Fatal("an empty configuration was accepted")
			}
			for _, r := range c.Routes {
				if len(r.Boundary) == 0 || r.ID == "" || checkTemplate(r.Path) != nil || c.Upstreams[r.Upstream] == nil {
					t.Fatalf("a route without a boundary, an id, a path or an upstream was accepted: %+v", r)
				}
			}
			return
		}
		list, ok := errors.AsType[Errors](err)
		if !ok || len(list) == 0 {
			t.Fatalf("%T: %v", err, err)
		}
		lines := bytes.Split(src, []byte("\n"))
		for _, e := range list {
			if e.Line < 1 || e.Line > len(lines) || e.Column < 1 || e.Column > utf8.RuneCount(lines[e.Line-1])+1 {
				t.Fatalf("outside the file: %v", e)
			}
			if e.Message == "" {
				t.Fatalf("no message: %v", e)
			}
		}
	})
}

// Files that are made to be slow are refused or read in a moment.
func TestParseIsBounded(t *testing.T) {
	line := bytes.Repeat([]byte("[{"), 4000)
	for name, src := range map[string][]byte{
		"brackets": line,
		"dashes":   bytes.Repeat([]byte("- "), 4000),
		"keys":     bytes.Repeat([]byte("a: \n"), MaxSize/4),
		"routes":   append([]byte(minimal), bytes.Repeat([]byte("  - { id: x, match: { path: /x }, boundary: session }\n"), 10000)...),
		"quotes":   bytes.Repeat([]byte("\"a\": 'b'\n"), MaxSize/9),
		"words":    bytes.Repeat([]byte("a a a a a a a a a a a a a a a\n"), MaxSize/30),
		"comments": bytes.Repeat([]byte("# c\n"), MaxSize/4),
		"nested":   bytes.Repeat([]byte("a:\n a:\n  a:\n   a:\n"), MaxSize/20),
	} {
		start := time.Now()
		_, err := parse("f", src, now)
		if took := time.Since(start); err == nil || took > 10*time.Second {
			t.Errorf("%s: %s, %v", name, took, err)
		} else {
			t.Logf("%s: %s", name, took)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	src, err := os.ReadFile("testdata/design.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse("f", src, now); err != nil {
			b.Fatal(err)
		}
	}
}
