package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// traffic asks for a path again and again, with a session on one node and a key on each,
// and counts what was not answered with 200.
type traffic struct {
	stop   chan struct{}
	wg     sync.WaitGroup
	asked  atomic.Int64
	failed atomic.Int64
	first  atomic.Pointer[string]
}

func (tr *traffic) run(t *testing.T, g *harness.Gate, header ...string) {
	c := g.Client(t)
	tr.wg.Go(func() {
		for {
			select {
			case <-tr.stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			out, err := c.Try(c.Request(t, "GET", "/private/x", nil, header...))
			tr.asked.Add(1)
			if err != nil || out.Status != 200 {
				tr.failed.Add(1)
				what := fmt.Sprintf("%s %v: %d %s %v", g.Addr, header[0], out.Status, out.Code(), err)
				tr.first.CompareAndSwap(nil, &what)
			}
		}
	})
}

func (tr *traffic) end(t *testing.T) {
	t.Helper()
	close(tr.stop)
	tr.wg.Wait()
	if n := tr.failed.Load(); n > 0 {
		t.Errorf("%d of %d requests failed; the first: %s", n, tr.asked.Load(), *tr.first.Load())
	}
	if tr.asked.Load() < 50 {
		t.Errorf("only %d requests were made", tr.asked.Load())
	}
}

// twoNodes are two gates on one PostgreSQL.
func twoNodes(t *testing.T) (a, b *harness.Gate) {
	t.Helper()
	app := harness.SharedBackend(t, harness.FastAPI)
	url, password, _ := harness.PostgresURL(t)
	o := harness.Options{Upstream: app.URL, Store: fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", url), Env: []string{"SANMON_TEST_PG=" + password},
		Routes: "  - { id: private, match: { path: \"/private/{rest...}\", methods: [GET, POST] }, boundary: [session, key], require: [\"notes:read\"] }\n"}
	a, b = harness.StartGate(t, o), harness.NewGate(t, o)
	b.CopyMasterKey(t, a)
	b.Start(t)
	return a, b
}

// master writes another master_key into the configuration of nodes and waits until it is in
// force.
func master(t *testing.T, text string, nodes ...*harness.Gate) {
	t.Helper()
	for _, g := range nodes {
		from := len(g.Lines(0))
		config, err := os.ReadFile(g.Path)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, _ := strings.Cut(string(config), "master_key: ")
		_, after, _ := strings.Cut(rest, "\n")
		g.WriteConfig(t, before+"master_key: "+text+"\n"+after)
		if _, err := g.WaitLine(from, 10*time.Second, func(s string) bool { return strings.Contains(s, "configuration reloaded") }); err != nil {
			t.Fatalf("master_key %s: %v\n%s", text, err, strings.Join(g.Lines(from), "\n"))
		}
	}
}

// TestMasterKeyRotation: docs/secrets.md, step by step, on two nodes under traffic; then the
// old key opens nothing any more.
func TestMasterKeyRotation(t *testing.T) {
	t.Parallel()
	a, b := twoNodes(t)
	a.AddUser(t, writer, "writer")
	c := a.Client(t)
	c.Login(t, writer)
	cookie := a.CookieName() + "=" + c.Cookie(t)
	k := a.AddKey(t, writer, "--role", "writer")
	for _, g := range []*harness.Gate{a, b} {
		eventually(t, time.Second, func() bool { return g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key).Status == 200 })
	}
	tr := &traffic{stop: make(chan struct{})}
	tr.run(t, a, "X-Api-Key", k.Key)
	tr.run(t, b, "X-Api-Key", k.Key)
	tr.run(t, b, "Cookie", cookie)

	a.CLI(t, "", "keyset", "master", "--new", "data/new.key")
	fresh, err := os.ReadFile(a.Dir + "/data/new.key")
	if err != nil {
		t.Fatal(err)
	}
	b.WriteFile(t, "data/new.key", string(fresh))
	const both, next = "{ current: file:./data/new.key, previous: file:./data/master.key }", "{ current: file:./data/master.key, next: file:./data/new.key }"
	master(t, next, a, b)
	master(t, both, a, b)
	a.CLI(t, "", "keyset", "rotate", "--master")
	for _, purpose := range []string{"csrf", "pepper", "session", "assertion"} {
		b.CLI(t, "", "keyset", "rotate", purpose)
	}
	var v struct {
		Current string
		Others  []string
		Sealed  []struct {
			Kind, Master string
			Count        int
		}
	}
	a.CLIJSON(t, &v, "", "keyset", "master")
	if len(v.Sealed) == 0 || len(v.Others) != 1 {
		t.Fatalf("%+v", v)
	}
	for _, s := range v.Sealed {
		if s.Master != v.Current {
			t.Errorf("%d %s are sealed with %q", s.Count, s.Kind, s.Master)
		}
	}
	// Somebody takes the wrong key out: the running server refuses that, and goes on.
	from := len(a.Lines(0))
	good, _ := os.ReadFile(a.Path)
	a.WriteConfig(t, strings.Replace(string(good), both, "file:./data/master.key", 1))
	if _, err := a.WaitLine(from, 10*time.Second, func(s string) bool {
		return strings.Contains(s, "the changed configuration is refused") && strings.Contains(s, v.Current) && strings.Contains(s, "master_key.previous")
	}); err != nil {
		t.Errorf("the wrong key is not refused: %v", err)
	}
	a.WriteConfig(t, string(good))
	master(t, "file:./data/new.key", a, b)
	tr.end(t)

	// The old key alone is refused at the start, by the names of both.
	want(t, "before", b.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key), 200, "")
	lost := b.Elsewhere(t, "lost")
	config, _ := os.ReadFile(b.Path)
	lost.WriteConfig(t, strings.Replace(string(config), "file:./data/new.key", "file:"+b.Dir+"/data/master.key", 1))
	r := lost.Run(t, "", "serve")
	if r.Exit != 1 || !strings.Contains(r.Stderr, v.Current) || !strings.Contains(r.Stderr, v.Others[0]) || !strings.Contains(r.Stderr, "master_key.previous") {
		t.Errorf("exit %d: %s", r.Exit, r.Stderr)
	}
	a.Restart(t, syscall.SIGKILL)
	want(t, "the session after kill -9", a.Client(t).Get(t, "/private/x", "Cookie", cookie), 200, "")
}

