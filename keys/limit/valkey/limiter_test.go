package valkey

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/secret"
)

// server is a real redis-server or valkey-server on a port of its own.
type server struct {
	addr string
	bin  string
	cmd  *exec.Cmd
}

func startServer(t testing.TB) *server {
	t.Helper()
	s := &server{}
	for _, name := range []string{"valkey-server", "redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			s.bin = path
			break
		}
	}
	if s.bin == "" {
		t.Skip("no valkey-server or redis-server (scripts/testdeps.sh)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	_ = l.Close()
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func (s *server) start(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command(s.bin, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--requirepass", "geheim")
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if c, err := net.Dial("tcp", s.addr); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("the server does not listen")
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) limiter(t testing.TB, edit ...func(*Options)) *Limiter {
	t.Helper()
	o := Options{Address: s.addr, User: "default", Password: secret.NewString("geheim"), Timeout: 2 * time.Second, Namespace: t.Name()}
	for _, f := range edit {
		f(&o)
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func rate(t testing.TB, name string, r limit.Rate) *limit.Policy {
	t.Helper()
	p, err := limit.NewPolicy(name, r)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func demand(p *limit.Policy, who string) limit.Demand {
	return limit.Demand{Policy: p, Who: limit.Who{Name: who, Scope: p.Name()}}
}

// Research E: with 10/s burst 5 and 1/s burst 3, exactly 3 of 10 pass, and refused calls
// leave the first limit untouched. (In rates slow enough that the clock does not help.)
func TestAllOrNothing(t *testing.T) {
	l := startServer(t).limiter(t)
	fast, slow := demand(rate(t, "fast", limit.Rate{Count: 10, Per: time.Hour, Burst: 5}), "a"), demand(rate(t, "slow", limit.Rate{Count: 1, Per: time.Hour, Burst: 3}), "a")
	var a [limit.MaxDemands]limit.Answer
	passed := 0
	for range 10 {
		if !l.Ask(t.Context(), limit.TakeUnits, []limit.Demand{fast, slow}, &a) {
			t.Fatal("no answer")
		}
		if a[0].Wait == 0 && a[1].Wait == 0 {
			passed++
		} else if a[0].Wait != 0 || a[0].Remaining != 2 || a[1].Remaining != 0 || a[1].Wait < 59*time.Minute || a[1].Wait > time.Hour {
			t.Fatalf("refused: %+v", a[:2])
		}
	}
	if passed != 3 {
		t.Errorf("%d passed, want 3", passed)
	}
	if c := l.Counts(); c.Admitted != 3 || c.Refused != 7 || c.Failed+c.Skipped != 0 {
		t.Errorf("%+v", c)
	}
	if l.Ask(t.Context(), limit.PeekUnits, []limit.Demand{fast}, &a); a[0].Remaining != 2 || a[0].Wait != 0 {
		t.Errorf("fast has %+v, want 2 left: refused requests were counted", a[0])
	}
}

func TestQuota(t *testing.T) {
	l := startServer(t).limiter(t)
	for _, w := range []limit.Window{limit.Day, limit.Month} {
		p, err := limit.NewQuota(fmt.Sprint("quota", w), limit.Quota{Count: 3, Window: w})
		if err != nil {
			t.Fatal(err)
		}
		var a [limit.MaxDemands]limit.Answer
		for _, want := range []int{2, 1, 0, 0} {
			l.Ask(t.Context(), limit.TakeUnits, []limit.Demand{demand(p, "a")}, &a)
			if a[0].Remaining != want || a[0].Reset <= 0 || a[0].Reset > 31*24*time.Hour {
				t.Errorf("%v: %+v, want %d left", p, a[0], want)
			}
		}
		if a[0].Wait != a[0].Reset {
			t.Errorf("%v: wait %v, want until the window ends in %v", p, a[0].Wait, a[0].Reset)
		}
	}
}

func TestCharge(t *testing.T) {
	l := startServer(t).limiter(t)
	d := []limit.Demand{demand(rate(t, "failures", limit.Rate{Count: 30, Per: 10 * time.Minute, Burst: 30}), "net")}
	var a [limit.MaxDemands]limit.Answer
	for range 50 {
		l.Ask(t.Context(), limit.ChargeUnits, d, &a)
	}
	if l.Ask(t.Context(), limit.PeekUnits, d, &a); a[0].Wait <= 18*time.Second || a[0].Wait > 20*time.Second {
		t.Errorf("after 50 failures of 30 the wait is %v, want one interval of 20 s", a[0].Wait)
	}
}

// The server's calendar is Go's, over four centuries.
func TestMonths(t *testing.T) {
	s := startServer(t)
	c := redis.NewClient(&redis.Options{Addr: s.addr, Password: "geheim", Protocol: 2})
	defer func() { _ = c.Close() }()
	from, to := strings.Index(script, "local function month_end"), strings.Index(script, "local function window_end")
	ends := redis.NewScript(script[from:to] + "local out = {} for i, d in ipairs(ARGV) do out[i] = month_end(tonumber(d)) end return out")
	var args []any
	var want []int64
	for day := int64(0); day < 146_097; day += 13 {
		at := time.Unix(day*86_400, 0).UTC()
		args, want = append(args, day), append(want, time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC).Unix()/86_400)
	}
	got, err := ends.Run(t.Context(), c, nil, args...).Int64Slice()
	if err != nil || len(got) != len(want) {
		t.Fatal(err, len(got))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("the month of day %v ends on day %d, want %d", args[i], got[i], want[i])
		}
	}
}

// Two nodes admit together what one would, exactly, whatever the order.
func TestTwoNodesShareOneLimit(t *testing.T) {
	s := startServer(t)
	same := func(o *Options) { o.Namespace = "one" }
	nodes := []*Limiter{s.limiter(t, same), s.limiter(t, same)}
	other := s.limiter(t)
	p := rate(t, "caller", limit.Rate{Count: 100, Per: time.Hour})
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			var a [limit.MaxDemands]limit.Answer
			for range 50 {
				if nodes[i%2].Ask(t.Context(), limit.TakeUnits, []limit.Demand{demand(p, "a")}, &a) && a[0].Wait == 0 {
					admitted.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if admitted.Load() != 100 {
		t.Errorf("two nodes admitted %d, want exactly 100", admitted.Load())
	}
	var a [limit.MaxDemands]limit.Answer
	if other.Ask(t.Context(), limit.TakeUnits, []limit.Demand{demand(p, "a")}, &a); a[0].Remaining != 99 {
		t.Errorf("another installation on the same server has %d left, want 99", a[0].Remaining)
	}
}

// A server that is killed is noticed, costs nothing more, and is used again when it is
// back, script and all.
func TestKilledAndBack(t *testing.T) {
	s := startServer(t)
	l := s.limiter(t)
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() { _ = l.Run(ctx) })
	defer run.Wait()
	defer cancel()
	d := []limit.Demand{demand(rate(t, "caller", limit.Rate{Count: 1_000_000, Per: time.Second}), "a")}
	var a [limit.MaxDemands]limit.Answer
	ask := func() bool { return l.Ask(t.Context(), limit.TakeUnits, d, &a) }
	if !ask() {
		t.Fatal("no answer")
	}
	s.stop()
	for i := 0; !l.Open(); i++ {
		if ask() || i > 1000 {
			t.Fatalf("question %d after the kill: the breaker is closed", i)
		}
	}
	failed := l.Counts().Failed
	for range 1000 {
		if ask() {
			t.Fatal("an answer from a dead server")
		}
	}
	if c := l.Counts(); c.Failed != failed || c.Skipped < 1000 {
		t.Errorf("an open breaker still asks: %+v", c)
	}
	s.start(t)
	for end := time.Now().Add(20 * time.Second); !ask(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server is back and nobody asks it")
		}
	}
}

// A server that accepts and says nothing costs one timeout a question until it is known.
func TestSilentServer(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	l, err := New(Options{Address: silent.Addr().String(), Timeout: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var a [limit.MaxDemands]limit.Answer
	d := []limit.Demand{demand(rate(t, "caller", limit.Rate{Count: 1, Per: time.Second}), "a")}
	n := 0
	for ; !l.Open() && n < 1000; n++ {
		if l.Ask(t.Context(), limit.TakeUnits, d, &a) {
			t.Fatal("an answer")
		}
	}
	if n != minAsked {
		t.Errorf("%d questions until the breaker opened, want %d", n, minAsked)
	}
	if l.Probe(t.Context()) == nil {
		t.Error("the probe succeeds")
	}
}

func TestBreakerGoesByRatio(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var b breaker
	for i := range 1000 { // a tenth fails: never opens
		if b.count(at.Add(time.Duration(i)*10*time.Millisecond), i%10 == 0) {
			t.Fatal("opened by a tenth of failures")
		}
	}
	later := at.Add(time.Hour) // what was long ago counts for nothing
	opened := 0
	for i := range 20 {
		if b.count(later, true) {
			opened = i + 1
		}
	}
	if opened != minAsked {
		t.Errorf("opened at failure %d, want %d", opened, minAsked)
	}
	b.reset()
	if b.open.Load() || b.count(later, true) {
		t.Error("a reset breaker remembers")
	}
}

func TestKeysSayNothing(t *testing.T) {
	l := &Limiter{namespace: "n"}
	seen := map[string]limit.Who{}
	for _, w := range []limit.Who{{}, {Name: "a", Scope: "b"}, {Name: "ab"}, {Scope: "ab"}, {Name: "b", Scope: "a"}, {Network: [16]byte{1}}, {Network: [16]byte{15: 1}}, {Name: "usr_1}:x"}} {
		k := l.key(&w)
		if !strings.HasPrefix(k, "{sanmon}:") || len(k) != 9+22 || strings.Contains(k, "usr") {
			t.Errorf("%+v: key %q", w, k)
		}
		if other, taken := seen[k]; taken {
			t.Errorf("%+v and %+v have one key", w, other)
		}
		seen[k] = w
	}
}

func BenchmarkAsk(b *testing.B) {
	l := startServer(b).limiter(b)
	p := rate(b, "p", limit.Rate{Count: 1_000_000, Per: time.Second})
	for _, n := range []int{1, 4} {
		b.Run(strconv.Itoa(n)+" limits", func(b *testing.B) {
			b.ReportAllocs()
			var demands []limit.Demand
			for i := range n {
				demands = append(demands, demand(p, strconv.Itoa(i)))
			}
			b.RunParallel(func(pb *testing.PB) {
				var a [limit.MaxDemands]limit.Answer
				for pb.Next() {
					l.Ask(b.Context(), limit.TakeUnits, demands, &a)
				}
			})
		})
	}
}
