package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/session"
)

func maintain(t *testing.T, open Open) {
	db, outside := open(t)
	now := time.Now()
	begin := func(sid string, expires, revoked time.Duration) {
		t.Helper()
		r := ses(sid, "usr_1", 0)
		r.ExpiresAt = now.Add(expires)
		ok(t, db.CreateSession(t.Context(), r, 0, event(audit.LoginOK)))
		if revoked != 0 {
			must(db.RevokeSession(t.Context(), sid, "x", now.Add(revoked), event(audit.Logout)))(t)
		}
	}
	const day = 24 * time.Hour
	begin("live", day, 0)
	begin("expired lately", -6*day, 0)
	begin("expired", -8*day, 0)
	begin("revoked lately", day, -6*day)
	begin("revoked", day, -8*day)
	for id, until := range map[byte]time.Duration{1: time.Minute, 2: -30 * time.Minute, 3: -2 * time.Hour} {
		must(db.Spend(t.Context(), [16]byte{id}, now.Add(-day), now.Add(until)))(t)
	}
	ok(t, outside("UPDATE feed SET at = 1 WHERE seq <= 3"), db.Maintain(t.Context()))

	for sid, kept := range map[string]bool{"live": true, "expired lately": true, "revoked lately": true, "expired": false, "revoked": false} {
		if _, err := db.SessionBySID(t.Context(), sid); errors.Is(err, session.ErrNotFound) == kept {
			t.Errorf("session %q: %v", sid, err)
		}
	}
	for id, first := range map[byte]bool{1: false, 2: false, 3: true} {
		if got := must(db.Spend(t.Context(), [16]byte{id}, now, now.Add(day)))(t); got != first {
			t.Errorf("token %d: first is %v", id, got)
		}
	}
	lines := must(db.Changes(t.Context(), 0, 99))(t)
	if len(lines) != 4 || lines[0].Seq != 4 || must(db.LastChange(t.Context()))(t) != 7 {
		t.Errorf("feed after pruning: %+v", lines)
	}
	if events := must(db.Events(t.Context(), 0, 99))(t); len(events) != 7 {
		t.Errorf("%d events, want all 7", len(events))
	}
}

// maintainPrefix: clocks of nodes differ, numbers do not.
func maintainPrefix(t *testing.T, open Open) {
	db, outside := open(t)
	for i := range 5 {
		ok(t, db.CreateKey(t.Context(), key(fmt.Sprint("k", i)), time.Time{}, event(audit.KeyCreated)))
	}
	ok(t, outside("UPDATE feed SET at = 1 WHERE seq IN (1, 3, 5)"), db.Maintain(t.Context()))
	if lines := must(db.Changes(t.Context(), 0, 99))(t); len(lines) != 4 || lines[0].Seq != 2 {
		t.Errorf("left %+v", lines)
	}
	ok(t, outside("UPDATE feed SET at = 1"), db.Maintain(t.Context()))
	if lines := must(db.Changes(t.Context(), 0, 99))(t); len(lines) != 0 || must(db.LastChange(t.Context()))(t) != 5 {
		t.Errorf("left %+v", lines)
	}
	ok(t, db.CreateKey(t.Context(), key("next"), time.Time{}, event(audit.KeyCreated)))
	if lines := must(db.Changes(t.Context(), 5, 99))(t); len(lines) != 1 || lines[0].Seq != 6 {
		t.Errorf("numbers are used again: %+v", lines)
	}
}
