package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const (
	appRedirect   = "http://127.0.0.1:49152/cb" // nobody listens: the clients read it off the answer
	serviceSecret = "service-0123456789abcdef0123456789abcdef"
	oauthTop      = `
token: { redeliver: 1s, race: 1s }
clients:
  - { id: app, redirect_uris: ["http://127.0.0.1/cb"], scopes: ["notes:read", "notes:write", openid, email] }
  - { id: robot, type: confidential, secret: "env:ROBOT_SECRET", grants: [client_credentials], service: robot, scopes: ["notes:read"], introspect: true }
`
	oauthRoutes = `
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: read, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session, token], require: ["notes:read"] }
  - { id: write, match: { path: "/private/{rest...}", methods: [POST] }, boundary: [token], require: ["notes:write"] }
`
)

// oauthClient is a client that we did not write, as a process that takes commands.
type oauthClient struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
}

type oauthAnswer struct {
	Error   string `json:"error"`
	Status  int    `json:"status"`
	Body    string `json:"body"`
	Type    string `json:"type"`
	Scope   string `json:"scope"`
	Sub     string `json:"sub"`
	Email   string `json:"email"`
	Active  bool   `json:"active"`
	Refresh bool   `json:"refresh"`
}

// do sends one command: pairs of members.
func (c *oauthClient) do(what string, members ...any) (a oauthAnswer) {
	c.t.Helper()
	command := map[string]any{"do": what}
	for i := 0; i < len(members); i += 2 {
		command[members[i].(string)] = members[i+1]
	}
	line, err := json.Marshal(command)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		c.t.Fatal(err)
	}
	if !c.out.Scan() {
		c.t.Fatalf("%s: the client has ended: %v", what, c.out.Err())
	}
	if err := json.Unmarshal(c.out.Bytes(), &a); err != nil {
		c.t.Fatalf("%s: %v: %s", what, err, c.out.Text())
	}
	return a
}

func (c *oauthClient) get(path string) int {
	c.t.Helper()
	return c.do("call", "method", "GET", "path", path).Status
}

// startClient starts a client whose person has signed in with c.
func startClient(t *testing.T, g *harness.Gate, person *harness.Client, kind string) *oauthClient {
	t.Helper()
	clients := filepath.Join(harness.Root(), "e2e", "clients")
	env := append(os.Environ(), "ISSUER="+g.URL, "COOKIE="+g.CookieName()+"="+person.Cookie(t), "CLIENT_ID=app", "REDIRECT="+appRedirect,
		"SERVICE_ID=robot", "SERVICE_SECRET="+serviceSecret, "SCOPE=notes:read notes:write openid email", "NO_PROXY=*")
	var cmd *exec.Cmd
	if kind == "authlib" {
		cmd = exec.Command(harness.Python(t), filepath.Join(clients, "authlib_client.py"))
	} else {
		library := filepath.Join(harness.Root(), ".cache", "clients", "node_modules", "openid-client", "build", "index.js")
		if _, err := os.Stat(library); err != nil {
			t.Skip("no openid-client (run scripts/testdeps.sh)")
		}
		node, err := exec.LookPath("node")
		if err != nil {
			t.Skip("no node, which openid-client runs in (scripts/testdeps.sh installs it where it can)")
		}
		cmd = exec.Command(node, filepath.Join(clients, "openid_client.mjs"))
		env = append(env, "OPENID_CLIENT=file://"+library)
		if kind == "openid-client with DPoP" {
			env = append(env, "DPOP=1")
		}
	}
	cmd.Env, cmd.Stderr = env, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &oauthClient{t, in, bufio.NewScanner(out)}
}

