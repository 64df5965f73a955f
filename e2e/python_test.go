package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestPythonPackage: the gate in front of each framework with the Python package in it. It
// knows whom the gate let through, judges once more, and takes nothing that went round.
func TestPythonPackage(t *testing.T) {
	for _, kind := range []string{harness.GuardedFastAPI, harness.GuardedDjango, harness.GuardedFlask} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			port, err := harness.FreePort()
			if err != nil {
				t.Fatal(err)
			}
			g := harness.NewGate(t, harness.Options{Upstream: fmt.Sprintf("http://127.0.0.1:%d", port), Routes: `
  - { id: who, match: { path: "/who" }, boundary: [session, key] }
  - { id: write, match: { path: "/write" }, boundary: [session, key] }
  - { id: front, match: { path: "/front" }, boundary: [public], output: { csp: strict } }
`})
			b := harness.StartBackend(t, kind, port, "SANMON_ISSUER="+g.URL, "SANMON_UPSTREAM=app")
			g.Start(t)
			user := g.AddUser(t, reader, "reader")
			c := signedIn(t, g, reader)

			var who struct {
				Subject, Email, Kind string
				Roles, Scopes        []string
			}
			want(t, "with a session", c.Get(t, "/who"), 200, "")
			c.Get(t, "/who").JSON(t, &who)
			if got, want := fmt.Sprint(who), fmt.Sprintf("{%s %s session [reader] [notes:read]}", user, reader); got != want {
				t.Errorf("a session is %s, want %s", got, want)
			}
			want(t, "without the scope, which the backend asks for", c.Get(t, "/write"), 403, "")

			k := g.AddKey(t, "service:cron", "--role", "writer")
			eventually(t, 5*time.Second, func() bool { return g.Client(t).Get(t, "/write", "X-Api-Key", k.Key).Status == 200 })
			g.Client(t).Get(t, "/who", "X-Api-Key", k.Key).JSON(t, &who)
			if who.Kind != "key" || fmt.Sprint(who.Scopes) != "[notes:read notes:write]" {
				t.Errorf("a key is %+v", who)
			}

			var front struct {
				Known bool
				Nonce string
			}
			a := g.Client(t).Get(t, "/front", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
			want(t, "a public page", a, 200, "")
			a.JSON(t, &front)
			if front.Known || len(front.Nonce) < 16 {
				t.Errorf("for nobody: %+v", front)
			}

			for name, header := range map[string]string{"without an assertion": "", "with a forged one": "eyJhbGciOiJub25lIn0.e30.", "with words": "admin"} {
				req, err := http.NewRequest("GET", b.URL+"/who", nil)
				if err != nil {
					t.Fatal(err)
				}
				if header != "" {
					req.Header.Set("Sanmon-Assertion", header)
				}
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != 401 {
					t.Errorf("round the gate, %s: status %d", name, res.StatusCode)
				}
			}
		})
	}
}
