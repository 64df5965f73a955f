package target_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/target"
)

func TestHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, tt := range []struct{ raw, scheme, want string }{ // want "" is a refusal
		{"app.example.com", "https", "app.example.com"},
		{"ADMIN.Example.COM", "https", "admin.example.com"}, // RT 12, 13
		{"app.example.com.", "https", "app.example.com"},    // RT 26
		{"APP.example.com.:443", "https", "app.example.com"},
		{"app.example.com:443", "https", "app.example.com"},
		{"app.example.com:443", "http", "app.example.com:443"},
		{"app.example.com:80", "http", "app.example.com"},
		{"app.example.com:80", "https", "app.example.com:80"},
		{"App.example.com:8443", "https", "app.example.com:8443"},
		{"app.example.com.:8443", "https", "app.example.com:8443"},
		{"localhost:8080", "http", "localhost:8080"},
		{"my_app", "http", "my_app"},
		{"xn--bcher-kva.example", "https", "xn--bcher-kva.example"},
		{"127.0.0.1:8443", "https", "127.0.0.1:8443"},
		{"[::1]", "https", "[::1]"},
		{"[::1]:8443", "https", "[::1]:8443"},
		{"[::1]:443", "https", "[::1]"},
		{"[2001:DB8:0:0::1]:8443", "https", "[2001:db8::1]:8443"},
		{"1and1.example", "https", "1and1.example"},
		{"a.0xyz", "https", "a.0xyz"},
		{label + "." + label + "." + label + "." + label[:61], "https", label + "." + label + "." + label + "." + label[:61]},

		{"", "https", ""}, {".", "https", ""}, {"..", "https", ""}, {"app..com", "https", ""}, {".app.com", "https", ""}, {"app.com..", "https", ""},
		{"good@evil.example", "https", ""}, {"u:p@evil.example", "https", ""}, // RT 64
		{"a b", "https", ""}, {" app.com", "https", ""}, {"app.com ", "https", ""}, {"app.com\t", "https", ""}, {"a\x00b", "https", ""}, {"a\r\nb", "https", ""},
		{"app.com/x", "https", ""}, {"app.com?x", "https", ""}, {"app.com#x", "https", ""}, {`app.com\x`, "https", ""}, {"a%2eb", "https", ""},
		{"a,b", "https", ""}, {"a;b", "https", ""}, {`a"b`, "https", ""}, {"a<b", "https", ""}, {"*", "https", ""}, // RT 44
		{"bücher.example", "https", ""}, {"b\xfccher.example", "https", ""}, {"app。example", "https", ""},
		{"app.com:", "https", ""}, {"app.com:0", "https", ""}, {"app.com:0443", "https", ""}, {"app.com:65536", "https", ""}, {"app.com:+80", "https", ""}, {"app.com:8a", "https", ""}, {"app.com:80:80", "https", ""}, {":443", "https", ""},
		{"127.1", "https", ""}, {"2130706433", "https", ""}, {"0177.0.0.1", "https", ""}, {"127.0.0.0x1", "https", ""}, {"0x7f000001", "https", ""}, {"1.2.3.4.5", "https", ""}, {"256.1.1.1", "https", ""}, {"app.1", "https", ""}, {"app.0x", "https", ""},
		{"::1", "https", ""}, {"[::1", "https", ""}, {"[]", "https", ""}, {"[::1%25eth0]", "https", ""}, {"[fe80::1%eth0]", "https", ""}, {"[127.0.0.1]", "https", ""}, {"[::1]x", "https", ""}, {"[::1].", "https", ""}, {"[v1.x]", "https", ""},
		{label + "a.example", "https", ""}, {label + "." + label + "." + label + "." + label[:62], "https", ""}, {strings.Repeat("a.", 200), "https", ""},
	} {
		got, err := target.Host(tt.raw, tt.scheme)
		if got != tt.want {
			t.Errorf("Host(%q, %s) = %q, %v, want %q", tt.raw, tt.scheme, got, err, tt.want)
		}
		if tt.want == "" && code(err) != refusal.TargetAmbiguous {
			t.Errorf("Host(%q): %v, want target_ambiguous", tt.raw, err)
		}
	}
}

func TestSafeReturn(t *testing.T) {
	for _, next := range []string{"/", "/notes", "/notes/7?a=1&b=%2F%2Fevil.example", "/x?next=https://evil.example", "/a;b", "/.sanmon/account", "/.sanmon/account/keys", "/.sanmon/account?x", "/.sanmon", "/.sanmonx/y", "/@evil.example", "/a:b@c", "/%E5%AE%88"} {
		if got, ok := target.SafeReturn(next); got != next || !ok {
			t.Errorf("SafeReturn(%q) = %q, %v, want it back", next, got, ok)
		}
	}
	for _, next := range []string{
		"", "notes", "?x", "#x", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x",
		"https://evil.example", "http:evil.example", "https:/evil.example", "//evil.example", "///evil.example", "https://good.example@evil.example", "//good@evil.example", // RT 62, 64
		`/\evil.example`, `\/evil.example`, `\\evil.example`, `/\/evil.example`, `/%5cevil.example`, `/a/..\\evil.example`, // RT 56, 60
		"/\t/evil.example", "/\n/evil.example", "/ /evil.example", "/\v/evil.example", "/\r\n/x", "\t//evil.example", " /x", "/x ", "/\x00/x", "/\u2028/evil.example", "/\u00a0/evil.example", // RT 57, 58
		"/%09/evil.example", "/%0a/evil.example", "/%2f/evil.example", "/%2fevil.example", "/%2f%2fevil.example", "/./evil.example", "/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "/;//evil.example", "/x//evil.example",
		"/x#y", "/x?a\r\nSet-Cookie:b", "/x?é", "/〱evil.example", "/／evil.example", // RT 58
		"/.sanmon/", "/.sanmon/login", "/.sanmon/logout", "/.sanmon/login?next=/", "/%2esanmon/logout", "/.s%61nmon/logout", "/.sanmon/accounts", "/.sanmon/account;x", "/.sanmon/forward-auth", "/.sanmon/account%2f..%2flogout",
		"/" + strings.Repeat("a", 9000),
	} {
		if got, ok := target.SafeReturn(next); got != "/" || ok {
			t.Errorf("SafeReturn(%q) = %q, %v, want /, false", next, got, ok)
		}
	}
}
