package openapi

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/web/schema"
)

// memory is a Store.
type memory struct {
	mu             sync.Mutex
	approved, seen Pin
	events         []audit.Name
}

func (m *memory) Pins(context.Context, string) (Pin, Pin, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.approved, m.seen, nil
}

func (m *memory) PinFirst(_ context.Context, p Pin, ev audit.Event) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.approved.Empty() {
		return false, nil
	}
	m.approved, m.events = p, append(m.events, ev.Event)
	return true, nil
}

func (m *memory) PinSeen(_ context.Context, p Pin, ev audit.Event) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if bytes.Equal(m.seen.Source, p.Source) {
		return false, nil
	}
	m.seen, m.events = p, append(m.events, ev.Event)
	return true, nil
}

func (m *memory) PinApprove(_ context.Context, _ string, hash [32]byte, ev audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen.Hash() != hash {
		return ErrNotSeen
	}
	m.approved, m.seen, m.events = m.seen, Pin{}, append(m.events, ev.Event)
	return nil
}

func text(title string) string {
	return fmt.Sprintf(`{"openapi":"3.1.0","info":{"title":%q,"version":"1"},"paths":{}}`, title)
}

// backend serves whatever answer says.
func backend(t *testing.T, answer func() (status int, body string)) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := answer()
		if status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.1:1/")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/openapi.json"
}

func title(s *schema.Slot) string {
	if d := s.Document(); d != nil {
		return d.Title
	}
	return "none"
}

// TestPinned: the first document counts, a changed one waits, and neither a broken backend
// nor a restart loosens that.
func TestPinned(t *testing.T) {
	status, body := 503, ""
	url := backend(t, func() (int, string) { return status, body })
	store := &memory{}
	k := New(store, slog.New(slog.DiscardHandler))
	sources := []Source{{Upstream: "app", Location: url}}
	step := func(what, want string, waiting, missing int) {
		t.Helper()
		k.Configure(t.Context(), sources)
		if got := title(k.Slot("app")); got != want || k.Waiting() != waiting || k.Missing() != missing {
			t.Errorf("%s: %s, %d waiting, %d missing; want %s, %d, %d", what, got, k.Waiting(), k.Missing(), want, waiting, missing)
		}
	}
	step("no backend", "none", 0, 1)
	status, body = 302, text("elsewhere")
	step("a redirect is not followed", "none", 0, 1)
	status, body = 200, "<html>"
	step("no document", "none", 0, 1)
	body = text("one")
	step("the first", "one", 0, 0)
	body = text("two")
	step("another", "one", 1, 0)
	step("and again", "one", 1, 0)
	status = 500
	step("the backend is away", "one", 1, 0)
	k = New(store, slog.New(slog.DiscardHandler)) // a restart
	step("after a restart", "one", 1, 0)
	status, body = 200, text("one")
	step("the first one is back", "one", 0, 0)
	body = strings.Repeat(" ", schema.MaxDocument+1)
	step("too large", "one", 1, 0)
	if got := fmt.Sprint(store.events); got != "[openapi.pinned openapi.changed]" {
		t.Error(got)
	}
	p := store.seen
	if err := store.PinApprove(t.Context(), "app", p.Hash(), Event(audit.OpenAPIApproved, "cli", p)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = k.Run(ctx) })
	k.Apply("app")
	for range 100 {
		if title(k.Slot("app")) == "two" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	running.Wait()
	if got := title(k.Slot("app")); got != "two" {
		t.Errorf("in force after the approval: %s", got)
	}
	k.Configure(t.Context(), nil)
	if k.Missing() != 0 {
		t.Error("an upstream that is configured no more is missed")
	}
}

// TestFile: a file is the operator's own and needs no approval.
func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openapi.yaml")
	store := &memory{}
	k := New(store, slog.New(slog.DiscardHandler))
	for _, want := range []string{"one", "two"} {
		if err := os.WriteFile(path, []byte("openapi: 3.0.3\ninfo: { title: "+want+", version: '1' }\npaths: {}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		k.Configure(t.Context(), []Source{{Upstream: "app", Location: path}})
		if got := title(k.Slot("app")); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if len(store.events) != 0 {
		t.Error("a file was pinned")
	}
}
