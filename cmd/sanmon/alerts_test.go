package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
)

// keen takes everything and remembers what it was.
type keen struct{ bodies []string }

func (k *keen) Post(_ context.Context, _ string, body []byte) error {
	k.bodies = append(k.bodies, string(body))
	return nil
}

func (k *keen) Host() string { return "keen" }

// An event that cannot be written is told from memory: no trail can say so. A caller who
// gives up is no failure of the trail.
func TestAJournalThatCannotBeWritten(t *testing.T) {
	db, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	to := &keen{}
	d := &alert.Dispatcher{Store: db, Logger: slog.New(slog.DiscardHandler)}
	d.Configure(to)
	j := watchedJournal{db, d}
	if err := j.Record(t.Context(), audit.Event{At: time.Now(), Event: audit.Logout}); err != nil || d.Counts().Waiting != 0 {
		t.Fatalf("%v, %+v", err, d.Counts())
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Record(gone, audit.Event{At: time.Now(), Event: audit.Logout}); err == nil || d.Counts().Waiting != 0 {
		t.Fatalf("%v, %+v", err, d.Counts())
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if err := j.Record(t.Context(), audit.Event{At: time.Now(), Event: audit.LoginFailed}); err == nil {
			t.Fatal("written to a closed store")
		}
	}
	d.Step(t.Context())
	if len(to.bodies) != 1 {
		t.Fatalf("%d messages", len(to.bodies))
	}
	for _, want := range []string{`"type":"audit.failed"`, `"count":100`, "step=write event=login.failed"} {
		if !strings.Contains(to.bodies[0], want) {
			t.Errorf("%s lacks %s", to.bodies[0], want)
		}
	}
}
