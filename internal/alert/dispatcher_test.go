package alert_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlite"
	"github.com/sanmon-gate/sanmon/internal/storage/sqlitetest"
	"github.com/sanmon-gate/sanmon/internal/webhook"
	"github.com/sanmon-gate/sanmon/secret"
)

// got is a message that the receiver has taken.
type got struct {
	ID    string
	Type  alert.Type
	Count int64
	Body  string
}

// receiver is a server that takes messages, or answers a status.
type receiver struct {
	*httptest.Server
	status atomic.Int64 // 0: 204
	refuse atomic.Value // Type that it never takes

	mu    sync.Mutex
	taken []got
	asked []got
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var m struct {
		Type alert.Type
		Data struct{ Count int64 }
	}
	_ = json.Unmarshal(body, &m)
	one := got{req.Header.Get(webhook.FieldID), m.Type, m.Data.Count, string(body)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, one)
	if s := r.status.Load(); s != 0 {
		w.WriteHeader(int(s))
		return
	}
	if no, _ := r.refuse.Load().(alert.Type); no == m.Type {
		w.WriteHeader(422)
		return
	}
	r.taken = append(r.taken, one)
	w.WriteHeader(204)
}

// take returns what came since the last call, as "type×count".
func (r *receiver) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, g := range r.taken {
		all = append(all, fmt.Sprintf("%s×%d", g.Type, g.Count))
	}
	r.taken = nil
	return strings.Join(all, " ")
}

// world is a store, a receiver, a clock and a log.
type world struct {
	*testing.T
	path string
	db   *storage.DB
	to   *receiver
	now  atomic.Int64
	log  bytes.Buffer
	mu   sync.Mutex
}

func (w *world) Now() time.Time { return time.UnixMicro(w.now.Load()) }

func (w *world) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(b)
}

func (w *world) pass(d time.Duration) { w.now.Add(int64(d / time.Microsecond)) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, path: sqlitetest.Path(t), to: &receiver{}}
	w.now.Store(time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC).UnixMicro())
	w.to.Server = httptest.NewServer(w.to)
	t.Cleanup(w.to.Close)
	w.db = w.open()
	return w
}

func (w *world) open() *storage.DB {
	w.Helper()
	db, err := sqlite.Open(w.Context(), w.path, sqlite.Options{Now: w.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = db.Close() })
	return db
}

// node is a dispatcher as a server has one.
func (w *world) node(conditions ...alert.Condition) *alert.Dispatcher {
	w.Helper()
	d := &alert.Dispatcher{Store: w.db, Gate: "https://app.example.com", Node: "node-1", Conditions: conditions, Now: w.Now,
		Logger: slog.New(slog.NewJSONHandler(w, nil)), Backoff: alert.Backoff{Jitter: func(d time.Duration) time.Duration { return d }}}
	d.Configure(w.client(w.to.URL))
	return d
}

