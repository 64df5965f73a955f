package oauth

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

func TestRedirectURIsThatMayBeRegistered(t *testing.T) {
	for uri, ok := range map[string]bool{
		"https://app.example.com/cb": true, "https://app.example.com": true, "https://app.example.com:8443/cb?x=1": true, "com.example.app:/cb": true, "com.example.app://cb": true, "http://127.0.0.1/cb": true, "http://127.0.0.1:9/cb": true, "http://[::1]/cb": true, "http://localhost:3000/cb": true,
		"": false, "/cb": false, "app.example.com/cb": false, "http://app.example.com/cb": false, "http://127.0.0.2/cb": false, "https://a/cb#x": false, "https://a/cb#": false, "https://user@a/cb": false, "https://*.example.com/cb": false, "https:///cb": false, "https://a/ b": false, "https://a/\n": false, "https://a/<": false, "https://ä.example/cb": false, "https://a/%zz": false,
		"myapp:/cb": false, "javascript:alert(1)": false, "data:text/html,x": false, "file:///etc": false, "urn:ietf:wg:oauth:2.0:oob": false, "ftp://a/b": false, "HTTP://evil.example/": false, "JavaScript:x": false, strings.Repeat("a", 600): false,
	} {
		if err := CheckRedirectURI(uri); (err == nil) != ok {
			t.Errorf("%.60q: %v", uri, err)
		}
	}
}

func TestRedirectURIsThatAreTheSame(t *testing.T) {
	for _, tt := range []struct {
		registered, presented string
		same                  bool
	}{
		{"https://a/cb", "https://a/cb", true}, {"com.example.app:/cb", "com.example.app:/cb", true}, {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true}, {"http://127.0.0.1/cb", "http://127.0.0.1:65535/cb", true}, {"http://127.0.0.1:8080/cb", "http://127.0.0.1:9090/cb", true}, {"http://127.0.0.1:8080/cb", "http://127.0.0.1/cb", true}, {"http://[::1]/cb", "http://[::1]:9/cb", true}, {"http://127.0.0.1", "http://127.0.0.1:9", true}, {"http://127.0.0.1/cb?a=b", "http://127.0.0.1:9/cb?a=b", true},
		{"https://a/cb", "https://a/cb/", false}, {"https://a/cb", "https://a/cb?x", false}, {"https://a/cb", "https://A/cb", false}, {"https://a/cb", "https://a:443/cb", false}, {"https://a/cb", "https://a/%63b", false}, {"https://a/cb", "https://a/cb/../cb", false}, {"http://localhost/cb", "http://localhost:9/cb", false}, {"http://127.0.0.1/cb", "http://[::1]/cb", false}, {"http://127.0.0.1/cb", "https://127.0.0.1:9/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1:08/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1:/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1:9x/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1:9@evil.example/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", false}, {"http://127.0.0.1/cb", "http://127.0.0.1:9/cb/x", false}, {"http://127.0.0.1", "http://127.0.0.1#x", false},
	} {
		if got := sameRedirect(tt.registered, tt.presented); got != tt.same {
			t.Errorf("%s and %s: %v", tt.registered, tt.presented, got)
		}
	}
}

// Whatever is taken for a loopback address leads a browser to loopback.
func FuzzLoopback(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:9/cb", "http://[::1]:9/cb", "http://127.0.0.1:9@e/cb", `http://127.0.0.1\@e/cb`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		if !sameRedirect("http://127.0.0.1/cb", uri) {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.Hostname() != "127.0.0.1" || u.Path != "/cb" || u.User != nil || u.Scheme != "http" {
			t.Errorf("%q is taken: %v", uri, err)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{"a=b&c=d", "a=%41&b=+", "a&a", "%zz", "=x", "a=\x00", "a==&b=%26"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		form, err := ParseForm(raw)
		if err != nil {
			if From(err).Code != CodeRequest {
				t.Errorf("%q: %v", raw, err)
			}
			return
		}
		want, err := url.ParseQuery(raw)
		if err != nil && !strings.Contains(raw, ";") { // url.ParseQuery refuses ';', which is no separator here
			t.Errorf("%q: taken, and url.ParseQuery says %v", raw, err)
		}
		for name, values := range want {
			if len(values) != 1 || form.get(name) != values[0] {
				t.Errorf("%q: %s is %q, want %q", raw, name, form.get(name), values)
			}
		}
	})
}

