package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestDeletedUser: who is deleted is out at once, and nothing names the person any more but the
// trail, by an id.
func TestDeletedUser(t *testing.T) {
	t.Parallel()
	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: keyRoutes})
	g.Start(t)
	g.AddUser(t, writer, "writer")
	k := g.AddKey(t, writer, "--role", "writer", "--note", "the laptop")
	browser := signedIn(t, g, writer)
	want(t, "before, by session", browser.Get(t, "/private/x"), 200, "")
	eventually(t, 5*time.Second, func() bool { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key).Status == 200 })

	var said struct {
		ID, Email      string
		Sessions, Keys int
	}
	g.CLIJSON(t, &said, "", "user", "delete", writer)
	if said.ID == "" || said.Email != writer || said.Sessions != 1 || said.Keys != 1 {
		t.Errorf("user delete says %+v", said)
	}
	eventually(t, 5*time.Second, func() bool {
		return browser.Get(t, "/private/x").Code() == "login_required" && g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key).Code() == "key_invalid"
	})
	want(t, "a login", g.Client(t).TryLogin(t, writer, harness.Password), 401, "login_failed")
	if r := g.Run(t, "", "user", "delete", writer); r.Exit != 1 || !strings.Contains(r.Stderr, writer) {
		t.Errorf("deleted twice: %+v", r)
	}
	if out := g.CLI(t, "", "audit", "export"); !strings.Contains(out, `"event":"user.deleted","subject":"`+said.ID+`"`) || strings.Contains(out, writer) {
		t.Errorf("the trail:\n%s", out)
	}
	g.AddUser(t, writer, "writer") // somebody else, with the same address
	next := signedIn(t, g, writer)
	want(t, "after", next.Get(t, "/private/x"), 200, "")
	var users []struct{ ID string }
	g.CLIJSON(t, &users, "", "user", "list")
	if len(users) != 1 || users[0].ID == said.ID {
		t.Errorf("users %+v", users)
	}
}
