package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// launcher starts programs on one core.
type launcher struct{ core string } // "" does not pin

// newLauncher picks the last core that this process may use.
func newLauncher(core string) launcher {
	if core == "none" {
		return launcher{}
	}
	if _, err := exec.LookPath("taskset"); err != nil {
		return launcher{}
	}
	if core == "auto" {
		core = strconv.Itoa(runtime.NumCPU() - 1)
	}
	return launcher{core}
}

func (l launcher) command(name string, args ...string) *exec.Cmd {
	if l.core == "" {
		return exec.Command(name, args...)
	}
	return exec.Command("taskset", append([]string{"-c", l.core, name}, args...)...)
}

// process is a running server. taskset replaces itself, so the id is the server's own.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
	mu   sync.Mutex
	tail bytes.Buffer
}

func (l launcher) start(what string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: l.command(name, args...), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", what, err)
	}
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	return p, nil
}

// Write keeps the beginning of the output, for error messages.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tail.Len() < 16<<10 {
		p.tail.Write(b)
	}
	return len(b), nil
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tail.String()
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(3 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// cpu is the user and system time of the whole process so far, proc(5), fields 14 and 15.
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name may contain blanks
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("unexpected /proc/PID/stat: %q", b)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100), err // USER_HZ is 100 on Linux
}

// peakRSS is VmHWM in bytes, 0 when unknown.
func (p *process) peakRSS() int64 { return p.status("VmHWM:") }

func (p *process) status(name string) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func waitOpen(addr string, wait time.Duration) error {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond); err == nil {
			_ = c.Close()
			return nil
		}
	}
	return fmt.Errorf("nothing listens on %s", addr)
}

var _ io.Writer = (*process)(nil)
