package source

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// kept is a keeper over one file, with a clock that is set by hand and a log that is read.
type kept struct {
	*Keeper
	*Live
	dir string
	now time.Time
	log bytes.Buffer
}

func keep(t *testing.T, check func(context.Context, secret.Value) error) *kept {
	t.Helper()
	k := &kept{dir: t.TempDir(), now: time.Unix(1_800_000_000, 0)}
	k.put(t, "one")
	k.Keeper = &Keeper{Resolver: &Resolver{Base: k.dir}, MaxAge: time.Hour, Logger: slog.New(slog.NewTextHandler(&k.log, nil)), Now: func() time.Time { return k.now }}
	l, err := k.Watch(t.Context(), Watched{Name: "store.password", Ref: "file:s", Check: check})
	if err != nil {
		t.Fatal(err)
	}
	k.Live = l
	return k
}

// put replaces the file as it should be done.
func (k *kept) put(t *testing.T, text string) {
	t.Helper()
	write(t, k.dir, "next", text, 0o600)
	must(t, os.Rename(filepath.Join(k.dir, "next"), filepath.Join(k.dir, "s")))
}

func (k *kept) is(t *testing.T, what, want string) {
	t.Helper()
	if v, err := k.Value(); err != nil || string(v.Expose()) != want {
		t.Errorf("%s: %q, %v, want %q", what, v.Expose(), err, want)
	}
}

func TestKeeperTakesAnotherValue(t *testing.T) {
	k := keep(t, nil)
	k.is(t, "at first", "one")
	k.put(t, "two")
	k.is(t, "before it is read again", "one")
	if changed, err := k.Live.Refresh(t.Context()); !changed || err != nil {
		t.Fatal(changed, err)
	}
	k.is(t, "then", "two")
	if changed, err := k.Live.Refresh(t.Context()); changed || err != nil {
		t.Error("the same value counts as another one", err)
	}
	if out := k.log.String(); !strings.Contains(out, "setting=store.password") || strings.Contains(out, "two") {
		t.Errorf("log: %s", out)
	}
}

// What becomes of secret files that are not well: the value of before stays in use, the error
// says what is wrong, and nothing of the content is shown.
func TestKeeperKeepsTheLastGood(t *testing.T) {
	const shown = "c4nary-in-the-file"
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, path string)
		err   string
	}{
		"gone":      {func(t *testing.T, p string) { must(t, os.Remove(p)) }, "does not exist"},
		"empty":     {func(t *testing.T, p string) { must(t, os.Truncate(p, 0)) }, "it is empty"},
		"directory": {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, os.Mkdir(p, 0o700)) }, "is a directory"},
		"pipe":      {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, syscall.Mkfifo(p, 0o600)) }, "no regular file"},
		"huge":      {func(t *testing.T, p string) { must(t, os.Truncate(p, 1<<30)) }, "longer than 65536"},
		"world-readable": {func(t *testing.T, p string) {
			must(t, os.WriteFile(p, []byte(shown), 0o600))
			must(t, os.Chmod(p, 0o604))
		}, "chmod 600"},
		"dangling":     {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, os.Symlink("nowhere", p)) }, "does not exist"},
		"loop":         {func(t *testing.T, p string) { must(t, os.Remove(p)); must(t, os.Symlink(p, p)) }, "too many levels"},
		"half written": {func(t *testing.T, p string) { must(t, os.WriteFile(p, []byte(shown[:9]), 0o600)) }, "does not work: half a secret"},
	} {
		t.Run(name, func(t *testing.T) {
			k := keep(t, func(_ context.Context, v secret.Value) error {
				if len(v.Expose()) == 9 {
					return errors.New("half a secret")
				}
				return nil
			})
			tt.spoil(t, filepath.Join(k.dir, "s"))
			_, err := k.Live.Refresh(t.Context())
			if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), "store.password") || strings.Contains(err.Error(), shown[:9]) {
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
			k.is(t, "after that", "one")
			_, _ = k.Live.Refresh(t.Context())
			if n := strings.Count(k.log.String(), "could not be read again"); n != 1 || strings.Contains(k.log.String(), shown[:9]) {
				t.Errorf("logged %d times: %s", n, k.log.String())
			}

			k.now = k.now.Add(time.Hour)
			k.is(t, "at the end of its age", "one")
			k.now = k.now.Add(time.Second)
			if v, err := k.Value(); !errors.Is(err, ErrTooOld) || !v.Empty() {
				t.Errorf("beyond its age: %v", err)
			}
			if k.Held().Empty() || k.Keeper.Age() != time.Hour+time.Second {
				t.Errorf("held %v, age %v", k.Held().Empty(), k.Keeper.Age())
			}
			must(t, os.RemoveAll(filepath.Join(k.dir, "s")))
			k.put(t, "three")
			if changed, err := k.Live.Refresh(t.Context()); !changed || err != nil {
				t.Errorf("healed: %v, %v", changed, err)
			}
			k.is(t, "healed", "three")
		})
	}
}

