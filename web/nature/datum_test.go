package nature_test

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"html/template"
	"log/slog"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/web/nature"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"
)

func TestFilterURL(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://example.com": true, "http://example.com/a?b=c#d": true, "HTTPS://EXAMPLE.COM/": true, "mailto:ada@example.com": true, "https://例え.jp/あ": true, "https://[::1]:8080/": true,
		"": false, "/path": false, "//evil.example": false, "example.com": false, "javascript:alert(1)": false, "JaVaScRiPt:alert(1)": false, "java\tscript:alert(1)": false, " javascript:1": false,
		"data:text/html,x": false, "vbscript:x": false, "file:///etc/passwd": false, "blob:x": false, "https:evil": false, "https:///evil": false, "https://a b": false, "https://x\\y": false, "\x01https://x": false,
		"https://x\"onclick=y": false, "https://x'": false, "https://x<b>": false, "mailto:": false, "http://[::1": false, "https://example.com/\n": false, "ftp://example.com": false, "tel:1": false,
	} {
		want := ""
		if ok {
			want = address
		}
		if got := nature.FilterURL(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

type scanner interface {
	sql.Scanner
	driver.Valuer
}

// What goes into a database comes out again as it was, and of the same nature.
func TestDatabaseRoundTrip(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE x (a TEXT, b TEXT, c TEXT, d TEXT, e TEXT)"); err != nil {
		t.Fatal(err)
	}
	address, err := nature.NewURL("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO x VALUES (?, ?, ?, ?, ?)", nature.NewText(attack), address, nature.NewMarkdown("*"), nature.NewHTML(attack), sql.Null[nature.Text]{}); err != nil {
		t.Fatal(err)
	}
	var a nature.Text
	var b nature.URL
	var c nature.Markdown
	var d nature.HTML
	var e sql.Null[nature.Text]
	if err := db.QueryRow("SELECT * FROM x").Scan(&a, &b, &c, &d, &e); err != nil {
		t.Fatal(err)
	}
	if a.String() != attack || b != address || c.String() != "*" || d.Raw() != attack || e.Valid {
		t.Errorf("%v %v %v %v %v", a, b, c, d, e)
	}
	for _, s := range []scanner{&nature.Text{}, &nature.URL{}, &nature.Markdown{}, &nature.HTML{}} {
		for _, src := range []any{nil, 1, true, 1.5} {
			if err := s.Scan(src); err == nil {
				t.Errorf("%T takes %T", s, src)
			}
		}
		if err := s.Scan([]byte("x")); err != nil {
			t.Error(err)
		}
		if v, err := s.Value(); v != "x" || err != nil {
			t.Errorf("%T: %v %v", s, v, err)
		}
	}
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		b, err := json.Marshal([]any{nature.NewText(s), nature.NewMarkdown(s)})
		var text nature.Text
		var source nature.Markdown
		if err != nil || json.Unmarshal(b, &[]any{&text, &source}) != nil || text.String() != s || source.String() != s {
			t.Fatalf("%q became %q, %q: %v", s, text, source, err)
		}
	})
}

// An address from outside is refused; one from a database goes nowhere.
func TestURLIsFollowedOnlyWhenSafe(t *testing.T) {
	var in struct{ Home nature.URL }
	if err := json.Unmarshal([]byte(`{"Home":"javascript:1"}`), &in); err == nil || strings.Contains(err.Error(), "javascript") {
		t.Errorf("%v", err)
	}
	if err := in.Home.Scan("javascript:1"); err != nil || in.Home.String() != "" {
		t.Errorf("%v %q", err, in.Home)
	}
	if b, err := json.Marshal(in); err != nil || string(b) != `{"Home":""}` {
		t.Errorf("%s %v", b, err)
	}
}

// Markup leaves by no other way than an Output.
func TestHTMLHasNoOtherWayOut(t *testing.T) {
	h := nature.NewHTML(attack)
	if b, err := json.Marshal(h); err == nil {
		t.Errorf("encoding/json writes %s", b)
	}
	var page strings.Builder
	if err := template.Must(template.New("").Parse("{{.}}")).Execute(&page, h); err != nil || strings.Contains(page.String(), "<") {
		t.Errorf("a template writes %s (%v)", page.String(), err)
	}
	var line strings.Builder
	slog.New(slog.NewJSONHandler(&line, nil)).Info("x", "html", h)
	if !strings.Contains(line.String(), "alert(1)") || strings.Contains(line.String(), "ERROR") {
		t.Errorf("the log says %s", line.String())
	}
}
