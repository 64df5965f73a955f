package alert_test

import (
	"errors"
	"testing"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/secret"
)

// TestTooManySessionsAreTold: under Notify, and only beyond the bound; a login that was refused
// is in the trail and nobody's alarm.
func TestTooManySessionsAreTold(t *testing.T) {
	for at, want := range map[session.AtMax]string{session.EvictOldest: "", session.Deny: "", session.Notify: "session.limit session.limit"} {
		w := newWorld(t)
		user := principal.Record{ID: "usr_ada", Kind: principal.User, Name: "ada@example.com", Version: 1, CreatedAt: w.Now()}
		if err := w.db.CreatePrincipal(t.Context(), user, audit.Event{Event: audit.UserAdded}); err != nil {
			t.Fatal(err)
		}
		k, err := session.New(w.db, principal.NewDirectory(w.db, principal.Options{}), session.Options{Ring: ring(secret.PurposeSession), MaxPerUser: 2, AtMax: at})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			_, _, err := k.Begin(t.Context(), user, session.Meta{}, w.Now())
			if full := at == session.Deny && i >= 2; errors.Is(err, session.ErrFull) != full || (err != nil) != full {
				t.Errorf("%s, login %d: %v", at, i, err)
			}
		}
		if got := w.told(); got != want {
			t.Errorf("%s: told %q, want %q", at, got, want)
		}
	}
}
