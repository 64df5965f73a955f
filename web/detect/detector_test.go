package detect

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// look runs a page past the detector of one query value, in the given pieces.
func look(value string, pieces ...string) []Finding {
	var v Values
	v.Add(Query, "q", value)
	if v.Len() == 0 {
		return nil
	}
	var out []Finding
	d := New(&v, func(f []Finding) { out = f })
	for _, p := range pieces {
		d.Push(nil, []byte(p))
	}
	d.Close(nil)
	return out
}

func TestDetector(t *testing.T) {
	const script = `<script>alert(1)</script>`
	for _, tt := range []struct {
		name, value, page string
		context           Context
		verdict           Verdict
	}{
		{"in text", script, `<p>You searched for ` + script + `</p>`, InText, Live},
		{"in an image", `<img src=x onerror=alert(1)>`, `<p><img src=x onerror=alert(1)></p>`, InText, Live},
		{"with text around", `hi <b onclick=x()>you</b>`, `<p>hi <b onclick=x()>you</b>`, InText, Live},
		{"out of a quoted attribute", `"><svg onload=alert(1)>`, `<input value=""><svg onload=alert(1)>">`, InAttribute, Live},
		{"another attribute", `" onfocus="alert(1)" autofocus x="`, `<input value="" onfocus="alert(1)" autofocus x="">`, InAttribute, Live},
		{"another attribute in single quotes", `' onfocus='alert(1)`, `<input value='' onfocus='alert(1)'>`, InAttribute, Live},
		{"out of an unquoted attribute", `<x y onclick=z>`, `<input value=<x y onclick=z>>`, InUnquoted, Live},
		{"among attributes", `<x onclick=y`, `<div <x onclick=y>`, InTag, Live},
		{"out of a comment", `--><script>alert(1)</script>`, `<!-- q: --><script>alert(1)</script> -->`, InComment, Live},
		{"out of a title", `</title><script>alert(1)</script>`, `<title></title><script>alert(1)</script></title>`, InRawText, Live},
		{"out of a script", `</script><script>alert(1)</script>`, `<script>var q = "</script><script>alert(1)</script>";</script>`, InScript, Live},
		{"in a script, out of a string", `" +alert(1)+ "`, `<script>var q = "" +alert(1)+ "";</script>`, InScript, Suspect},
		{"in a handler", `' +alert(1)+ '`, `<a onclick="f('' +alert(1)+ '')">`, InHandler, Suspect},
		{"as an address", `javascript:alert(1)`, `<a href="javascript:alert(1)">`, InURL, Live},
		{"as an address, in capitals with a tab", "jAva\tscript:alert(1)", "<a class=x HREF = 'jAva\tscript:alert(1)'>", InURL, Live},
		{"as an unquoted address", `javascript:alert(1)`, `<iframe src=javascript:alert(1)>`, InURL, Live},
		{"as the end of an address", `javascript:alert(1)`, `<a href="/login?next=javascript:alert(1)">`, InURL, Inert},
		{"as a text", `javascript:alert(1)`, `<p>javascript:alert(1)`, InText, Inert},
		{"as a harmless attribute", `javascript:alert(1)`, `<p title="javascript:alert(1)">`, InAttribute, Inert},
		{"behind an attribute that is an address", `javascript:alert(1)`, `<a href="/" title="javascript:alert(1)">`, InAttribute, Inert},

		{"escaped by Django", `<b x="1" y='2'>&`, `<p>&lt;b x=&quot;1&quot; y=&#x27;2&#x27;&gt;&amp;</p>`, "", Escaped},
		{"escaped by Jinja", `<b x="1" y='2'>&`, `<p>&lt;b x=&#34;1&#34; y=&#39;2&#39;&gt;&amp;</p>`, "", Escaped},
		{"escaped in a script", script, `<script>var q = "\u003cscript\u003ealert(1)\u003c/script\u003e"</script>`, "", Escaped},
		{"escaped quotes in a script", `" +alert(1)+ "`, `<script>var q = "\" +alert(1)+ \""</script>`, "", Escaped},
		{"escaped for text, in an attribute", `x" onfocus="alert(1)`, `<p>x&quot; onfocus=&quot;alert(1)</p><input value="x" onfocus="alert(1)">`, InAttribute, Live},
		{"escaped here and not there", script, `<title>&lt;script&gt;alert(1)&lt;/script&gt;</title><h1>` + script + `</h1>`, InText, Live},

		{"quoted in a textarea", script, `<textarea>` + script + `</textarea>`, InRawText, Inert},
		{"inside a comment", script, `<!-- ` + script + ` -->`, InComment, Inert},
		{"inside an attribute", script, `<input value="` + script + `">`, InAttribute, Inert},
		{"quotes in text", `" onload="x()`, `<p>" onload="x()</p>`, InText, Inert},
		{"comparison", `a < b && b > c`, `<p>a < b && b > c</p>`, InText, Inert},
		{"heart", `I <3 you`, `<p>I <3 you</p>`, InText, Inert},
		{"an end tag that is none", `a </ b>`, `<textarea>a </ b></textarea>`, InRawText, Inert},

		{"tags of the page itself", `<table>`, `<table><tr><td>1</table>`, InText, Suspect},
		{"an end tag of the page itself", `</div>`, `<div>a</div>`, InText, Suspect},
		{"attributes of the page itself", `" class="`, `<p id="x" class="y">`, InAttribute, Suspect},
		{"behind white space", " \t" + script + "\n", `<p>` + script, InText, Live},
		{"encoded twice", `%3Cscript%3Ealert(1)%3C/script%3E`, `<p>` + script, InText, Live},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i := range len(tt.page) + 1 {
				found := look(tt.value, tt.page[:i], tt.page[i:])
				if len(found) != 1 || found[0].Verdict != tt.verdict || found[0].Context != tt.context || found[0].Name != "q" {
					t.Fatalf("split at %d: %+v, want %s in %q", i, found, tt.verdict, tt.context)
				}
			}
		})
	}
}

