package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestTwoNodesOnPostgreSQL: the main flow on PostgreSQL, and a change on one node in
// force on the other.
func TestTwoNodesOnPostgreSQL(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	url, password, _ := harness.PostgresURL(t)
	o := harness.Options{Upstream: app.URL, Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", url), Env: []string{"SANMON_TEST_PG=" + password},
		Routes: "  - { id: private, match: { path: \"/private/{rest...}\", methods: [GET, POST] }, boundary: [session, key], require: [\"notes:read\"] }\n"}
	a := harness.StartGate(t, o)
	// The second node has the same master key and public URL would differ only by port.
	b := harness.NewGate(t, o)
	b.CopyMasterKey(t, a)
	b.Start(t)

	a.AddUser(t, writer, "writer")
	c := a.Client(t)
	c.Login(t, writer)
	want(t, "session on its node", c.Get(t, "/private/x"), 200, "")
	want(t, "POST with its token", c.PostJSON(t, "/private/x", 1), 200, "")
	other := b.Client(t)
	cookie := b.CookieName() + "=" + c.Cookie(t)
	eventually(t, time.Second, func() bool { return other.Get(t, "/private/x", "Cookie", cookie).Status == 200 })

	k := a.AddKey(t, writer, "--role", "writer")
	for _, g := range []*harness.Gate{a, b} {
		eventually(t, time.Second, func() bool { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key).Status == 200 })
	}
	b.CLI(t, "", "key", "revoke", k.ID)
	for _, g := range []*harness.Gate{a, b} {
		eventually(t, time.Second, func() bool { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key).Code() == "key_invalid" })
	}
	if out := c.Post(t, "/.sanmon/logout", urlencoded, ""); out.Status != 204 && out.Status != 303 {
		t.Fatalf("logout = %d", out.Status)
	}
	eventually(t, time.Second, func() bool { return other.Get(t, "/private/x", "Cookie", cookie).Status == 401 })
}
