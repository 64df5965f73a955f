package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// The promises about a revoked key: DESIGN §5.2. They count from the answer that says
// that it is revoked, which comes after the commit.
const (
	typicalStop = time.Second
	boundStop   = 5 * time.Second
)

const stopRoutes = `
  - { id: open, match: { path: "/open" }, boundary: public }
  - { id: guarded, match: { path: "/guarded" }, boundary: [key], require: ["notes:read"] }
`

// plainBackend answers everything with 200.
func plainBackend(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(s.Close)
	return s.URL
}

// postgresNodes are two running nodes on one new cluster, the second one through a wire
// that can be cut.
func postgresNodes(t *testing.T, top string) (a, b *harness.Gate, cut *wireTo, cluster *harness.Process) {
	t.Helper()
	address, password, cluster := harness.PostgresURL(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	cut = newWire(t, u.Host)
	o := harness.Options{Upstream: plainBackend(t), Routes: stopRoutes, Top: top, Env: []string{"SANMON_TEST_PG=" + password}}
	o.Store = fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", address)
	a = harness.StartGate(t, o)
	u.Host = cut.addr
	o.Store = fmt.Sprintf("{ url: %q, password: env:SANMON_TEST_PG }", u)
	b = harness.NewGate(t, o)
	b.CopyMasterKey(t, a)
	b.Start(t)
	return a, b, cut, cluster
}

// sqliteNodes are two processes on one database file.
func sqliteNodes(t *testing.T) (a, b *harness.Gate) {
	t.Helper()
	o := harness.Options{Upstream: plainBackend(t), Routes: stopRoutes, Store: "sqlite:" + filepath.Join(t.TempDir(), "shared.db")}
	a = harness.StartGate(t, o)
	b = harness.NewGate(t, o)
	b.CopyMasterKey(t, a)
	b.Start(t)
	return a, b
}

// hammer sends requests with a key to a node, one after the other on several
// connections, until the test ends it.
type hammer struct {
	stop func()
	last atomic.Int64 // Unix nanoseconds: when the last request that was let in began
	sent atomic.Int64
	odd  atomic.Pointer[string] // an answer that is neither yes, nor no, nor busy
}

func startHammer(t *testing.T, g *harness.Gate, key string) *hammer {
	t.Helper()
	h, end := &hammer{}, make(chan struct{})
	var done sync.WaitGroup
	h.stop = sync.OnceFunc(func() { close(end); done.Wait() })
	t.Cleanup(h.stop)
	for range 2 {
		c := g.Client(t)
		done.Go(func() {
			for {
				select {
				case <-end:
					return
				case <-time.After(2 * time.Millisecond):
				}
				h.one(c, key, t)
			}
		})
	}
	return h
}

func (h *hammer) one(c *harness.Client, key string, t *testing.T) {
	began := time.Now().UnixNano()
	a, err := c.Try(c.Request(t, http.MethodGet, "/guarded", nil, "X-Api-Key", key))
	h.sent.Add(1)
	switch {
	case err == nil && a.Status == 200:
		for old := h.last.Load(); began > old && !h.last.CompareAndSwap(old, began); old = h.last.Load() {
		}
	case err != nil || a.Status != 401 && a.Status != 503:
		what := fmt.Sprint(a.Status, " ", err)
		h.odd.Store(&what)
	}
}

// after is how long after the moment the last request began that was let in; negative
// when none was.
func (h *hammer) after(at time.Time) time.Duration {
	return time.Duration(h.last.Load() - at.UnixNano())
}

// TestStopHoldsEverywhere: a key that one node revokes is refused there at once, and by
// the other node, which is asked for it all the time, within a second as a rule and
// within five always.
func TestStopHoldsEverywhere(t *testing.T) {
	for name, nodes := range map[string]func(*testing.T) (a, b *harness.Gate){
		"PostgreSQL": func(t *testing.T) (*harness.Gate, *harness.Gate) { a, b, _, _ := postgresNodes(t, ""); return a, b },
		"SQLite":     sqliteNodes,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := nodes(t)
			a.AddUser(t, writer, "writer")
			atA := a.Client(t)
			var took []time.Duration
			for range 9 {
				k := a.AddKey(t, writer, "--role", "reader")
				for _, g := range []*harness.Gate{a, b} {
					c := g.Client(t)
					within(t, 2*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", k.Key).Status == 200 })
				}
				h := startHammer(t, b, k.Key)
				within(t, 2*boundStop, func() bool { return h.last.Load() != 0 })
				want(t, "revocation", atA.PostJSON(t, "/.sanmon/revoke-key", map[string]string{"key": k.Key}), 204, "")
				revoked := time.Now()
				want(t, "this node, at once", atA.Get(t, "/guarded", "X-Api-Key", k.Key), 401, "key_invalid")
				c := b.Client(t)
				within(t, 2*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", k.Key).Code() == "key_invalid" })
				time.Sleep(50 * time.Millisecond) // nothing comes after the end
				h.stop()
				took = append(took, max(0, h.after(revoked)))
				if odd := h.odd.Load(); odd != nil {
					t.Errorf("under the hammer: %s", *odd)
				}
			}
			slices.Sort(took)
			t.Logf("the last request that was let in began after: %v", took)
			if last := took[len(took)-1]; last > boundStop {
				t.Errorf("a revoked key still opened after %v (at most %v)", last, boundStop)
			}
			if typical := took[len(took)/2]; typical > typicalStop {
				t.Errorf("a revoked key is typically refused after %v (at most %v)", typical, typicalStop)
			}
			if age := b.Metric(t, "sanmon_key_index_age_seconds"); age < 0 || age > boundStop.Seconds() {
				t.Errorf("sanmon_key_index_age_seconds = %v", age)
			}
		})
	}
}

// TestNodeThatIsCutOff: a node that cannot hear of revocations refuses keys after the set
// time; it does not go on with what it knew.
func TestNodeThatIsCutOff(t *testing.T) {
	for _, silent := range []bool{false, true} {
		t.Run(map[bool]string{false: "connections break", true: "packets vanish"}[silent], func(t *testing.T) {
			a, b, wire, _ := postgresNodes(t, "")
			a.AddUser(t, writer, "writer")
			bad, good := a.AddKey(t, writer, "--role", "reader"), a.AddKey(t, writer, "--role", "reader")
			c := b.Client(t)
			for _, k := range []harness.Key{bad, good} {
				within(t, 2*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", k.Key).Status == 200 })
			}
			h := startHammer(t, b, bad.Key)
			within(t, 2*boundStop, func() bool { return h.last.Load() != 0 })
			wire.cut(silent)
			want(t, "revocation elsewhere", a.Client(t).PostJSON(t, "/.sanmon/revoke-key", map[string]string{"key": bad.Key}), 204, "")
			revoked := time.Now()
			within(t, 4*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", good.Key).Code() == "busy" })
			if age := b.Metric(t, "sanmon_key_index_age_seconds"); age < 5 {
				t.Errorf("the node refuses at an index age of %v s (the set time is 5 s)", age)
			}
			want(t, "a public route", c.Get(t, "/open"), 200, "")
			a503 := c.Get(t, "/guarded", "X-Api-Key", good.Key)
			if want(t, "a key", a503, 503, "busy"); a503.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			time.Sleep(time.Second) // the end of the bound has passed: nothing may follow
			if late := h.after(revoked); late > boundStop {
				t.Errorf("the key opened %v after it was revoked elsewhere (at most %v)", late, boundStop)
			}
			wire.mend()
			within(t, 4*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", good.Key).Status == 200 })
			want(t, "the revoked key, afterwards", c.Get(t, "/guarded", "X-Api-Key", bad.Key), 401, "key_invalid")
			h.stop()
			if late := h.after(revoked); late > boundStop {
				t.Errorf("after the cut was mended the revoked key opened again, %v after its end", late)
			}
		})
	}
}

// TestStandingDatabase: PostgreSQL is stopped by a signal: it neither answers nor breaks a
// connection. keys.max_age is the time until keys are refused.
func TestStandingDatabase(t *testing.T) {
	a, _, _, cluster := postgresNodes(t, "keys: { max_age: 1s }")
	a.AddUser(t, writer, "writer")
	k := a.AddKey(t, writer, "--role", "reader")
	c := a.Client(t)
	within(t, 2*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", k.Key).Status == 200 })
	h := startHammer(t, a, k.Key)
	within(t, 2*boundStop, func() bool { return h.last.Load() != 0 })
	family := append(children(t, cluster.PID()), cluster.PID())
	signalAll(family, syscall.SIGSTOP)
	stopped := time.Now()
	t.Cleanup(func() { signalAll(family, syscall.SIGCONT) })
	within(t, 4*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", k.Key).Code() == "busy" })
	want(t, "a public route", c.Get(t, "/open"), 200, "")
	time.Sleep(time.Second)
	if late := h.after(stopped); late > boundStop {
		t.Errorf("a key opened %v after the store stood still (1 s is set)", late)
	}
	signalAll(family, syscall.SIGCONT)
	within(t, 4*boundStop, func() bool { return c.Get(t, "/guarded", "X-Api-Key", k.Key).Status == 200 })
}

func signalAll(pids []int, sig syscall.Signal) {
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig)
	}
}

// children are the processes whose parent is pid (proc(5)).
func children(t *testing.T, pid int) []int {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(found) == 0 {
		t.Skip("no /proc, by which the connections of a process are found (Linux has it)")
	}
	var all []int
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all = append(all, child)
		}
	}
	return all
}

// wireTo is a TCP connection that can be cut: the way of a node to its database.
type wireTo struct {
	addr, to string

	mu     sync.Mutex
	state  string // "", "broken", "silent"
	pairs  map[net.Conn]bool
	thawed chan struct{}
}

func newWire(t *testing.T, to string) *wireTo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wireTo{addr: l.Addr().String(), to: to, pairs: map[net.Conn]bool{}, thawed: make(chan struct{})}
	t.Cleanup(func() { _ = l.Close(); w.mend() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	return w
}

// cut breaks every connection and refuses new ones, or lets them stand without a byte.
func (w *wireTo) cut(silent bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if silent {
		w.state = "silent"
		return
	}
	w.state = "broken"
	w.closeAll()
}

// mend lets new connections through. Old ones are broken, as after a long cut.
func (w *wireTo) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = ""
	w.closeAll()
	close(w.thawed)
	w.thawed = make(chan struct{})
}

func (w *wireTo) closeAll() {
	for c := range w.pairs {
		_ = c.Close()
	}
	clear(w.pairs)
}

// wait blocks while the wire is silent; it fails when it is broken.
func (w *wireTo) wait() error {
	for {
		w.mu.Lock()
		state, thawed := w.state, w.thawed
		w.mu.Unlock()
		switch state {
		case "":
			return nil
		case "broken":
			return errors.New("broken")
		}
		<-thawed
	}
}

func (w *wireTo) keep(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.pairs[c] = true
	}
}

func (w *wireTo) carry(c net.Conn) {
	defer func() { _ = c.Close() }()
	w.keep(c)
	if w.wait() != nil {
		return
	}
	d, err := net.DialTimeout("tcp", w.to, 5*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = d.Close() }()
	w.keep(d)
	done := make(chan struct{}, 2)
	for from, to := range map[net.Conn]net.Conn{c: d, d: c} {
		go func() {
			defer func() { done <- struct{}{} }()
			buf := make([]byte, 16<<10)
			for {
				n, err := from.Read(buf)
				if err != nil || w.wait() != nil {
					return
				}
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
	<-done
}

// within polls cond until it holds, for so long at most. It claims nothing about time.
func within(t *testing.T, bound time.Duration, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(bound); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in force after %v", bound)
		}
	}
}
