package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestSocketsEndWithTheirSession: a session whose time has run out ends although nobody asks
// for it, and so does what is open on it. The trail says when.
func TestSocketsEndWithTheirSession(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	for _, row := range []struct{ name, session, reason string }{
		{"idle", "session: { idle: 2s, absolute: 1h }", "reason=idle"},
		{"absolute", "session: { idle: 2s, absolute: 2s }", "reason=expired"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := harness.StartGate(t, harness.Options{Upstream: app.URL, Top: row.session, Routes: `
  - { id: ws, match: { path: "/ws", methods: [GET] }, boundary: [session] }
`})
			g.AddUser(t, writer, "writer")
			c := signedIn(t, g, writer)
			conn, _, err := dialWS(t, g, c, g.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.CloseNow() }()
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			for err == nil {
				_, _, err = conn.Read(ctx)
			}
			if ctx.Err() != nil {
				t.Fatal("the socket outlived its session")
			}
			eventually(t, 10*time.Second, func() bool {
				for line := range strings.Lines(g.CLI(t, "", "audit", "export")) {
					if strings.Contains(line, `"event":"session.expired"`) && strings.Contains(line, `"actor":"system"`) && strings.Contains(line, `"detail":"`+row.reason+`"`) {
						return true
					}
				}
				return false
			})
		})
	}
}
