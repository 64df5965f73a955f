package session_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/pgtest"
	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

var pg struct {
	url     string
	missing error
}

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func(url string, missing error) { pg.url, pg.missing = url, missing }))
}

var (
	start = time.Date(2026, 11, 25, 12, 0, 0, 123456000, time.UTC)
	home  = netip.MustParseAddr("203.0.113.7")
)

// site is a real store with two nodes in front of it and a person.
type site struct {
	*testing.T
	db    *storage.DB
	nodes [2]*session.Keeper
	ada   principal.Record
}

// onBoth runs a test on a new store of each kind.
func onBoth(t *testing.T, test func(s *site)) {
	t.Run("sqlite", func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), sqlitetest.Path(t), sqlite.Options{})
		test(newSite(t, db, err))
	})
	t.Run("postgres", func(t *testing.T) {
		address, schema := pgSchema(t)
		db, err := postgres.Open(t.Context(), address, secret.Value{}, postgres.Options{Schema: schema})
		test(newSite(t, db, err))
	})
}

// pgSchema names a schema that is dropped with the test.
func pgSchema(t *testing.T) (address, schema string) {
	t.Helper()
	if pg.missing != nil {
		t.Skip(pg.missing)
	}
	u, err := url.Parse(pg.url)
	if err != nil {
		t.Fatal("the URL of the test server cannot be read")
	}
	u.User = url.User(u.User.Username())
	b := []byte(secret.Random62(16))
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	schema = "t_" + string(b)
	t.Cleanup(func() {
		raw, err := sql.Open("pgx", pg.url)
		if err == nil {
			_, err = raw.Exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE")
			err = errors.Join(err, raw.Close())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return u.String(), schema
}

func newSite(t *testing.T, db *storage.DB, err error) *site {
	s := &site{T: t, db: db, ada: principal.Record{ID: "usr_ada", Kind: principal.User, Name: "ada@example.com", Roles: []string{"reader"}, CreatedAt: start}}
	s.ok(err)
	t.Cleanup(func() { _ = db.Close() })
	s.ok(db.CreatePrincipal(t.Context(), s.ada, audit.Event{At: start, Event: audit.UserAdded}))
	ring := secret.NewRing(secret.PurposeSession, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
	for i := range s.nodes {
		s.nodes[i], err = session.New(db, principal.NewDirectory(db, principal.Options{}), session.Options{Ring: ring})
		s.ok(err)
	}
	return s
}

func (s *site) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// judge is the verdict of a node on a cookie, "" for a yes.
func (s *site) judge(node int, cookie string, at time.Time) refusal.Code {
	var c caller.Caller
	if _, err := s.nodes[node].Judge(s.Context(), cookie, session.Client{Addr: home}, at, &c); err != nil {
		return refusal.From(err).Code
	}
	return ""
}

// renew is the next secret of a cookie, "" where there is none.
func (s *site) renew(node int, cookie string, at time.Time) string {
	v, err := s.nodes[node].Renew(s.Context(), cookie, session.Client{Addr: home}, at)
	if err != nil {
		s.Error(err)
	}
	return string(v.Expose())
}

// tell is the feed: both nodes read the session again.
func (s *site) tell(sid string) {
	for _, n := range s.nodes {
		n.Apply(change.Change{Kind: change.Session, ID: sid})
	}
}

// secrets are n+1 secrets of one session, the last of which is current since at.
func (s *site) secrets(n int) (all []string, sid string, at time.Time) {
	s.Helper()
	v, r, err := s.nodes[0].Begin(s.Context(), s.ada, session.Meta{From: home, Device: "Firefox on Linux"}, start)
	s.ok(err)
	all, at = []string{string(v.Expose())}, start
	for i := range n {
		at = at.Add(15 * time.Minute)
		if code := s.judge(i%2, all[i], at); code != "" {
			s.Fatalf("rotation %d: %q", i, code)
		}
		all = append(all, s.renew(i%2, all[i], at))
		s.tell(r.SID)
	}
	return all, r.SID, at
}

// trail is the events of the trail after the first ones, with their details.
func (s *site) trail() string {
	s.Helper()
	events, err := s.db.Events(s.Context(), 0, 1000)
	s.ok(err)
	var words []string
	for _, ev := range events {
		if ev.Event != audit.UserAdded && ev.Event != audit.LoginOK && ev.Event != audit.TokenIssued {
			words = append(words, string(ev.Event)+" "+ev.Detail)
		}
	}
	return strings.Join(words, ", ")
}

// A copy that is two rotations old ends the session and its grants, once, however many
// come at the same time and whatever the browser does meanwhile.
func TestCopiesOnStores(t *testing.T) {
	onBoth(t, func(s *site) {
		all, sid, at := s.secrets(3)
		s.ok(s.db.CreateSession(s.Context(), session.Record{SID: "ses_grant", User: s.ada.ID, Kind: session.Grant, Parent: sid, Client: "mobile",
			SecretHash: [32]byte{1}, CreatedAt: start, AuthTime: start, LastSeenAt: start, ExpiresAt: start.Add(720 * time.Hour)}, 0, audit.Event{At: start, Event: audit.TokenIssued}))
		at = at.Add(15 * time.Minute) // the next rotation is due, too
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				switch i % 3 {
				case 0:
					s.renew(i%2, all[3], at)
				default:
					s.judge(i%2, all[i%2], at)
				}
			})
		}
		wg.Wait()
		s.tell(sid)
		if code := s.judge(0, all[0], at.Add(time.Minute)); code != refusal.LoginRequired {
			s.Errorf("a copy: %q", code)
		}
		for node := range s.nodes {
			for i, c := range all {
				if code := s.judge(node, c, at.Add(time.Minute)); code != refusal.LoginRequired {
					s.Errorf("secret %d on node %d after the theft: %q", i, node, code)
				}
			}
		}
		if got, want := s.trail(), "session.revoked reason=reuse class=stale, token.revoked reason=reuse parent="+sid; got != want {
			s.Errorf("trail %q, want %q", got, want)
		}
	})
}

// Requests that were under way while two secrets were replaced end nothing, on whatever
// node and in whatever order they arrive.
func TestOvertakenRequestsOnStores(t *testing.T) {
	onBoth(t, func(s *site) {
		all, sid, at := s.secrets(1)
		var next string
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				if i == 5 {
					v, _, err := s.nodes[1].StepUp(s.Context(), all[1], s.ada, session.Meta{From: home}, at.Add(time.Second))
					if err != nil {
						s.Error(err)
					}
					next = string(v.Expose())
					return
				}
				s.judge(i%2, all[i%2], at.Add(2*time.Second))
			})
		}
		wg.Wait()
		s.tell(sid)
		for node := range s.nodes {
			s.judge(node, all[0], at.Add(3*time.Second))
			if code := s.judge(node, next, at.Add(4*time.Second)); code != "" {
				s.Errorf("node %d after the step-up: %q", node, code)
			}
		}
		if got := s.trail(); got != "" {
			s.Errorf("trail %q, want none", got)
		}
	})
}

