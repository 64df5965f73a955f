package schema

import (
	"strings"
	"testing"
)

// TestStrictJSON: RFC 8259, and what parsers read differently.
func TestStrictJSON(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = `"k` + strings.Repeat("x", i) + `":1`
	}
	for _, row := range []struct{ body, says string }{ // "" it is taken
		{`{"a":1,"b":[true,false,null,"é",-0.5e-3]}`, ""}, {"\t{}\r\n ", ""}, {`"\ud83d\ude00\/\b"`, ""}, {"{" + strings.Join(many, ",") + "}", ""},
		{`{"a":1,"a":2}`, "repeats"}, {`{"a":1,"\u0061":2}`, "repeats"}, {"{" + strings.Join(many, ",") + `,"kx":1}`, "repeats"}, {`{"a":{"b":1,"b":1}}`, "repeats"},
		{`{"a":1,"A":2}`, ""}, {"", "too early"}, {"{", "member name"}, {"[1,]", "no value"}, {`{"a":1,}`, "member name"}, {`{a:1}`, "member name"}, {`{'a':1}`, "member name"},
		{"01", "number"}, {"1.", "number"}, {".5", "no value"}, {"+1", "no value"}, {"-", "number"}, {"1e", "number"}, {"0x1", "after its value"}, {"NaN", "no value"}, {"Infinity", "no value"}, {"-Infinity", "number"},
		{"1e999", "too large"}, {"1e-999", "too large"}, {"1e00300", ""}, {strings.Repeat("1", 65), "too long"}, {`"a` + "\n" + `"`, "control"}, {`"a` + "\x00" + `"`, "control"}, {`"\x41"`, "escape"}, {`"\u00g0"`, "escape"}, {`"abc`, "ends within"},
		{`"\ud800"`, "surrogate"}, {`"\udc00\ud800"`, "surrogate"}, {`"\ud800\u0041"`, "surrogate"}, {"\"\xff\"", "UTF-8"}, {"\"\xc0\xaf\"", "UTF-8"}, {"\"\xed\xa0\x80\"", "UTF-8"}, {"\xef\xbb\xbf1", "byte order mark"}, {"\xff\xfe1\x00", "UTF-8"},
		{"1 2", "after its value"}, {"{}{}", "after its value"}, {"[1]//x", "after its value"}, {"/**/1", "no value"}, {"tru", "no value"}, {"nullx", "after its value"}, {"\u00a01", "no value"},
		{strings.Repeat("[", 64) + strings.Repeat("]", 64), ""}, {strings.Repeat("[", 66) + strings.Repeat("]", 66), "deeper"}, {strings.Repeat(`{"a":`, 100_000), "deeper"},
	} {
		var tr tree
		err := readJSON([]byte(row.body), &tr)
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.80q: %v, want %q", row.body, err, row.says)
		}
	}
}

// TestStrictParts: RFC 7578 as browsers write it.
func TestStrictParts(t *testing.T) {
	part := func(header, value string) string { return "--b\r\n" + header + "\r\n\r\n" + value + "\r\n" }
	const named = `Content-Disposition: form-data; name="a"`
	for _, row := range []struct{ body, says string }{
		{part(named, "x") + "--b--\r\n", ""}, {part(named, "") + "--b--", ""}, {part(named+"\r\nContent-Type: text/plain", "--a\r\n--c") + "--b--", ""}, {"--b--\r\n", ""},
		{"x\r\n" + part(named, "x") + "--b--", "does not begin"}, {part(named, "x") + "--b--\r\nx", "something after a boundary"}, {part(named, "x") + "--b-- ", "something after a boundary"}, {part(named, "x"), "ends within"},
		{part(named, "x") + "--bx--", "something after a boundary"}, {strings.ReplaceAll(part(named, "x")+"--b--", "\r\n", "\n"), "something after a boundary"}, {part(named+"\r\n"+named, "x") + "--b--", "one Content-Disposition"},
		{part("Content-Type: text/plain", "x") + "--b--", "one Content-Disposition"}, {part(named+"\r\nContent-Type: a/b\r\nContent-Type: a/b", "x") + "--b--", "one Content-Disposition"},
		{part(named+"\r\nContent-Transfer-Encoding: base64", "x") + "--b--", "another header"}, {part(named+"; filename*=utf-8''x", "x") + "--b--", "one way only"}, {part(`Content-Disposition: form-data; name="a\"b"`, "x") + "--b--", "a name"},
		{part(`Content-Disposition: form-data`, "x") + "--b--", "a name"}, {part(`Content-Disposition: attachment; name="a"`, "x") + "--b--", "a name"}, {part(named+"; x=y", "x") + "--b--", "a name"}, {part(" folded: x\r\n"+named, "x") + "--b--", "another header"},
		{part(named, "\xff") + "--b--", "UTF-8"}, {part(named+`; filename="f"`, "\xff\x00") + "--b--", ""}, {strings.Repeat(part(named, ""), maxParts+1) + "--b--", "thousand parts"},
	} {
		_, err := readParts("b", []byte(row.body))
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.90q: %v, want %q", row.body, err, row.says)
		}
	}
	for _, boundary := range []string{"", "a ", strings.Repeat("b", 71), "a\nb", "é"} {
		if _, err := readParts(boundary, []byte("--"+boundary+"--")); err == nil {
			t.Errorf("the boundary %q is taken", boundary)
		}
	}
}

// TestRouter: the most concrete template wins, whatever the order of the document.
func TestRouter(t *testing.T) {
	d := mustParse(t, `{"openapi":"3.1.0","paths":{"/{a}":{"get":{}},"/{a}.json":{"get":{}},"/x-{a}.json":{"get":{}},"/me":{"get":{}},"/{a}/b":{"get":{}},"/me/{b}":{"post":{}},"/{a}{b}":{"get":{}},"/u/{id}":{"get":{}},"/u/{other}":{"get":{}}}}`)
	for _, row := range []struct{ method, path, want string }{
		{"GET", "/me", "/me"}, {"GET", "/you", "/{a}"}, {"GET", "/you.json", "/{a}.json"}, {"GET", "/x-y.json", "/x-{a}.json"}, {"GET", "/.json", "/{a}"},
		{"GET", "/me/b", "/{a}/b"}, {"POST", "/me/b", "/me/{b}"}, {"GET", "/", ""}, {"GET", "/a/c", ""}, {"GET", "", ""}, {"GET", "me", ""}, {"GET", "/%6de", "/me"}, {"GET", "/a%2Fb", "/{a}"}, {"GET", "/" + strings.Repeat("a/", 100), ""},
	} {
		m, err := d.Find(row.method, row.path)
		if got := ""; err == nil {
			if got = m.Path; got != row.want {
				t.Errorf("%s %s is %s, want %s", row.method, row.path, got, row.want)
			}
		} else if row.want != "" {
			t.Errorf("%s %s: %v, want %s", row.method, row.path, err, row.want)
		}
	}
	unjudged := 0
	for _, o := range d.Operations {
		if o.Unjudged != nil {
			unjudged++
		}
	}
	if unjudged != 2 { // two parameters in a segment, and the same form twice
		t.Errorf("%d operations cannot be judged", unjudged)
	}
}
