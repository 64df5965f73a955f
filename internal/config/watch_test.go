package config

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// watched collects what Watch says about a file.
type watched struct {
	t    *testing.T
	path string
	said chan string
}

func watch(t *testing.T, path string, known string) *watched {
	w := &watched{t, path, make(chan string, 10)}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, path, sha256.Sum256([]byte(known)), 10*time.Millisecond, func(c *Config, err error) {
			if err != nil {
				w.said <- err.Error()
				return
			}
			w.said <- "level " + c.Log.Level
		})
	}()
	t.Cleanup(func() { stop(); <-done })
	return w
}

func (w *watched) write(src string) {
	w.t.Helper()
	whole := w.path + ".new" // moved over: a reader on a busy machine must not meet half of it
	if err := errors.Join(os.WriteFile(whole, []byte(src), 0o600), os.Rename(whole, w.path)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) expect(part string) {
	w.t.Helper()
	select {
	case got := <-w.said:
		if !strings.Contains(got, part) {
			w.t.Errorf("got %q, want %q", got, part)
		}
	case <-time.After(5 * time.Second):
		w.t.Fatalf("nothing was said, want %q", part)
	}
}

func (w *watched) silence() {
	w.t.Helper()
	select {
	case got := <-w.said:
		w.t.Errorf("got %q, want nothing", got)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestWatch(t *testing.T) {
	debug := minimal + "log: { level: debug }\n"
	w := watch(t, filepath.Join(t.TempDir(), "sanmon.yaml"), minimal)
	w.expect("no such file") // once, however long it lasts
	w.silence()
	w.write(minimal)
	w.expect("level info")
	w.write(debug)
	w.expect("level debug")
	w.write("version: 3\n")
	w.expect("sanmon.yaml:1:10: version: 3 is out of bounds")
	w.silence()
	w.write(debug) // back again is a change
	w.expect("level debug")
	w.write(debug)
	later := time.Now().Add(time.Hour)
	_ = os.Chtimes(w.path, later, later) // a touch is none
	w.silence()
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	w.expect("no such file")
}

// What changed between Load and Watch is noticed.
func TestWatchFromKnownContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.yaml")
	if err := os.WriteFile(path, []byte(minimal+"log: { level: warn }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	watch(t, path, minimal).expect("level warn")
	watch(t, path, minimal+"log: { level: warn }\n").silence()
}

// An editor writes beside and renames; Kubernetes swaps a symbolic link to a
// directory whose files carry old dates.
func TestWatchRenameAndSymlink(t *testing.T) {
	dir := t.TempDir()
	old := time.Unix(1, 0)
	for name, level := range map[string]string{"v1": "info", "v2": "error"} {
		path := filepath.Join(dir, name, "sanmon.yaml")
		must(t, os.Mkdir(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(minimal+"log: { level: "+level+" }\n"), 0o600))
		must(t, os.Chtimes(path, old, old))
	}
	must(t, os.Symlink("v1", filepath.Join(dir, "data")))
	w := watch(t, filepath.Join(dir, "data", "sanmon.yaml"), "")
	w.expect("level info")
	must(t, os.Symlink("v2", filepath.Join(dir, "next")))
	must(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "data")))
	w.expect("level error")
	must(t, os.WriteFile(filepath.Join(dir, "new"), []byte(minimal), 0o600))
	must(t, os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "v2", "sanmon.yaml")))
	w.expect("level info")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	Watch(ctx, "testdata/design.yaml", [sha256.Size]byte{}, time.Hour, func(*Config, error) { t.Error("called") })
}

func TestLoadRefusesWhatIsNoFile(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	must(t, os.WriteFile(large, make([]byte, MaxSize+1), 0o600))
	for path, want := range map[string]string{"testdata": "not a regular file", "testdata/none": "no such file", large: "larger than 1 MiB", "/dev/zero": "not a regular file"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if c, err := Load("testdata/design.yaml"); err != nil || c.Store.Address != "testdata/data/sanmon.db" || c.Hash == [32]byte{} {
		t.Errorf("%+v, %v", c, err)
	}
}
