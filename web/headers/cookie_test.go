package headers_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/headers"
)

func TestHardenCookie(t *testing.T) {
	https := headers.CookieOptions{Secure: true}
	crossing := headers.CookieOptions{Secure: true, CrossSite: []string{"sessionid", "sanmon"}}
	for _, tt := range []struct {
		o          headers.CookieOptions
		line, want string // want "" is a cookie that is dropped
	}{
		{https, "sessionid=x", "sessionid=x; Secure; HttpOnly; SameSite=Lax"},
		{https, "sessionid=x; Path=/; HttpOnly; SameSite=Lax", "sessionid=x; Path=/; HttpOnly; SameSite=Lax; Secure"},
		{https, "theme=dark", "theme=dark; Secure; SameSite=Lax"},
		{https, "theme=dark; secure; samesite=strict", "theme=dark; secure; samesite=strict"},
		{https, "a=b;Secure;SameSite=None", "a=b;Secure;SameSite=None"},
		{https, "a=b ;  Path=/ ; SECURE;SameSite = Lax ;", "a=b ;  Path=/ ; SECURE;SameSite = Lax ;"},
		{https, "a=; Secure; SameSite=Lax", "a=; Secure; SameSite=Lax"},
		{https, "a=b; SameSite=None", "a=b; SameSite=None; Secure"},
		{https, "a=b; SameSite=Bogus; Secure", "a=b; SameSite=Bogus; Secure; SameSite=Lax"},
		{https, "a=b; SameSite; Secure", "a=b; SameSite; Secure; SameSite=Lax"},
		{https, "a=b; SameSite=Strict; SameSite=None; Secure", "a=b; SameSite=Strict; SameSite=None; Secure"},
		{https, `a="Secure; HttpOnly"; SameSite=Lax`, `a="Secure; HttpOnly"; SameSite=Lax; Secure`}, // quotes do not protect ";"
		{https, "a=Secure; Expires=Wed, 25 Nov 2026 14:00:00 GMT; SameSite=Lax", "a=Secure; Expires=Wed, 25 Nov 2026 14:00:00 GMT; SameSite=Lax; Secure"},
		{https, "a=caf\xc3\xa9; Secure; SameSite=Lax", "a=caf\xc3\xa9; Secure; SameSite=Lax"},
		{https, "prefs[lang]=en; Secure; SameSite=Lax", "prefs[lang]=en; Secure; SameSite=Lax"},
		{headers.CookieOptions{}, "sessionid=x", "sessionid=x; HttpOnly; SameSite=Lax"},
		{headers.CookieOptions{}, "a=b; SameSite=None", "a=b; SameSite=None; Secure"},
		{headers.CookieOptions{}, "a=b; SameSite=Lax", "a=b; SameSite=Lax"},
		{headers.CookieOptions{SameSite: "strict"}, "a=b", "a=b; SameSite=Strict"},
		{headers.CookieOptions{SameSite: "None"}, "a=b; SameSite=Lax", "a=b; SameSite=Lax"},
		{headers.CookieOptions{SameSite: "None"}, "a=b", "a=b; Secure; SameSite=None"},

		{crossing, "sessionid=x", "sessionid=x; Secure; HttpOnly"},
		{crossing, "sessionid=x; SameSite=Lax", "sessionid=x; SameSite=Lax; Secure; HttpOnly"},
		{crossing, "Sessionid=x", "Sessionid=x; Secure; HttpOnly; SameSite=Lax"}, // names of cookies have a case
		{crossing, "theme=x", "theme=x; Secure; SameSite=Lax"},
		{crossing, "sanmon=x", ""},

		{https, "__Host-sanmon=x", ""}, {https, "sanmon=x", ""}, {https, "SANMON=x", ""}, {https, "__host-Sanmon=x", ""}, {https, " sanmon =x", ""}, {https, "\tsanmon=x", ""},
		{https, "__Host-sanmon-device=x", ""}, {https, "sanmon-device=x; Path=/", ""}, {https, "__HOST-SANMON-pre=x; Secure", ""}, {https, "sanmon=; Max-Age=0", ""},
		{https, "sanmonitor=x; Secure; SameSite=Lax", "sanmonitor=x; Secure; SameSite=Lax"},
		{https, "my-sanmon=x; Secure; SameSite=Lax", "my-sanmon=x; Secure; SameSite=Lax"},
		{headers.CookieOptions{Reserved: []string{"Gate"}}, "gate=x", ""},
		{https, "", ""}, {https, "=x", ""}, {https, "=__Host-sanmon=x", ""}, {https, " =x", ""}, {https, "value", ""}, {https, "; Secure", ""}, {https, "Secure; a=b", ""},
		{https, "a=b\x00", ""}, {https, "a=b\r\nSet-Cookie: c=d", ""}, {https, "a\n=b", ""}, {https, "a=b; Path=/\x01", ""}, {https, "a=\x7f", ""},
		{https, "a b=c", ""}, {https, `"a"=c`, ""}, {https, "a,b=c", ""}, {https, "caf\xc3\xa9=c", ""},
	} {
		got, keep := headers.HardenCookie(tt.line, tt.o)
		if got != tt.want || keep != (tt.want != "") {
			t.Errorf("HardenCookie(%q, %+v) = %q, %v\nwant %q", tt.line, tt.o, got, keep, tt.want)
		}
	}
}

