package nature_test

import (
	"database/sql"
	"encoding/json"
	"html/template"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sanmon-gate/sanmon/web/nature"
	"pgregory.net/rapid"
)

type comment struct {
	ID     int64  `out:"never"`
	Secret string //nature:allow the test needs a field that is not declared
	Author string `out:"text" json:"author"`
	Home   string `out:"url" json:"home"`
	Body   string `out:"markdown" json:"body"`
	Bio    string `out:"html,policy=ugc,reason=people write it in the editor, with links" json:"bio"`
}

const attack = `<script>alert(1)</script><b onclick="x()">hi</b>`

// Each nature in each context of html/template: what a browser gets is inert.
func TestViewInEveryContext(t *testing.T) {
	out := nature.Must(nature.Options{})
	c := comment{1, "s3cret", attack, "javascript:alert(1)", attack, attack}
	view, err := out.View(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ page, want string }{
		{`<p>{{.Author}}</p>`, `<p>&lt;script&gt;alert(1)&lt;/script&gt;&lt;b onclick=&#34;x()&#34;&gt;hi&lt;/b&gt;</p>`},
		{`<p title="{{.Author}}">`, `<p title="&lt;script&gt;alert(1)&lt;/script&gt;&lt;b onclick=&#34;x()&#34;&gt;hi&lt;/b&gt;">`},
		{`<script>f({{.Author}})</script>`, `<script>f("\u003cscript\u003ealert(1)\u003c/script\u003e\u003cb onclick=\"x()\"\u003ehi\u003c/b\u003e")</script>`},
		{`<a href="{{.Home}}">`, `<a href="">`},
		{`<p>{{.Body}}`, `<p>&lt;script&gt;alert(1)&lt;/script&gt;&lt;b onclick=&#34;x()&#34;&gt;hi&lt;/b&gt;`},
		{`<p>{{.Bio}}</p>`, `<p><b>hi</b></p>`},
		{`<p title="{{.Bio}}">`, `<p title="hi">`}, // html/template strips the tags of HTML in an attribute
		{`<script>f({{.Bio}})</script>`, `<script>f("\u003cb\u003ehi\u003c/b\u003e")</script>`},
	} {
		var b strings.Builder
		page := template.Must(template.New("").Option("missingkey=error").Parse(tt.page))
		if err := page.Execute(&b, view); err != nil || b.String() != tt.want {
			t.Errorf("%s:\n got %s %v\nwant %s", tt.page, b.String(), err, tt.want)
		}
	}
	for _, never := range []string{`{{.ID}}`, `{{.Secret}}`} {
		page := template.Must(template.New("").Option("missingkey=error").Parse(never))
		if err := page.Execute(&strings.Builder{}, view); err == nil {
			t.Errorf("%s: no error", never)
		}
	}
}

func TestMarshal(t *testing.T) {
	out := nature.Must(nature.Options{})
	got, err := out.Marshal(comment{1, "s3cret", "a < b & \u2028", "https://example.com/?a=1", "*x*", attack})
	want := `{"author":"a \u003c b \u0026 \u2028","home":"https://example.com/?a=1","body":"*x*","bio":"\u003cb\u003ehi\u003c/b\u003e"}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s %v\nwant %s", got, err, want)
	}
}

func TestRenderer(t *testing.T) {
	out := nature.Must(nature.Options{Render: func(s string) (string, error) { return "<p>" + s + "</p>", nil }})
	view, err := out.View(comment{Body: attack})
	if got := view.(nature.View)["Body"]; err != nil || got != template.HTML("<p><b>hi</b></p>") {
		t.Errorf("%#v %v", got, err)
	}
	if b, err := out.Marshal(comment{Body: attack}); err != nil || !strings.Contains(string(b), `"body":"\u003cp\u003e\u003cb\u003ehi\u003c/b\u003e\u003c/p\u003e"`) {
		t.Errorf("%s %v", b, err)
	}
}

// An own policy cannot widen ugc.
func TestOwnPolicyOnlyNarrows(t *testing.T) {
	type page struct {
		Body string `out:"html,policy=mine,reason=test"`
	}
	out := nature.Must(nature.Options{Policies: map[string]nature.Sanitizer{"mine": everything{}}})
	view, err := out.View(page{attack})
	if got := view.(nature.View)["Body"]; err != nil || got != template.HTML("<b>hi</b>") {
		t.Errorf("%#v %v", got, err)
	}
	for _, name := range []string{"ugc", "basic", "", "a,b", "a)"} {
		if _, err := nature.New(nature.Options{Policies: map[string]nature.Sanitizer{name: everything{}}}); err == nil {
			t.Errorf("policy %q: no error", name)
		}
	}
}

type everything struct{}

func (everything) Sanitize(s string) string { return s }

type tree struct {
	Name     string           `out:"text"`
	Password string           `out:"never"`
	Children []*tree          `json:",omitempty"`
	By       map[string]*tree `out:"text" json:",omitempty"`
	Any      any              `out:"text" json:",omitempty"`
}

func TestNesting(t *testing.T) {
	out := nature.Must(nature.Options{})
	v := tree{"a", "p", []*tree{{Name: "b", Password: "q"}, nil}, map[string]*tree{"<k>": {Name: "c"}}, []any{"<x>", 1, map[string]any{"k": true}, tree{Name: "d", Password: "r"}}}
	got, err := out.Marshal(&v)
	want := `{"Name":"a","Children":[{"Name":"b"},null],"By":{"\u003ck\u003e":{"Name":"c"}},"Any":["\u003cx\u003e",1,{"k":true},{"Name":"d"}]}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s %v\nwant %s", got, err, want)
	}
	view, err := out.View([]*tree{&v})
	wantView := []any{nature.View{"Name": "a", "Children": []any{nature.View{"Name": "b", "Children": []any{}, "By": map[string]any{}, "Any": nil}, nil},
		"By":  map[string]any{"<k>": nature.View{"Name": "c", "Children": []any{}, "By": map[string]any{}, "Any": nil}},
		"Any": []any{"<x>", int64(1), map[string]any{"k": true}, nature.View{"Name": "d", "Children": []any{}, "By": map[string]any{}, "Any": nil}}}}
	if d := cmp.Diff(any(wantView), view); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	v.Children[1] = &v
	if _, err := out.Marshal(v); err == nil {
		t.Error("a cycle is no error")
	}
	if _, err := out.View(v); err == nil {
		t.Error("a cycle is no error")
	}
}