func TestKeeperTriesBeforeItSwaps(t *testing.T) {
	var seen []string
	refused := errors.New("the server does not take it (wait until it does)")
	k := keep(t, func(_ context.Context, v secret.Value) error {
		seen = append(seen, string(v.Expose()))
		if len(seen) == 1 {
			return refused
		}
		return nil
	})
	k.put(t, "two")
	if _, err := k.Live.Refresh(t.Context()); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	k.is(t, "refused", "one")
	if changed, err := k.Live.Refresh(t.Context()); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
	k.is(t, "taken", "two")
	if strings.Join(seen, " ") != "two two" { // never the value that is in force
		t.Errorf("tried %q", seen)
	}
}

func TestRetry(t *testing.T) {
	wrong, other := errors.New("authentication failed"), errors.New("refused connection")
	isWrong := func(err error) bool { return errors.Is(err, wrong) }
	for name, tt := range map[string]struct {
		file   string // what the source has by then
		server string // what the server takes
		fails  error  // the server fails in another way
		uses   string
		err    error
	}{
		"works":                        {"one", "one", nil, "one", nil},
		"was changed on both sides":    {"two", "two", nil, "one two", nil},
		"was changed at the server":    {"one", "two", nil, "one", wrong},
		"neither":                      {"two", "three", nil, "one two", wrong},
		"another failure is no reason": {"two", "two", other, "one", other},
		"the source is gone":           {"", "two", nil, "one", wrong},
	} {
		k := keep(t, nil)
		if tt.file == "" {
			must(t, os.Remove(filepath.Join(k.dir, "s")))
		} else {
			k.put(t, tt.file)
		}
		var uses []string
		err := k.Retry(t.Context(), func(_ context.Context, v secret.Value) error {
			uses = append(uses, string(v.Expose()))
			if tt.fails != nil {
				return tt.fails
			}
			if string(v.Expose()) != tt.server {
				return wrong
			}
			return nil
		}, isWrong)
		if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || strings.Join(uses, " ") != tt.uses {
			t.Errorf("%s: %v after %q, want %v after %q", name, err, uses, tt.err, tt.uses)
		}
	}
}

// slow is a Remote that answers when it is let.
type slow struct {
	mu    sync.Mutex
	asked int
	let   chan struct{}
}

func (s *slow) Fetch(ctx context.Context, _ Location) (secret.Value, error) {
	s.mu.Lock()
	s.asked++
	n := s.asked
	s.mu.Unlock()
	if n == 1 {
		return secret.NewString("first"), nil
	}
	select {
	case <-s.let:
		return secret.NewString("second"), nil
	case <-ctx.Done():
		return secret.Value{}, ctx.Err()
	}
}

// Many who ask at once agree, and nobody waits for ever.
func TestRefreshIsShared(t *testing.T) {
	remote := &slow{let: make(chan struct{})}
	k := &Keeper{Resolver: &Resolver{Vault: remote}}
	l, err := k.Watch(t.Context(), Watched{Name: "x", Ref: "vault://a/b#c"})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	changes := make(chan bool, 50)
	for range 50 {
		all.Go(func() {
			changed, err := l.Refresh(t.Context())
			if err != nil {
				t.Error(err)
			}
			changes <- changed
		})
	}
	close(remote.let)
	all.Wait()
	for range 50 {
		<-changes
	}
	if v, err := l.Value(); err != nil || string(v.Expose()) != "second" {
		t.Errorf("%v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Refresh(ended); err == nil {
		t.Error("an ended context reads")
	}
}

// A source that hangs is given up in time, and the old value stays.
func TestRemoteThatHangs(t *testing.T) {
	remote := &slow{let: make(chan struct{})}
	k := &Keeper{Resolver: &Resolver{Vault: remote, Timeout: time.Millisecond}}
	l, err := k.Watch(t.Context(), Watched{Name: "x", Ref: "vault://a/b#c"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Refresh(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if v, err := l.Value(); err != nil || string(v.Expose()) != "first" {
		t.Errorf("%v", err)
	}
	if err := k.Refresh(t.Context()); err == nil {
		t.Error("Refresh of all hides it")
	}
	k.Forget(l)
	if err := k.Refresh(t.Context()); err != nil || k.Age() != 0 {
		t.Errorf("a forgotten secret: %v", err)
	}
}

func TestRemotesThatAreNotThere(t *testing.T) {
	r := &Resolver{}
	for ref, want := range map[string]string{"vault://a/b#c": "secrets.vault", "awssm://x": "built without it", "gcpsm://projects/p/secrets/s": "built without it", "age:x": "secrets.age"} {
		if _, err := r.Resolve(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", ref, err)
		}
	}
}
