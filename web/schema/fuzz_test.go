package schema

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// value turns a tree back into what encoding/json makes of a text.
func (t *tree) value(i int32) any {
	n := &t.nodes[i]
	switch n.kind {
	case boolean:
		return n.yes
	case number:
		return json.Number(n.text)
	case text:
		return n.text
	case array:
		list := []any{}
		for child := n.first; child != 0; child = t.nodes[child].next {
			list = append(list, t.value(child))
		}
		return list
	case object:
		m := map[string]any{}
		for child := n.first; child != 0; child = t.nodes[child].next {
			m[t.nodes[child].key] = t.value(child)
		}
		return m
	}
	return nil
}

// FuzzJSON: what is taken means the same to the standard library, and nothing that it
// refuses is taken.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e3,"\u00e9\ud83d\ude00\n",true,null,{}]}`, ` [ ] `, `{"a":1,"a":2}`, `"\ud800"`, `01`, `1.`, `-`, `[1,]`, `{"a":1,}`, "\"\t\"", `"a`, `nul`, `1 2`, "\xef\xbb\xbf1", strings.Repeat("[", 70)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var tr tree
		if readJSON(body, &tr) != nil {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatalf("%q is taken, and to the standard library: %v", body, err)
		}
		if _, err := decoder.Token(); err != io.EOF {
			t.Fatalf("%q is taken with something behind it", body)
		}
		if got := tr.value(0); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %#v, want %#v", body, got, want)
		}
	})
}

// FuzzParts: what is taken has the same parts to the standard library.
func FuzzParts(f *testing.F) {
	f.Add("b", []byte("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"g\"\r\nContent-Type: text/plain\r\n\r\n\r\n--b--\r\n"))
	f.Add("b", []byte("--b\nContent-Disposition: form-data; name=\"a\"\n\nx\n--b--"))
	f.Add("b", []byte("--b--"))
	f.Add("a b", []byte("--a b\r\nContent-Disposition: form-data; name=a\r\n\r\n--a b--"))
	f.Fuzz(func(t *testing.T, boundary string, body []byte) {
		parts, err := readParts(boundary, body)
		if err != nil || len(parts) == 0 {
			return
		}
		r := multipart.NewReader(bytes.NewReader(body), boundary)
		for _, got := range parts {
			p, err := r.NextRawPart()
			if err != nil {
				t.Fatalf("%q has a part %q, and to the standard library: %v", body, got.name, err)
			}
			content, err := io.ReadAll(p)
			_, params, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
			_, file := params["filename"]
			if err != nil || params["name"] != got.name || file != got.file || string(content) != got.value {
				t.Fatalf("%q: %q %v %q, want %q %v %q (%v)", body, got.name, got.file, got.value, params["name"], file, content, err)
			}
		}
		if _, err := r.NextRawPart(); err != io.EOF {
			t.Fatalf("%q has more parts to the standard library: %v", body, err)
		}
	})
}

// FuzzPairs: what is taken has the same pairs to the standard library.
func FuzzPairs(f *testing.F) {
	for _, s := range []string{"a=b&c=d", "a", "=", "&&a=%41+b", "a=%", "a=%ff", "a;b=c", "a=b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pairs, err := readPairs(s)
		if err != nil || strings.Contains(s, ";") { // to the standard library a semicolon is an error
			return
		}
		want, err := url.ParseQuery(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		got := url.Values{}
		for _, p := range pairs {
			got.Add(p.name, p.value)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, want %v", s, got, want)
		}
	})
}

// FuzzRequest: no request brings the judge down, and no value comes back in a refusal.
func FuzzRequest(f *testing.F) {
	f.Add("POST", "/items", "", "application/json", []byte(`{"title":"x","count":1}`))
	f.Add("POST", "/form", "", "application/x-www-form-urlencoded", []byte(`title=a&count=2&done=on`))
	f.Add("POST", "/upload", "", "multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nx\r\n--b--"))
	f.Add("GET", "/search", "q=ab&limit=3&color=red", "", []byte{})
	f.Add("GET", "/items/%37", "verbose=1", "", []byte{})
	d := fastapi(f)
	f.Fuzz(func(t *testing.T, method, path, query, contentType string, body []byte) {
		m, err := d.Find(method, path)
		if err == nil {
			err = m.Parameters(query, header(contentType))
		}
		if err == nil {
			err = m.Body(header(contentType), body)
		}
		if err == nil && len(body) > 0 && strings.HasPrefix(contentType, "application/json") && !utf8.Valid(body) {
			t.Fatalf("%q was taken", body)
		}
	})
}

// FuzzDocument: no document brings the reader down.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(documentOf("3.1.0", `{"$ref":"#/components/schemas/A"}`, `{"A":{"anyOf":[{"$ref":"#/components/schemas/A"},{"type":"string"}]}}`)), []byte(`"a"`))
	f.Add([]byte(documentOf("3.0.3", `{"nullable":true,"type":"object"}`, `{}`)), []byte(`{}`))
	f.Add([]byte("openapi: 3.1.0\npaths:\n  /x:\n    post: {}\n"), []byte(`{}`))
	f.Fuzz(func(t *testing.T, src, body []byte) {
		d, err := Parse(src)
		if err != nil {
			return
		}
		for _, o := range d.Operations {
			if m, err := d.Find(o.Method, strings.NewReplacer("{", "", "}", "").Replace(o.Path)); err == nil {
				_ = m.Parameters("a=1&b="+strconv.Itoa(len(src)), header("application/json"))
				_ = m.Body(header("application/json"), body)
			}
		}
	})
}
