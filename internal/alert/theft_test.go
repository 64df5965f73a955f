package alert_test

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/secret"
)

// told returns the types that the trail of a store is worth, in its order.
func (w *world) told() string {
	w.Helper()
	events, err := w.db.Events(w.Context(), 0, 1000)
	if err != nil {
		w.Fatal(err)
	}
	var types []string
	for _, ev := range events {
		if k, worth := alert.Of(ev); worth {
			types = append(types, string(k))
		}
	}
	return strings.Join(types, " ")
}

func ring(purpose string) *secret.Ring {
	return secret.NewRing(purpose, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
}

// Whatever refresh says that somebody should look at is told from the trail, once, with
// the real store; what it says nothing of is not.
func TestTheftOfRefreshTokens(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(token string, rotate func(string, refresh.Presented) (refresh.Outcome, error), at time.Time)
		want string
	}{
		{"nothing happens", func(token string, rotate func(string, refresh.Presented) (refresh.Outcome, error), at time.Time) {
			for range 5 {
				at = at.Add(5 * time.Minute)
				out, err := rotate(token, refresh.Presented{Client: "mobile", Now: at})
				if err != nil {
					t.Fatal(err)
				}
				token = string(out.Token.Expose())
			}
		}, ""},
		{"a copy", func(token string, rotate func(string, refresh.Presented) (refresh.Outcome, error), at time.Time) {
			_, _ = rotate(token, refresh.Presented{Client: "mobile", Now: at.Add(5 * time.Minute)})
			if _, err := rotate(token, refresh.Presented{Client: "mobile", Now: at.Add(10 * time.Minute)}); !errors.Is(err, refresh.ErrReuse) {
				t.Fatal(err)
			}
		}, "refresh.reuse"},
		{"another key", func(token string, rotate func(string, refresh.Presented) (refresh.Outcome, error), at time.Time) {
			_, _ = rotate(token, refresh.Presented{Client: "mobile", Key: [32]byte{9}, Now: at.Add(5 * time.Minute)})
		}, "refresh.misuse"},
		{"retries too often", func(token string, rotate func(string, refresh.Presented) (refresh.Outcome, error), at time.Time) {
			for range 4 {
				at = at.Add(5 * time.Minute)
				_, _ = rotate(token, refresh.Presented{Client: "mobile", Now: at})
				out, err := rotate(token, refresh.Presented{Client: "mobile", Now: at.Add(20 * time.Second)}) // its answer was lost
				if err != nil {
					t.Fatal(err)
				}
				token = string(out.Token.Expose())
			}
		}, "refresh.misuse"},
	} {
		w := newWorld(t)
		var alerts []audit.Event
		s, err := refresh.New(w.db, refresh.Options{Ring: ring(secret.PurposeRefresh), Alert: func(ev audit.Event) { alerts = append(alerts, ev) }})
		if err != nil {
			t.Fatal(err)
		}
		g := refresh.Grant{User: "usr_ada", Client: "mobile", Scope: []string{"notes:read"}, Now: w.Now()}
		if c.name == "another key" {
			g.Key = [32]byte{1}
		}
		is, err := s.Begin(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		c.do(string(is.Token.Expose()), func(token string, p refresh.Presented) (refresh.Outcome, error) {
			return s.Rotate(t.Context(), token, p)
		}, w.Now())
		if got := w.told(); got != c.want || len(alerts) != len(strings.Fields(c.want)) {
			t.Errorf("%s: told %q, want %q; refresh said %v", c.name, got, c.want, alerts)
		}
		for _, ev := range alerts {
			if _, worth := alert.Of(ev); !worth {
				t.Errorf("%s: refresh says that somebody should look at %+v", c.name, ev)
			}
		}
	}
}

// The theft of a session cookie is told; that of a grant's parent is told with the grant.
func TestTheftOfSessions(t *testing.T) {
	w := newWorld(t)
	user := principal.Record{ID: "usr_ada", Kind: principal.User, Name: "ada@example.com", Version: 1, CreatedAt: w.Now()}
	if err := w.db.CreatePrincipal(t.Context(), user, audit.Event{Event: audit.UserAdded}); err != nil {
		t.Fatal(err)
	}
	k, err := session.New(w.db, principal.NewDirectory(w.db, principal.Options{}), session.Options{Ring: ring(secret.PurposeSession)})
	if err != nil {
		t.Fatal(err)
	}
	from := netip.MustParseAddr("203.0.113.7")
	_, r, err := k.Begin(t.Context(), user, session.Meta{From: from}, w.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.End(t.Context(), r.SID, session.ReasonReuse, session.Meta{From: from, Actor: "system"}, w.Now()); err != nil {
		t.Fatal(err)
	}
	if got := w.told(); got != "session.reuse" {
		t.Errorf("told %q", got)
	}

	w = newWorld(t)
	if err := w.db.CreatePrincipal(t.Context(), user, audit.Event{Event: audit.UserAdded}); err != nil {
		t.Fatal(err)
	}
	if k, err = session.New(w.db, principal.NewDirectory(w.db, principal.Options{}), session.Options{Ring: ring(secret.PurposeSession)}); err != nil {
		t.Fatal(err)
	}
	if _, r, err = k.Begin(t.Context(), user, session.Meta{From: from}, w.Now()); err != nil {
		t.Fatal(err)
	}
	s, err := refresh.New(w.db, refresh.Options{Ring: ring(secret.PurposeRefresh)})
	if err != nil {
		t.Fatal(err)
	}
	is, err := s.Begin(t.Context(), refresh.Grant{User: "usr_ada", Parent: r.SID, Client: "mobile", Now: w.Now()})
	if err != nil {
		t.Fatal(err)
	}
	token := string(is.Token.Expose())
	for _, after := range []time.Duration{5, 10} {
		_, err = s.Rotate(t.Context(), token, refresh.Presented{Client: "mobile", Now: w.Now().Add(after * time.Minute)})
	}
	if got := w.told(); !errors.Is(err, refresh.ErrReuse) || got != "refresh.reuse" {
		t.Errorf("told %q, %v", got, err)
	}
}

// An alert is of the change's own transaction: what is found again after the process was
// gone was written before anybody could have sent it.
func TestATheftIsToldByTheNextProcess(t *testing.T) {
	w := newWorld(t)
	s, err := refresh.New(w.db, refresh.Options{Ring: ring(secret.PurposeRefresh)})
	if err != nil {
		t.Fatal(err)
	}
	is, err := s.Begin(t.Context(), refresh.Grant{User: "usr_ada", Client: "mobile", Now: w.Now()})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{5, 10} {
		_, _ = s.Rotate(t.Context(), string(is.Token.Expose()), refresh.Presented{Client: "mobile", Now: w.Now().Add(after * time.Minute)})
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	if w.db, err = sqlite.Open(t.Context(), filepath.Clean(w.path), sqlite.Options{Now: w.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.node().Step(t.Context())
	w.want("by the next one", "refresh.reuse×1")
}