// What is not even looked for: B.4's sources of false positives, and values without any
// meaning to markup.
func TestNotSuspicious(t *testing.T) {
	for _, value := range []string{
		"", "hello world", "<b>", "<br>", `"a"`, "O'Brien", `say "hello"`, "a&b", "50%", "C:\\Users", "https://example.com/?a=b",
		"javascript", "script:alert(1)", "onclick=x", "ada@example.com", "12:30", `{"a":1}`, "a=b;c=d", "nojavascrip:t",
	} {
		if Suspicious(value) {
			t.Errorf("%q is looked for", value)
		}
	}
	for _, value := range []string{"<br/>", "a < b", `ab" y`, `abc'>`, `"onload=x`, `'ONLOAD =x`, `a"/b=1`, "JavaScript:x", "java\nscript:x", "go to javascript:x"} {
		if !Suspicious(value) {
			t.Errorf("%q is not looked for", value)
		}
	}
}

func TestNotFound(t *testing.T) {
	for _, tt := range []struct{ name, value, page string }{
		{"elsewhere", `<script>alert(1)</script>`, `<script>alert(2)</script>`},
		{"a part only", `<script>alert(1)</script>`, `<script>alert(1)`},
		{"not suspicious", `hello`, `<p>hello`},
		{"empty page", `<script>alert(1)</script>`, ``},
	} {
		if found := look(tt.value, tt.page); found != nil {
			t.Errorf("%s: %+v", tt.name, found)
		}
	}
}

func TestGate(t *testing.T) {
	for raw, want := range map[string]bool{
		"": false, "q=hello+world&page=2&sort=-created_at": false, "next=%2Faccount%2F%C3%A9": false, "t=12:30&u=https%3A%2F%2Fexample.com": false, "a=100%": false, "%": false, "%4": false,
		"q=<b>": true, "q=%3Cb": true, "q=%3cb": true, "q=%22": true, "q='": true, "q=%27x": true, "q=%253C": true, "q=javascript:x": true, "q=JAVASCRIPT:x": true, "q=javascript%3ax": true, "q=java%0ascript%09:x": true,
	} {
		if Gate(raw) != want || Gate([]byte(raw)) != want {
			t.Errorf("Gate(%q) = %v", raw, !want)
		}
	}
}

// TestGateLetsNothingThrough: what Gate stops holds no suspicious value, however it is
// encoded.
func TestGateLetsNothingThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringOf(rapid.SampledFrom([]rune("<>\"' /=:abconjavscript\t\nonJS%"))).Draw(t, "value")
		var raw strings.Builder
		for _, c := range []byte(value) {
			if c == '%' || c <= ' ' || rapid.Bool().Draw(t, "encode") {
				const hex = "0123456789abcdefABCDEF"
				raw.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
				continue
			}
			raw.WriteByte(c)
		}
		if Suspicious(value) && !Gate(raw.String()) {
			t.Fatalf("%q as %q", value, raw.String())
		}
	})
}

