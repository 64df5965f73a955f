package waf

import (
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Whatever comes is judged or refused; the engine itself does not fail.
func FuzzInspect(f *testing.F) {
	f.Add("/a?b=c", form, []byte("a=1&b=<x>"))
	f.Add("/", jsonDoc, []byte(`{"a":[1,{"b":"c"}]}`))
	f.Add("/%00", "multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nc\r\n--b--"))
	f.Add("/x", "text/xml", []byte("<a><b/></a>"))
	f.Fuzz(func(t *testing.T, target, contentType string, body []byte) {
		if len(body) > large {
			return // cost is measured in benchmarks
		}
		if err := engine(t).Inspect(request("POST", contentType, string(body)), target, body); code(err) == refusal.Internal {
			t.Errorf("the engine failed: %v", err)
		}
	})
}

// An exclusion that is taken is one that the engine compiles, and nothing else.
func FuzzParseExclusion(f *testing.F) {
	for _, s := range []string{"ARGS:body", "941100-941999 ARGS:items.*.text", "942100 REQUEST_COOKIES:x", "ARGS:a\" \"id:1", "ARGS:*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseExclusion(s)
		if err != nil {
			return
		}
		for _, target := range e.targets() {
			for i := range len(target) {
				if c := target[i]; c <= ' ' || c == '"' || c == '\'' || c == ',' || c == '|' || c >= 0x7f {
					t.Errorf("%q becomes %q, which the engine's language may read otherwise", s, target)
				}
			}
		}
	})
}
