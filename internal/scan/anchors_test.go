package scan

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plainly scans a text without the words that let most files go by: every rule of its
// language reads it.
func plainly(s *Scanner, name string, b []byte) *Report {
	r := &Report{}
	every := *s
	every.every = true
	every.Text(r, name, b)
	return r
}

// differs says where the words made a difference.
func differs(s *Scanner, name string, b []byte) string {
	r, p := &Report{}, plainly(s, name, b)
	s.Text(r, name, b)
	if got, want := fmt.Sprint(r.Findings, r.Allowed), fmt.Sprint(p.Findings, p.Allowed); got != want {
		return fmt.Sprintf("%s: the words give\n%s\nwithout them\n%s", name, got, want)
	}
	return ""
}

// goroot is where Go's own sources are.
func goroot(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestWordsMissNothing: in real trees, what is found is what is found when every file is
// read as its language. Those that are not installed are left out.
func TestWordsMissNothing(t *testing.T) {
	site := "../../.cache/venv/lib/python3*/site-packages/"
	files, found, root := 0, 0, goroot(t)
	s := New(true)
	for _, dir := range []string{"../..", filepath.Join(root, "src/net"), filepath.Join(root, "src/crypto"), filepath.Join(root, "src/html"),
		site + "django/contrib", site + "django/core", site + "authlib", site + "fastapi", site + "flask", site + "jwt", site + "httpx", "../../.cache/clients/node_modules"} {
		matches, _ := filepath.Glob(dir)
		for _, dir := range matches {
			_ = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() && name == filepath.Join("../..", ".cache") {
					return fs.SkipDir // what of it is read is named above
				}
				if err != nil || !d.Type().IsRegular() || readAs(name) == plain {
					return err
				}
				b, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				if why := differs(s, name, b); why != "" {
					t.Error(why)
				}
				files++
				found += len(plainly(s, name, b).Findings)
				return nil
			})
		}
	}
	if files < 800 || found < 20 {
		t.Errorf("%d files with %d findings: nothing was compared", files, found)
	}
}

// spacings are ways to write a misuse that mean the same, or nearly.
var spacings = map[string]func(string) string{
	"as it is":        func(s string) string { return s },
	"wide":            strings.NewReplacer("=", "  =  ", "(", " ( ", ":", " : ", ".", " . ").Replace,
	"narrow":          strings.NewReplacer(" = ", "=", ", ", ",").Replace,
	"lines":           strings.NewReplacer("=", "=\n", "(", "(\n", ":", ":\n").Replace,
	"continued":       strings.NewReplacer("= ", "= \\\n ", "(", "( \\\n").Replace,
	"comments of #":   strings.NewReplacer("=", "# it's\n = # a\n", "(", "( # \"b\n").Replace,
	"comments of /*":  strings.NewReplacer("=", "/* it's */ = /* a */", "(", "/* c */ (", ":", "/* d */ : // e\n").Replace,
	"other quotes":    strings.NewReplacer(`"`, "'", "'", `"`).Replace,
	"three quotes":    strings.NewReplacer(`"`, `"""`).Replace,
	"templates":       strings.NewReplacer(`"`, "`", "'", "`").Replace,
	"in brackets":     func(s string) string { return "x = f({ " + s + " })" },
	"in a string":     func(s string) string { return `x = "` + s + `"` },
	"within a line":   func(s string) string { return "a = 1; " + s + "; b = \"c\"" },
	"carriage return": strings.NewReplacer("\n", "\r\n", "= ", "=\r\n").Replace,
}

// TestWordsInEverySpacing: however the misuses of the other tests are written, the words do
// not hide what a rule would find.
func TestWordsInEverySpacing(t *testing.T) {
	s := New(true)
	found := 0
	for _, c := range misuses() {
		for how, write := range spacings {
			for _, text := range []string{c.bad, c.good} {
				for _, file := range []string{c.file, "a.py", "a.js", "a.go", "a.html", ".env", "a.json"} {
					b := []byte(write(text))
					if why := differs(s, file, b); why != "" {
						t.Errorf("%s, %s: %s", how, b, why)
					}
					found += len(plainly(s, file, b).Findings)
				}
			}
		}
	}
	if found < 500 {
		t.Errorf("%d findings: nothing was compared", found)
	}
}
