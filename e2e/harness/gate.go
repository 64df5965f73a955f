package harness

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Password is the password of every user that the tests make.
const Password = "correct horse battery staple"

// Options say what a gate is configured with beside its addresses and keys.
type Options struct {
	Upstreams map[string]string // name to URL, or to YAML in braces; default {"app": Upstream}
	Upstream  string
	Routes    string // YAML list items, each line as it stands under "routes:"
	Top       string // further top-level YAML
	Limits    string // YAML of "limits:"; default out of the way of the tests
	Store     string // default sqlite:./data/sanmon.db
	TLS       string // YAML of "tls:"; the public URL becomes https://localhost:PORT
	Env       []string
	Firewall  bool   // the binary of "make waf"
	Binary    string // another one, of BrokenBinary
	Config    string // the whole file instead; {PUBLIC}, {ADMIN}, {UPSTREAM} are replaced
}

// Gate is a sanmon configuration with a running server.
type Gate struct {
	Dir    string
	Path   string // of sanmon.yaml
	Port   int    // public
	Admin  int    // admin
	URL    string // public URL
	Addr   string // public address
	Secure bool

	binary string
	env    []string
	*Process
}

// StartGate writes a configuration, starts the server and waits until it is ready.
func StartGate(t testing.TB, o Options) *Gate {
	t.Helper()
	g := NewGate(t, o)
	g.Start(t)
	return g
}

// NewGate writes a configuration and does not start the server.
func NewGate(t testing.TB, o Options) *Gate {
	t.Helper()
	return newGate(t, t.TempDir(), o)
}

