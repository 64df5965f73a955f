package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/refusal"
)

func TestOpenMakesWhatIsMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	db := openAt(t, filepath.Join(dir, "sanmon.db"))
	if err := db.Record(t.Context(), audit.Event{Event: audit.Logout}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "..": 0o700, "sanmon.db": 0o600, "sanmon.db-wal": 0o600, "sanmon.db-shm": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestOpenTightens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_ = openAt(t, path)
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "q?x=1&_pragma=foo.db", "p%41%.db", "h#h.db", "日本.db", "a'b\"c.db", "semi;colon.db", "back\\slash.db"} {
		path := filepath.Join(t.TempDir(), name)
		db := openAt(t, path)
		if err := db.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: the data are somewhere else", name)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	file := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := func(queries ...string) string {
		path := filepath.Join(t.TempDir(), "sanmon.db")
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err == nil {
			err = errors.Join(db.Close(), run(path, queries...))
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := filepath.Join(t.TempDir(), "django.db")
	if err := run(foreign, "CREATE TABLE auth_user (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(good())
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]byte(nil), whole...)
	for i := 100; i < 4096; i++ { // the schema page, behind the header
		broken[i] = 0xa5
	}
	for what, c := range map[string]struct{ path, want string }{
		"empty":     {"", "is not the path of a file"},
		"memory":    {":memory:", "is not the path of a file"},
		"uri":       {"file:x.db", "is not the path of a file"},
		"NUL":       {"x\x00y", "is not the path of a file"},
		"directory": {t.TempDir(), "is a directory"},
		"below":     {filepath.Join(file("file", nil), "x.db"), "not a directory"},
		"text":      {file("text.db", []byte(strings.Repeat("no database. ", 999))), "restore a backup"},
		"truncated": {file("cut.db", whole[:5000]), "restore a backup"},
		"broken":    {file("broken.db", broken), "restore a backup"},
		"foreign":   {foreign, "another program"},
		"newer":     {good("INSERT INTO migration VALUES (999, '0999_x.sql', 'x', 1)"), "schema 999 and this program knows "},
		"edited":    {good("UPDATE migration SET hash = 'x'"), "is not the 0001_init.sql of this program"},
	} {
		db, err := sqlite.Open(t.Context(), c.path, sqlite.Options{})
		if err == nil {
			_ = db.Close()
			t.Errorf("%s: opened", what)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Base(c.path)) && !strings.Contains(c.path, "\x00") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func run(path string, queries ...string) error {
	raw, err := sql.Open("sqlite", path)
	for _, q := range queries {
		if err == nil {
			_, err = raw.Exec(q)
		}
	}
	return errors.Join(err, raw.Close())
}

// Damage that shows only later is a refusal, never a pass and never a panic.
func TestDamageUnderway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	if err := sqliteFill(t, path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 2 * 4096; i < len(whole); i++ {
		whole[i] = 0x5a
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		return // it was seen at once
	}
	defer func() { _ = db.Close() }()
	_, err = db.PrincipalByID(t.Context(), "usr_1")
	if code := refusal.From(err).Code; err == nil || code != refusal.Busy && code != refusal.Internal {
		t.Errorf("reading damage: %v", err)
	}
	if err := db.Record(t.Context(), audit.Event{Event: audit.Logout}); err == nil {
		t.Error("wrote into damage")
	}
}

func sqliteFill(t *testing.T, path string) error {
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	for range 50 {
		if err == nil {
			err = db.Record(t.Context(), audit.Event{Event: audit.Logout, Detail: strings.Repeat("x", 1000)})
		}
	}
	return errors.Join(err, db.Close())
}

// Several processes may make the file at once, and go while others come.
func TestManyOpenAtOnce(t *testing.T) {
	for range 5 {
		manyOpenAtOnce(t)
	}
}

func manyOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(db.Record(t.Context(), audit.Event{Event: audit.Logout}), db.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if events, err := openAt(t, path).Events(t.Context(), 0, 99); err != nil || len(events) != 6 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// SQLite refuses at once to turn a file to the write-ahead log that another process
// is about to write; opening has to wait by itself.
func TestOpenWaitsForAnotherStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1)
	if _, err := raw.Exec("CREATE TABLE x (y); DROP TABLE x; BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	time.AfterFunc(200*time.Millisecond, func() { closed <- raw.Close() })
	db := openAt(t, path)
	if err := errors.Join(<-closed, db.Ping(t.Context())); err != nil {
		t.Error(err)
	}
}

// A writer that does not let go makes changes busy in time, and readings go on.
func TestForeignWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	raw, err := sql.Open("sqlite", path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	tx, err := raw.Begin()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err = db.Record(t.Context(), audit.Event{Event: audit.Logout})
	if r := refusal.From(err); r == nil || r.Code != refusal.Busy || r.RetryAfter <= 0 || time.Since(began) > 20*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := db.Record(t.Context(), audit.Event{Event: audit.Logout}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A commit of another process is noticed well within a quarter of a second.
func TestOtherProcessIsNoticed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	db, other := openAt(t, path), openAt(t, path)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		for db.WaitChange(ctx) == nil { // what stands already
		}
		cancel()
		began := time.Now()
		if err := other.Record(t.Context(), audit.Event{Event: audit.Logout}); err != nil {
			t.Fatal(err)
		}
		if err := db.WaitChange(t.Context()); err != nil || time.Since(began) > 200*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	path := filepath.Join(t.TempDir(), "sanmon.db")
	for range 5 {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() { waited <- db.WaitChange(context.Background()) }()
		if err := errors.Join(db.Ping(t.Context()), db.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-waited:
		case <-time.After(2 * time.Second):
			t.Fatal("a wait outlives the store")
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("a closed store answers")
		}
	}
	for range 50 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines more", runtime.NumGoroutine()-before)
}
