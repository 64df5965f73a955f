package harness

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const trivialEnv = "SANMON_E2E_TRIVIAL_AUTH"

// StartTrivialAuth starts, as a process of its own, the least that an auth server can be:
// net/http, a look at one cookie, a field for the application. It is what a gate is
// compared with.
func StartTrivialAuth(t testing.TB) (addr string, p *Process) {
	t.Helper()
	addr = "127.0.0.1:" + strconv.Itoa(freePort(t))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), trivialEnv+"="+addr)
	p, err := StartProcess("trivial auth server", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(25 * time.Millisecond) {
		if res, err := http.Get("http://" + addr + "/"); err == nil {
			_ = res.Body.Close()
			return addr, p
		}
		if time.Now().After(end) {
			t.Fatal("the trivial auth server does not answer")
		}
	}
}

func serveTrivialAuth(addr string) {
	err := http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("__Host-sanmon"); err != nil || c.Value == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Remote-User", "ada")
		w.WriteHeader(http.StatusOK)
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// CPU is the processor time that a process and its children have used so far (proc(5)).
func CPU(t testing.TB, p *Process) time.Duration {
	t.Helper()
	total := ticks(t, p.PID())
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.PID()))
	for _, file := range children {
		pids, _ := os.ReadFile(file)
		for _, word := range strings.Fields(string(pids)) {
			if pid, err := strconv.Atoi(word); err == nil {
				total += ticks(t, pid)
			}
		}
	}
	return total
}

func ticks(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+2:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
