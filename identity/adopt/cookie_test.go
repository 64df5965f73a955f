package adopt

import (
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestParseSet(t *testing.T) {
	epoch := time.Unix(0, 0)
	for _, tt := range []struct {
		line, path, name, value, at string
		expires                     time.Time
		ok                          bool
	}{
		{"sessionid=abc", "/accounts/login/", "sessionid", "abc", "/accounts/login", time.Time{}, true},
		{"sessionid=abc; Path=/", "/x", "sessionid", "abc", "/", time.Time{}, true},
		{" sessionid = a=b ; path=/app ; HttpOnly", "/x", "sessionid", "a=b", "/app", time.Time{}, true},
		{"s=1; Path=relative", "/a/b", "s", "1", "/a", time.Time{}, true},
		{"s=1", "/a", "s", "1", "/", time.Time{}, true},
		{"s=1; Path=/; Max-Age=60", "/", "s", "1", "/", now.Add(time.Minute), true},
		{"s=1; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/", "s", "1", "/", now.Add(time.Minute), true}, // Max-Age has precedence
		{"s=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", "/", "s", "1", "/", now.Add(time.Minute), true},
		{"s=1; Path=/; Max-Age=0", "/", "s", "1", "/", epoch, true},
		{"s=1; Path=/; Max-Age=-1", "/", "s", "1", "/", epoch, true},
		{"s=1; Path=/; Max-Age=x", "/", "s", "1", "/", time.Time{}, true},
		{"s=1; Path=/; Max-Age=99999999999999999999", "/", "s", "1", "/", now.Add(400 * 24 * time.Hour), true},
		{`sessionid=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/; SameSite=Lax`, "/", "sessionid", `""`, "/", epoch, true}, // as Django deletes
		{"s=; Path=/; Expires=Wed, 21-Oct-2026 07:28:00 GMT", "/", "s", "", "/", time.Date(2026, 10, 21, 7, 28, 0, 0, time.UTC), true},
		{"s=1; Path=/; Expires=Wednesday, 21-Oct-26 07:28:00 GMT", "/", "s", "1", "/", time.Date(2026, 10, 21, 7, 28, 0, 0, time.UTC), true},
		{"s=1; Path=/; Expires=tomorrow", "/", "s", "1", "/", time.Time{}, true},
		{"s=1", "a/b", "s", "1", "/", time.Time{}, true},
		{"s=1", "", "s", "1", "/", time.Time{}, true},
		{"s", "/", "", "", "", time.Time{}, false},
		{"=x", "/", "", "", "", time.Time{}, false},
		{"s=a\x00b", "/", "", "", "", time.Time{}, false},
		{"s=" + strings.Repeat("x", 4095), "/", "s", strings.Repeat("x", 4095), "/", time.Time{}, true},
		{"s=" + strings.Repeat("x", 4096), "/", "", "", "", time.Time{}, false},
	} {
		c, ok := ParseSet(tt.line, tt.path, now)
		if ok != tt.ok || ok && (c.Name != tt.name || string(c.Value.Expose()) != tt.value || c.Path != tt.at || !c.Expires.Equal(tt.expires)) {
			t.Errorf("%.60q: %v %s %q %q %v", tt.line, ok, c.Name, c.Path, c.Value.Expose(), c.Expires)
		}
	}
}

func TestPathMatch(t *testing.T) {
	for _, tt := range []struct {
		cookie, path string
		want         bool
	}{
		{"/", "/", true}, {"/", "/a", true}, {"/a", "/a", true}, {"/a", "/a/b", true}, {"/a/", "/a/b", true}, {"/a/", "/a", false}, {"/a", "/ab", false}, {"/a", "/", false},
	} {
		if c := (Cookie{Path: tt.cookie}); c.matches(tt.path) != tt.want {
			t.Errorf("%s at %s: want %v", tt.cookie, tt.path, tt.want)
		}
	}
}

// cookie is a cookie for everywhere.
func cookie(name, value string) Cookie {
	return Cookie{Name: name, Path: "/", Value: secret.NewString(value)}
}

func gone(name string) Cookie {
	return Cookie{Name: name, Path: "/", Value: secret.NewString("x"), Expires: time.Unix(0, 0)}
}

func TestTake(t *testing.T) {
	h := Held{Upstream: "shop", Since: now}
	h, changed := h.Take([]Cookie{cookie("s", "1"), cookie("t", "2"), gone("u")}, now)
	if !changed || h.Append("", "/", now) != "s=1; t=2" {
		t.Fatalf("%v %q", changed, h.Append("", "/", now))
	}
	for _, tt := range []struct {
		what    string
		set     []Cookie
		changed bool
		want    string
	}{
		{"nothing", nil, false, "s=1; t=2"},
		{"the same", []Cookie{cookie("s", "1")}, false, "s=1; t=2"},
		{"another value", []Cookie{cookie("s", "3")}, true, "s=3; t=2"},
		{"a deletion", []Cookie{gone("s")}, true, "t=2"},
		{"no value", []Cookie{cookie("s", "")}, true, "t=2"},
		{"all deleted", []Cookie{gone("s"), gone("t")}, true, ""},
		{"deleted and set", []Cookie{gone("s"), cookie("s", "4")}, true, "t=2; s=4"},
		{"set and deleted", []Cookie{cookie("s", "4"), gone("s")}, true, "t=2"},
		{"another path", []Cookie{{Name: "s", Path: "/deep", Value: secret.NewString("5")}}, true, "s=1; t=2"},
		{"deleted at another path", []Cookie{{Name: "s", Path: "/deep", Expires: time.Unix(0, 0)}}, false, "s=1; t=2"},
	} {
		after, changed := h.Take(tt.set, now)
		if changed != tt.changed || after.Append("", "/", now) != tt.want || !after.Since.Equal(now) {
			t.Errorf("%s: %v %q, want %q", tt.what, changed, after.Append("", "/", now), tt.want)
		}
	}
	if h.Append("", "/", now) != "s=1; t=2" {
		t.Error("what was held before has changed")
	}
}

// A cookie that ends later by little is no news; one that has ended is not sent.
func TestLifeOfACookie(t *testing.T) {
	c := cookie("s", "1")
	c.Expires = now.Add(time.Hour)
	h, _ := Held{}.Take([]Cookie{c}, now)
	for _, tt := range []struct {
		later time.Duration
		want  bool
	}{{0, false}, {59 * time.Second, false}, {time.Minute, true}, {-time.Minute, true}} {
		x := c
		x.Expires = c.Expires.Add(tt.later)
		if _, changed := h.Take([]Cookie{x}, now); changed != tt.want {
			t.Errorf("%v later: changed %v", tt.later, changed)
		}
	}
	if end := now.Add(time.Hour); h.Append("a=b", "/", end) != "a=b" || !h.Empty(end) || h.Empty(end.Add(-1)) {
		t.Error("a cookie outlives its end, or dies before it")
	}
}

func TestAtMostSoManyCookies(t *testing.T) {
	h := Held{}
	for i := range 20 {
		h, _ = h.Take([]Cookie{cookie(string(rune('a'+i)), "1")}, now)
	}
	if len(h.Cookies) != maxCookies {
		t.Errorf("%d cookies are held", len(h.Cookies))
	}
}

func TestLongerPathsFirst(t *testing.T) {
	h := Held{Cookies: []Cookie{cookie("a", "1"), {Name: "b", Path: "/x/y", Value: secret.NewString("2")}, {Name: "c", Path: "/x", Value: secret.NewString("3")}, {Name: "d", Path: "/z", Value: secret.NewString("4")}}}
	if got := h.Append("csrftoken=t", "/x/y/z", now); got != "csrftoken=t; b=2; c=3; a=1" {
		t.Errorf("%q", got)
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add("sessionid=abc; Path=/; Max-Age=60; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "/a/b")
	f.Fuzz(func(t *testing.T, line, path string) {
		c, ok := ParseSet(line, path, now)
		if !ok {
			return
		}
		if sent := (Held{Cookies: []Cookie{c}}).Append("", c.Path, now); strings.ContainsAny(sent, "\r\n\x00;") || !strings.HasPrefix(c.Path, "/") {
			t.Errorf("%q is sent as %q at %q", line, sent, c.Path)
		}
	})
}
