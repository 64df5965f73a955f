package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// traced reports whether the trail of a gate has an event with a detail that begins so.
func traced(t *testing.T, g *harness.Gate, event, detail string) bool {
	t.Helper()
	for line := range strings.Lines(g.CLI(t, "", "audit", "export")) {
		if strings.Contains(line, `"event":"`+event+`"`) && strings.Contains(line, `"detail":"`+detail) {
			return true
		}
	}
	return false
}

// TestOldCopyOfACookie: a cookie that was replaced twice ends its session when it comes back;
// a forged one ends nothing.
func TestOldCopyOfACookie(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Top: "session: { rotate: 1s }\ntoken: { race: 1s, redeliver: 1s }\n",
		Routes: "  - { id: private, match: { path: \"/private/{rest...}\", methods: [GET] }, boundary: [session], require: [\"notes:read\"] }\n"})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	copied := c.Cookie(t)
	for replaced, last := 0, copied; replaced < 3; {
		time.Sleep(300 * time.Millisecond)
		if a := c.Get(t, "/private/x"); a.Status != 200 {
			t.Fatalf("after %d rotations: %d %s", replaced, a.Status, a.Code())
		}
		if next := c.Cookie(t); next != last {
			replaced, last = replaced+1, next
		}
	}
	forged := []byte(copied)
	forged[0] ^= 1
	thief := g.Client(t)
	want(t, "a forged cookie", thief.Get(t, "/private/x", "Cookie", g.CookieName()+"="+string(forged)), 401, "login_required")
	if a := c.Get(t, "/private/x"); a.Status != 200 {
		t.Fatalf("a forged cookie ended the session: %d %s", a.Status, a.Code())
	}
	time.Sleep(1100 * time.Millisecond) // the window of the last rotation, which that request may have been
	stolen := thief.Get(t, "/private/x", "Cookie", g.CookieName()+"="+copied)
	want(t, "the copy", stolen, 401, "login_required")
	if stolen.Header.Get("Set-Cookie") != "" {
		t.Error("a cookie is cleared")
	}
	if !traced(t, g, "session.revoked", "reason=reuse class=") {
		t.Error("the trail does not know of the theft")
	}
	want(t, "the person", c.Get(t, "/private/x"), 401, "login_required")
}

// TestAnotherKindOfBrowser: a session that turns up in another kind of browser goes on, is in
// the trail once, and asks for the password where that must be recent.
func TestAnotherKindOfBrowser(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{Upstream: app.URL, Routes: `
  - { id: careful, match: { path: "/private/careful", methods: [GET] }, boundary: [session], require: ["notes:read"], fresh: 1h }
  - { id: private, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session], require: ["notes:read"] }
`})
	g.AddUser(t, writer, "writer")
	c := signedIn(t, g, writer)
	const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0.0.0 Safari/537.36"
	for _, row := range []struct {
		path, agent string
		status      int
		code        string
	}{
		{"/private/careful", "", 200, ""}, {"/private/careful", "Go-http-client/2.0", 200, ""},
		{"/private/x", chrome, 200, ""}, {"/private/careful", chrome, 401, "step_up_required"}, {"/private/careful", "", 200, ""},
	} {
		header := []string{"User-Agent", row.agent}
		if row.agent == "" {
			header = nil
		}
		want(t, row.path+" with "+row.agent, c.Get(t, row.path, header...), row.status, row.code)
	}
	eventually(t, 5*time.Second, func() bool {
		return traced(t, g, "session.strange", "agent=blink/windows began=other/other secret=current")
	})
	if n := g.Metric(t, `sanmon_session_signals_total{signal="agent"}`); n != 1 {
		t.Errorf("counted %v times, want 1", n)
	}
}
