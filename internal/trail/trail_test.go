package trail

import (
	"context"
	"errors"
	"io"
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
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/secret"
)

func ring() *secret.Ring {
	return secret.NewRing(secret.PurposeAudit, secret.Key{Version: 1, Value: secret.NewString(strings.Repeat("k", 32))})
}

func store(t testing.TB) *storage.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// place is a Sink that can be broken.
type place struct {
	mu     sync.Mutex
	broken bool
	lines  []tree.Line
}

func (p *place) Put(_ context.Context, l tree.Line) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return errors.New("away")
	}
	p.lines = append(p.lines, l)
	return nil
}

func keeper(t testing.TB, db *storage.DB, sink Sink) *Keeper {
	t.Helper()
	return &Keeper{Signer: &Signer{Store: db, Ring: ring(), Actor: "system"}, Sink: sink, Journal: db, Recorded: db.Recorded, Logger: slog.New(slog.DiscardHandler)}
}

func record(t testing.TB, db *storage.DB, n int) {
	t.Helper()
	for range n {
		if err := db.Record(t.Context(), audit.Event{Event: audit.LoginOK}); err != nil {
			t.Fatal(err)
		}
	}
}

// An anchor that is away is tried again with growing pauses, is written down once, and
// nothing that waits grows without end; when it is back, the newest checkpoints arrive.
func TestAnchorsWaitForTheirPlace(t *testing.T) {
	db, sink := store(t), &place{broken: true}
	k, now := keeper(t, db, sink), time.Now()
	for i := range 40 {
		record(t, db, 2)
		now = now.Add(time.Duration(i) * time.Second)
		k.sign(t.Context(), now)
		k.anchor(t.Context(), now)
	}
	if len(k.waiting) != maxWaiting || k.Dropped() != 40-maxWaiting || k.Failures() == 0 || k.Failures() >= 40 || k.pause != maxPause {
		t.Errorf("%d wait, %d dropped, %d failures, pause %s", len(k.waiting), k.Dropped(), k.Failures(), k.pause)
	}
	events, err := db.Events(t.Context(), 0, 1000)
	failed := 0
	for _, ev := range events {
		if ev.Event == audit.AuditFailed {
			failed++
		}
	}
	if err != nil || failed != 1 {
		t.Errorf("audit.failed is written %d times, %v", failed, err)
	}
	sink.broken = false
	k.anchor(t.Context(), now.Add(maxPause))
	if len(k.waiting) != 0 || len(sink.lines) != maxWaiting {
		t.Errorf("%d wait, %d arrived", len(k.waiting), len(sink.lines))
	}
	keys, _ := Keys(ring())
	last, err := tree.Open(sink.lines[maxWaiting-1].Checkpoint, keys)
	if err != nil || last.Size < 100 {
		t.Errorf("the newest: %+v, %v", last, err)
	}
	if age := k.Age(now.Add(time.Minute)); age < time.Minute || age > time.Minute+time.Second {
		t.Errorf("age %s", age)
	}
}

// A trail that was changed is not signed, and this is written down.
func TestTamperedTrailIsNotSigned(t *testing.T) {
	db := store(t)
	record(t, db, 3)
	k := keeper(t, db, nil)
	k.sign(t.Context(), time.Now())
	k.Signer.Ring = secret.NewRing(secret.PurposeAudit, secret.Key{Version: 1, Value: secret.NewString(strings.Repeat("m", 32))})
	record(t, db, 3)
	if _, err := k.Signer.Sign(t.Context(), time.Now()); !errors.Is(err, ErrChanged) {
		t.Errorf("signed: %v", err)
	}
	k.sign(t.Context(), time.Now())
	if k.Failures() != 1 || !k.failing {
		t.Errorf("%d failures", k.Failures())
	}
	k.Signer.Ring = secret.NewRing(secret.PurposeAudit, secret.Key{Version: 1, Value: secret.NewString("short")})
	if _, err := k.Signer.Sign(t.Context(), time.Now()); err == nil {
		t.Error("signed with half a key")
	}
}

func TestCloseSignsTheEnd(t *testing.T) {
	db, sink := store(t), &place{}
	k := keeper(t, db, sink)
	k.Close(t.Context()) // an empty trail has nothing to sign
	record(t, db, 3)
	k.Close(t.Context())
	if len(sink.lines) != 1 || sink.lines[0].Size != 3 {
		t.Errorf("%+v", sink.lines)
	}
	k.Close(t.Context())
	if len(sink.lines) != 1 {
		t.Error("signed and anchored twice")
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "anchor.jsonl")
	db := store(t)
	s := &Signer{Store: db, Ring: ring(), Actor: "cli"}
	put := func() {
		t.Helper()
		record(t, db, 2)
		signed, err := s.Sign(t.Context(), time.Now())
		if err == nil {
			err = File{path}.Put(t.Context(), signed.Line())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteString(`{"size":5,"che`) // the disk was full, or the power went
	_ = f.Close()
	put()
	text, _ := os.ReadFile(path)
	keys, _ := Keys(ring())
	good, forged, err := tree.ReadAnchors(strings.NewReader(string(text)), keys)
	if len(good) != 2 || len(forged) != 1 || err != nil {
		t.Errorf("%d good, %v, %v\n%s", len(good), forged, err, text)
	}
	if err := (File{filepath.Dir(path)}).Put(t.Context(), tree.Line{}); err == nil {
		t.Error("a directory is no anchor")
	}
}

func TestWebhook(t *testing.T) {
	var got string
	status := http.StatusNoContent
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.Header.Get("Content-Type") + " " + string(b)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer srv.Close()
	h := NewWebhook(srv.URL + "/put?token=hush")
	line := tree.Line{Size: 7, Root: "r", At: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), Checkpoint: "c\n"}
	if err := h.Put(t.Context(), line); err != nil || got != `POST application/json {"size":7,"root":"r","at":"2026-11-25T12:00:00Z","checkpoint":"c\n"}` {
		t.Errorf("%s, %v", got, err)
	}
	for _, status = range []int{302, 404, 500} {
		if err := h.Put(t.Context(), line); err == nil {
			t.Errorf("status %d says that it is kept", status)
		}
	}
	srv.Close()
	if err := h.Put(t.Context(), line); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("nobody there: %v", err)
	}
}
