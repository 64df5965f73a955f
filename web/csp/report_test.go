package csp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csp"
)

// As Chromium and Firefox send it to a report-uri.
const oldStyle = `{"csp-report":{"document-uri":"https://app.example/notes?q=secret","referrer":"","violated-directive":"script-src-elem","effective-directive":"script-src-elem",
	"original-policy":"default-src 'self'","disposition":"report","blocked-uri":"inline","line-number":12,"column-number":3,"source-file":"https://app.example/notes","status-code":200,"script-sample":"alert(1)"}}`

// As Chromium sends it by the Reporting API.
const newStyle = `[{"age":10,"body":{"blockedURL":"https://evil.example/x.js?y","columnNumber":1,"disposition":"enforce","documentURL":"https://app.example/notes","effectiveDirective":"script-src-elem","lineNumber":7,
	"originalPolicy":"…","referrer":"","sample":"","sourceFile":"https://app.example/app.js","statusCode":200},"type":"csp-violation","url":"https://app.example/notes","user_agent":"x"},
	{"type":"deprecation","url":"https://app.example/","body":{"id":"x"}}]`

func TestReadReports(t *testing.T) {
	for _, tt := range []struct {
		contentType, body string
		want              []csp.Report
		code              refusal.Code
	}{
		{"application/csp-report", oldStyle, []csp.Report{{Document: "https://app.example/notes?q=secret", Directive: "script-src-elem", Blocked: "inline", Disposition: "report", Sample: "alert(1)", Source: "https://app.example/notes", Line: 12}}, ""},
		{"application/reports+json", newStyle, []csp.Report{{Document: "https://app.example/notes", Directive: "script-src-elem", Blocked: "https://evil.example", Disposition: "enforce", Source: "https://app.example/app.js", Line: 7}}, ""},
		{"application/reports+json; charset=utf-8", "[]", nil, ""},
		{"application/csp-report", `{"csp-report":{"violated-directive":"script-src 'self' https://x","blocked-uri":""}}`, []csp.Report{{Directive: "script-src", Blocked: "inline"}}, ""},
		{"application/csp-report", `{"csp-report":{"effective-directive":"x\ny","blocked-uri":"%zz","disposition":"evil","line-number":-1}}`, []csp.Report{{Directive: "other", Blocked: "other"}}, ""},
		{"application/csp-report", `{"csp-report":{"effective-directive":"img-src","blocked-uri":"data","script-sample":"\u001b[31m\u0000x"}}`, []csp.Report{{Directive: "img-src", Blocked: "data", Sample: " [31m x"}}, ""},
		{"application/csp-report", "{}", nil, refusal.InputInvalid}, {"application/csp-report", "", nil, refusal.InputInvalid}, {"application/csp-report", "[]", nil, refusal.InputInvalid},
		{"application/csp-report", `{"csp-report":{"line-number":"x"}}`, nil, refusal.InputInvalid},
		{"application/reports+json", "{}", nil, refusal.InputInvalid}, {"application/reports+json", `[{"type":"csp-violation","body":7}]`, nil, refusal.InputInvalid},
		{"application/reports+json", "[" + strings.Repeat(`{},`, 128) + "{}]", nil, refusal.InputInvalid},
		{"text/plain", oldStyle, nil, refusal.TypeNotAllowed}, {"", oldStyle, nil, refusal.TypeNotAllowed}, {"application/x-www-form-urlencoded", "a=b", nil, refusal.TypeNotAllowed},
		{"application/csp-report", strings.Repeat(" ", csp.MaxBody) + "{}", nil, refusal.BodyTooLarge},
	} {
		got, err := csp.ReadReports(tt.contentType, []byte(tt.body))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%.60s: -want +got\n%s", tt.body, diff)
		}
		if tt.code != "" && (err == nil || refusal.From(err).Code != tt.code) || tt.code == "" && err != nil {
			t.Errorf("%.60s: %v, want %q", tt.body, err, tt.code)
		}
	}
}

