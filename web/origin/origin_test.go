package origin_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/origin"
)

var policy = origin.Policy{Public: []string{"https://app.example.com", "https://app.example.com:8443"}}

// fields reads "Name: value" lines.
func fields(lines ...string) exchange.Header {
	h := exchange.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h[name] = append(h[name], value)
	}
	return h
}

func request(method string, lines ...string) *exchange.Request {
	return &exchange.Request{Method: method, Fields: fields(lines...)}
}

func code(err error) refusal.Code {
	if r := refusal.From(err); r != nil {
		return r.Code
	}
	return ""
}

// The table of research A.3, step 2, for a request with an effect. "" as a field is its absence.
func TestEffect(t *testing.T) {
	const ours, theirs = "https://app.example.com", "https://evil.example"
	const pass, deny, unproven = "pass", "deny", "unproven"
	for _, tt := range []struct{ site, from, want string }{
		{"same-origin", ours, pass}, {"same-origin", "", pass}, {"", ours, pass}, {"", "https://app.example.com:8443", pass},
		{"", "", unproven},
		{"cross-site", "", deny}, {"cross-site", theirs, deny}, {"same-site", "", deny}, {"same-site", "https://other.example.com", deny},
		{"cross-site", ours, deny}, {"same-site", ours, deny}, // the worse counts
		{"same-origin", theirs, deny}, {"same-origin", "null", deny}, // WebKit's reloaded POST
		{"none", "", deny}, {"none", ours, deny}, {"none", theirs, deny}, {"none", "null", deny},
		{"Same-Origin", "", deny}, {"same-origin ", "", deny}, {"bogus", "", deny}, {"bogus", ours, deny}, {"same_origin", "", deny},
		{"", theirs, deny}, {"", "null", deny}, {"cross-site", "null", deny},
		{"", "http://app.example.com", deny}, {"", "https://app.example.com:443", deny}, {"", "https://app.example.com:8444", deny}, {"", "https://APP.example.com", deny},
		{"", "https://app.example.com/", deny}, {"", "https://app.example.com.evil.example", deny}, {"", "https://badapp.example.com", deny}, {"", "https://app.example.com.", deny},
		{"", "https://app.example.com https://evil.example", deny}, {"", "app.example.com", deny}, {"", "https://u@app.example.com", deny}, {"", "file://", deny}, // RT 59, 62, 64
	} {
		var lines []string
		if tt.site != "" {
			lines = append(lines, "Sec-Fetch-Site: "+tt.site)
		}
		if tt.from != "" {
			lines = append(lines, "Origin: "+tt.from)
		}
		v, err := policy.Read(request("POST", lines...))
		if err != nil {
			t.Errorf("%q %q: %v", tt.site, tt.from, err)
			continue
		}
		got := pass
		switch bearer, cookie := code(v.Admit(true, false)), code(v.Admit(true, true)); {
		case bearer == refusal.OriginForeign && cookie == refusal.OriginForeign:
			got = deny
		case bearer == "" && cookie == refusal.OriginForeign && v.Unproven():
			got = unproven
		case bearer != "" || cookie != "" || v.Unproven():
			got = "neither"
		}
		if got != tt.want {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: %s, want %s", tt.site, tt.from, got, tt.want)
		}
		if v.Foreign() != (tt.want == deny && (tt.site != "none" || tt.from == theirs || tt.from == "null")) {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: Foreign() is %v", tt.site, tt.from, v.Foreign())
		}
		if err := v.Admit(false, true); err != nil {
			t.Errorf("%q %q without an effect: %v", tt.site, tt.from, err)
		}
	}
}

// A field that is there but empty is not absent.
func TestEmptyIsForeign(t *testing.T) {
	for _, lines := range [][]string{{"Sec-Fetch-Site: "}, {"Origin: "}} {
		if v, err := policy.Read(request("POST", lines...)); err != nil || code(v.Admit(true, false)) != refusal.OriginForeign {
			t.Errorf("%q: %+v, %v", lines, v, err)
		}
	}
}

func TestNoPublicOrigin(t *testing.T) {
	for _, from := range []string{"https://app.example.com", "null", ""} {
		v, err := origin.Policy{}.Read(request("POST", "Origin: "+from))
		if err != nil || !v.Foreign() {
			t.Errorf("Origin %q: %+v, %v", from, v, err)
		}
	}
}

func TestSeveralValues(t *testing.T) {
	for _, lines := range [][]string{
		{"Origin: https://app.example.com", "Origin: https://app.example.com"}, {"Origin: https://app.example.com, https://evil.example"}, {"Origin: https://app.example.com,"},
		{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"}, {"Sec-Fetch-Site: same-origin, cross-site"}, {"Sec-Fetch-Site: same-origin", "Origin: a,b"},
	} {
		v, err := policy.Read(request("POST", lines...))
		if code(err) != refusal.HeaderAmbiguous || v.Admit(true, false) == nil {
			t.Errorf("%q: %+v, %v", lines, v, err)
		}
	}
}

func TestReasonShowsOriginsOnly(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"Origin: https://evil.example", "Origin is https://evil.example, not ours"},
		{"Origin: null", "no-referrer"},
		{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site is cross-site"},
		{"Origin: smk_live_0123456789AB", "no origin"},
		{"Origin: https://smk_live_0123456789AB", "no origin"},
		{"Origin: https://user:pass@a.example", "no origin"},
		{"Sec-Fetch-Site: smk_live_0123456789AB", "no origin"},
		{"Origin: https://" + strings.Repeat("a", 200), "no origin"},
	} {
		v, err := policy.Read(request("POST", tt.line))
		if err != nil {
			t.Fatal(err)
		}
		if reason := refusal.From(v.Admit(true, true)).Reason; !strings.Contains(reason, tt.want) || strings.Contains(reason, "smk_") || strings.Contains(reason, "pass@") {
			t.Errorf("%s: %q", tt.line, reason)
		}
	}
}

