package csp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/web/csp"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"default-src 'self'", "default-src 'self'"},
		{"  Default-SRC   'self'\t https://a ;; IMG-src ; ", "default-src 'self' https://a; img-src"},
		{"script-src 'self'; script-src *", "script-src 'self'"}, // CSP3 §2.2.1: duplicates are ignored
		{"script-src 'self'; SCRIPT-SRC *", "script-src 'self'"},
		{"script-src é; img-src *", "img-src *"}, // not ASCII: skipped
		{"script-src\n'self'\f*", "script-src 'self' *"},
		{"script-src 'nonce-AbC=='", "script-src 'nonce-AbC=='"}, // values keep their case
		{"", ""}, {" ; ;", ""},
	} {
		if got := csp.Parse(tt.in).String(); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
	if n := len(csp.ParseList([]string{"default-src 'self', img-src *", "", ",,", "base-uri 'none'"})); n != 3 {
		t.Errorf("%d policies, want 3", n)
	}
}

// The fallback list of CSP3, Section 6.8.3.
func TestGoverning(t *testing.T) {
	for _, tt := range []struct{ policy, name, want string }{
		{"default-src 'self'", "script-src-elem", "default-src"},
		{"default-src 'self'; script-src *", "script-src-elem", "script-src"},
		{"default-src 'self'; script-src *", "worker-src", "script-src"},
		{"default-src 'self'; script-src *; child-src a.b", "worker-src", "child-src"},
		{"default-src 'self'; child-src a.b", "frame-src", "child-src"},
		{"default-src 'self'; script-src-elem *", "script-src-attr", "default-src"},
		{"default-src 'self'; style-src *", "style-src-attr", "style-src"},
		{"default-src 'self'", "base-uri", ""}, {"default-src 'self'", "form-action", ""}, {"default-src 'self'", "frame-ancestors", ""},
		{"script-src 'self'", "img-src", ""},
	} {
		if got := csp.Parse(tt.policy).Governing(tt.name); got != tt.want {
			t.Errorf("%q, %s: %q, want %q", tt.policy, tt.name, got, tt.want)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		sources, wide string
		script, want  bool
	}{
		{"'self'", "'self'", false, true}, {"'SELF'", "'self'", false, true}, {"'none'", "'self'", false, true}, {"", "'none'", false, true},
		{"*", "'self'", false, false}, {"'self'", "'none'", false, false}, {"'self' data:", "'self'", false, false},
		{"https://a.example", "https:", false, true}, {"http://a.example", "https:", false, false}, {"a.example", "https:", false, false},
		{"https://a.example", "http://a.example", false, true}, {"http://a.example", "https://a.example", false, false},
		{"https://x.a.example", "https://*.a.example", false, true}, {"https://a.example", "https://*.a.example", false, false}, {"https://xa.example", "https://*.a.example", false, false},
		{"https://*.x.a.example", "https://*.a.example", false, true}, {"https://*.a.example", "https://*.x.a.example", false, false},
		{"https://a.example:443", "https://a.example", false, true}, {"https://a.example:8443", "https://a.example", false, false}, {"https://a.example:8443", "https://a.example:*", false, true},
		{"https://a.example/js/x.js", "https://a.example", false, true}, {"https://a.example/js/x.js", "https://a.example/js/", false, true}, {"https://a.example/jsx", "https://a.example/js", false, false}, {"https://a.example", "https://a.example/js/", false, false},
		{"'nonce-abc'", "'nonce-abc'", true, true}, {"'nonce-abc'", "'nonce-ABC'", true, false}, {"'nonce-abc'", "'self'", true, false},
		{"'unsafe-inline'", "'self'", true, false}, {"'unsafe-inline' 'nonce-abc'", "'nonce-abc'", true, true}, // ignored beside a nonce
		{"'unsafe-inline'", "'unsafe-inline' 'nonce-abc'", true, false}, // there it is ignored
		{"'strict-dynamic' 'nonce-abc' https:", "'strict-dynamic' 'nonce-abc'", true, true}, {"'strict-dynamic' 'nonce-abc'", "'nonce-abc'", true, false},
		{"https://a.example", "'strict-dynamic' https:", true, false}, // hosts do not count beside it
		{"'unsafe-eval'", "'self'", true, false}, {"'report-sample' 'self'", "'self'", true, true},
		{"wss://a.example", "ws://a.example", false, true}, {"data:", "data:", false, true}, {"blob:", "data:", false, false},
	} {
		if got := csp.Within(strings.Fields(tt.sources), strings.Fields(tt.wide), tt.script); got != tt.want {
			t.Errorf("%q within %q: %v", tt.sources, tt.wide, got)
		}
	}
}

func TestTighten(t *testing.T) {
	const ours = "default-src 'self'; script-src 'nonce-n' 'strict-dynamic'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; report-uri /r"
	for _, tt := range []struct{ theirs, want string }{
		{"", ours},
		{ours, ""},
		{"default-src 'none'; base-uri 'none'; form-action 'none'", ""},
		{"default-src 'none'; base-uri 'none'", "form-action 'self'; report-uri /r"},
		// Our default-src is missing, so every fetch directive of ours goes with it: alone it would block our scripts.
		{"img-src 'self'; base-uri 'none'; form-action 'self'", "default-src 'self'; script-src 'nonce-n' 'strict-dynamic'; img-src 'self' data:; object-src 'none'; report-uri /r"},
		{"default-src 'self'; script-src 'nonce-n'; object-src 'none'; base-uri 'none'; form-action 'self'", ""},
		{"default-src 'self'; script-src 'nonce-n'; base-uri 'none'; form-action 'self'", "object-src 'none'; report-uri /r"},
		{"default-src 'self'; script-src 'nonce-n'; img-src *; object-src 'none'; base-uri 'none'; form-action 'self'", "img-src 'self' data:; report-uri /r"},
		{"default-src 'self'; script-src 'nonce-n'; font-src *; object-src 'none'; base-uri 'none'; form-action 'self'", "default-src 'self'; script-src 'nonce-n' 'strict-dynamic'; img-src 'self' data:; object-src 'none'; report-uri /r"},
		{"default-src 'self'; script-src 'nonce-n'; script-src-attr 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'self'", "script-src 'nonce-n' 'strict-dynamic'; report-uri /r"},
	} {
		got := csp.Tighten(csp.ParseList([]string{tt.theirs}), csp.Parse(ours)).String()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", tt.theirs, diff)
		}
	}
	two := csp.ParseList([]string{"default-src 'none'", "base-uri 'none'; form-action 'self'"})
	if left := csp.Tighten(two, csp.Parse(ours)); left != nil {
		t.Errorf("two policies together hold ours, yet %q is added", left)
	}
	sandbox := csp.Parse("sandbox allow-scripts; require-trusted-types-for 'script'; upgrade-insecure-requests")
	for theirs, want := range map[string]string{
		"sandbox; require-trusted-types-for 'script'; upgrade-insecure-requests": "",
		"sandbox allow-forms; require-trusted-types-for 'script'":                "sandbox allow-scripts; upgrade-insecure-requests",
		"sandbox; upgrade-insecure-requests; require-trusted-types-for":          "require-trusted-types-for 'script'",
	} {
		if got := csp.Tighten(csp.ParseList([]string{theirs}), sandbox).String(); got != want {
			t.Errorf("%q: %q, want %q", theirs, got, want)
		}
	}
}