func (w *world) client(address string) *webhook.Client {
	w.Helper()
	c, err := webhook.New(address, func(context.Context) (secret.Value, error) {
		return secret.NewString("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))), nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) happens(n int, names ...audit.Name) {
	w.Helper()
	for range n {
		for _, name := range names {
			if err := w.db.Record(w.Context(), audit.Event{At: w.Now(), Event: name, Actor: "system"}); err != nil {
				w.Fatal(err)
			}
		}
	}
}

func (w *world) want(what, taken string) {
	w.Helper()
	if got := w.to.take(); got != taken {
		w.Errorf("%s: %q, want %q", what, got, taken)
	}
}

func TestTheFirstGoesAtOnceAndTheRestTogether(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.happens(1, audit.Logout, audit.RefreshReuse, audit.KeyReported, audit.LoginOK)
	d.Step(t.Context())
	w.want("at once", "refresh.reuse×1 key.reported×1")
	d.Step(t.Context())
	w.want("again", "")
	w.happens(7, audit.RefreshReuse)
	for range 59 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("within the minute", "")
	w.pass(time.Second)
	d.Step(t.Context())
	w.want("after the minute", "refresh.reuse×7")
	if c := d.Counts(); c != (alert.Counts{Delivered: 3}) {
		t.Errorf("%+v", c)
	}
}

// Ten thousand events are two messages, and the second one knows how many they were.
func TestABurst(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.happens(1, audit.LoginThrottled)
	d.Step(t.Context())
	w.happens(5000, audit.LoginThrottled, audit.Logout)
	for range 65 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("all", "login.throttled×1 login.throttled×5000")
	if n := len(w.to.asked[1].Body); n > 20<<10 {
		t.Errorf("%d bytes", n)
	}
}

// A receiver that is away for hours gets everything in the end, once, and is asked ever
// more rarely until then.
func TestTheReceiverIsAway(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.to.status.Store(503)
	total := 0
	for range 2 * 60 {
		w.happens(1, audit.RefreshReuse)
		total++
		for range 6 {
			d.Step(t.Context())
			w.pass(10 * time.Second)
		}
	}
	asked := len(w.to.asked)
	if asked < 24 || asked > 2*12+10 {
		t.Errorf("it was asked %d times in two hours", asked)
	}
	content := map[string]string{}
	for _, g := range w.to.asked {
		if before := content[g.ID]; before != "" && before != g.Body {
			t.Fatalf("%s had two contents", g.ID)
		}
		content[g.ID] = g.Body
	}
	w.to.status.Store(0)
	for range 2 * 60 {
		d.Step(t.Context())
		w.pass(10 * time.Second)
	}
	ids, told := map[string]bool{}, 0
	for _, g := range w.to.taken {
		if ids[g.ID] {
			t.Errorf("%s came twice", g.ID)
		}
		if before := content[g.ID]; before != "" && before != g.Body {
			t.Errorf("%s has another content", g.ID)
		}
		ids[g.ID] = true
		told += int(g.Count)
	}
	if c := d.Counts(); told != total || c.Waiting != 0 || c.Dead != 0 || int(c.Failed) != asked {
		t.Errorf("%d of %d were told, %+v", told, total, c)
	}
}

// What cannot be delivered within a day is given up, counted and logged.
func TestADayIsLongEnough(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.to.status.Store(401)
	w.happens(1, audit.KeyReported)
	for range 25 * 12 {
		d.Step(t.Context())
		w.pass(5 * time.Minute)
	}
	if c := d.Counts(); c.Dead != 1 || c.Waiting != 0 || c.Delivered != 0 {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(w.log.String(), "an alert was given up after a day") || strings.Contains(w.log.String(), "whsec_") {
		t.Errorf("%s", w.log.String())
	}
	all, err := w.db.Alerts(t.Context(), 9)
	if err != nil || len(all) != 1 || all[0].State != alert.Dead || !strings.Contains(all[0].Failure, "401") {
		t.Errorf("%+v %v", all, err)
	}
}

// A message that the receiver does not want keeps no other one from it.
func TestOneThatIsNotWanted(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.to.refuse.Store(alert.RefreshReuse)
	w.happens(1, audit.RefreshReuse)
	w.pass(time.Millisecond)
	w.happens(1, audit.KeyReported, audit.ConfigRefused)
	for range 30 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("the others", "key.reported×1 config.refused×1")
}

// The receiver asks for time.
func TestRetryAfter(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.to.mu.Lock()
		w.to.asked = append(w.to.asked, got{})
		w.to.mu.Unlock()
		rw.Header().Set("Retry-After", "600")
		rw.WriteHeader(429)
	}))
	defer slow.Close()
	d.Configure(w.client(slow.URL))
	w.happens(1, audit.KeyReported)
	for range 599 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	if n := len(w.to.asked); n != 1 {
		t.Errorf("asked %d times in ten minutes", n)
	}
	d.Configure(w.client(w.to.URL)) // another receiver did not ask for anything
	w.pass(time.Second)
	d.Step(t.Context())
	w.want("the new one", "key.reported×1")
}

// A process ends between the try and the note of it: the message comes again, with the id
// that it had; what was not tried is sent by the next process.
func TestARestartInTheMiddle(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.happens(1, audit.RefreshReuse)
	w.pass(time.Millisecond)
	w.happens(1, audit.KeyReported)
	ctx, die := context.WithCancel(t.Context())
	dying := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.to.ServeHTTP(httptest.NewRecorder(), r) // it has it
		die()
		<-r.Context().Done() // and the answer never arrives
	}))
	defer dying.Close()
	d.Configure(w.client(dying.URL))
	d.Step(ctx)
	w.want("before the end", "refresh.reuse×1")
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	w.db = w.open()
	d = w.node()
	d.Step(t.Context())
	w.want("at once", "key.reported×1")
	w.pass(time.Minute)
	d.Step(t.Context())
	w.want("after its lease", "refresh.reuse×1")
	if w.to.asked[0].ID != w.to.asked[2].ID || w.to.asked[0].Body != w.to.asked[2].Body {
		t.Error("the second one is another message")
	}
}

