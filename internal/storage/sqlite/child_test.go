package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
)

// role makes the test binary a child that does one thing with the store at place.
const (
	role  = "SANMON_STORE_CHILD"
	place = "SANMON_STORE_PATH"
)

func TestMain(m *testing.M) {
	path := os.Getenv(place)
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "write":
		report(write(path, 0))
	case "fill": // the disk ends at 1 MiB
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
		report(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
		report(write(path, 0))
	case "stranger": // may read what is there, and no more
		report(syscall.Setgid(65534))
		report(syscall.Setuid(65534))
		report(write(path, 1))
	}
	os.Exit(0)
}

// report ends a child with the words of an error.
func report(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(3)
	}
}

// write adds users, n or without end, and prints the id of each when the store said
// that it is kept.
func write(path string, n int) error {
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return err
	}
	for i := 1; n == 0 || i <= n; i++ {
		id := fmt.Sprintf("usr_%d_%d", os.Getpid(), i)
		r := principal.Record{ID: id, Kind: principal.User, Name: id, CreatedAt: time.Now()}
		if err := db.CreatePrincipal(context.Background(), r, audit.Event{Event: audit.UserAdded}); err != nil {
			return err
		}
		fmt.Println(id)
	}
	return db.Close()
}

// child starts one and gives its lines.
func child(t *testing.T, what, path string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), role+"="+what, place+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}
