// Package harness runs the built sanmon binary with real backends, databases and browsers
// around it, for the end-to-end tests.
//
// A part that this machine does not have (scripts/testdeps.sh installs them) skips the
// test that needs it. A binary that does not build fails every test. Whatever was
// started is stopped by Cleanup or, when the test process dies, by the kernel.
package harness

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Root is the top directory of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// world is what all tests of one test process share.
type world struct {
	mu       sync.Mutex
	dir      string // temporary, removed at the end
	binary   string
	buildErr error
	shared   []*Process
	started  []*Process // every gate, for LogOf
	backends map[string]*Backend
	gates    map[string]*sharedGate

	firewall    string // binary
	firewallErr error
}

type sharedGate struct {
	once sync.Once
	gate *Gate
	ok   bool
}

// shared is what TestMain would hold if tests could be handed a value.
var shared = world{backends: map[string]*Backend{}, gates: map[string]*sharedGate{}}

// Main runs the tests and then stops everything that they share. Call it from TestMain.
func Main(m *testing.M) int {
	if addr := os.Getenv(trivialEnv); addr != "" {
		serveTrivialAuth(addr)
	}
	status := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		return 1
	}
	return status
}

// close stops what is shared. A crash or a data race in it is an error.
func (w *world) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, p := range w.shared {
		p.Stop()
		if out := p.Output(); crashed(out) {
			errs = append(errs, fmt.Errorf("%s crashed:\n%s", p.Name, tail(out, 80)))
		}
	}
	if w.dir != "" {
		_ = os.RemoveAll(w.dir)
	}
	return errors.Join(errs...)
}

func crashed(output string) bool {
	return strings.Contains(output, "DATA RACE") || strings.Contains(output, "\npanic:") || strings.Contains(output, "\nfatal error:")
}

func (w *world) gate(name string) *sharedGate {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gates[name] == nil {
		w.gates[name] = &sharedGate{}
	}
	return w.gates[name]
}

func (w *world) keep(p *Process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shared = append(w.shared, p)
}

// LogOf finds the operator's line about a request in the log of any gate of this run.
func LogOf(requestID string) string {
	if requestID == "" {
		return ""
	}
	shared.mu.Lock()
	started := slices.Clone(shared.started)
	shared.mu.Unlock()
	for range 10 { // a line may be written a moment after the answer
		for _, p := range started {
			for _, line := range p.Lines(0) {
				if strings.Contains(line, requestID) {
					return line
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return ""
}

func (w *world) mustDir(t testing.TB) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	dir, err := w.tempDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// tempDir is a directory that lives as long as the test process.
func (w *world) tempDir() (string, error) {
	if w.dir == "" {
		dir, err := os.MkdirTemp("", "sanmon-e2e-")
		if err != nil {
			return "", err
		}
		w.dir = dir
	}
	return w.dir, nil
}

// Binary builds cmd/sanmon once and returns its path. SANMON_E2E_BINARY names one that
// was built before; SANMON_E2E_RACE=1 builds with the race detector.
func Binary(t testing.TB) string {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.binary == "" && shared.buildErr == nil {
		shared.binary, shared.buildErr = build()
	}
	if shared.buildErr != nil {
		t.Fatalf("build cmd/sanmon: %v", shared.buildErr)
	}
	return shared.binary
}

func build() (string, error) {
	if path := os.Getenv("SANMON_E2E_BINARY"); path != "" {
		return path, nil
	}
	dir, err := shared.tempDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sanmon")
	args := []string{"build", "-o", path}
	if os.Getenv("SANMON_E2E_RACE") != "" {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/sanmon")...)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
}

// Python returns the interpreter of the tests' own environment, or skips.
func Python(t testing.TB) string {
	t.Helper()
	path := filepath.Join(Root(), ".cache", "venv", "bin", "python")
	if _, err := os.Stat(path); err != nil {
		t.Skip("no Python environment (run scripts/testdeps.sh)")
	}
	return path
}

// FreePort returns a TCP port of the loopback address that was free a moment ago, and that
// nobody else of this process gets. It lies below those that the kernel gives to outgoing
// connections, so that none of these takes it before a server does.
func FreePort() (int, error) {
	const first, count = 12_000, 20_000
	for range count {
		port := first + int((uint32(os.Getpid())*7919+ports.Add(1))%count)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, errors.New("no port is free")
}

var ports atomic.Uint32 // asked for so far

func freePort(t testing.TB) int {
	t.Helper()
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

var errTimeout = errors.New("timed out")
