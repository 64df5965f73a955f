package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// threeGates are gates of one site on one PostgreSQL and one Valkey.
func threeGates(t *testing.T, address, password string, v *harness.Valkey, env []string, rest string) (nodes [3]*harness.Gate) {
	t.Helper()
	port := closedPort(t)
	back := plainBackend(t)
	for i := range nodes {
		nodes[i] = harness.NewGate(t, harness.Options{Upstream: back, Env: append([]string{"SANMON_TEST_PG=" + password, "VALKEY_PASSWORD=" + harness.ValkeyPassword}, env...), Config: fmt.Sprintf(`version: 1
public_url: http://localhost:%d
listen: { public: "{PUBLIC}", admin: "{ADMIN}" }
limiter: { url: "valkey://%s/0", password: env:VALKEY_PASSWORD, timeout: 500ms }
store: { url: %q, password: env:SANMON_TEST_PG }
master_key: file:./data/master.key
limits: { network: { rate: 100000/s, burst: 100000 }, failures: { rate: 100000/10m, burst: 100000 } }
%s`, port, v.Addr, address, rest)})
		nodes[i].URL = fmt.Sprintf("http://localhost:%d", port)
		if i > 0 {
			nodes[i].CopyMasterKey(t, nodes[0])
		}
		nodes[i].Start(t)
	}
	return nodes
}

// TestThreeNodes: three gates of one site on one PostgreSQL and one Valkey. What one of them
// does holds on the others: sessions, tokens, refresh rotation, theft, limits, the trail; and
// it goes on when a node is killed, PostgreSQL crashes, and Valkey is gone.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	address, password, cluster := harness.PostgresURL(t)
	v := harness.StartValkey(t, 0)
	nodes := threeGates(t, address, password, v, nil, `
token: { redeliver: 1s, race: 1s }
clients: [ { id: app, redirect_uris: ["http://127.0.0.1/cb"], scopes: ["notes:read"] } ]
upstreams: { app: { url: "{UPSTREAM}" } }
roles: { writer: ["notes:read"] }
routes:
  - { id: private, match: { path: "/private/{rest...}", methods: [GET] }, boundary: [session, token, key], require: ["notes:read"] }
  - { id: few, match: { path: "/few", methods: [GET] }, boundary: [key], limit: { rate: 30/h, per: caller } }
`)
	nodes[0].AddUser(t, writer, "writer")
	everywhere := func(what string, alive []*harness.Gate, status int, header ...string) {
		t.Helper()
		for i, g := range alive {
			end := time.Now().Add(boundStop)
			for g.Client(t).Get(t, "/private/x", header...).Status != status {
				if time.Now().After(end) {
					t.Fatalf("%s: node %d does not say %d", what, i, status)
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
	person := signedIn(t, nodes[0], writer)
	cookie := nodes[0].CookieName() + "=" + person.Cookie(t)
	everywhere("a session", nodes[:], 200, "Cookie", cookie)

	// A grant of one node is rotated by the others in turn.
	app := grant(t, person)
	first := app.refresh
	for i := range 6 {
		app.c = nodes[i%3].Client(t)
		if status, code, err := app.rotate(); status != 200 {
			t.Fatalf("refresh %d: %d %s, %v", i, status, code, err)
		}
		everywhere("an access token", nodes[:], 200, "Authorization", "Bearer "+app.access)
	}

	// A key's limit is one over all nodes.
	k := nodes[1].AddKey(t, writer, "--role", "writer")
	everywhere("a key", nodes[:], 200, "X-Api-Key", k.Key)
	var admitted atomic.Int64
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			c := nodes[i%3].Client(t)
			for range 20 {
				if a, err := c.Try(c.Request(t, http.MethodGet, "/few", nil, "X-Api-Key", k.Key)); err == nil && a.Status == 200 {
					admitted.Add(1)
				}
			}
		})
	}
	all.Wait()
	if n := admitted.Load(); n != 30 {
		t.Errorf("%d of 120 requests were let in, the limit is 30", n)
	}

	// Theft that one node notices ends everything on all of them.
	time.Sleep(1100 * time.Millisecond) // the windows of the token are over
	thief := &granted{c: nodes[2].Client(t), refresh: first}
	if status, code, err := thief.rotate(); status != 400 || code != "invalid_grant" {
		t.Errorf("a spent token: %d %s, %v", status, code, err)
	}
	everywhere("a token after theft", nodes[:], 401, "Authorization", "Bearer "+app.access)
	everywhere("the session after theft", nodes[:], 401, "Cookie", cookie)

	// A node dies. The others go on, and a revocation reaches them.
	person = signedIn(t, nodes[0], writer)
	cookie = nodes[0].CookieName() + "=" + person.Cookie(t)
	everywhere("another session", nodes[:], 200, "Cookie", cookie)
	nodes[1].Kill()
	left := []*harness.Gate{nodes[0], nodes[2]}
	everywhere("with a node less", left, 200, "Cookie", cookie)
	nodes[2].CLI(t, "", "key", "revoke", k.ID)
	everywhere("a revoked key", left, 401, "X-Api-Key", k.Key)

	// PostgreSQL crashes: nobody is let in who was revoked, and it goes on.
	pids := backends(t, cluster)
	_ = syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL)
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for i, g := range left {
			if a := g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key); a.Status != 401 && a.Status != 503 {
				t.Fatalf("node %d says %d to a revoked key while the database is away", i, a.Status)
			}
		}
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if a := nodes[2].Client(t).TryLogin(t, writer, harness.Password); a.Status == 200 {
			break
		} else if a.Status != 503 || time.Now().After(end) {
			t.Fatalf("a login after the crash: %d %s", a.Status, a.Body)
		}
	}
	everywhere("the session after the crash", left, 200, "Cookie", cookie)

	// Valkey is gone: each node counts for itself.
	v.Stop()
	again := nodes[0].AddKey(t, writer, "--role", "writer")
	everywhere("a key without Valkey", left, 200, "X-Api-Key", again.Key)
	for i, g := range left {
		n := 0
		for range 40 {
			if g.Client(t).Get(t, "/few", "X-Api-Key", again.Key).Status == 200 {
				n++
			}
		}
		if n != 30 {
			t.Errorf("without Valkey node %d let %d of 40 in, its own limit is 30", i, n)
		}
	}

	// All of it stands in one trail, in one tree.
	trail := nodes[0].CLI(t, "", "audit", "export")
	for _, event := range []string{"login.ok", "token.issued", "refresh.reuse", "key.revoked", "key.created"} {
		if !strings.Contains(trail, `"event":"`+event+`"`) {
			t.Errorf("the trail has no %s", event)
		}
	}
	if r := nodes[2].Run(t, "", "audit", "verify"); r.Exit != 0 {
		t.Errorf("audit verify: %+v", r)
	}
}
