package scan

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// tree writes files into a directory of their own.
func tree(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func newKey(t *testing.T) string {
	t.Helper()
	_, v, err := apikey.Generate(apikey.Live)
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Expose())
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.Bytes()
}

func utf16LE(text string) []byte {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// TestInputs: whatever a tree holds, a key in it is found once, and nothing stops the rest.
func TestInputs(t *testing.T) {
	key := newKey(t)
	dir := tree(t, map[string][]byte{
		"plain.log": []byte("a\x00b " + key), "old.log.gz": zipped("x\n" + key + "\n"), "windows.txt": utf16LE("k=" + key + "\r\n"),
		"broken.gz": []byte("\x1f\x8b no gzip"), "long.txt": append(bytes.Repeat([]byte("x"), 1<<20), (" " + key)...),
		"node_modules/a.js": []byte(key), "empty": nil,
	})
	for link, to := range map[string]string{"loop": dir, "gone": filepath.Join(dir, "nothing"), "self": filepath.Join(dir, "self")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	var r Report
	if err := New(false).Path(t.Context(), &r, dir); err != nil {
		t.Fatal(err)
	}
	r.Finish(nil)
	var found []string
	for _, f := range r.Findings {
		found = append(found, filepath.Base(f.File))
	}
	if got := strings.Join(found, " "); got != "long.txt old.log.gz plain.log windows.txt" {
		t.Errorf("found in %q", got)
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "broken.gz") {
		t.Errorf("notes %q", r.Notes)
	}
	if len(r.Skipped) != 1 || !strings.HasSuffix(r.Skipped[0], "node_modules") {
		t.Errorf("skipped %q", r.Skipped)
	}
}

// TestBaseline: what is known is counted and not reported; what is new is.
func TestBaseline(t *testing.T) {
	dir := tree(t, map[string][]byte{"app/views.py": []byte("x = mark_safe(a)\n")})
	look := func(known map[string]bool) Report {
		var r Report
		if err := New(false).Path(t.Context(), &r, dir); err != nil {
			t.Fatal(err)
		}
		r.Finish(known)
		return r
	}
	first := look(nil)
	if len(first.Findings) != 1 {
		t.Fatalf("%+v", first.Findings)
	}
	known := map[string]bool{first.Findings[0].Fingerprint: true}
	if err := os.WriteFile(filepath.Join(dir, "app/views.py"), []byte("import os\n\nx = mark_safe(a)\ny = mark_safe(b)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := look(known); r.Known != 1 || len(r.Findings) != 1 || r.Findings[0].Line != 4 {
		t.Errorf("%d known, %+v", r.Known, r.Findings)
	}
}

// TestSARIF checks what SARIF 2.1.0 requires of a log (sections 3.13, 3.14, 3.27).
func TestSARIF(t *testing.T) {
	var r Report
	s := New(false)
	s.Text(&r, "a b.py", []byte("x = mark_safe(a)\n"))
	r.Finish(nil)
	b, err := json.Marshal(r.SARIF("1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string `json:"version"`
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string `json:"name"`
					Rules []struct {
						ID string `json:"id"`
					} `json:"rules"`
				} `json:"driver"`
			} `json:"tool"`
			Results []struct {
				RuleID    string `json:"ruleId"`
				RuleIndex int    `json:"ruleIndex"`
				Level     string `json:"level"`
				Message   struct {
					Text string `json:"text"`
				} `json:"message"`
				Locations []struct {
					Physical struct {
						Artifact struct {
							URI string `json:"uri"`
						} `json:"artifactLocation"`
						Region struct {
							Line int `json:"startLine"`
						} `json:"region"`
					} `json:"physicalLocation"`
				} `json:"locations"`
			} `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	res := run.Results[0]
	if log.Version != "2.1.0" || run.Tool.Driver.Name != "sanmon" || run.Tool.Driver.Rules[res.RuleIndex].ID != res.RuleID || res.RuleID != "mark-safe" ||
		res.Level != "error" || res.Message.Text == "" || res.Locations[0].Physical.Region.Line != 1 {
		t.Errorf("%s", b)
	}
	if uri := res.Locations[0].Physical.Artifact.URI; uri != "a%20b.py" { // RFC 3986, Section 2.1
		t.Errorf("uri %q", uri)
	}
}
