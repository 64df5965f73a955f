package postgres_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/storage/pgtest"
	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// own starts a server that a test may hurt.
func own(t *testing.T) *pgtest.Server {
	t.Helper()
	address(t)
	s, err := pgtest.Start(t.Context())
	if err != nil {
		t.Skip(err) // tests against a server elsewhere need none here
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A frozen server makes every call busy in time; when it is back, so is the store.
func TestFrozenServer(t *testing.T) {
	s := own(t)
	db, err := postgres.Open(t.Context(), s.URL, secret.Value{}, postgres.Options{Timeout: time.Second, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	pid, err := s.PID()
	if err != nil {
		t.Fatal(err)
	}
	freeze(t, pid, syscall.SIGSTOP)
	for what, call := range map[string]func() error{
		"ping":   func() error { return db.Ping(t.Context()) },
		"record": func() error { return db.Record(t.Context(), audit.Event{Event: audit.Logout}) },
	} {
		began := time.Now()
		err := call()
		if refusal.From(err) == nil || refusal.From(err).Code != refusal.Busy || time.Since(began) > 10*time.Second {
			t.Errorf("%s after %s: %v", what, time.Since(began), err)
		}
	}
	freeze(t, pid, syscall.SIGCONT)
	recovers(t, func() error { return db.Record(t.Context(), audit.Event{Event: audit.Logout}) })
}

// freeze signals the server and the processes of its connections.
func freeze(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	for _, p := range append([]int{pid}, children(t, pid)...) {
		if err := syscall.Kill(p, sig); err != nil {
			t.Fatal(err)
		}
	}
}

func recovers(t *testing.T, call func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = call(); err == nil {
			return
		}
	}
	t.Fatalf("does not recover: %v", err)
}

// Connections that the server cut are replaced, that of the listener too.
func TestCutConnections(t *testing.T) {
	schema := newSchema(t)
	db := openSchema(t, schema)
	if err := db.WaitChange(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, schema)
	defer func() { _ = conn.Close(context.Background()) }()
	const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sanmon%'`
	if _, err := conn.Exec(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	recovers(t, func() error { return db.Record(t.Context(), audit.Event{Event: audit.Logout}) })
	if err := db.WaitChange(t.Context()); err == nil {
		t.Error("the cut connection gave a hint")
	}
	recovers(t, func() error { return db.WaitChange(t.Context()) })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	notified := make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() {
		defer close(notified)
		_, _ = conn.Exec(ctx, "NOTIFY sanmon_feed")
	})
	err := db.WaitChange(ctx)
	<-notified
	if err != nil {
		t.Errorf("the new connection hears nothing: %v", err)
	}
}

func TestAbsentServer(t *testing.T) {
	began := time.Now()
	_, err := postgres.Open(t.Context(), "postgres://sanmon@127.0.0.1:1/sanmon", secret.NewString("hunter2hunter2"), postgres.Options{})
	if err == nil || time.Since(began) > 10*time.Second {
		t.Fatalf("after %s: %v", time.Since(began), err)
	}
	for _, want := range []string{"postgres://sanmon@127.0.0.1:1/sanmon", "look whether the server runs and can be reached"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is in: %v", err)
	}
}

// children are the processes of a server, by /proc.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Skip("no list of child processes here: ", err)
	}
	for _, field := range strings.Fields(string(b)) {
		p, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}
