package csrf

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/refusal"
)

const form = "application/x-www-form-urlencoded"

func TestFindForm(t *testing.T) {
	far := strings.Repeat("a", Window-20)
	for _, c := range []struct {
		name, kind, body string
		complete         bool
		token, rest      string
		want             refusal.Code
	}{
		{"first", form, "_sanmon=T&a=1", true, "T", "a=1", ""},
		{"middle", form, "a=1&_sanmon=T&b=2", true, "T", "a=1&b=2", ""},
		{"last", form, "a=1&_sanmon=T", true, "T", "a=1", ""},
		{"alone", form, "_sanmon=T", true, "T", "", ""},
		{"absent", form, "a=1&b=_sanmon=T", true, "", "a=1&b=_sanmon=T", ""},
		{"empty body", form, "", true, "", "", ""},
		{"empty value", form, "_sanmon=&a=1", true, "", "a=1", ""},
		{"no value", form, "a=1&_sanmon&b=2", true, "", "a=1&b=2", ""},
		{"encoded name", form, "a=1&%5fsanmon=T", true, "T", "a=1", ""},
		{"encoded name and value", form, "%5F%73anmon=s1%2ET&a=1", true, "s1.T", "a=1", ""},
		{"bad escape in value", form, "_sanmon=%zz&a=1", true, "%zz", "a=1", ""},
		{"bad escape in name", form, "_sanmon%=T", true, "", "_sanmon%=T", ""},
		{"longer name", form, "_sanmon2=T&x_sanmon=T", true, "", "_sanmon2=T&x_sanmon=T", ""},
		{"other case", form, "_Sanmon=T", true, "", "_Sanmon=T", ""},
		{"plus in name", form, "+_sanmon=T", true, "", "+_sanmon=T", ""},
		{"empty pairs stay", form, "&&_sanmon=T&&a=1&", true, "T", "&&&a=1&", ""},
		{"semicolon is no separator", form, "a=1;_sanmon=T", true, "", "a=1;_sanmon=T", ""},
		{"twice", form, "_sanmon=T&a=1&_sanmon=T", true, "", "", refusal.CSRFInvalid},
		{"twice, once encoded", form, "_sanmon=T&%5Fsanmon=T", true, "", "", refusal.CSRFInvalid},
		{"twice, empty first", form, "_sanmon&_sanmon=T", true, "", "", refusal.CSRFInvalid},
		{"cut off", form, "a=1&_sanmon=T", false, "", "", refusal.CSRFInvalid},
		{"whole before the cut", form, "_sanmon=T&a=1", false, "T", "a=1", ""},
		{"just in the window", form, far + "&_sanmon=TOKEN&a=1", true, "TOKEN", far + "&a=1", ""},
		{"across the window", form, far + "&_sanmon=TOKENTOKENTOKEN&a=1", true, "", "", refusal.CSRFInvalid},
		{"behind the window", form, far + strings.Repeat("b", 30) + "&_sanmon=T", true, "", far + strings.Repeat("b", 30) + "&_sanmon=T", ""},
		{"type with parameter", "Application/X-WWW-Form-URLencoded ; charset=UTF-8", "_sanmon=T", true, "T", "", ""},
		{"json", "application/json", `_sanmon=T`, true, "", "_sanmon=T", ""},
		{"text", "text/plain", "_sanmon=T", true, "", "_sanmon=T", ""},
		{"no type", "", "_sanmon=T", true, "", "_sanmon=T", ""},
	} {
		checkFind(t, c.name, c.kind, c.body, c.complete, c.token, c.rest, c.want)
	}
}

func checkFind(t *testing.T, name, kind, body string, complete bool, token, rest string, want refusal.Code) {
	t.Helper()
	f, err := Find(kind, []byte(body), complete)
	if code(err) != want {
		t.Errorf("%s: %v, want %q", name, err, want)
	}
	if err != nil {
		return
	}
	if got := body[:f.Start] + body[f.End:]; f.Token != token || got != rest {
		t.Errorf("%s: token %q, rest %.200q", name, f.Token, got)
	}
}