func TestScopes(t *testing.T) {
	c := &Client{ID: "c", Scopes: []string{"notes:read", "tasks:*", "openid"}}
	all := &Client{ID: "all", Scopes: []string{"*"}}
	for _, tt := range []struct {
		client *Client
		asked  string
		ok     bool
	}{
		{c, "", true}, {c, "notes:read", true}, {c, "tasks:write tasks:read", true}, {c, "tasks:*", true}, {c, "openid notes:read", true}, {all, "anything:at/all *", true},
		{c, "notes:write", false}, {c, "notes:*", false}, {c, "*", false}, {c, "task", false}, {c, "email", false}, {all, "openid", false}, {c, " notes:read", false}, {c, "notes:read ", false}, {c, "notes:read  tasks:x", false}, {c, "notes:read notes:read", false}, {c, "tasks:\x7f", false}, {c, `tasks:"`, false}, {c, `tasks:\`, false}, {c, "tasks:é", false}, {c, strings.Repeat("tasks:x ", 200), false},
	} {
		words, err := tt.client.scope(tt.asked)
		if (err == nil) != tt.ok || err != nil && err.Code != CodeScope || err == nil && len(words) == 0 {
			t.Errorf("%s, %.40q: %v %v", tt.client.ID, tt.asked, words, err)
		}
	}
}

// A scope that a client was given never opens more than those that it may ask for.
func TestScopesNeverGrow(t *testing.T) {
	word := rapid.StringMatching(`(notes|tasks)(:(read|write|\*))?|\*`)
	rapid.Check(t, func(rt *rapid.T) {
		c := &Client{Scopes: rapid.SliceOfN(word, 1, 4).Draw(rt, "registered")}
		asked := rapid.SliceOfNDistinct(word, 1, 4, rapid.ID).Draw(rt, "asked")
		words, err := c.scope(strings.Join(asked, " "))
		if err != nil {
			return
		}
		for _, w := range words {
			found := false
			for _, s := range c.Scopes {
				found = found || s == w || strings.HasSuffix(s, "*") && strings.HasPrefix(w, strings.TrimSuffix(s, "*"))
			}
			if !found {
				rt.Fatalf("%v gives %s", c.Scopes, w)
			}
		}
	})
}

func TestSecretsOfClients(t *testing.T) {
	c := &Client{ID: "c"}
	if c.confidential() || c.SetSecret(secret.NewString(strings.Repeat("x", 31))) == nil || c.confidential() {
		t.Error("a short secret is taken")
	}
	if err := c.SetSecret(secret.NewString(strings.Repeat("x", 32))); err != nil || !c.confidential() {
		t.Error(err)
	}
	for given, ok := range map[string]bool{strings.Repeat("x", 32): true, strings.Repeat("x", 33): false, "": false} {
		if c.knows([]string{given}) != ok {
			t.Errorf("%q", given)
		}
	}
	if (&Client{}).knows([]string{""}) || (&Client{}).knows(nil) {
		t.Error("a client without secret is known")
	}
	if err := c.SetKeys(secret.NewString(`{"keys":[]}`)); err == nil {
		t.Error("a set without keys is taken")
	}
}

// When a person has to sign in (OpenID Connect Core, Section 3.1.2.1).
func TestWhenToSignIn(t *testing.T) {
	now := time.Unix(1_780_000_000, 0)
	who := func(age time.Duration) *caller.Caller { return &caller.Caller{AuthTime: now.Add(-age)} }
	strange := &caller.Caller{AuthTime: time.Unix(0, 0)} // known, but not from this network
	for _, tt := range []struct {
		who   *caller.Caller
		query string
		need  bool
		code  string
	}{
		{nil, "", true, ""}, {strange, "", true, ""}, {who(time.Hour), "", false, ""}, {who(time.Hour), "prompt=login", true, ""}, {who(0), "prompt=login", true, ""}, {who(0), "prompt=consent", false, ""}, {who(0), "prompt=select_account", true, ""}, {who(0), "prompt=none", false, ""},
		{nil, "prompt=none", false, CodeLogin}, {strange, "prompt=none", false, CodeLogin}, {who(time.Hour), "prompt=none&max_age=60", false, CodeLogin}, {who(0), "prompt=none+login", false, CodeRequest},
		{who(59 * time.Second), "max_age=59", false, ""}, {who(time.Minute), "max_age=59", true, ""}, {who(0), "max_age=0", true, ""}, {who(0), "max_age=-1", false, CodeRequest}, {who(0), "max_age=1.5", false, CodeRequest}, {nil, "max_age=x", false, CodeRequest}, {nil, "max_age=99999999999999999999", false, CodeRequest},
		{who(10 * time.Second), "sanmon_after=1779999990", false, ""}, {who(15 * time.Second), "sanmon_after=1779999990", false, ""}, {who(16 * time.Second), "sanmon_after=1779999990", true, ""},
	} {
		f, err := ParseForm(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		need, err := asked{form: f, client: &Client{ID: "c"}}.login(tt.who, now)
		got := ""
		if err != nil {
			got = From(err).Code
		}
		if need != tt.need || got != tt.code {
			t.Errorf("%+v: %v %q", tt, need, got)
		}
	}
}

// Every declared refusal has words, and only what nobody declared is a fault of ours.
func TestErrorsHaveWords(t *testing.T) {
	for code := range refusal.Codes() {
		e := From(refusal.New(code, "x"))
		want := map[refusal.Code]int{refusal.Internal: 500, refusal.Busy: 503, refusal.RateLimited: 429}[code]
		if e.Code == "" || e.Description == "" || strings.ContainsAny(e.Description, `"\`) || want != 0 && e.Status != want {
			t.Errorf("%s: %+v", code, e)
		}
		if e.Code == CodeServer != (code == refusal.Internal) {
			t.Errorf("%s is %s", code, e.Code)
		}
	}
	if From(nil) != nil {
		t.Error("nothing is an error")
	}
}

// A grant gives no more than its client may ask for today.
func TestScopesThatAreLeft(t *testing.T) {
	c := &Client{Scopes: []string{"notes:*", "openid"}}
	if got := strings.Join(c.still([]string{"notes:read", "tasks:read", "openid", "email"}), " "); got != "notes:read openid" {
		t.Errorf("left: %q", got)
	}
}