// What was blocked is a word, an origin or a scheme, whatever was sent.
func TestBlocked(t *testing.T) {
	for in, want := range map[string]string{
		"inline": "inline", "eval": "eval", "wasm-eval": "wasm-eval", "trusted-types-sink": "trusted-types-sink", "self": "self", "": "inline",
		"https://CDN.example/x.js?token=1#y": "https://cdn.example", "https://cdn.example:443/": "https://cdn.example", "http://cdn.example:8080/x": "http://cdn.example:8080", "wss://cdn.example/": "wss://cdn.example",
		"https://user:password@cdn.example/": "https://cdn.example", "http://[::1]:8000/": "http://[::1]:8000",
		"data": "data", "data:text/html,x": "data", "blob:https://a/b": "blob", "chrome-extension": "chrome-extension", "chrome-extension://abc/x.js": "chrome-extension://abc", "about:blank": "about",
		"https://<script>": "https", "javascript:alert(1)": "javascript", "\x1b[2J": "other", "日本": "other", "//x": "other", strings.Repeat("a", 99): "other",
	} {
		body := `{"csp-report":{"effective-directive":"img-src","blocked-uri":` + quote(in) + `}}`
		got, err := csp.ReadReports("application/csp-report", []byte(body))
		if err != nil || got[0].Blocked != want {
			t.Errorf("%q: %+v, want %q (%v)", in, got, want, err)
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\x1b", "\\u001b").Replace(s) + `"`
}

func TestNoise(t *testing.T) {
	ours := func(origin string) bool { return origin == "https://app.example" }
	page := "https://app.example/x"
	for _, tt := range []struct {
		report csp.Report
		want   string
	}{
		{csp.Report{Document: page, Directive: "img-src", Blocked: "https://a"}, ""},
		{csp.Report{Document: page, Directive: "script-src-elem", Blocked: "inline"}, ""},
		{csp.Report{Document: page, Directive: "media-src", Blocked: "data"}, ""}, // a real page may do that
		{csp.Report{Document: "https://other.example/", Directive: "img-src", Blocked: "https://a"}, "document"},
		{csp.Report{Document: "http://app.example/", Directive: "img-src", Blocked: "https://a"}, "document"},
		{csp.Report{Document: "https://app.example.evil/", Directive: "img-src", Blocked: "https://a"}, "document"},
		{csp.Report{Document: "about:blank", Directive: "img-src", Blocked: "https://a"}, "document"}, {csp.Report{Directive: "img-src", Blocked: "https://a"}, "document"},
		{csp.Report{Document: page, Directive: "script-src-elem", Blocked: "chrome-extension"}, "extension"},
		{csp.Report{Document: page, Directive: "script-src-elem", Blocked: "chrome-extension://abcdef"}, "extension"},
		{csp.Report{Document: page, Directive: "script-src-elem", Blocked: "safari-web-extension://x"}, "extension"},
		{csp.Report{Document: page, Directive: "style-src-elem", Blocked: "inline", Source: "moz-extension://0f/content.js"}, "extension"},
		{csp.Report{Document: page, Directive: "frame-src", Blocked: "about"}, "about"},
		{csp.Report{Document: page, Directive: "other", Blocked: "inline"}, "unknown"},
		{csp.Report{Document: page, Directive: "img-src", Blocked: "other"}, "unknown"},
	} {
		if got := tt.report.Noise(ours); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.report, got, tt.want)
		}
	}
}

// FuzzReport: whatever is sent, a report is made of bounded, printable parts.
func FuzzReport(f *testing.F) {
	f.Add("application/csp-report", oldStyle)
	f.Add("application/reports+json", newStyle)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		all, err := csp.ReadReports(contentType, []byte(body))
		if err != nil {
			if no := refusal.From(err); no.Code == refusal.Internal {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, r := range all {
			if len(all) > 128 || len(r.Blocked) > 300 || len(r.Sample) > 200 || strings.ContainsAny(r.Blocked+r.Directive+r.Sample, "\x00\x1b\r\n\t <"[:6]) || strings.ContainsAny(r.Blocked+r.Directive, " <\"'") {
				t.Errorf("%+v", r)
			}
			_ = r.Noise(func(string) bool { return true })
		}
	})
}

func BenchmarkReadReports(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := csp.ReadReports("application/csp-report", []byte(oldStyle)); err != nil {
			b.Fatal(err)
		}
	}
}
