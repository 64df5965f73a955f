package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a running program whose output is kept line by line. It is the leader of a
// process group of its own, and the kernel ends it with the test process.
type Process struct {
	Name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // after done

	mu    sync.Mutex
	lines []string
	grown chan struct{} // closed and replaced when lines grow
}

// spawn starts commands on one thread that never ends: the kernel sends Pdeathsig when
// the *thread* that forked ends, and Go ends threads as it likes (prctl(2)).
var spawn = sync.OnceValue(func() chan<- func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
})

// StartProcess starts cmd and collects its standard output and error. After that, cmd
// belongs to the Process.
func StartProcess(name string, cmd *exec.Cmd) (*Process, error) {
	p := &Process{Name: name, cmd: cmd, done: make(chan struct{}), grown: make(chan struct{})}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Credential: credential(cmd)}
	// A pipe of the operating system: Wait then returns when the process ends, even if a
	// child still holds the other end.
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	started := make(chan error)
	spawn() <- func() { started <- cmd.Start() }
	err = <-started
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	read := make(chan struct{})
	go func() { defer close(read); p.read(r) }()
	go func() {
		p.err = cmd.Wait()
		select {
		case <-read:
		case <-time.After(time.Second):
		}
		close(p.done)
	}()
	return p, nil
}

func credential(cmd *exec.Cmd) *syscall.Credential {
	if cmd.SysProcAttr != nil {
		return cmd.SysProcAttr.Credential
	}
	return nil
}

func (p *Process) read(r io.ReadCloser) {
	defer func() { _ = r.Close() }()
	s := bufio.NewReader(r)
	for {
		line, err := s.ReadBytes('\n')
		if len(line) > 0 {
			p.mu.Lock()
			p.lines = append(p.lines, string(bytes.TrimRight(line, "\r\n")))
			close(p.grown)
			p.grown = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Lines returns the output from line number from on.
func (p *Process) Lines(from int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if from >= len(p.lines) {
		return nil
	}
	return append([]string(nil), p.lines[from:]...)
}

// Output is everything that was printed so far.
func (p *Process) Output() string { return strings.Join(p.Lines(0), "\n") }

// WaitLine waits for a line, from line number from on, that match accepts.
func (p *Process) WaitLine(from int, wait time.Duration, match func(string) bool) (string, error) {
	deadline := time.After(wait)
	for {
		p.mu.Lock()
		for ; from < len(p.lines); from++ {
			if line := p.lines[from]; match(line) {
				p.mu.Unlock()
				return line, nil
			}
		}
		grown := p.grown
		p.mu.Unlock()
		select {
		case <-grown:
		case <-p.done:
			if from >= len(p.Lines(0)) {
				return "", fmt.Errorf("%s ended: %v\n%s", p.Name, p.err, p.Output())
			}
		case <-deadline:
			return "", fmt.Errorf("%s: %w waiting for a line\n%s", p.Name, errTimeout, p.Output())
		}
	}
}

// Exited reports whether the process has ended, with its error.
func (p *Process) Exited() (bool, error) {
	select {
	case <-p.done:
		return true, p.err
	default:
		return false, nil
	}
}

// Wait waits for the end of the process.
func (p *Process) Wait(wait time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(wait):
		return fmt.Errorf("%s: %w waiting for its end", p.Name, errTimeout)
	}
}

// Signal sends a signal to the process alone.
func (p *Process) Signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// Kill ends the process group at once.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Stop asks the process to end and ends its group after five seconds.
func (p *Process) Stop() {
	if done, _ := p.Exited(); done {
		return
	}
	_ = p.Signal(syscall.SIGTERM)
	if p.Wait(5*time.Second) != nil {
		p.Kill()
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // children that outlived their parent
}
