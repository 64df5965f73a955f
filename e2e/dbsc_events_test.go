package e2e_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// bindings are what Chromium says of its device-bound sessions, in order.
type bindings struct {
	t      *testing.T
	mu     sync.Mutex
	events []*network.EventDeviceBoundSessionEventOccurred
}

func (b *bindings) add(e *network.EventDeviceBoundSessionEventOccurred) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

// next waits for an event of the kind, and forgets those up to it.
func (b *bindings) next(what string, is func(*network.EventDeviceBoundSessionEventOccurred) bool) *network.EventDeviceBoundSessionEventOccurred {
	b.t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		b.mu.Lock()
		for i, e := range b.events {
			if is(e) {
				b.events = b.events[i+1:]
				b.mu.Unlock()
				return e
			}
		}
		b.mu.Unlock()
	}
	said, _ := json.Marshal(b.events)
	b.t.Fatalf("Chromium tells of no %s: %s", what, said)
	return nil
}

// created is the session that Chromium has registered a key for.
func (b *bindings) created() string {
	b.t.Helper()
	e := b.next("registration", func(e *network.EventDeviceBoundSessionEventOccurred) bool { return e.CreationEventDetails != nil })
	if said, _ := json.Marshal(e); !e.Succeeded || e.CreationEventDetails.FetchResult != network.DeviceBoundSessionFetchResultSuccess {
		b.t.Fatalf("the registration failed: %s", said)
	}
	return e.SessionID
}

// refreshed says that Chromium has answered a challenge for the session.
func (b *bindings) refreshed(sid string) {
	b.t.Helper()
	e := b.next("challenge", func(e *network.EventDeviceBoundSessionEventOccurred) bool { return e.ChallengeEventDetails != nil })
	if e.SessionID != sid || e.ChallengeEventDetails.ChallengeResult != network.ChallengeEventDetailsChallengeResultSuccess {
		b.t.Errorf("challenge %+v of %s, want one of %s", e.ChallengeEventDetails, e.SessionID, sid)
	}
	e = b.next("refresh", func(e *network.EventDeviceBoundSessionEventOccurred) bool { return e.RefreshEventDetails != nil })
	if said, _ := json.Marshal(e); e.SessionID != sid || !e.Succeeded || e.RefreshEventDetails.RefreshResult != network.RefreshEventDetailsRefreshResultRefreshed {
		b.t.Fatalf("the refresh of %s failed: %s", sid, said)
	}
}

// ended says that Chromium has let go of the session and its key, and why.
func (b *bindings) ended(sid string, why network.TerminationEventDetailsDeletionReason) {
	b.t.Helper()
	e := b.next("end", func(e *network.EventDeviceBoundSessionEventOccurred) bool { return e.TerminationEventDetails != nil })
	if e.SessionID != sid || e.TerminationEventDetails.DeletionReason != why {
		b.t.Errorf("session %s ended, %s; want %s, %s", e.SessionID, e.TerminationEventDetails.DeletionReason, sid, why)
	}
}