func TestValues(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>`
	const enc = `%3Cimg+src%3Dx+onerror%3Dalert%281%29%3E`
	for _, tt := range []struct {
		name string
		add  func(*Values)
		want string
	}{
		{"query", func(v *Values) { v.AddEncoded(Query, "a=1&q="+enc) }, "query q"},
		{"query without names", func(v *Values) { v.AddEncoded(Query, enc) }, "query "},
		{"the name itself", func(v *Values) { v.AddEncoded(Query, enc+"=1") }, "query "},
		{"path", func(v *Values) { v.AddPath("/a/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E/b") }, "path "},
		{"form", func(v *Values) { v.AddBody("application/x-www-form-urlencoded", []byte("a=1&q="+enc)) }, "form q"},
		{"multipart", func(v *Values) {
			v.AddBody("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n"+evil+"\r\n--x--\r\n"))
		}, "form q"},
		{"name of a file", func(v *Values) {
			v.AddBody("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\""+evil+"\"\r\n\r\nabc\r\n--x--\r\n"))
		}, "form f"},
		{"content of a file", func(v *Values) {
			v.AddBody("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n"+evil+"\r\n--x--\r\n"))
		}, ""},
		{"JSON", func(v *Values) {
			v.AddBody("application/json", []byte(`{"a":["x",{"b":1}],"q":{"r":["`+evil+`"]}}`))
		}, "json r"},
		{"JSON, escaped", func(v *Values) {
			v.AddBody("application/json; charset=utf-8", []byte(`{"a":"b","q":"\u003cimg src=x onerror=alert(1)>"}`))
		}, "json q"},
		{"the beginning of JSON", func(v *Values) { v.AddBody("application/json", []byte(`{"q":"`+evil+`","r":"<`)) }, "json q"},
		{"text", func(v *Values) { v.AddBody("text/plain", []byte(evil)) }, ""},
		{"twice", func(v *Values) { v.AddEncoded(Query, "q="+enc+"&r="+enc) }, "query q"},
		{"exempt", func(v *Values) {
			v.Exempt = func(name string) bool { return name == "q" }
			v.AddEncoded(Query, "q="+enc)
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var v Values
			tt.add(&v)
			got := ""
			for _, x := range v.list {
				got += string(x.Source) + " " + x.Name
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestValuesAreBounded(t *testing.T) {
	var v Values
	for range 100 {
		v.AddEncoded(Query, strings.Repeat("q=%3Cscript"+strings.Repeat("x", v.Len()+1)+"&", 5))
	}
	v.Add(Form, "long", "<"+strings.Repeat("y", 1<<20))
	if v.Len() != MaxValues {
		t.Errorf("%d values", v.Len())
	}
	var w Values
	w.Add(Form, "long", "<"+strings.Repeat("y", 1<<20))
	if n := len(w.list[0].text); n != MaxLength {
		t.Errorf("a value of %d bytes", n)
	}
}

// Hostile pages and values: bounded time and memory.
func TestDetectorIsBounded(t *testing.T) {
	var v Values
	for i := range MaxValues {
		v.Add(Query, "q", strings.Repeat("<a", 100+i)+"b")
	}
	d := New(&v, nil)
	page := []byte(strings.Repeat("<a", 32<<10))
	for range 320 { // 320 pieces: 20 MB
		d.Look(page)
	}
	d.Close(nil)
	if !d.Limited() || d.steps > maxSteps+2*MaxValues {
		t.Errorf("%d steps, limited %v", d.steps, d.Limited())
	}
	if n := cap(d.position.marks); n > 4*MaxLength {
		t.Errorf("%d marks", n)
	}
}

// TestSearch: the search finds what strings.Index finds, everywhere.
func TestSearch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab]{1,6}`).Draw(t, "text")
		page := rapid.StringMatching(`[ab]{0,40}`).Draw(t, "page")
		s := newSearch(text)
		for i := range len(page) {
			if got, want := s.step(page[i]), strings.HasSuffix(page[:i+1], text); got != want {
				t.Fatalf("%q in %q at %d: %v", text, page, i, got)
			}
		}
	})
}

func FuzzDetector(f *testing.F) {
	f.Add("<script>alert(1)</script>", "<p>", "</p>", 5)
	f.Add(`" onload="x()`, `<input value="`, `">`, 20)
	f.Add("javascript:x", "<a href='", "'>", 1)
	f.Fuzz(func(t *testing.T, value, before, after string, at int) {
		page := before + strings.TrimSpace(value) + after
		at = max(0, min(at, len(page)))
		whole, halves := look(value, page), look(value, page[:at], page[at:])
		if len(whole) != len(halves) {
			t.Fatalf("%+v and %+v", whole, halves)
		}
		for i := range whole {
			if whole[i] != halves[i] {
				t.Fatalf("%+v and %+v", whole[i], halves[i])
			}
		}
	})
}
