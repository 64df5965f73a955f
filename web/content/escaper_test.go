package content

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func escape(chunks ...string) string {
	var e Escaper
	var out []byte
	for _, c := range chunks {
		out = e.Push(out, []byte(c))
	}
	return string(e.Close(out))
}

func TestEscaper(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nothing to do", `{"a":[1,-2.5e+3,true,false,null,"x"]}`, `{"a":[1,-2.5e+3,true,false,null,"x"]}`},
		{"markup", `{"a":"<script>alert(1)</script>"}`, `{"a":"\u003cscript\u003ealert(1)\u003c/script\u003e"}`},
		{"in a name", `{"<b>":1}`, `{"\u003cb\u003e":1}`},
		{"ampersand", `"a&b"`, `"a\u0026b"`},
		{"separators", "\"a\u2028b\u2029c\"", `"a\u2028b\u2029c"`},
		{"other characters that begin with E2", "\"\u2026\u20ac\u2027\u202a\"", "\"\u2026\u20ac\u2027\u202a\""},
		{"escaped already", `"\u003cb\u003e \u2028"`, `"\u003cb\u003e \u2028"`},
		{"after an escaped quote", `"\"<"`, `"\"\u003c"`},
		{"after an escaped backslash", `"\\",1`, `"\\",1`},
		{"surrogates", `"\ud83d\ude00<"`, `"\ud83d\ude00\u003c"`},
		{"byte order mark", "\xef\xbb\xbf[\"<\"]", "\xef\xbb\xbf[\"\\u003c\"]"},
		{"white space", " \t\r\n[ \"<\" , 1 ] \n", " \t\r\n[ \"\\u003c\" , 1 ] \n"},
		{"invalid UTF-8 in a string", "\"\xe2<\xff<\"", "\"\xe2\\u003c\xff\\u003c\""},
		{"top-level string", `"<"`, `"\u003c"`},
		{"empty containers", `[{},[],{"a":{}},"<"]`, `[{},[],{"a":{}},"\u003c"]`},
		{"cut in a string", `{"a":"<`, `{"a":"\u003c`},
		{"ends with half a separator", "\"\xe2\x80", "\"\xe2\x80"},
		{"empty", "", ""},

		{"HTML", `<p class="a">"<b>"`, `<p class="a">"<b>"`},
		{"text", `say "<b>"`, `say "<b>"`},
		{"callback", `cb({"a":"<"})`, `cb({"a":"<"})`},
		{"prefix against inclusion", ")]}',\n[\"<\"]", ")]}',\n[\"<\"]"},
		{"after the end", `{"a":"<"} "<"`, `{"a":"\u003c"} "<"`},
		{"lines of JSON", "{\"a\":\"<\"}\n{\"a\":\"<\"}", "{\"a\":\"\\u003c\"}\n{\"a\":\"<\"}"},
		{"single quotes", `{'a':"<"}`, `{'a':"<"}`},
		{"no colon", `{"a" "<"}`, `{"a" "<"}`},
		{"comma before the end", `["a",]"<"`, `["a",]"<"`},
		{"comma before the end of an object", `[{"a":1,},"<"]`, `[{"a":1,},"<"]`},
		{"wrong bracket", `["a"}, "<"`, `["a"}, "<"`},
		{"wrong literal", `[trve,"<"]`, `[trve,"<"]`},
		{"leading zero", `[01,"<"]`, `[01,"<"]`},
		{"minus alone", `[-,"<"]`, `[-,"<"]`},
		{"dot alone", `[1.,"<"]`, `[1.,"<"]`},
		{"exponent alone", `[1e,"<"]`, `[1e,"<"]`},
		{"NaN", `[NaN,"<"]`, `[NaN,"<"]`},
		{"wrong escape", `"\x<"`, `"\x<"`},
		{"wrong hex", `"\u00g0<"`, `"\u00g0<"`},
		{"line end in a string", "\"a\n<\"", "\"a\n<\""},
		{"a second byte order mark", "\xef\xbb\xbf\xef\xbb\xbf\"<\"", "\xef\xbb\xbf\xef\xbb\xbf\"<\""},
		{"UTF-16", "\x00\"\x00<\x00\"", "\x00\"\x00<\x00\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := escape(tt.in); got != tt.want {
				t.Errorf("escape(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			for i := range len(tt.in) + 1 {
				if got := escape(tt.in[:i], tt.in[i:]); got != tt.want {
					t.Errorf("split at %d: got %q", i, got)
				}
			}
			if got := escape(strings.Split(tt.in, "")...); got != tt.want && validUTF8(tt.in) {
				t.Errorf("character by character: got %q", got)
			}
		})
	}
}

func validUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }

// anyJSON draws a value and how it is written.
func anyJSON(t *rapid.T) []byte {
	text := rapid.StringOf(rapid.OneOf(
		rapid.SampledFrom([]rune("<>&\u2028\u2029\u2027\"\\/\n\x00\x7f\u20ac\U0001f600e2")), rapid.Rune()))
	var value func(depth int) any
	value = func(depth int) any {
		n := 4
		if depth < 4 {
			n = 6
		}
		switch rapid.IntRange(0, n-1).Draw(t, "kind") {
		case 0:
			return rapid.Float64Range(-1e9, 1e9).Draw(t, "number")
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2, 3:
			return text.Draw(t, "text")
		case 4:
			list := make([]any, rapid.IntRange(0, 4).Draw(t, "elements"))
			for i := range list {
				list[i] = value(depth + 1)
			}
			return list
		}
		object := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			object[text.Draw(t, "name")] = value(depth + 1)
		}
		return object
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(rapid.Bool().Draw(t, "escaped"))
	if rapid.Bool().Draw(t, "indented") {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(value(0)); err != nil {
		t.Fatal(err)
	}
	raw := buf.Bytes()
	if rapid.Bool().Draw(t, "separators in clear") { // the encoder always escapes them
		raw = bytes.ReplaceAll(raw, []byte(`\u2028`), []byte("\u2028"))
	}
	return raw
}

// TestEscaperKeepsTheMeaning: whatever the pieces, the decoder sees the same value, and
// none of the five characters is left.
func TestEscaperKeepsTheMeaning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyJSON(t)
		var e Escaper
		var out []byte
		for rest := in; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			out, rest = e.Push(out, rest[:n]), rest[n:]
		}
		out = e.Close(out)
		var before, after any
		if err := json.Unmarshal(in, &before); err != nil {
			t.Skip("the drawn text replaced half of an escape, so it is no JSON")
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q became %q: %v", in, out, err)
		}
		if d := cmp.Diff(before, after); d != "" {
			t.Fatalf("%q became %q:\n%s", in, out, d)
		}
		if bytes.ContainsAny(out, "<>&\u2028\u2029") {
			t.Fatalf("%q became %q", in, out)
		}
		if !e.Complete() {
			t.Fatalf("%q is not taken for complete", in)
		}
	})
}

func FuzzEscaper(f *testing.F) {
	for _, s := range []string{`{"a":"<"}`, "[\"\u2028\"]", `"\`, "[[[[", `{"a":1e5}`, "\xef\xbb\xbf1", `-0.5`, `[1,2`, `{"a":[true,null],"b":"c","d":10.5}`, `[tru,false]`, `{"a":1,2}`, `[1,"a","b"]`} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, at int) {
		at = max(0, min(at, len(in)))
		var whole, halves Escaper
		a := whole.Close(whole.Push(nil, in))
		b := halves.Close(halves.Push(halves.Push(nil, in[:at]), in[at:]))
		if !bytes.Equal(a, b) {
			t.Fatalf("%q at %d: %q and %q", in, at, a, b)
		}
		in = bytes.TrimPrefix(in, []byte("\xef\xbb\xbf"))
		if valid := json.Valid(in); valid != whole.Complete() {
			t.Fatalf("%q: valid %v, complete %v", in, valid, whole.Complete())
		} else if !valid {
			return
		}
		var before, after any
		if json.Unmarshal(in, &before) != nil { // a number out of range
			return
		}
		if err := json.Unmarshal(bytes.TrimPrefix(a, []byte("\xef\xbb\xbf")), &after); err != nil || !cmp.Equal(before, after) {
			t.Fatalf("%q became %q (%v)", in, a, err)
		}
	})
}

func TestEscaperHostile(t *testing.T) {
	for _, tt := range []struct{ name, piece string }{
		{"nesting", strings.Repeat("[", 32<<10)},
		{"one string", `"` + strings.Repeat("a", 32<<10-1)},
		{"backslashes", `"` + strings.Repeat(`\\`, 16<<10-1) + `\`},
		{"half separators", `"` + strings.Repeat("\xe2\x80", 16<<10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e Escaper
			buf := make([]byte, 0, 64<<10)
			for range 320 { // 10 MB
				if out := e.Push(buf[:0], []byte(tt.piece)); len(out) > len(tt.piece)+2 {
					t.Fatalf("%d bytes became %d", len(tt.piece), len(out))
				}
			}
			if n := cap(e.g.stack); n > maxDepth/64*2 {
				t.Errorf("a stack of %d words", n)
			}
		})
	}
}
