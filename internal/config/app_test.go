package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/caller"
)

const adopting = `  app: { url: "http://a", app_session: { cookies: [sessionid], login: ["/accounts/login/"], logout: ["/bye"] } }`

// withApp is the minimal configuration with an adopted login and one route.
func withApp(app, route string) string {
	return strings.ReplaceAll(edit(4, app), minimalRoute(), route)
}

func minimalRoute() string { return strings.Split(minimal, "\n")[6] }

func TestAppSession(t *testing.T) {
	c, err := parse("f", []byte(withApp(adopting, route("boundary: app, fresh: 10m, csrf: page"))), now)
	if err != nil {
		t.Fatal(err)
	}
	want := AppSession{Cookies: []string{"sessionid"}, Login: []string{"/accounts/login/"}, Logout: []string{"/bye"}}
	if d := cmp.Diff(want, c.Upstreams["app"].App); d != "" || !c.Routes[0].takes(caller.App) || len(c.Warnings) > 0 {
		t.Errorf("%s %v %v", d, c.Routes[0].Boundary, c.Warnings)
	}
	if _, err := parse("f", []byte(withApp(adopting, route(`boundary: [session, app], require: ["notes:read"]`))), now); err != nil {
		t.Errorf("scopes for sessions beside app: %v", err)
	}
	c, err = parse("f", []byte(withApp(adopting, route("boundary: session"))), now)
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Error(), `no route of upstream "app" takes its login`) {
		t.Errorf("unused: %v %v", err, c.Warnings)
	}
}

func TestRefusedAppSessions(t *testing.T) {
	for _, row := range []struct{ app, route, want string }{
		{`  app: { url: "http://a" }`, route("boundary: [session, app]"), `7:47: route "x" takes the login of its upstream, which has no app_session (add upstreams.app.app_session: { cookies: [sessionid], login: ["/accounts/login/"] })`},
		{adopting, route(`boundary: app, require: ["notes:read"]`), `7:61: route "x" requires scopes, which nobody has whom the backend signs in (remove it: the backend decides what its people may do)`},
		{adopting, `  - { id: x, match: { path: "/x", host: other.example.com }, boundary: app }`, `7:72: route "x" takes the login of its upstream on another host than that of public_url, where our cookie is not sent (leave out match.host)`},
		{`  app: { url: "http://a", app_session: { cookies: [s] } }`, route("boundary: app"), `4:40: upstreams.app.app_session.login is missing (add login: ["/accounts/login/"])`},
		{`  app: { url: "http://a", app_session: { cookies: [], login: ["/l"] } }`, route("boundary: session"), `4:51: upstreams.app.app_session.cookies is empty (name at least one)`},
		{`  app: { url: "http://a", app_session: { cookies: [s], login: [] } }`, route("boundary: app"), `4:63: upstreams.app.app_session.login is empty (name at least one)`},
		{`  app: { url: "http://a", app_session: { cookies: [s], login: ["/l?x"] } }`, route("boundary: app"), `4:64: upstreams.app.app_session.login[]: "/l?x" is not an exact path (write the path alone, decoded, such as "/accounts/login/")`},
		{`  app: { url: "http://a", app_session: { cookies: [s], login: [l] } }`, route("boundary: app"), `4:64: upstreams.app.app_session.login[]: "l" is not an exact path (write the path alone, decoded, such as "/accounts/login/")`},
		{`  app: { url: "http://a", app_session: { cookies: [__Host-sanmon], login: ["/l"] } }`, route("boundary: app"), `4:52: upstreams.app.app_session.cookies: "__Host-sanmon" is a cookie of Sanmon (name the backend's cookie)`},
		{`  app: { url: "http://a", app_session: { cookies: [s], login: ["/l"], logout: ["/l"] } }`, route("boundary: app"), `4:80: upstreams.app.app_session.logout: "/l" is in login, too (keep it in one of the lists)`},
	} {
		_, err := parse("sanmon.yaml", []byte(withApp(row.app, row.route)), now)
		if err == nil {
			t.Errorf("%s\n%s\n was accepted", row.app, row.route)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), "sanmon.yaml:", ""); got != row.want {
			t.Errorf("%s\n%s\n got  %s\n want %s", row.app, row.route, got, row.want)
		}
	}
}

func TestDBSC(t *testing.T) {
	for text, want := range map[string]string{"": "opportunistic", "dbsc: off": "off", "dbsc: opportunistic": "opportunistic"} {
		if c, err := parse("f", []byte(minimal+text+"\n"), now); err != nil || c.DBSC != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	checkRefused(t, []refused{
		{8, "dbsc: required", `8:7: dbsc is required, but public_url is http, where no browser binds a session (set dbsc: opportunistic, or make public_url https)`},
		{8, "dbsc: on", `8:7: dbsc: "on" is not a choice (write one of: off, opportunistic, required)`},
	})
}