// SharedGate returns the gate of that name, started once per test process. setup, which
// may be nil, runs once before it is shared.
func SharedGate(t testing.TB, name string, options func() Options, setup func(*Gate)) *Gate {
	t.Helper()
	g := shared.gate(name)
	g.once.Do(func() {
		o, dir := options(), filepath.Join(shared.mustDir(t), name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		g.gate = newGate(t, dir, o)
		if err := g.gate.start(); err != nil {
			t.Fatal(err)
		}
		shared.keep(g.gate.Process)
		if _, err := g.gate.WaitLine(0, 10*time.Second, IsReady); err != nil {
			t.Fatal(err)
		}
		if setup != nil {
			setup(g.gate)
		}
		g.ok = true
	})
	if !g.ok {
		t.Fatalf("the shared gate %q did not start", name)
	}
	return g.gate
}

func newGate(t testing.TB, dir string, o Options) *Gate {
	t.Helper()
	binary := Binary
	if o.Firewall {
		binary = FirewallBinary
	}
	if o.Binary != "" {
		binary = func(testing.TB) string { return o.Binary }
	}
	g := &Gate{Dir: dir, Port: freePort(t), Admin: freePort(t), binary: binary(t), env: o.Env}
	g.Path = filepath.Join(g.Dir, "sanmon.yaml")
	g.Addr = "127.0.0.1:" + strconv.Itoa(g.Port)
	g.URL, g.Secure = "http://localhost:"+strconv.Itoa(g.Port), o.TLS != ""
	if g.Secure {
		g.URL = "https://localhost:" + strconv.Itoa(g.Port)
	}
	if err := os.MkdirAll(filepath.Join(g.Dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	g.WriteFile(t, "data/master.key", base64.StdEncoding.EncodeToString(key[:])+"\n")
	g.WriteConfig(t, g.Render(o))
	return g
}

// Render returns the text of sanmon.yaml for the options.
func (g *Gate) Render(o Options) string {
	fill := strings.NewReplacer("{PUBLIC}", g.Addr, "{URL}", g.URL, "{ADMIN}", "127.0.0.1:"+strconv.Itoa(g.Admin), "{UPSTREAM}", o.Upstream)
	if o.Config != "" {
		return fill.Replace(o.Config)
	}
	if o.Upstreams == nil {
		o.Upstreams = map[string]string{"app": o.Upstream}
	}
	if o.Store == "" {
		o.Store = "sqlite:./data/sanmon.db"
	}
	if o.Limits == "" {
		o.Limits = "{ network: { rate: 100000/s, burst: 100000 }, failures: { rate: 100000/10m, burst: 100000 } }"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\npublic_url: %s\nlisten: { public: %q, admin: \"127.0.0.1:%d\" }\n", g.URL, g.Addr, g.Admin)
	if o.TLS != "" {
		fmt.Fprintf(&b, "tls: %s\n", o.TLS)
	}
	fmt.Fprintf(&b, "store: %s\nmaster_key: file:./data/master.key\nlimits: %s\n", o.Store, o.Limits)
	b.WriteString("upstreams:\n")
	for name, url := range o.Upstreams {
		if !strings.HasPrefix(url, "{") {
			url = fmt.Sprintf("{ url: %q }", url)
		}
		fmt.Fprintf(&b, "  %s: %s\n", name, url)
	}
	if !strings.Contains("\n"+o.Top, "\nroles:") {
		b.WriteString("roles:\n  reader: [\"notes:read\"]\n  writer: [\"notes:read\", \"notes:write\"]\n  admin: [\"*\"]\n")
	}
	b.WriteString(strings.TrimRight(o.Top, "\n") + "\nroutes:\n" + o.Routes)
	return fill.Replace(b.String())
}

// WriteFile writes a file beside the configuration, readable by its owner only, in one
// step, as an editor or a configuration tool does.
func (g *Gate) WriteFile(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(g.Dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// WriteConfig replaces sanmon.yaml.
func (g *Gate) WriteConfig(t testing.TB, text string) {
	t.Helper()
	g.WriteFile(t, "sanmon.yaml", text)
}

// Start starts the server and waits for its ready line.
func (g *Gate) Start(t testing.TB) {
	t.Helper()
	if err := g.start(); err != nil {
		t.Fatal(err)
	}
	p := g.Process
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("sanmon serve:\n%s", tail(p.Output(), 60))
		}
		if out := p.Output(); crashed(out) {
			t.Errorf("sanmon serve:\n%s", tail(out, 80))
		}
	})
	if _, err := p.WaitLine(0, 10*time.Second, IsReady); err != nil {
		t.Fatal(err)
	}
}

func (g *Gate) start() error {
	cmd := exec.Command(g.binary, "serve", "-c", g.Path)
	cmd.Dir, cmd.Env = g.Dir, append(os.Environ(), g.env...)
	p, err := StartProcess("sanmon", cmd)
	if err != nil {
		return err
	}
	g.Process = p
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.started = append(shared.started, p)
	return nil
}

// TryStart starts the server and returns its end, for configurations that must not run.
func (g *Gate) TryStart(t testing.TB, wait time.Duration) (output string, exited bool, err error) {
	t.Helper()
	if err := g.start(); err != nil {
		t.Fatal(err)
	}
	defer g.Stop()
	_ = g.Wait(wait)
	exited, err = g.Exited()
	return g.Output(), exited, err
}

// Restart ends the server with the signal and starts it again.
func (g *Gate) Restart(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := g.Signal(sig); err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(15 * time.Second); err != nil && sig != syscall.SIGKILL {
		t.Fatalf("server did not end cleanly: %v\n%s", err, tail(g.Output(), 30))
	}
	g.Start(t)
}

// IsReady tells the line that says that connections are accepted.
func IsReady(line string) bool {
	var l struct{ Msg string }
	return json.Unmarshal([]byte(line), &l) == nil && l.Msg == "ready"
}

// LogWith waits for a JSON log line in which every field has the given value.
func (g *Gate) LogWith(t testing.TB, wait time.Duration, fields map[string]any) map[string]any {
	t.Helper()
	var found map[string]any
	_, err := g.WaitLine(0, wait, func(line string) bool {
		var l map[string]any
		if json.Unmarshal([]byte(line), &l) != nil {
			return false
		}
		for k, v := range fields {
			if fmt.Sprint(l[k]) != fmt.Sprint(v) {
				return false
			}
		}
		found = l
		return true
	})
	if err != nil {
		t.Fatalf("no log line with %v: %v", fields, err)
	}
	return found
}

// tail returns the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(s, "\n")
	if len(lines) > n {
		lines = append([]string{fmt.Sprintf("(%d lines before)", len(lines)-n)}, lines[len(lines)-n:]...)
	}
	return strings.Join(lines, "\n")
}

// CopyMasterKey gives the gate the master key of another, as nodes of one site have it.
func (g *Gate) CopyMasterKey(t testing.TB, from *Gate) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(from.Dir, "data", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	g.WriteFile(t, "data/master.key", string(key))
}

// Elsewhere returns a gate for an empty directory below this one: it has the path of a
// configuration and no file.
func (g *Gate) Elsewhere(t testing.TB, name string) *Gate {
	t.Helper()
	dir := filepath.Join(g.Dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &Gate{Dir: dir, Path: filepath.Join(dir, "sanmon.yaml"), binary: g.binary, env: g.env}
}