func TestFindPart(t *testing.T) {
	const kind = "multipart/form-data; boundary=XX"
	part := func(header, value string) string { return "--XX\r\n" + header + "\r\n\r\n" + value + "\r\n" }
	ours := part(`Content-Disposition: form-data; name="_sanmon"`, "T")
	file := part("Content-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain", "hello")
	for _, c := range []struct {
		name, kind, body string
		complete         bool
		token, rest      string
		want             refusal.Code
	}{
		{"first", kind, ours + file + "--XX--\r\n", true, "T", file + "--XX--\r\n", ""},
		{"alone", kind, ours + "--XX--\r\n", true, "T", "--XX--\r\n", ""},
		{"upload still coming", kind, ours + file[:60], false, "T", file[:60], ""},
		{"second", kind, file + ours + "--XX--\r\n", true, "", file + ours + "--XX--\r\n", ""},
		{"empty", kind, part(`Content-Disposition: form-data; name="_sanmon"`, "") + "--XX--", true, "", "--XX--", ""},
		{"quoted boundary", `multipart/form-data; boundary="XX"`, ours + "--XX--\r\n", true, "T", "--XX--\r\n", ""},
		{"name without quotes", kind, part(`content-disposition:form-data;name=_sanmon`, "T") + "--XX--", true, "T", "--XX--", ""},
		{"with a type", kind, part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Type: text/plain", "T") + "--XX--", true, "T", "--XX--", ""},
		{"a file", kind, part(`Content-Disposition: form-data; name="_sanmon"; filename="x"`, "T") + "--XX--", true, "", part(`Content-Disposition: form-data; name="_sanmon"; filename="x"`, "T") + "--XX--", ""},
		{"encoded", kind, part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Transfer-Encoding: base64", "VA==") + "--XX--", true, "", part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Transfer-Encoding: base64", "VA==") + "--XX--", ""},
		{"two dispositions", kind, part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Disposition: form-data; name=\"a\"", "T") + "--XX--", true, "", part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Disposition: form-data; name=\"a\"", "T") + "--XX--", ""},
		{"one disposition twice", kind, part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Disposition: form-data; name=\"_sanmon\"", "T") + "--XX--", true, "", part("Content-Disposition: form-data; name=\"_sanmon\"\r\nContent-Disposition: form-data; name=\"_sanmon\"", "T") + "--XX--", ""},
		{"preamble", kind, "hello\r\n" + ours + "--XX--", true, "", "hello\r\n" + ours + "--XX--", ""},
		{"bare line feeds", kind, strings.ReplaceAll(ours, "\r\n", "\n") + "--XX--", true, "", strings.ReplaceAll(ours, "\r\n", "\n") + "--XX--", ""},
		{"no end", kind, ours[:len(ours)-2], true, "", "", refusal.CSRFInvalid},
		{"delimiter goes on", kind, ours + "--XXY\r\n", true, "", "", refusal.CSRFInvalid},
		{"long value", kind, part(`Content-Disposition: form-data; name="_sanmon"`, strings.Repeat("T", 200)) + "--XX--", true, "", "", refusal.CSRFInvalid},
		{"no boundary", "multipart/form-data", ours, true, "", "", refusal.CSRFInvalid},
		{"two boundaries", "multipart/form-data; boundary=XX; boundary=YY", ours, true, "", "", refusal.CSRFInvalid},
		{"extended boundary", "multipart/form-data; boundary*=utf-8''XX", ours, true, "", "", refusal.CSRFInvalid},
		{"long boundary", "multipart/form-data; boundary=" + strings.Repeat("X", 71), ours, true, "", "", refusal.CSRFInvalid},
		{"mixed", "multipart/mixed; boundary=XX", ours + "--XX--", true, "", ours + "--XX--", ""},
	} {
		checkFind(t, c.name, c.kind, c.body, c.complete, c.token, c.rest, c.want)
	}
}