// TestForeignOAuthClients: two libraries that we did not write, each with a real FastAPI
// behind the gate, and all that may happen to their tokens.
func TestForeignOAuthClients(t *testing.T) {
	t.Parallel()
	back := harness.SharedBackend(t, harness.FastAPI)
	for _, kind := range []string{"authlib", "openid-client", "openid-client with DPoP"} {
		t.Run(kind, func(t *testing.T) {
			g := harness.StartGate(t, harness.Options{Upstream: back.URL, Top: oauthTop, Routes: oauthRoutes, Env: []string{"ROBOT_SECRET=" + serviceSecret}})
			id := g.AddUser(t, writer, "writer")
			g.AddKey(t, "service:robot", "--role", "reader")
			person := g.Client(t)
			person.Login(t, writer)
			c := startClient(t, g, person, kind)

			a := c.do("authorize")
			if a.Error != "" || a.Sub != id || a.Email != writer || a.Scope != "notes:read notes:write openid email" || strings.EqualFold(a.Type, "dpop") != strings.HasSuffix(kind, "DPoP") {
				t.Fatalf("authorize: %+v", a)
			}
			if got := c.do("call", "method", "GET", "path", "/private/x"); got.Status != 200 || !strings.Contains(got.Body, `"framework":"fastapi"`) || strings.Contains(strings.ToLower(got.Body), "dpop") {
				t.Errorf("call: %d %.300s", got.Status, got.Body)
			}
			if got := c.do("call", "method", "POST", "path", "/private/x").Status; got != 200 {
				t.Errorf("POST: %d", got)
			}
			if a := c.do("refresh"); a.Error != "" || strings.EqualFold(a.Type, "dpop") != strings.HasSuffix(kind, "DPoP") {
				t.Fatalf("refresh: %+v", a)
			}
			if got := c.get("/private/x"); got != 200 {
				t.Errorf("with the refreshed token: %d", got)
			}
			if a := c.do("introspect"); !a.Active || a.Sub != id || a.Scope != "notes:read notes:write email openid" && a.Scope != "notes:read notes:write openid email" {
				t.Errorf("introspect: %+v", a)
			}
			if a := c.do("service", "path", "/private/x"); a.Status != 200 || a.Scope != "notes:read" || a.Refresh {
				t.Errorf("client credentials: %+v", a)
			}

			// Double evaluation: the token says the same as before, the person may no more.
			g.CLI(t, "", "user", "roles", writer, "reader")
			eventually(t, 10*time.Second, func() bool { return c.do("call", "method", "POST", "path", "/private/x").Status == 403 })
			if got := c.get("/private/x"); got != 200 {
				t.Errorf("what a reader may: %d", got)
			}
			if a := c.do("introspect"); a.Scope != "notes:read openid email" {
				t.Errorf("introspect after the role was taken: %q", a.Scope)
			}

			// The refresh token from before, after its windows: theft ends everything.
			time.Sleep(1100 * time.Millisecond) // a window that is over is over, however slow the machine
			if a := c.do("refresh", "old", true); a.Error != "invalid_grant" {
				t.Errorf("a spent refresh token: %+v", a)
			}
			if got := c.get("/private/x"); got != 401 {
				t.Errorf("the token after theft: %d", got)
			}
			if a := c.do("refresh"); a.Error != "invalid_grant" {
				t.Errorf("the current refresh token after theft: %+v", a)
			}
			if person.Session(t, "").Authenticated {
				t.Error("the login lives on after theft")
			}
			if trail := g.CLI(t, "", "audit", "export"); !strings.Contains(trail, `"event":"refresh.reuse"`) {
				t.Error("the trail does not say so")
			}
		})
	}
}

// TestForeignOAuthClientsEnd: giving a token back, and signing out; once on PostgreSQL.
func TestForeignOAuthClientsEnd(t *testing.T) {
	t.Parallel()
	back := harness.SharedBackend(t, harness.FastAPI)
	for _, kind := range []string{"authlib", "openid-client"} {
		t.Run(kind, func(t *testing.T) {
			o := harness.Options{Upstream: back.URL, Top: oauthTop, Routes: oauthRoutes, Env: []string{"ROBOT_SECRET=" + serviceSecret}}
			if kind == "authlib" { // on PostgreSQL
				address, password, _ := harness.PostgresURL(t)
				o.Store, o.Env = fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", address), append(o.Env, "SANMON_TEST_PG="+password)
			}
			g := harness.StartGate(t, o)
			g.AddUser(t, writer, "writer")
			person := g.Client(t)
			person.Login(t, writer)
			c := startClient(t, g, person, kind)
			if a := c.do("authorize"); a.Error != "" {
				t.Fatalf("authorize: %+v", a)
			}
			if a := c.do("revoke"); a.Error != "" {
				t.Errorf("revoke: %+v", a)
			}
			if got := c.get("/private/x"); got != 401 {
				t.Errorf("after it was given back: %d", got)
			}
			if a := c.do("introspect"); a.Active {
				t.Errorf("introspect: %+v", a)
			}
			if a := c.do("authorize"); a.Error != "" {
				t.Fatalf("again: %+v", a)
			}
			s := person.Session(t, "")
			want(t, "logout", person.Post(t, "/.sanmon/logout", "", "", "X-Sanmon-Csrf", s.CSRFToken, "Origin", g.URL), 204, "")
			if got := c.get("/private/x"); got != 401 {
				t.Errorf("after logout: %d", got)
			}
			if a := c.do("refresh"); a.Error != "invalid_grant" {
				t.Errorf("refresh after logout: %+v", a)
			}
			if a := c.do("authorize"); !strings.Contains(a.Error, "/.sanmon/login?next=") {
				t.Errorf("authorize after logout: %+v", a)
			}
		})
	}
}