// Where both fields are foreign, the reason names the one that says more.
func TestReasonPrefersOrigin(t *testing.T) {
	v, err := policy.Read(request("POST", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example"))
	if reason := refusal.From(v.Admit(true, true)).Reason; err != nil || !strings.Contains(reason, "https://evil.example") {
		t.Errorf("%q, %v", reason, err)
	}
}

func TestAmbient(t *testing.T) {
	for _, tt := range []struct {
		want  bool
		lines []string
	}{
		{false, nil}, {true, []string{"Cookie: a=b"}}, {false, []string{"Cookie: "}}, {true, []string{"Cookie: ", "Cookie: a=b"}},
		{true, []string{"Authorization: Basic eDp5"}}, {true, []string{"Authorization: bAsIc eDp5"}}, {true, []string{"Authorization:  Basic eDp5"}}, {true, []string{"Authorization: Basic"}},
		{true, []string{"Authorization: Negotiate YII"}}, {true, []string{"Authorization: NTLM x"}}, {true, []string{"Authorization: Digest a=b"}},
		{true, []string{"Authorization: Basic\teDp5"}},
		{false, []string{"Authorization: Bearer x"}}, {false, []string{"Authorization: Token x"}}, {false, []string{"Authorization: Basically x"}}, {false, []string{"X-Api-Key: x"}},
		{true, []string{"Authorization: Bearer x", "Authorization: Basic y"}}, {true, []string{"Authorization: Bearer x", "Cookie: a=b"}},
	} {
		if got := origin.Ambient(fields(tt.lines...)); got != tt.want {
			t.Errorf("Ambient(%q) = %v", tt.lines, got)
		}
	}
}

func TestUpgradeAndEffect(t *testing.T) {
	for _, tt := range []struct {
		want  bool
		lines []string
	}{
		{true, []string{"Connection: Upgrade", "Upgrade: websocket"}}, {true, []string{"Connection: keep-alive, upgrade", "Upgrade: WebSocket"}},
		{true, []string{"Connection: keep-alive", "Connection: UPGRADE", "Upgrade: WEBSOCKET"}}, {true, []string{"Connection:  \tupgrade ,", "Upgrade: h2c, websocket"}},
		{false, nil}, {false, []string{"Upgrade: websocket"}}, {false, []string{"Connection: upgrade"}}, {false, []string{"Connection: upgrade", "Upgrade: h2c"}},
		{false, []string{"Connection: x-upgrade", "Upgrade: websocket"}}, {false, []string{"Connection: upgrade", "Upgrade: websockets"}},
	} {
		if got := origin.Upgrade(fields(tt.lines...)); got != tt.want {
			t.Errorf("Upgrade(%q) = %v", tt.lines, got)
		}
		if got := origin.Effectful(request("GET", tt.lines...)); got != tt.want {
			t.Errorf("Effectful(GET %q) = %v", tt.lines, got)
		}
	}
	for method, want := range map[string]bool{"GET": false, "HEAD": false, "OPTIONS": false, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "PROPFIND": true, "TRACE": true, "get": true, "": true} {
		if got := origin.Effectful(request(method)); got != want {
			t.Errorf("Effectful(%q) = %v", method, got)
		}
	}
}

func TestNavigation(t *testing.T) {
	const html = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	for _, tt := range []struct {
		want   bool
		method string
		lines  []string
	}{
		{true, "GET", []string{"Sec-Fetch-Mode: navigate"}}, {true, "POST", []string{"Sec-Fetch-Mode: navigate", "Accept: */*"}},
		{false, "GET", []string{"Sec-Fetch-Mode: cors", html}}, {false, "GET", []string{"Sec-Fetch-Mode: websocket"}}, {false, "GET", []string{"Sec-Fetch-Mode: ", html}},
		{true, "GET", []string{html}}, {true, "HEAD", []string{html}}, {true, "GET", []string{"Accept: application/json", "Accept: Text/HTML;level=1"}},
		{false, "POST", []string{html}}, {false, "GET", nil}, {false, "GET", []string{"Accept: */*"}}, {false, "GET", []string{"Accept: application/json"}}, {false, "GET", []string{"Accept: text/html5"}},
		{false, "GET", []string{html, "Sec-Fetch-Site: same-origin"}}, {false, "GET", []string{html, "Sec-Fetch-Dest: empty"}},
	} {
		if got := origin.Navigation(request(tt.method, tt.lines...)); got != tt.want {
			t.Errorf("Navigation(%s %q) = %v", tt.method, tt.lines, got)
		}
	}
}

func BenchmarkVerdict(b *testing.B) {
	r := request("POST", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Origin: https://app.example.com", "Cookie: a=b", "Connection: keep-alive", "Accept: text/html")
	b.ReportAllocs()
	for b.Loop() {
		v, err := policy.Read(r)
		if err != nil || v.Admit(origin.Effectful(r), origin.Ambient(r.Fields)) != nil {
			b.Fatal(err)
		}
	}
}

func TestVerdictAllocatesNothing(t *testing.T) {
	r := request("GET", "Sec-Fetch-Site: same-origin", "Origin: https://app.example.com", "Cookie: a=b", "Connection: keep-alive, upgrade", "Upgrade: websocket", "Accept: text/html")
	if n := testing.AllocsPerRun(100, func() {
		v, err := policy.Read(r)
		if err != nil || v.Admit(origin.Effectful(r), origin.Ambient(r.Fields)) != nil || origin.Navigation(r) {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