type embedded struct {
	Inner string `out:"text"`
	Name  string `out:"text"` // hidden by the outer one
}

type hasJSON struct {
	Shown  string `out:"text"`
	Hidden string `out:"never"`
}

func (hasJSON) MarshalJSON() ([]byte, error) { return []byte(`{"Hidden":"leaked"}`), nil }

// What would get around a declaration does not.
func TestNothingGetsAround(t *testing.T) {
	out := nature.Must(nature.Options{})
	for _, tt := range []struct {
		v    any
		want string
	}{
		{struct {
			embedded
			Name string `out:"never"`
		}{embedded{"i", "n"}, "o"}, `{"Inner":"i"}`},
		{struct {
			Page template.HTML `out:"text"`
		}{"<b>"}, `{"Page":"\u003cb\u003e"}`},
		{hasJSON{"s", "h"}, `{"Shown":"s"}`},
		{struct {
			A        nature.Text `out:"never"`
			B        hasJSON     `out:"never"`
			C        []hasJSON   `out:"never"`
			embedded `out:"never"`
		}{A: nature.NewText("x"), C: []hasJSON{{}}}, `{}`},
		{struct{ V hasJSON }{hasJSON{"s", "h"}}, `{"V":{"Shown":"s"}}`},
		{struct {
			V sql.Null[string] `out:"url"`
		}{sql.Null[string]{V: "javascript:1", Valid: true}}, `{"V":""}`},
		{struct {
			V *sql.Null[nature.HTML] `out:"html,policy=basic,reason=test"`
			W sql.NullString         `out:"text"`
		}{&sql.Null[nature.HTML]{V: nature.NewHTML(attack + "<a href=/>x</a>"), Valid: true}, sql.NullString{}}, `{"V":"\u003cb\u003ehi\u003c/b\u003ex","W":null}`},
		{struct {
			A nature.Text
			B nature.URL
			C nature.Markdown
			D nature.HTML // without a policy: never
		}{nature.NewText("<"), nature.URL{}, nature.NewMarkdown("*"), nature.NewHTML("<b>")}, `{"A":"\u003c","B":"","C":"*"}`},
		{struct {
			M map[string]string // its keys and values are undeclared
			L []string
		}{map[string]string{"k": "v"}, []string{"x"}}, `{}`},
		{struct {
			T time.Time `out:"text"`
		}{time.Unix(0, 0).UTC()}, `{"T":"1970-01-01T00:00:00Z"}`},
	} {
		if got, err := out.Marshal(tt.v); err != nil || string(got) != tt.want {
			t.Errorf("%T: got %s %v\nwant %s", tt.v, got, err, tt.want)
		}
	}
	view, err := out.View(struct {
		Page template.HTML `out:"text"`
		URL  template.URL  `out:"url"`
	}{"<b>", "javascript:1"})
	if d := cmp.Diff(any(nature.View{"Page": "<b>", "URL": ""}), view); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}