// Several nodes look at the same trail at once: one sends.
func TestSeveralNodes(t *testing.T) {
	w := newWorld(t)
	nodes := []*alert.Dispatcher{w.node(), w.node(), w.node()}
	for _, n := range nodes[1:] {
		n.Store = w.open()
	}
	total, ids := 0, map[string]bool{}
	for range 20 {
		w.happens(3, audit.RefreshReuse, audit.KeyReported)
		var wg sync.WaitGroup
		for _, n := range nodes {
			wg.Go(func() { n.Step(t.Context()) })
		}
		wg.Wait()
		w.pass(time.Minute)
	}
	for range 3 {
		nodes[0].Step(t.Context())
		w.pass(time.Minute)
	}
	for _, g := range w.to.taken {
		if ids[g.ID] {
			t.Errorf("%s came twice", g.ID)
		}
		ids[g.ID] = true
		total += int(g.Count)
	}
	if total != 120 {
		t.Errorf("%d events were told, want 120", total)
	}
}

// away is a store that cannot answer.
type away struct {
	alert.Store
	gone atomic.Bool
}

func (a *away) AlertDesk(ctx context.Context) (int64, int64, error) {
	if a.gone.Load() {
		return 0, 0, errors.New("the store cannot answer")
	}
	return a.Store.AlertDesk(ctx)
}

// The store is away: who is told of that is told from memory, and of what happened
// meanwhile when it is back.
func TestTheStoreIsAway(t *testing.T) {
	w := newWorld(t)
	var stale atomic.Bool
	d := w.node(alert.Condition{Type: alert.FeedStale, On: stale.Load, Detail: "x"})
	s := &away{Store: w.db}
	d.Store = s
	d.Step(t.Context())
	s.gone.Store(true)
	stale.Store(true)
	w.happens(1, audit.KeyReported)
	for range 4 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("for four seconds", "")
	for range 120 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("once", "feed.stale×1")
	if !strings.Contains(w.to.asked[0].Body, `"node":"node-1"`) {
		t.Errorf("%s", w.to.asked[0].Body)
	}
	stale.Store(false)
	s.gone.Store(false)
	d.Step(t.Context())
	w.want("when it is back", "key.reported×1")
	stale.Store(true)
	for range 10 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("again", "feed.stale×1")
	if n := strings.Count(w.log.String(), "alerts wait"); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// Memory is bounded, whatever is raised and whatever the receiver says, and Raise does not
// wait for a receiver that does not answer.
func TestRaiseNeverWaits(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	hold := make(chan struct{})
	asked := make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hold
	}))
	defer slow.Close()
	defer close(hold)
	d.Configure(w.client(slow.URL))
	d.Raise(alert.AuditFailed, "first")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Step(ctx) }()
	<-asked // a try is under way and stays so
	for range 10000 {
		d.Raise(alert.AuditFailed, "step=write")
	}
	if c := d.Counts(); c.Waiting != 2 {
		t.Errorf("%+v: want the one under way and the one that grows", c)
	}
	stop()
	<-done
	d.Configure(w.client(w.to.URL))
	for range 80 {
		d.Step(t.Context())
		w.pass(time.Second)
	}
	w.want("all", "audit.failed×1 audit.failed×10000")
}

func TestMemoryIsBounded(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	w.to.status.Store(500)
	for range 400 {
		d.Raise(alert.AuditFailed, "x")
		d.Step(t.Context())
		w.pass(10 * time.Minute)
	}
	if c := d.Counts(); c.Waiting > 66 || c.Dead == 0 {
		t.Errorf("%+v", c)
	}
}

// Off is off; what happened in the last day is told when alerts are switched on.
func TestSwitchedOnLate(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	d.Configure(nil)
	w.happens(1, audit.KeyReported)
	w.pass(24*time.Hour + time.Second)
	w.happens(1, audit.RefreshReuse)
	d.Raise(alert.AuditFailed, "x")
	d.Step(t.Context())
	w.want("off", "")
	d.Configure(w.client(w.to.URL))
	d.Step(t.Context())
	w.want("on", "refresh.reuse×1")
	if c := d.Counts(); c.TooOld != 1 {
		t.Errorf("%+v", c)
	}
}

func TestRunEnds(t *testing.T) {
	w := newWorld(t)
	d := w.node()
	d.Every = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	w.happens(1, audit.KeyReported)
	for deadline := time.Now().Add(10 * time.Second); d.Counts().Delivered == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was sent")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
