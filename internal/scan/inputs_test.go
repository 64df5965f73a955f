package scan

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/klauspost/compress/zstd"
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

func unBase64(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func zstandard(t *testing.T, text []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(text, nil)
}

// bzipped is a private key of no meaning as bzip2 packs it, for Go only unpacks.
const bzipped = "QlpoOTFBWSZTWRJ9hO8AAAbegCAQQAIAQDKrdSABQCAAQJSjCNG1H6k8oUDTQyMmJQnfl6jRdARxDpAd7AaA1CTM96SBM16YJA/F3JFOFCQEn2E7wA=="

// TestBombs: of what unpacks to more than a file may have, only so much is unpacked, and a
// window that needs more memory is refused.
func TestBombs(t *testing.T) {
	key := newKey(t)
	long := append([]byte(key+"\n"), make([]byte, maxFile+1<<20)...)
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	_, _ = z.Write(long)
	_ = z.Close()
	// RFC 8878, Section 3.1.1.1.2: exponent 17 makes a window of 128 MiB.
	window := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00}
	for name, c := range map[string]struct {
		packed []byte
		found  int
		note   string
	}{"a.gz": {gz.Bytes(), 1, "longer than 64 MiB"}, "a.zst": {zstandard(t, long), 1, "longer than 64 MiB"}, "w.zst": {window, 0, "window size"}} {
		var r Report
		if err := New(false).Path(t.Context(), &r, tree(t, map[string][]byte{name: c.packed})); err != nil {
			t.Fatal(err)
		}
		if r.Bytes > maxFile || len(r.Findings) != c.found || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], c.note) {
			t.Errorf("%s: %d bytes, %d findings, notes %q", name, r.Bytes, len(r.Findings), r.Notes)
		}
	}
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
		"old.zst": zstandard(t, []byte("x\n"+key+"\n")), "old.bz2": unBase64(t, bzipped), "a.xz": []byte("\xfd7zXZ"), "b.xz": []byte("\xfd7zXZ"), "c.7z": []byte("7z"),
		"broken.gz": []byte("\x1f\x8b no gzip"), "broken.zst": []byte("\x28\xb5\x2f\xfd no frame"), "long.txt": append(bytes.Repeat([]byte("x"), 1<<20), (" " + key)...),
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
	if got := strings.Join(found, " "); got != "long.txt old.bz2 old.log.gz old.zst plain.log windows.txt" {
		t.Errorf("found in %q", got)
	}
	notes := strings.Join(r.Notes, "\n")
	if len(r.Notes) != 3 || !strings.Contains(notes, "broken.gz: ") || !strings.Contains(notes, "broken.zst: ") || !strings.Contains(notes, "packed in 1 .7z, 2 .xz (unpack it") {
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
