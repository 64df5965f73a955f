// Package pgtest starts a throwaway PostgreSQL for tests: own data, random port on
// 127.0.0.1, trust authentication, gone with the process that started it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that PostgreSQL is not installed here.
var ErrMissing = errors.New("PostgreSQL is not installed: initdb is neither in PATH nor in /usr/lib/postgresql/*/bin (apt-get install postgresql)")

// startTime bounds making and starting a cluster.
const startTime = 60 * time.Second

// Server is a running cluster.
type Server struct {
	URL string // postgres://postgres@127.0.0.1:PORT/postgres

	dir  string
	cmd  *exec.Cmd
	hold io.WriteCloser // the server lives while this is open
}

// Start makes a cluster and waits until it answers. ErrMissing when there is no
// PostgreSQL. It never runs as root, because PostgreSQL refuses that.
func Start(ctx context.Context) (_ *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	bin, err := find()
	if err != nil {
		return nil, err
	}
	who, err := account()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil { // short: a socket path has 107 bytes
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := who.own(s.dir); err != nil {
		return nil, err
	}
	return s, s.start(ctx, bin, who)
}

func (s *Server) start(ctx context.Context, bin string, who *user) error {
	data := filepath.Join(s.dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = s.dir, who.attributes()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := s.launch(bin, data, port, who); err != nil {
		return err
	}
	s.URL = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", port)
	return s.await(ctx)
}

// launch runs the server below a shell that ends it as soon as its input ends: even
// a test that is killed leaves nothing behind.
func (s *Server) launch(bin, data string, port int, who *user) (err error) {
	const script = `"$@" >server.log 2>&1 & read _; kill -INT $! 2>/dev/null; wait $!; cd / && rm -rf "$0"`
	s.cmd = exec.Command("/bin/sh", "-c", script, s.dir, filepath.Join(bin, "postgres"), "-D", data,
		"-p", strconv.Itoa(port), "-k", s.dir, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=100")
	s.cmd.Dir, s.cmd.SysProcAttr = s.dir, who.attributes()
	if s.hold, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	return s.cmd.Start()
}

func (s *Server) await(ctx context.Context) error {
	for {
		conn, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
			return fmt.Errorf("PostgreSQL did not start: %w: %s", err, log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// PID is the process of the server, for tests that stop or kill it.
func (s *Server) PID() (int, error) {
	b, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(first)
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	var err error
	if s.cmd != nil && s.cmd.Process != nil {
		err = s.hold.Close()
		_ = s.cmd.Wait() // its status is that of an interrupted server
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// find returns the directory with the programs of the newest version.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(real), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right: no error
	if len(found) == 0 {
		return "", ErrMissing
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