func TestHardenCookieHttpOnly(t *testing.T) {
	o := headers.CookieOptions{HTTPOnly: []string{"cart", "csrf_secret"}, Scripts: []string{"auth_state"}}
	for name, want := range map[string]bool{
		"sessionid": true, "SESSION": true, "connect.sid": true, "PHPSESSID": true, "JSESSIONID": true, "auth": true, "X-Auth": true, "access_token": true, "refreshToken": true, "jwt": true, "MyJWT": true, "login": true, "remember_me": true, "sidebar": true,
		"csrftoken": false, "XSRF-TOKEN": false, "_csrf_session": false, "theme": false, "lang": false, "a": false, "se": false, "s-e-s-s": false,
		"cart": true, "csrf_secret": true, "auth_state": false, "Cart": false,
	} {
		got, keep := headers.HardenCookie(name+"=v", o)
		if !keep || strings.Contains(got, "; HttpOnly") != want {
			t.Errorf("%s: %q, want HttpOnly %v", name, got, want)
		}
	}
}

// Whatever is there stays at its place, and the second time nothing is added.
func FuzzHardenCookie(f *testing.F) {
	for _, s := range []string{"sessionid=x; Path=/", "a=b; SameSite=None", "__Host-sanmon=x", "=x", "a=b;;; =; secure=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		o := headers.CookieOptions{Secure: true}
		got, keep := headers.HardenCookie(line, o)
		if !keep {
			return
		}
		if !strings.HasPrefix(got, line) {
			t.Errorf("%q became %q", line, got)
		}
		if again, keep := headers.HardenCookie(got, o); !keep || again != got {
			t.Errorf("%q became %q and then %q, %v", line, got, again, keep)
		}
		if strings.ContainsAny(got, "\r\n\x00") {
			t.Errorf("%q was let through", got)
		}
	})
}

func TestStripCookies(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"", ""}, {"a=b", "a=b"}, {"a=b; c=d", "a=b; c=d"}, {"a=b;c=d ;; x", "a=b;c=d ;; x"},
		{"__Host-sanmon=x", ""}, {"sanmon=x", ""}, {"__Host-sanmon=x;", ""}, {" __Host-sanmon=x ", ""},
		{"__Host-sanmon=x; a=b", "a=b"}, {"a=b; __Host-sanmon=x", "a=b"}, {"a=b; __Host-sanmon=x; c=d", "a=b; c=d"},
		{"__Host-sanmon=x; a=b; __Host-sanmon-device=y; c=d", "a=b; c=d"}, {"a=b;__HOST-SANMON=x;c=d", "a=b;c=d"},
		{"a=b; __Host-sanmon", "a=b"}, {"sanmon; a=b", "a=b"}, {"a=b; __Host-sanmon =x", "a=b"}, {"a=b;\t__Host-sanmon=x", "a=b"},
		{`a="x; __Host-sanmon=secret; y"`, `a="x; y"`}, // some servers would read one cookie; ours must not pass in it
		{"sanmonitor=x; b=__Host-sanmon=1", "sanmonitor=x; b=__Host-sanmon=1"},
		// What Python's str.strip takes for space, and where http.cookies and RFC 2109 end a value.
		{"a=b; \u00a0sanmon=x", "a=b"}, {"a=b; \x85sanmon\xa0=x", "a=b"}, {"a=b; \u3000sanmon\u2003=x; c=d", "a=b; c=d"}, {"a=b; \u00a0sanmon\u00a0", "a=b"},
		{"a=b sanmon=x; c=d", "c=d"}, {"a=b,sanmon=x", ""}, {"a=b, c=d sanmon =x", ""}, {`a="b"sanmon=x`, ""}, {`"sanmon"=x`, ""},
		{"a=b c; d=e=f=; g=1, 2; h=\u00e9 i", "a=b c; d=e=f=; g=1, 2; h=\u00e9 i"}, {"a=sanmon; b=x sanmon", "a=sanmon; b=x sanmon"},
	} {
		if got := headers.StripCookies(tt.line, headers.Reserved); got != tt.want {
			t.Errorf("StripCookies(%q) = %q, want %q", tt.line, got, tt.want)
		}
	}
}

