package e2e_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

const limiterRoutes = "  - { id: home, match: { path: \"/\" }, boundary: public, limit: { rate: 100000/s, per: network } }\n"

// counting reports whether the limiter has counted a request that was just made.
func counting(t *testing.T, g *harness.Gate, admin *redis.Client) bool {
	t.Helper()
	if err := admin.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	want(t, "a request", g.Client(t).Get(t, "/"), 200, "")
	n, err := admin.DBSize(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// TestLimiterUserRotation: the password of a user of Valkey's access control list changes, in a
// source that is read once an hour. The refused connection makes it be read, and it is tried once
// more; a user without the right to count is told, and the node counts for itself.
func TestLimiterUserRotation(t *testing.T) {
	t.Parallel()
	v := harness.StartValkey(t, 0)
	admin := redis.NewClient(&redis.Options{Addr: v.Addr, Password: harness.ValkeyPassword, Protocol: 2})
	t.Cleanup(func() { _ = admin.Close() })
	acl := func(rules ...any) {
		t.Helper()
		for _, command := range [][]any{append([]any{"ACL", "SETUSER", "gate"}, rules...), {"CLIENT", "KILL", "USER", "gate"}} {
			if err := admin.Do(context.Background(), command...).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What docs/limits.md says that it needs, and nothing more.
	acl("reset", "on", ">first-limiter-password", "~{sanmon}:*", "+evalsha", "+eval", "+get", "+set", "+time", "+hello", "+auth", "+select")
	k := &kv{values: map[string]string{"limiter": "first-limiter-password"}}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: limiterRoutes,
		Top: fmt.Sprintf("limiter: { url: \"valkey://gate@%s\", password: \"vault://secret/sanmon/limiter#v\", timeout: 500ms }\nsecrets: { interval: 1h, vault: { address: %q, approle: { role_id: r-1, secret_id: file:./sid } } }\n", v.Addr, server.URL)})
	g.WriteFile(t, "sid", "s-1\n")
	g.Start(t)
	eventually(t, 10*time.Second, func() bool { return counting(t, g, admin) })

	acl("resetpass", ">second-limiter-password")
	away := func() bool {
		want(t, "a request that the limiter does not count", g.Client(t).Get(t, "/"), 200, "")
		return g.Metric(t, "sanmon_limiter_open") == 1
	}
	eventually(t, 20*time.Second, away)
	g.LogWith(t, 10*time.Second, map[string]any{"level": "WARN", "msg": "the limiter does not answer; limits are counted by this node alone until it does"})
	if !strings.Contains(g.Output(), "WRONGPASS") {
		t.Errorf("the log does not say why:\n%s", g.Output())
	}
	k.set("limiter", "second-limiter-password", false)
	eventually(t, 20*time.Second, func() bool { return counting(t, g, admin) })
	g.LogWith(t, 10*time.Second, map[string]any{"msg": "a secret has another value, which is in force", "setting": "limiter.password"})

	acl("-@all")
	eventually(t, 20*time.Second, away)
	if !strings.Contains(g.Output(), "NOPERM") {
		t.Errorf("the log does not say why:\n%s", g.Output())
	}
	for _, hidden := range []string{"first-limiter", "second-limiter"} {
		if strings.Contains(g.Output(), hidden) {
			t.Errorf("%q is in the log", hidden)
		}
	}
}