// TestMasterKeyRotationKilled: the command is killed again and again, and a server with it;
// nothing is lost.
func TestMasterKeyRotationKilled(t *testing.T) {
	t.Parallel()
	a, b := twoNodes(t)
	a.AddUser(t, writer, "writer")
	c := a.Client(t)
	c.Login(t, writer)
	cookie := a.CookieName() + "=" + c.Cookie(t)
	tr := &traffic{stop: make(chan struct{})}
	tr.run(t, b, "Cookie", cookie)
	for round := range 3 {
		fresh := fmt.Sprintf("data/key%d", round)
		a.CLI(t, "", "keyset", "master", "--new", fresh)
		key, err := os.ReadFile(a.Dir + "/" + fresh)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteFile(t, fresh, string(key))
		old := "data/master.key"
		if round > 0 {
			old = fmt.Sprintf("data/key%d", round-1)
		}
		both := fmt.Sprintf("{ current: file:./%s, previous: file:./%s }", fresh, old)
		master(t, fmt.Sprintf("{ current: file:./%s, next: file:./%s }", old, fresh), a, b)
		master(t, both, a, b)
		for i := range 4 {
			a.RunKilled(t, time.Duration(10+20*i)*time.Millisecond, "keyset", "rotate", "--master")
		}
		a.Restart(t, syscall.SIGKILL)
		want(t, "in the middle", a.Client(t).Get(t, "/private/x", "Cookie", cookie), 200, "")
		b.CLI(t, "", "keyset", "rotate", "--master")
		master(t, "file:./"+fresh, a, b)
	}
	tr.end(t)
	a.Restart(t, syscall.SIGTERM)
	want(t, "at the end", a.Client(t).Get(t, "/private/x", "Cookie", cookie), 200, "")
}

// pepperKeys is how many keys hang on each pepper.
func pepperKeys(t *testing.T, g *harness.Gate) map[int]int {
	t.Helper()
	var list []struct {
		Purpose string
		Version int
		Keys    *int
	}
	g.CLIJSON(t, &list, "", "keyset", "list")
	out := map[int]int{}
	for _, k := range list {
		if k.Purpose == "pepper" {
			out[k.Version] = *k.Keys
		} else if k.Keys != nil {
			t.Errorf("%s has keys", k.Purpose)
		}
	}
	return out
}