func TestStopsInjection(t *testing.T) {
	for _, tt := range []struct {
		policy string
		want   bool
	}{
		{"script-src 'self'", true}, {"default-src 'self'", true}, {"script-src 'none'", true}, {"script-src", true},
		{"script-src 'self' 'unsafe-inline'", false}, {"script-src *", false}, {"script-src https:", false}, {"script-src data:", false}, {"script-src https://*", false},
		{"script-src 'nonce-a' 'unsafe-inline'", true}, {"script-src 'nonce-a' https: 'unsafe-inline'", false},
		{"script-src 'nonce-a' 'strict-dynamic' https: 'unsafe-inline'", true}, {"script-src https://cdn.example", true},
		{"script-src 'self'; script-src-elem 'unsafe-inline'", false}, {"script-src 'self'; script-src-attr 'unsafe-inline'", false},
		{"frame-ancestors 'none'", false}, {"img-src 'none'", false}, {"style-src 'self'", false},
		{"script-src 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' 'unsafe-inline'", true},
		{"script-src 'sha256-AAAA' 'unsafe-inline'", false}, // no hash: it has not the length of one
	} {
		if got := csp.Parse(tt.policy).StopsInjection(); got != tt.want {
			t.Errorf("%q: %v", tt.policy, got)
		}
	}
}

func TestParseHash(t *testing.T) {
	const zero = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for _, tt := range []struct{ in, want string }{
		{zero, zero}, {"'" + zero + "'", zero}, {"SHA256-" + zero[7:], zero}, {"sha256-__________________________________________8=", "sha256-//////////////////////////////////////////8="},
		{"sha256-AAAA", ""}, {"sha384-" + zero[7:], ""}, {"md5-AAAA", ""}, {"", ""}, {"'" + zero, ""}, {zero + "; script-src *", ""},
	} {
		if got, err := csp.ParseHash(tt.in); string(got) != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.in, got, err)
		}
	}
}

// FuzzParse: what is written is read as the same, and tightening by oneself adds nothing.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"default-src 'self'; script-src 'nonce-a' 'strict-dynamic' https://*.a:*/x", "sandbox; img-src", "script-src 'sha256-x' data: *", ";;a b;A c"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		p := csp.Parse(a)
		if again := csp.Parse(p.String()); !cmp.Equal(p, again) && !strings.ContainsAny(p.String(), ",") {
			t.Fatalf("%q: %q became %q", a, p, again)
		}
		for _, d := range p { // what is no source of ours is never within: then something is added, which tightens
			if csp.Known(d.Name) {
				_ = csp.Tighten([]csp.Policy{p}, csp.Policy{d})
			}
		}
		theirs := csp.Parse(b)
		left := csp.Tighten([]csp.Policy{theirs}, p)
		if again := csp.Tighten([]csp.Policy{theirs, p}, p); len(left) == 0 && len(again) != 0 {
			t.Fatalf("%q holds %q alone and not together", theirs, p)
		}
		_, _, _ = p.StopsInjection(), p.Nonce(), theirs.StopsInjection()
	})
}