func TestWrongDeclarations(t *testing.T) {
	out := nature.Must(nature.Options{})
	for _, tt := range []struct {
		v    any
		want string
	}{
		{"text", "has no nature"}, {nil, "nil has no type"}, {42, "has no nature"}, {[]string{"x"}, "has no nature"}, {map[string]string{}, "has no nature"},
		{struct {
			A string `out:"txt"` //nature:allow the test needs a wrong tag
		}{}, `"txt" is no nature`},
		{struct {
			A string `out:"html"` //nature:allow the test needs a wrong tag
		}{}, "which policy and why"},
		{struct {
			A string `out:"html,policy=ugc"` //nature:allow the test needs a wrong tag
		}{}, "which policy and why"},
		{struct {
			A string `out:"html,policy=ugc,reason= "` //nature:allow the test needs a wrong tag
		}{}, "which policy and why"},
		{struct {
			A string `out:"html,policy=all,reason=x"`
		}{}, `no policy "all"`},
		{struct {
			A string `out:"text,policy=ugc"` //nature:allow the test needs a wrong tag
		}{}, "takes nothing after it"},
		{struct {
			A int `out:"html,policy=ugc,reason=x"`
		}{}, "only text can be"},
		{struct {
			A nature.Text `out:"html,policy=ugc,reason=x"` //nature:allow the test needs a wrong tag
		}{}, "of nature text and declared html"},
		{struct {
			A embedded `out:"url"`
		}{}, "its own fields have declarations"},
		{struct {
			A any `out:"text"`
		}{func() {}}, "of no nature"},
		{struct {
			A float64 `out:"text"`
		}{math.NaN()}, "no number"},
	} {
		if _, err := out.Marshal(tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%T: %v, want %q", tt.v, err, tt.want)
		}
	}
}

func TestCheckAndInventory(t *testing.T) {
	out := nature.Must(nature.Options{})
	err := out.Check(comment{}, []tree{})
	want := `nature_test.comment.Secret: no nature is declared, so it never goes out (add out:"never", or what it is)`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	got, err := out.Inventory([]*comment{}, tree{}, comment{})
	wantAll := []nature.Entry{{Type: "nature_test.comment", Field: "Bio", Nature: nature.AsHTML, Policy: "ugc", Reason: "people write it in the editor, with links"}}
	if d := cmp.Diff(wantAll, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}

type everyKind struct {
	B  bool            `out:"text"`
	I  int32           `out:"text" json:"i,string"`
	U  uint64          `out:"text" json:",omitempty"`
	F  float64         `out:"text" json:"<f>"`
	G  float32         `out:"text"`
	S  string          `out:"text" json:"s,omitempty"`
	Q  string          `out:"text" json:",string"`
	P  *string         `out:"text"`
	L  []string        `out:"text"`
	A  [2]int8         `out:"text"`
	M  map[int]string  `out:"text"`
	R  []byte          `out:"text"`
	D  time.Duration   `out:"text"`
	T  time.Time       `out:"text" json:"t,omitzero"`
	J  json.RawMessage `out:"text"`
	X  any             `out:"text"`
	No string          `out:"text" json:"-"`
	Da string          `out:"text" json:"a-b"`
}

// Where everything is declared text, Marshal is encoding/json.
func TestMarshalIsEncodingJSON(t *testing.T) {
	out := nature.Must(nature.Options{})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		s := text.Draw(t, "s")
		v := everyKind{
			B: rapid.Bool().Draw(t, "b"), I: rapid.Int32().Draw(t, "i"), U: rapid.Uint64().Draw(t, "u"), F: rapid.Float64().Draw(t, "f"),
			G: rapid.Float32().Draw(t, "g"), S: text.Draw(t, "text"), Q: text.Draw(t, "q"), P: &s, L: rapid.SliceOf(text).Draw(t, "l"), A: [2]int8{1, -2},
			M: rapid.MapOf(rapid.Int(), text).Draw(t, "m"), R: rapid.SliceOf(rapid.Byte()).Draw(t, "r"), D: 7, T: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "t"), 0).UTC(),
			J: json.RawMessage(`{"a": "<b>"}`), X: map[string]any{"k": s, "l": []any{1.5, nil, true}}, No: s, Da: s,
		}
		want, err1 := json.Marshal(v)
		got, err2 := out.Marshal(v)
		if (err1 == nil) != (err2 == nil) || err1 == nil && string(got) != string(want) {
			t.Fatalf("got  %s %v\nwant %s %v", got, err2, want, err1)
		}
	})
}

func BenchmarkMarshal(b *testing.B) {
	out := nature.Must(nature.Options{})
	c := comment{1, "s", "Ada Lovelace", "https://example.com/ada", "Some words of *no* great length.", ""}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = out.AppendJSON(buf[:0], &c)
	}
}

func BenchmarkEncodingJSON(b *testing.B) {
	c := comment{1, "s", "Ada Lovelace", "https://example.com/ada", "Some words of *no* great length.", ""}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = json.Marshal(&c)
	}
}

func BenchmarkView(b *testing.B) {
	out := nature.Must(nature.Options{})
	c := comment{1, "s", "Ada Lovelace", "https://example.com/ada", "Some words of *no* great length.", ""}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = out.View(&c)
	}
}