// TestPepperRotation: keys move to the new pepper as they are used, on two nodes under
// traffic; a pepper with keys on it does not go, and one without goes without a refusal.
func TestPepperRotation(t *testing.T) {
	t.Parallel()
	a, b := twoNodes(t)
	a.AddUser(t, writer, "writer")
	used, unused := a.AddKey(t, writer, "--role", "writer"), a.AddKey(t, writer, "--role", "writer")
	for _, g := range []*harness.Gate{a, b} {
		eventually(t, time.Second, func() bool { return g.Client(t).Get(t, "/private/x", "X-Api-Key", used.Key).Status == 200 })
	}
	tr := &traffic{stop: make(chan struct{})}
	tr.run(t, a, "X-Api-Key", used.Key)
	tr.run(t, b, "X-Api-Key", used.Key)
	a.CLI(t, "", "keyset", "rotate", "pepper")
	eventually(t, 5*time.Second, func() bool { n := pepperKeys(t, a); return n[1] == 1 && n[2] == 1 })
	if r := a.Run(t, "", "keyset", "drop", "pepper", "1"); r.Exit != 1 || !strings.Contains(r.Stderr, "1 keys") || !strings.Contains(r.Stderr, "--force") {
		t.Errorf("a pepper in use: exit %d, %s", r.Exit, r.Stderr)
	}
	if r := a.Run(t, "", "keyset", "drop", "pepper", "2"); r.Exit != 1 || !strings.Contains(r.Stderr, "newest") {
		t.Errorf("the newest pepper: exit %d, %s", r.Exit, r.Stderr)
	}
	want(t, "the unused key still opens", b.Client(t).Get(t, "/private/x", "X-Api-Key", unused.Key), 200, "")
	eventually(t, 5*time.Second, func() bool { n := pepperKeys(t, a); return n[1] == 0 && n[2] == 2 })
	a.CLI(t, "", "keyset", "drop", "pepper", "1")
	time.Sleep(time.Second) // traffic goes on
	tr.end(t)
	for _, g := range []*harness.Gate{a, b} {
		for _, k := range []harness.Key{used, unused} {
			want(t, g.Addr, g.Client(t).Get(t, "/private/x", "X-Api-Key", k.Key), 200, "")
		}
	}
	// With force the keys on it end.
	idle := a.AddKey(t, writer, "--role", "writer")
	a.CLI(t, "", "keyset", "rotate", "pepper")
	a.CLI(t, "", "keyset", "drop", "pepper", "2", "--force")
	eventually(t, 2*time.Second, func() bool { return b.Client(t).Get(t, "/private/x", "X-Api-Key", idle.Key).Code() == "key_invalid" })
}

// TestDatabasePasswordRotation: the password of PostgreSQL changes while the gate runs, first
// in the file and then at the server, and the other way round.
func TestDatabasePasswordRotation(t *testing.T) {
	app := harness.SharedBackend(t, harness.FastAPI)
	url, admin, _ := harness.PostgresURL(t)
	at := strings.Replace(url, "sanmon@", "sanmon:"+admin+"@", 1)
	do := func(sql string) {
		t.Helper()
		conn, err := pgx.Connect(context.Background(), at)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.Background()) }()
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE ROLE gate LOGIN PASSWORD 'first-pw'; GRANT ALL ON DATABASE postgres TO gate")
	cut := func() { do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gate'") }
	o := harness.Options{Upstream: app.URL, Store: fmt.Sprintf("{ url: %q, password: file:./pw }", strings.Replace(url, "sanmon@", "gate@", 1)),
		Routes: "  - { id: private, match: { path: \"/private/{rest...}\" }, boundary: [session], require: [\"notes:read\"] }\n"}
	g := harness.NewGate(t, o)
	g.WriteFile(t, "pw", "first-pw\n")
	g.Start(t)
	g.AddUser(t, writer, "writer")
	c := g.Client(t)
	c.Login(t, writer)
	login := func() bool { return g.Client(t).TryLogin(t, writer, harness.Password).Status < 400 }

	// The file first: what does not work yet does not count, and is not shown.
	g.WriteFile(t, "pw", "second-pw\n")
	line := g.LogWith(t, 10*time.Second, map[string]any{"level": "WARN", "setting": "store.password"})
	if s := fmt.Sprint(line); strings.Contains(s, "second-pw") || !strings.Contains(s, "does not work") {
		t.Errorf("log %s", s)
	}
	cut()
	eventually(t, 5*time.Second, login)
	do("ALTER ROLE gate PASSWORD 'second-pw'")
	g.LogWith(t, 10*time.Second, map[string]any{"level": "INFO", "setting": "store.password"})
	cut()
	eventually(t, 5*time.Second, login)

	// The server first: the refused connection asks the file again.
	do("ALTER ROLE gate PASSWORD 'third-pw'")
	g.WriteFile(t, "pw", "third-pw\n")
	cut()
	eventually(t, 5*time.Second, login)

	// A file that is spoilt changes nothing.
	if err := os.WriteFile(g.Dir+"/pw", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	g.LogWith(t, 10*time.Second, map[string]any{"level": "WARN", "msg": "SIGHUP: not every secret could be read again; the last good values stay in use"})
	cut()
	eventually(t, 5*time.Second, login)
	for _, l := range g.Lines(0) {
		var entry map[string]any
		if json.Unmarshal([]byte(l), &entry) != nil {
			t.Errorf("no JSON: %s", l)
		}
		for _, pw := range []string{"first-pw", "second-pw", "third-pw"} {
			if strings.Contains(l, pw) {
				t.Errorf("a password is logged: %s", l)
			}
		}
	}
}
