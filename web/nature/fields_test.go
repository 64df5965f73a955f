package nature_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/nature"
)

const (
	urlencoded = "application/x-www-form-urlencoded"
	jsonType   = "application/json"
	multi      = "multipart/form-data; boundary=b"
)

func note(t testing.TB) *nature.Fields {
	t.Helper()
	f, err := nature.NewFields(map[string]string{
		"title": "text", "body": "html(ugc)", "home": "url", "source": "markdown", "password": "never", "post.body": "html(basic)", "tags": "text",
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func one(name, value string) string {
	return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n--b--\r\n"
}

func TestBody(t *testing.T) {
	f := note(t)
	const (
		titleTag = `field "title" is declared text and carries a start tag`
		bodyTag  = `field "body" is declared html(ugc) and carries a tag script that policy ugc does not leave as it is`
	)
	for _, tt := range []struct{ contentType, body, want string }{
		{urlencoded, "title=a+%3C+b&body=%3Cb%3Ex%3C/b%3E&password=%3Cx%3E", ""},
		{urlencoded, "title=%3Cb%3E", titleTag}, {urlencoded, "title=<b>", titleTag}, {urlencoded, "t%69tle=%3cb%3e", titleTag}, {urlencoded + "; charset=UTF-8", "title=<b>", titleTag},
		{urlencoded, "title=%%3Cb>", titleTag}, {urlencoded, "title=x%3Cimg+src%3Dx+onerror%3Df()", titleTag},
		{urlencoded, "title=%253Cb%253E", ""}, {urlencoded, "", ""}, {urlencoded, "&&=&title", ""},
		{urlencoded, "body=<script>", bodyTag}, {urlencoded, "x=1&other=<b>", "field 2 of the form is not declared, so text, and carries a start tag"},
		{urlencoded, "<b>=1", "field 1 of the form is not declared, so text, and carries a start tag in its name"},
		{urlencoded, "title=a&title=<b>", titleTag}, {urlencoded, "Body=<b>", "field 1 of the form is not declared, so text, and carries a start tag"},
		{urlencoded, "home=https://example.com/&home=", ""}, {urlencoded, "home=javascript:alert(1)", `field "home" is declared url and carries what is no absolute address of http, https or mailto`},
		{urlencoded, "source=*x*+<https://example.com/?a=1>+<b>y</b>", ""}, {urlencoded, "source=<script>", `field "source" is declared markdown and carries a tag script that policy ugc does not leave as it is`},
		{urlencoded, "source=<https://x/onclick=f()>", `field "source" is declared markdown and carries a tag that policy ugc does not leave as it is`},
		{urlencoded, `{"title":"\u003cb>"}`, titleTag}, // JSON under a form's name

		{jsonType, `{"title":"a < b","body":"<b>x</b>","n":1,"l":[true,null,-1.5e3],"password":"<x>"}`, ""},
		{jsonType, `{"title":"<b>"}`, titleTag}, {jsonType, `{"title":"\u003Cb\u003e"}`, titleTag}, {jsonType, `{"t\u0069tle":"\u003cb>"}`, titleTag}, {"application/vnd.api+json", `{"title":"<b>"}`, titleTag},
		{jsonType, `{"body":"<script>"}`, bodyTag}, {jsonType, `{"body":{"x":"<b>"}}`, "the member at byte 13 of the JSON body is not declared, so text, and carries a start tag"},
		{jsonType, `{"tags":["a","<b>"]}`, `field "tags" is declared text and carries a start tag`}, {jsonType, `[{"title":"<b>"}]`, titleTag},
		{jsonType, `{"post":{"body":"<b>x</b>"}}`, ""}, {jsonType, `{"post.body":"<b>x</b>"}`, "the member at byte 13 of the JSON body is not declared, so text, and carries a start tag"},
		{jsonType, `{"<b>":1}`, "the member at byte 1 of the JSON body is not declared, so text, and carries a start tag in its name"},
		{jsonType, `"<b>"`, "the member at byte 0 of the JSON body is not declared, so text, and carries a start tag"},
		{jsonType, `{"password":{"a":["<b>"]}}`, ""}, {jsonType, `{"title":1,"title":"<b>"}`, titleTag}, {jsonType, `{"home":"//evil"}`, `field "home" is declared url and carries what is no absolute address of http, https or mailto`},

		{multi, one("title", "a < b"), ""}, {multi, one("title", "<b>"), titleTag}, {multi, one("body", "<script>"), bodyTag}, {multi, one("x", ""), ""},
		{multi, one("title\"; filename=\"a.svg", "<svg>"), ""}, {multi, one("title\"; filename=\"", "<svg>"), titleTag},
		{multi, one("<i>", "x"), "part 1 of the form is not declared, so text, and carries a start tag in its name"},
		{multi, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=title\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n<b>\r\n--b--", titleTag},
	} {
		found, err := f.Body(tt.contentType, []byte(tt.body))
		if err != nil {
			t.Errorf("%s %s: %v", tt.contentType, tt.body, err)
			continue
		}
		words := make([]string, len(found))
		for i, x := range found {
			words[i] = x.String()
		}
		if got := strings.Join(words, "; "); got != tt.want {
			t.Errorf("%s %s:\n got %s\nwant %s", tt.contentType, tt.body, got, tt.want)
		}
	}
}

// What could be read in two ways is refused, because the backend may read it in the other.
func TestAmbiguousBody(t *testing.T) {
	f, err := nature.NewFields(map[string]string{"title": "text"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		contentType, body string
		want              refusal.Code
	}{
		{"", "x", refusal.TypeNotAllowed}, {"text/plain", `{"title":"<b>"}`, refusal.TypeNotAllowed}, {"application/xml", "<b/>", refusal.TypeNotAllowed}, {"application/octet-stream", "", refusal.TypeNotAllowed},
		{urlencoded + "; charset=utf-7", "title=+ADw-b+AD4-", refusal.TypeNotAllowed}, {urlencoded + "; charset=utf-16", "", refusal.TypeNotAllowed}, {jsonType + "; charset=utf-16le", "", refusal.TypeNotAllowed},
		{jsonType + "; charset*=utf-8''utf-7", "", refusal.TypeNotAllowed}, {multi + "; charset=cp037", "", refusal.TypeNotAllowed}, {"multipart/mixed; boundary=b", "", refusal.TypeNotAllowed},
		{jsonType, `{"title":"<b>"`, refusal.InputInvalid}, {jsonType, `<`, refusal.InputInvalid}, {jsonType, `{"a":"<"} x`, refusal.InputInvalid}, {jsonType, "{\x00\"\x00t\x00", refusal.InputInvalid}, {jsonType, "\xef\xbb\xbf\"<\"", refusal.InputInvalid},
		{jsonType, "\"\\u003c\n\"", refusal.InputInvalid}, {jsonType, `"\u003c\x"`, refusal.InputInvalid}, {jsonType, `{"a" "<"}`, refusal.InputInvalid}, {jsonType, `["<" "x"]`, refusal.InputInvalid}, {jsonType, strings.Repeat("[", 1<<20) + `"<"`, refusal.InputInvalid},
		{"multipart/form-data", "", refusal.InputInvalid}, {multi, "", refusal.InputInvalid}, {multi, "preamble\r\n" + one("title", "x"), refusal.InputInvalid}, {multi, strings.TrimSuffix(one("title", "x"), "--b--\r\n"), refusal.InputInvalid},
		{multi, one("title", "x") + "epilogue", refusal.InputInvalid}, {multi, one("title", "x\n--b\ny"), refusal.InputInvalid}, {multi, one("title", "x\r\n--bc\r\n"), refusal.InputInvalid}, {multi, strings.ReplaceAll(one("title", "x"), "\r\n", "\n"), refusal.InputInvalid},
		{multi, strings.Replace(one("title", "PGI+"), "\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1), refusal.InputInvalid},
		{multi, strings.Replace(one("title", "x"), "\r\n\r\n", "\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n", 1), refusal.TypeNotAllowed},
		{multi, strings.Replace(one("title", "x"), "\r\n\r\n", "\r\nContent-Disposition: form-data; name=a\r\n\r\n", 1), refusal.InputInvalid},
		{multi, strings.Replace(one("title", "x"), "\r\n\r\n", "\r\n folded\r\n\r\n", 1), refusal.InputInvalid},
		{multi, strings.Replace(one("title", "x"), "name=", "filename*=utf-8''a; name=", 1), refusal.InputInvalid}, {multi, "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--", refusal.InputInvalid},
		{multi, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--b--", refusal.InputInvalid}, {multi, "--b\r\nContent-Disposition: form-data; name=a\r\n--b--", refusal.InputInvalid},
	} {
		_, err := f.Body(tt.contentType, []byte(tt.body))
		if no := refusal.From(err); no == nil || no.Code != tt.want {
			t.Errorf("%s %.60q: %v, want %s", tt.contentType, tt.body, err, tt.want)
		}
	}
}

func TestQuery(t *testing.T) {
	f := note(t)
	for query, want := range map[string]int{"": 0, "q=a+%3C+b": 0, "q=%3Cb%3E": 1, "body=%3Cb%3Ex%3C/b%3E": 0, "q=%3Cb%3E&r=<i>": 2, strings.Repeat("q=<b>&", 1000): 8} {
		if got := f.Query(query); len(got) != want {
			t.Errorf("%.40s: %v, want %d", query, got, want)
		}
	}
}

func TestNewFields(t *testing.T) {
	for declaration, want := range map[string]string{
		"txt": `"txt" is no nature`, "html": "names no policy", "html()": "names no policy", "html(all)": `no policy "all"`, "html(ugc": "names no policy", "text(ugc)": "no nature", "": "no nature",
	} {
		if _, err := nature.NewFields(map[string]string{"a": declaration, "b": "text"}); err == nil || !strings.Contains(err.Error(), "a: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", declaration, err, want)
		}
	}
	if d := cmp.Diff([]string{"body html(ugc)", "post.body html(basic)"}, note(t).HTML()); d != "" {
		t.Error(d)
	}
}

// Neither the value nor a name that the client made up is repeated.
func TestFindingsRepeatNothing(t *testing.T) {
	f := note(t)
	for _, body := range []string{"canary=<canary>", "<canary>=1", "title=<canary>", "body=<canary onclick=canary>", "home=canary:canary", "source=<canary>"} {
		found, _ := f.Body(urlencoded, []byte(body))
		no := refusal.From(nature.Refuse("r", found))
		if no == nil || strings.Contains(no.Error()+no.Detail, "canary") || no.Code != refusal.InputInvalid || no.Detail == "" {
			t.Errorf("%s: %v", body, no)
		}
	}
	if err := nature.Refuse("r", nil); err != nil {
		t.Error(err)
	}
}

func FuzzBody(f *testing.F) {
	fields := note(f)
	f.Add(urlencoded, []byte("title=%3Cb%3E&x=<"))
	f.Add(jsonType, []byte(`{"title":"\u003cb>","a":[1,{"b":"<"}]}`))
	f.Add(multi, []byte(one("title", "<b>")))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		before := string(body)
		found, err := fields.Body(contentType, body)
		if err != nil && refusal.From(err).Code == refusal.Internal {
			t.Fatalf("an error that is no refusal: %v", err)
		}
		if string(body) != before || len(found) > 9 {
			t.Fatalf("changed, or %d findings", len(found))
		}
	})
}

func BenchmarkBody(b *testing.B) {
	f, _ := nature.NewFields(map[string]string{"title": "text", "body": "text"})
	clean := fmt.Sprintf(`{"title":"Notes","body":%q}`, strings.Repeat("Some words. ", 160))
	for _, c := range []struct{ name, contentType, body string }{
		{"json/clean", jsonType, clean}, {"json/less-than", jsonType, strings.Replace(clean, "words", "a < b", 1)},
		{"form/clean", urlencoded, "title=Notes&body=" + strings.Repeat("Some+words.+", 160)}, {"multipart/clean", multi, one("body", strings.Repeat("Some words. ", 160))},
	} {
		b.Run(c.name, func(b *testing.B) {
			body := []byte(c.body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = f.Body(c.contentType, body)
			}
		})
	}
}