// Guesses that name somebody's session cost what they always did and end nothing.
func TestGuessesOnStores(t *testing.T) {
	onBoth(t, func(s *site) {
		all, sid, at := s.secrets(2)
		raw, err := base64.RawURLEncoding.DecodeString(all[0])
		s.ok(err)
		for range 500 {
			_, _ = rand.Read(raw[:55]) // all but the sid
			if code := s.judge(0, base64.RawURLEncoding.EncodeToString(raw), at.Add(time.Minute)); code != refusal.LoginRequired {
				s.Fatalf("a guess: %q", code)
			}
		}
		if r, err := s.db.SessionBySID(s.Context(), sid); err != nil || !r.RevokedAt.IsZero() || s.trail() != "" {
			s.Errorf("%v, revoked at %v, trail %q", err, r.RevokedAt, s.trail())
		}
	})
}

// However many logins come at once on two nodes, Deny lets as many pass as there are places,
// and a session that ends gives its place back on the other node, too.
func TestPlacesOnStores(t *testing.T) {
	onBoth(t, func(s *site) {
		for _, n := range s.nodes {
			s.ok(n.Configure(session.Options{MaxPerUser: 3, AtMax: session.Deny, Idle: 10 * time.Minute}))
		}
		login := func(node int, at time.Time) (cookie, sid string, ok bool) {
			v, r, err := s.nodes[node].Begin(s.Context(), s.ada, session.Meta{From: home}, at)
			if err != nil && !errors.Is(err, session.ErrFull) {
				s.Error(err)
			}
			return string(v.Expose()), r.SID, err == nil
		}
		cookies, sids := make([]string, 20), make([]string, 20)
		var wg sync.WaitGroup
		for i := range cookies {
			wg.Go(func() { cookies[i], sids[i], _ = login(i%2, start) })
		}
		wg.Wait()
		var kept []int
		for i, c := range cookies {
			if c != "" && s.judge((i+1)%2, c, start.Add(time.Minute)) == "" {
				kept = append(kept, i)
			}
		}
		if len(kept) != 3 {
			s.Fatalf("%d sessions, want 3", len(kept))
		}
		at := start.Add(9 * time.Minute)
		if _, _, ok := login(0, at); ok {
			s.Error("a fourth session")
		}
		if _, _, err := s.nodes[1].StepUp(s.Context(), cookies[kept[0]], s.ada, session.Meta{From: home}, at); err != nil {
			s.Errorf("a step-up: %v", err)
		}
		if _, err := s.nodes[1].End(s.Context(), sids[kept[1]], session.ReasonLogout, session.Meta{}, at); err != nil {
			s.Error(err)
		}
		if _, _, ok := login(0, at); !ok {
			s.Error("no place after a logout")
		}
		if _, err := s.nodes[1].EndUser(s.Context(), s.ada.ID, "", "password", session.Meta{}, at); err != nil {
			s.Error(err)
		}
		for i := range 3 {
			if _, _, ok := login(i%2, at); !ok {
				s.Error("no place after all sessions ended")
			}
		}
		// That a node saw one of them since, it has not written: it is over all the same, on
		// that node, too, because its place is taken.
		seen, sid, _ := login(1, at.Add(10*time.Minute))
		at = at.Add(15 * time.Minute)
		if code := s.judge(1, seen, at); code != "" {
			s.Fatalf("a session that is not idle: %q", code)
		}
		at = at.Add(5 * time.Minute)
		if _, _, ok := login(1, at); !ok {
			s.Error("idle sessions keep their person out")
		}
		for i := range 2 {
			if _, _, ok := login(i, at); !ok {
				s.Error("idle sessions keep their person out")
			}
		}
		if code := s.judge(1, seen, at); code != refusal.SessionExpired {
			s.Errorf("a session whose place is taken: %q", code)
		}
		if r, err := s.db.SessionBySID(s.Context(), sid); err != nil || r.RevokeReason != session.ReasonIdle {
			s.Errorf("%q, %v", r.RevokeReason, err)
		}
	})
}
