package adopt

import "testing"

func rules() *Rules {
	return &Rules{Upstream: "shop", Origin: "https://app.example.com", Cookies: []string{"sessionid"}, Login: []string{"/login/", "/login/code/"}, Logout: []string{"/logout/"}}
}

// Every row is an answer of a backend. before says what it was asked with: nothing, a
// session cookie of somebody who has not signed in ("visitor"), or that of a session.
func TestJudge(t *testing.T) {
	nobody, visitor, in := Held{Upstream: "shop"}, Held{Upstream: "shop", Cookies: []Cookie{cookie("sessionid", "v")}}, Held{Upstream: "shop", Cookies: []Cookie{cookie("sessionid", "s")}, Since: now}
	fresh, again := []Cookie{cookie("sessionid", "n")}, []Cookie{cookie("sessionid", "v")}
	for _, tt := range []struct {
		what     string
		a        Answer
		before   Held
		signedIn bool
		want     Verdict
		held     string
	}{
		{"the login page", Answer{Path: "/login/", Status: 200, HTML: true}, nobody, false, Keep, ""},
		{"the login page gives a cookie", Answer{Path: "/login/", Status: 200, HTML: true, Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"Django: led on with a cookie", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/", Set: fresh}, nobody, false, Begin, "sessionid=n"},
		{"a new cookie for the old", Answer{Path: "/login/", Effect: true, Status: 303, Location: "/notes/", Set: fresh}, visitor, false, Begin, "sessionid=n"},
		{"led on relatively", Answer{Path: "/login/", Effect: true, Status: 302, Location: "../notes/", Set: fresh}, nobody, false, Begin, "sessionid=n"},
		{"led on absolutely", Answer{Path: "/login/", Effect: true, Status: 302, Location: "https://app.example.com/", Set: fresh}, nobody, false, Begin, "sessionid=n"},
		{"the same cookie goes on (a backend with session fixation)", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/"}, visitor, false, Begin, "sessionid=v"},
		{"the same cookie comes again", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/", Set: again}, visitor, false, Begin, "sessionid=v"},
		{"a script's login", Answer{Path: "/login/", Effect: true, Status: 200, Set: fresh}, nobody, false, Begin, "sessionid=n"},
		{"a script's login, no content", Answer{Path: "/login/", Effect: true, Status: 204, Set: fresh}, visitor, false, Begin, "sessionid=n"},
		{"a page with the first cookie", Answer{Path: "/login/", Effect: true, Status: 200, HTML: true, Set: fresh}, nobody, false, Begin, "sessionid=n"},
		{"back from another provider", Answer{Path: "/login/code/", Status: 302, Location: "/", Set: fresh}, visitor, false, Begin, "sessionid=n"},

		{"the form again", Answer{Path: "/login/", Effect: true, Status: 200, HTML: true}, nobody, false, Failed, ""},
		{"the form again, with a message in the cookie", Answer{Path: "/login/", Effect: true, Status: 200, HTML: true, Set: fresh}, visitor, false, Failed, "sessionid=n"},
		{"refused", Answer{Path: "/login/", Effect: true, Status: 403, HTML: true}, nobody, false, Failed, ""},
		{"refused with a cookie", Answer{Path: "/login/", Effect: true, Status: 401, Set: fresh}, nobody, false, Failed, "sessionid=n"},
		{"led back to the form", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/login/?error=1", Set: fresh}, nobody, false, Failed, "sessionid=n"},
		{"a script is told no", Answer{Path: "/login/", Effect: true, Status: 200}, visitor, false, Failed, "sessionid=v"},
		{"led on without any cookie", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/"}, nobody, false, Keep, ""},
		{"the cookie is deleted", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/", Set: []Cookie{gone("sessionid")}}, visitor, false, Update, ""},
		{"to the second step", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/login/code/", Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"to another provider", Answer{Path: "/login/", Status: 302, Location: "https://id.example.com/authorize", Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"to another provider, by a form", Answer{Path: "/login/", Effect: true, Status: 302, Location: "https://id.example.com/authorize", Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"to a host that looks like ours", Answer{Path: "/login/", Effect: true, Status: 302, Location: "//app.example.com.evil/", Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"to what browsers read as a host", Answer{Path: "/login/", Effect: true, Status: 302, Location: "/\\evil", Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"the page of who is signed in already leads on", Answer{Path: "/login/", Status: 302, Location: "/"}, visitor, false, Keep, "sessionid=v"},
		{"a failure of the backend", Answer{Path: "/login/", Effect: true, Status: 500, Set: fresh}, nobody, false, Update, "sessionid=n"},

		{"an ordinary page", Answer{Path: "/", Status: 200, HTML: true}, in, true, Keep, "sessionid=s"},
		{"a page with another cookie", Answer{Path: "/", Status: 200, HTML: true, Set: fresh}, in, true, Update, "sessionid=n"},
		{"a page with the same cookie", Answer{Path: "/", Status: 200, HTML: true, Set: []Cookie{cookie("sessionid", "s")}}, in, true, Keep, "sessionid=s"},
		{"the backend ends its session", Answer{Path: "/", Status: 200, HTML: true, Set: []Cookie{gone("sessionid")}}, in, true, End, ""},
		{"logout that deletes", Answer{Path: "/logout/", Effect: true, Status: 302, Location: "/", Set: []Cookie{gone("sessionid")}}, in, true, End, ""},
		{"logout that only empties", Answer{Path: "/logout/", Effect: true, Status: 302, Location: "/login/", Set: fresh}, in, true, End, ""},
		{"logout with a page", Answer{Path: "/logout/", Effect: true, Status: 200, HTML: true}, in, true, End, ""},
		{"logout by a link", Answer{Path: "/logout/", Status: 302, Location: "/"}, in, true, End, ""},
		{"a page that asks first", Answer{Path: "/logout/", Status: 200, HTML: true}, in, true, Keep, "sessionid=s"},
		{"logout that was refused", Answer{Path: "/logout/", Effect: true, Status: 403, HTML: true}, in, true, Keep, "sessionid=s"},
		{"a visitor's cookie", Answer{Path: "/cart", Effect: true, Status: 302, Location: "/", Set: fresh}, nobody, false, Update, "sessionid=n"},
		{"a visitor's cookie is deleted", Answer{Path: "/cart", Status: 200, Set: []Cookie{gone("sessionid")}}, visitor, false, Update, ""},
		{"a visitor at the logout", Answer{Path: "/logout/", Effect: true, Status: 302, Location: "/"}, visitor, false, Keep, "sessionid=v"},
	} {
		got, after := rules().Judge(tt.a, tt.before, tt.signedIn, now)
		if held := after.Append("", "/", now); got != tt.want || held != tt.held || after.Upstream != "shop" {
			t.Errorf("%s: %d with %q, want %d with %q", tt.what, got, held, tt.want, tt.held)
		}
		if got == Begin && !after.Since.Equal(now) {
			t.Errorf("%s: since %v", tt.what, after.Since)
		}
	}
}

func TestLoginURL(t *testing.T) {
	for target, want := range map[string]string{"/notes/?a=1&b": "/login/?next=%2Fnotes%2F%3Fa%3D1%26b", "/": "/login/?next=%2F", "/login/": "/login/", "/login/?next=/x": "/login/", "/login/code/": "/login/"} {
		if got := rules().LoginURL(target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	r := rules()
	r.Login = []string{"/コード/"}
	if got := r.LoginURL("/x"); got != "/%E3%82%B3%E3%83%BC%E3%83%89/?next=%2Fx" {
		t.Errorf("%q", got)
	}
}
