package refresh_test

import (
	"context"
	"database/sql"
	"errors"
	"hash/crc32"
	"net/netip"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
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

// t0 is a moment with microseconds, all that is kept.
var (
	t0   = time.Date(2026, 11, 25, 12, 0, 0, 123456000, time.UTC)
	home = netip.MustParseAddr("203.0.113.7")
)

const mobile = "mobile"

// site is a store and a way to run SQL on the same data from outside.
type site struct {
	*storage.DB
	raw *sql.DB
}

// onBoth runs a test on a new store of each kind.
func onBoth(t *testing.T, test func(t *testing.T, s site)) {
	t.Run("sqlite", func(t *testing.T) { test(t, onSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, onPostgres(t)) })
}

func onSQLite(t testing.TB) site {
	t.Helper()
	path := sqlitetest.Path(t)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(full)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = db.Close(), raw.Close() })
	return site{db, raw}
}

func onPostgres(t testing.TB) site {
	t.Helper()
	address, password, schema := pgSchema(t)
	db, err := postgres.Open(t.Context(), address, password, postgres.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(pg.url)
	if err != nil {
		t.Fatal("the URL of the test server cannot be read")
	}
	config.RuntimeParams["search_path"] = schema
	raw := stdlib.OpenDB(*config)
	t.Cleanup(func() { _, _ = db.Close(), raw.Close() })
	return site{db, raw}
}

// pgSchema names a schema that is dropped with the test.
func pgSchema(t testing.TB) (address string, password secret.Value, schema string) {
	t.Helper()
	if pg.missing != nil {
		t.Skip(pg.missing)
	}
	u, err := url.Parse(pg.url)
	if err != nil {
		t.Fatal("the URL of the test server cannot be read")
	}
	word, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	b := []byte(secret.Random62(16))
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	schema = "t_" + string(b)
	t.Cleanup(func() {
		raw, err := sql.Open("pgx", pg.url)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = raw.Close() }()
		if _, err := raw.Exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return u.String(), secret.NewString(word), schema
}

// world is one store with nodes in front of it and a person.
type world struct {
	t     *testing.T
	store refresh.Store
	db    site
	ring  *secret.Ring
	node
	mu     sync.Mutex
	alerts []audit.Event
}

// node is what one process knows.
type node struct {
	*refresh.Service
	keeper *session.Keeper
	feed   *int64
	clock  time.Duration // how far its clock is ahead
}

func masterKey(v int, b byte) secret.Key {
	raw := make([]byte, 32)
	raw[0] = b
	return secret.Key{Version: v, Value: secret.New(raw)}
}

func testRing() *secret.Ring { return secret.NewRing(secret.PurposeRefresh, masterKey(1, 1)) }

func newWorld(t *testing.T, s site) *world {
	w := &world{t: t, db: s, store: s, ring: testRing()}
	w.node = w.newNode(refresh.Options{})
	w.person("usr_alice")
	return w
}

func (w *world) person(id string) {
	w.t.Helper()
	w.ok(w.db.CreatePrincipal(w.t.Context(), principal.Record{ID: id, Kind: principal.User, Name: id + "@example.com",
		Roles: []string{"reader"}, CreatedAt: t0}, audit.Event{At: t0, Event: audit.UserAdded}))
}

// newNode is another process on the same store. What it ends is known to it at once.
func (w *world) newNode(o refresh.Options) node {
	w.t.Helper()
	if o.Ring == nil {
		o.Ring = w.ring
	}
	keeper, err := session.New(w.db, principal.NewDirectory(w.db, principal.Options{}), session.Options{})
	w.ok(err)
	o.Ended = func(sids []string) {
		for _, sid := range sids {
			keeper.Apply(change.Change{Kind: change.Session, ID: sid})
		}
	}
	o.Alert = func(ev audit.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.alerts = append(w.alerts, ev)
	}
	s, err := refresh.New(w.store, o)
	w.ok(err)
	return node{Service: s, keeper: keeper, feed: new(int64)}
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// nodeOn is a node in front of another store.
func (w *world) nodeOn(store refresh.Store) node {
	w.t.Helper()
	own := w.store
	w.store = store
	defer func() { w.store = own }()
	return w.newNode(refresh.Options{})
}

// exec changes the data from outside.
func (w *world) exec(query string) error {
	_, err := w.db.raw.ExecContext(w.t.Context(), query)
	return err
}

// spy counts what reaches the store, and may spoil the answers.
type spy struct {
	refresh.Store
	calls  int
	before func() error // instead of the call, when it returns an error
	after  func() error // of the call that was made
}

func (s *spy) RotateFamily(ctx context.Context, a refresh.Attempt) (refresh.Result, error) {
	s.calls++
	if s.before != nil {
		if err := s.before(); err != nil {
			return refresh.Result{}, err
		}
	}
	r, err := s.Store.RotateFamily(ctx, a)
	if s.after != nil {
		return refresh.Result{}, s.after()
	}
	return r, err
}

func (s *spy) FamilyByID(ctx context.Context, id [16]byte) (refresh.Family, error) {
	s.calls++
	return s.Store.FamilyByID(ctx, id)
}

// forge gives a text the checksum of a refresh token.
func forge(text string) string {
	n := uint64(crc32.ChecksumIEEE([]byte(text)))
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := make([]byte, 6)
	for i := 5; i >= 0; i-- {
		sum[i], n = alphabet[n%62], n/62
	}
	return text + string(sum)
}

// follow lets a node read the feed.
func (w *world) follow(n node) {
	w.t.Helper()
	lines, err := w.db.Changes(w.t.Context(), *n.feed, 10_000)
	w.ok(err)
	for _, line := range lines {
		n.keeper.Apply(line)
		*n.feed = line.Seq
	}
}

// login begins a login session.
func (w *world) login(sid string) string {
	w.t.Helper()
	r := session.Record{SID: sid, User: "usr_alice", CreatedAt: t0, AuthTime: t0, LastSeenAt: t0, ExpiresAt: t0.Add(24 * time.Hour),
		Networks: []string{"203.0.113.0/24"}, AMR: []string{"pwd"}, ACR: "aal1"}
	copy(r.SecretHash[:], secret.Random62(32))
	w.ok(w.db.CreateSession(w.t.Context(), r, 0, audit.Event{At: t0, Event: audit.LoginOK, Subject: "usr_alice", SID: sid}))
	return sid
}

// grant begins a grant of the login and returns its first refresh token and its sid.
func (w *world) grant(parent string) (token, sid string) {
	w.t.Helper()
	is, err := w.Begin(w.t.Context(), refresh.Grant{User: "usr_alice", Parent: parent, Client: mobile,
		Scope: []string{"notes:read", "notes:write"}, Audience: "https://api.example.com", AuthTime: t0, From: home, Now: t0})
	w.ok(err)
	return text(is.Token), is.Family.SID
}

func text(v secret.Value) string { return string(v.Expose()) }

func at(d time.Duration) refresh.Presented {
	return refresh.Presented{Client: mobile, From: home, Now: t0.Add(d), RequestID: "req"}
}

// rotate presents a token at a moment after t0, by the node's own clock.
func (n node) rotate(t testing.TB, token string, d time.Duration) (refresh.Outcome, error) {
	t.Helper()
	return n.Rotate(t.Context(), token, at(d+n.clock))
}

// yes demands a verdict and returns the token that came with it.
func (w *world) yes(n node, token string, d time.Duration, want refresh.Verdict) string {
	w.t.Helper()
	out, err := n.rotate(w.t, token, d)
	if err != nil || out.Verdict != want {
		w.t.Fatalf("after %v: %v %v, want %v", d, out.Verdict, err, want)
	}
	if (out.Verdict == refresh.AccessOnly) != out.Token.Empty() {
		w.t.Fatalf("after %v: %v, and token empty is %v", d, out.Verdict, out.Token.Empty())
	}
	return text(out.Token)
}

// no demands a refusal by its cause.
func (w *world) no(n node, token string, d time.Duration, cause error) {
	w.t.Helper()
	out, err := n.rotate(w.t, token, d)
	if !errors.Is(err, cause) || !out.Token.Empty() {
		w.t.Fatalf("after %v: %v %v, want %v", d, out.Verdict, err, cause)
	}
	if r, ok := errors.AsType[*refusal.Refusal](err); !ok || r.Code == refusal.Internal || r.Status() >= 500 && r.Code != refusal.Busy {
		w.t.Fatalf("after %v: %v is no proper refusal", d, err)
	}
}

// access judges an access token of a grant on a node, as a token route does.
func (w *world) access(n node, sid string, d time.Duration) bool {
	w.t.Helper()
	var c caller.Caller
	err := n.keeper.Live(w.t.Context(), sid, home, t0.Add(d), &c)
	if r, ok := errors.AsType[*refusal.Refusal](err); err != nil && (!ok || r.Code == refusal.Busy) {
		w.t.Fatal(err)
	}
	return err == nil
}

// dead demands that sessions are worth nothing on all nodes, once each has the feed.
func (w *world) dead(d time.Duration, sids []string, nodes ...node) {
	w.t.Helper()
	for _, n := range append(nodes, w.node) {
		w.follow(n)
		for _, sid := range sids {
			if w.access(n, sid, d) {
				w.t.Errorf("%s is alive", sid)
			}
		}
	}
}

// confirm tells a node that a generation's access token was presented, and waits until
// the store knows.
func (w *world) confirm(n node, sid string, gen uint64) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	n.Confirm(sid, gen)
	cancel()
	w.ok(n.Run(ctx)) // what is left is written before it returns
}

// events are the names in the trail that matter here, in order.
func (w *world) events() []string {
	w.t.Helper()
	all, err := w.db.Events(w.t.Context(), 0, 100_000)
	w.ok(err)
	var names []string
	for _, ev := range all {
		switch ev.Event {
		case audit.UserAdded, audit.LoginOK, audit.TokenIssued:
		default:
			names = append(names, string(ev.Event))
		}
	}
	return names
}

func (w *world) count(name audit.Name) int {
	n := 0
	for _, e := range w.events() {
		if e == string(name) {
			n++
		}
	}
	return n
}

func (w *world) alerted() []audit.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.alerts
}