func FuzzStripCookies(f *testing.F) {
	for _, s := range []string{"a=b; __Host-sanmon=x; c=d", "sanmon=x", ";;", " = ; sanmon-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := headers.StripCookies(line, headers.Reserved)
		for _, name := range []string{"__Host-sanmon", "sanmon", "__Host-sanmon-device"} {
			if v, err := headers.Cookie([]string{got}, name); v != "" || err != nil {
				t.Errorf("StripCookies(%q) = %q, which has %s", line, got, name)
			}
		}
		if again := headers.StripCookies(got, headers.Reserved); again != got {
			t.Errorf("StripCookies(%q) = %q, and of that %q", line, got, again)
		}
	})
}

func TestCookie(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  string
		bad   bool
	}{
		{nil, "", false}, {[]string{""}, "", false}, {[]string{"a=b"}, "", false},
		{[]string{"__Host-sanmon=x"}, "x", false}, {[]string{"a=b; __Host-sanmon=x; c=d"}, "x", false}, {[]string{"a=b;__Host-sanmon=x"}, "x", false},
		{[]string{"a=b", "__Host-sanmon=x"}, "x", false}, {[]string{"__Host-sanmon=a=b"}, "a=b", false}, {[]string{" __Host-sanmon = x "}, "x", false},
		{[]string{"__host-sanmon=x"}, "", false}, {[]string{"x__Host-sanmon=x"}, "", false}, {[]string{"__Host-sanmon"}, "", false}, {[]string{"__Host-sanmon="}, "", false},
		{[]string{"__Host-sanmon=x; __Host-sanmon=x"}, "x", false}, {[]string{"__Host-sanmon=x", "__Host-sanmon=x"}, "x", false},
		{[]string{"__Host-sanmon=x; __Host-sanmon=y"}, "", true}, {[]string{"__Host-sanmon=x", "__Host-sanmon=y"}, "", true},
		{[]string{"__Host-sanmon=; __Host-sanmon=y"}, "", true}, {[]string{"__Host-sanmon=y; __Host-sanmon="}, "", true},
	} {
		got, err := headers.Cookie(tt.lines, "__Host-sanmon")
		if r := refusal.From(err); got != tt.want || tt.bad != (r != nil) || r != nil && (r.Code != refusal.CredentialAmbiguous || strings.ContainsAny(r.Reason, "xy") && strings.Contains(r.Reason, "=")) {
			t.Errorf("Cookie(%q) = %q, %v, want %q, bad %v", tt.lines, got, err, tt.want, tt.bad)
		}
	}
}

func BenchmarkHardenCookie(b *testing.B) {
	o := headers.CookieOptions{Secure: true}
	for _, bb := range []struct{ name, line string }{
		{"complete", "sessionid=0123456789abcdef; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure"},
		{"bare", "sessionid=0123456789abcdef; Path=/"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				headers.HardenCookie(bb.line, o)
			}
		})
	}
}

func BenchmarkRequestCookie(b *testing.B) {
	lines := []string{"csrftoken=0123456789abcdef; __Host-sanmon=0123456789abcdef0123456789abcdef; theme=dark"}
	b.Run("find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := headers.Cookie(lines, "__Host-sanmon"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("strip", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			headers.StripCookies(lines[0], headers.Reserved)
		}
	})
}