func TestFindQuery(t *testing.T) {
	for _, c := range []struct {
		query, token, rest string
		found              bool
	}{
		{"", "", "", false},
		{"a=1", "", "a=1", false},
		{"_sanmon=T", "T", "", true},
		{"a=1&_sanmon=T&b=%2f+&&c", "T", "a=1&b=%2f+&&c", true},
		{"_sanmon=T&a=1", "T", "a=1", true},
		{"a=1&_sanmon=T", "T", "a=1", true},
		{"%5fsanmon=T&a", "T", "a", true},
		{"_sanmon=&a", "", "a", true},
		{"_sanmon=T&_sanmon=U", "T&U", "", true},
		{"a&_sanmon=T&b&_sanmon=T&c", "T&T", "a&b&c", true},
		{"_sanmon&_sanmon=T", "&T", "", true},
	} {
		token, rest, found := FindQuery(c.query)
		if token != c.token || rest != c.rest || found != c.found {
			t.Errorf("%q: %q, %q, %v", c.query, token, rest, found)
		}
	}
}

// FuzzFindForm: what is left parses to the same values without the field.
func FuzzFindForm(f *testing.F) {
	for _, s := range []string{"_sanmon=T", "a=1&_sanmon=T&b=2", "a=1&&%5Fsanmon=s1.x", "_sanmon", "a;_sanmon=x&b=%zz", "&_sanmon=T&", "=&_sanmon=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) >= Window || strings.Count(body, "&") > 5000 {
			t.Skip()
		}
		before, _ := url.ParseQuery(body)
		if field, err := Find(form, []byte(body), true); err == nil {
			sameWithout(t, before, body[:field.Start]+body[field.End:])
			if v := before[FieldName]; len(v) > 0 && (!field.Found() || v[0] != field.Token) {
				t.Fatalf("%q: token %q, a backend reads %q", body, field.Token, v)
			}
		}
		_, rest, _ := FindQuery(body)
		sameWithout(t, before, rest)
	})
}

func sameWithout(t *testing.T, before url.Values, rest string) {
	t.Helper()
	want := url.Values{}
	for k, v := range before {
		if k != FieldName {
			want[k] = v
		}
	}
	got, _ := url.ParseQuery(rest)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("rest %q: %s", rest, d)
	}
}

// FuzzFindPart: mime/multipart reads the same parts from what is left, less the first.
func FuzzFindPart(f *testing.F) {
	ours := "--XX\r\nContent-Disposition: form-data; name=\"_sanmon\"\r\n\r\nT\r\n"
	f.Add("XX", ours+"--XX--\r\n")
	f.Add("XX", ours+"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n")
	f.Add("a'b", strings.ReplaceAll(ours, "XX", "a'b")+"--a'b--")
	f.Add("XX", "--XX\r\n\r\n\r\n--XX--")
	f.Fuzz(func(t *testing.T, boundary, body string) {
		kind := mime.FormatMediaType("multipart/form-data", map[string]string{"boundary": boundary})
		field, err := Find(kind, []byte(body), true)
		if err != nil || !field.Found() {
			return
		}
		before, after := parts(boundary, body), parts(boundary, body[:field.Start]+body[field.End:])
		if len(before) == 0 || before[0] != FieldName+"\x00"+field.Token {
			t.Fatalf("%q: token %q, a backend reads %q", body, field.Token, before)
		}
		if !slices.Equal(before[1:], after) {
			t.Fatalf("%q: the parts %q became %q", body, before[1:], after)
		}
	})
}

func parts(boundary, body string) []string {
	r := multipart.NewReader(strings.NewReader(body), boundary)
	var all []string
	for {
		p, err := r.NextRawPart()
		if err != nil {
			return all
		}
		value, err := io.ReadAll(p)
		if err != nil {
			return all
		}
		all = append(all, p.FormName()+"\x00"+string(value))
	}
}

func BenchmarkFind(b *testing.B) {
	small := []byte("_sanmon=s1.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq&title=hello&text=world")
	large := append(bytes.Repeat([]byte("name=value+value&"), Window/17), small...)
	part := []byte("--XX\r\nContent-Disposition: form-data; name=\"_sanmon\"\r\n\r\ns1.abc\r\n--XX--\r\n")
	for _, c := range []struct {
		name, kind string
		body       []byte
	}{{"form", form, small}, {"64KiB", form, large}, {"multipart", "multipart/form-data; boundary=XX", part}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Find(c.kind, c.body, true)
			}
		})
	}
}
