package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/post"
)

// TestEveryChangeHasALetter: of what the portal tells, nothing is without words.
func TestEveryChangeHasALetter(t *testing.T) {
	for _, change := range portal.Told() {
		for _, lang := range []string{"en", "ja"} {
			if l, err := post.Write("ada@example.com", lang, post.Kind(change), post.Facts{Site: "app.example.com"}); err != nil || l.Subject == "" {
				t.Errorf("%s in %s: %v", change, lang, err)
			}
		}
	}
}

// TestNoticesDoNotDrownEachOther: five letters of a kind, and those of other kinds and other
// people come all the same; a queue that is full is waited for by nobody.
func TestNoticesDoNotDrownEachOther(t *testing.T) {
	l := &letters{notices: throttle.New(throttle.Options{}), queue: post.NewQueue(nil, slog.New(slog.DiscardHandler)), logger: slog.New(slog.DiscardHandler)}
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	notice := func(user, change string) int {
		_, _, before := l.queue.Counts()
		l.changed(portal.Notice{Change: change, User: user, Email: "ada@example.com", Network: netip.MustParseAddr("203.0.113.9"), At: at})
		_, _, after := l.queue.Counts()
		return int(after - before)
	}
	notice("usr_1", "key_created") // no mail server: nothing
	l.site.Store(&site{url: "https://app.example.com", host: "app.example.com", server: &post.Server{}})
	for i := range post.MaxWaiting { // what is posted to a full queue is seen as discarded
		if notice(fmt.Sprint("usr_", i), "passkey_added") != 0 {
			t.Fatalf("letter %d was discarded", i)
		}
	}
	posted := 0
	for range 20 {
		posted += notice("usr_a", "recovery_renewed")
	}
	if posted != 5 {
		t.Errorf("%d letters of a kind", posted)
	}
	for _, change := range portal.Told() {
		want := 1
		if change == "recovery_renewed" {
			want = 0
		}
		if got := notice("usr_a", change); got != want {
			t.Errorf("%s beside them: %d letters, want %d", change, got, want)
		}
	}
	if notice("usr_b", "recovery_renewed") != 1 {
		t.Error("another person gets none")
	}
}

// TestLoginsOfOneFillNoQueue: somebody who signs in again and again without the device cookie
// gets some letters, and those of other people are sent all the same.
func TestLoginsOfOneFillNoQueue(t *testing.T) {
	l := &letters{notices: throttle.New(throttle.Options{}), queue: post.NewQueue(nil, slog.New(slog.DiscardHandler)), logger: slog.New(slog.DiscardHandler)}
	l.site.Store(&site{url: "https://app.example.com", host: "app.example.com", server: &post.Server{}})
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for i := range 2 * post.MaxWaiting {
		l.arrived(principal.Record{ID: "usr_eve", Name: "eve@example.com"}, login.Attempt{Addr: netip.MustParseAddr("203.0.113.9")}, at.Add(time.Duration(i)*time.Millisecond))
	}
	waiting := post.MaxWaiting
	for l.queue.Post(func(context.Context) (*post.Letter, error) { return nil, nil }) {
		waiting--
	}
	if waiting != 5 {
		t.Errorf("%d letters about logins of one person wait, want 5", waiting)
	}
}
