package principal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
)

var bg = context.Background()

// fake is a Loader whose reads may be held up after the row was read.
type fake struct {
	mu    sync.Mutex
	rows  map[string]Record
	err   error
	reads atomic.Int64
	hold  chan chan struct{} // a read sends a channel and waits until it is closed
}

func newFake(rs ...Record) *fake {
	f := &fake{rows: map[string]Record{}}
	for _, r := range rs {
		f.rows[r.ID] = r
	}
	return f
}

func (f *fake) PrincipalByID(ctx context.Context, id string) (got Record, gotErr error) {
	f.reads.Add(1)
	f.mu.Lock()
	r, ok := f.rows[id]
	err, hold := f.err, f.hold
	defer func() { // as a database driver would
		if ctx.Err() != nil {
			got, gotErr = Record{}, ctx.Err()
		}
	}()
	f.mu.Unlock()
	if hold != nil {
		release := make(chan struct{})
		hold <- release
		<-release
	}
	switch {
	case err != nil:
		return Record{}, err
	case !ok:
		return Record{}, ErrNotFound
	}
	return r, nil
}

func (f *fake) set(r Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rows[r.ID] = r
}

func (f *fake) holding(c chan chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hold = c
}

func user(roles ...string) Record {
	return Record{ID: "usr_1", Kind: User, Name: "alice@example.com", Roles: roles, Version: 1}
}

func changed(id string) change.Change { return change.Change{Kind: change.Principal, ID: id} }

func TestGet(t *testing.T) {
	f := newFake(user("reader"), Record{ID: "svc_1", Kind: Service, Name: "billing", Disabled: true})
	d := NewDirectory(f, Options{})
	for range 3 {
		p, err := d.Get(bg, "usr_1")
		if err != nil || p.Email != "alice@example.com" || p.Name != "alice@example.com" || p.Disabled || !p.Rights.Whole || p.Rights.Roles[0] != "reader" {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	if n := f.reads.Load(); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
	if p, err := d.Get(bg, "svc_1"); err != nil || p.Email != "" || !p.Disabled {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := d.Get(bg, "usr_2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func TestGetFailsClosed(t *testing.T) {
	f := newFake(user())
	f.err = errors.New("down")
	d := NewDirectory(f, Options{})
	p, err := d.Get(bg, "usr_1")
	if p != nil || refusal.From(err).Code != refusal.Busy {
		t.Errorf("got %v, %v; want busy", p, err)
	}
	f.err = nil
	if _, err := d.Get(bg, "usr_1"); err != nil {
		t.Errorf("the failure was kept: %v", err)
	}
}

func TestApplyMakesTheNextGetTrue(t *testing.T) {
	f := newFake(user("reader"))
	d := NewDirectory(f, Options{})
	before, _ := d.Get(bg, "usr_1")
	r := user("reader")
	r.Disabled, r.Version = true, 2
	f.set(r)
	d.Apply(change.Change{Kind: change.Key, ID: "usr_1"})
	if p, _ := d.Get(bg, "usr_1"); p != before {
		t.Error("a change of another kind was applied")
	}
	d.Apply(changed("usr_1"))
	p, _ := d.Get(bg, "usr_1")
	if !p.Disabled {
		t.Error("not disabled")
	}
	if p.Rights != before.Rights {
		t.Error("the same roles are another pointer")
	}
	f.set(Record{ID: "usr_1", Kind: User, Roles: []string{"writer"}, Version: 3})
	d.Apply(changed("usr_1"))
	if q, _ := d.Get(bg, "usr_1"); q.Rights == before.Rights || q.Rights.Roles[0] != "writer" {
		t.Error("other roles are the same pointer")
	}
}

// The read saw the row from before the change; it ends after the change was applied.
func TestALoadDoesNotUndoAnApply(t *testing.T) {
	f := newFake(user("admin"))
	d := NewDirectory(f, Options{})
	hold := make(chan chan struct{})
	f.holding(hold)
	done := make(chan struct{})
	go func() { defer close(done); _, _ = d.Get(bg, "usr_1") }()
	release := <-hold
	f.holding(nil)
	f.set(Record{ID: "usr_1", Kind: User, Roles: []string{"reader"}, Version: 2})
	d.Apply(changed("usr_1"))

	// Who comes after the change does not join the old read.
	p, err := d.Get(bg, "usr_1")
	if err != nil || p.Rights.Roles[0] != "reader" {
		t.Errorf("joined the old read: %+v, %v", p, err)
	}
	close(release)
	<-done
	if p, _ := d.Get(bg, "usr_1"); p.Rights.Roles[0] != "reader" {
		t.Error("the old read was kept")
	}
}

func TestALoadIsNotKeptAfterAnApply(t *testing.T) {
	f := newFake(user("admin"))
	d := NewDirectory(f, Options{})
	hold := make(chan chan struct{})
	f.holding(hold)
	done := make(chan struct{})
	go func() { defer close(done); _, _ = d.Get(bg, "usr_1") }()
	release := <-hold
	f.holding(nil)
	f.set(Record{ID: "usr_1", Kind: User, Roles: []string{"reader"}, Version: 2})
	d.Apply(changed("usr_1"))
	close(release)
	<-done
	if p, _ := d.Get(bg, "usr_1"); p.Rights.Roles[0] != "reader" {
		t.Error("the old read was kept")
	}
}

func TestSingleFlight(t *testing.T) {
	f := newFake(user())
	d := NewDirectory(f, Options{})
	hold := make(chan chan struct{})
	f.holding(hold)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := d.Get(bg, "usr_1"); err != nil {
				t.Error(err)
			}
		})
	}
	release := <-hold
	time.Sleep(10 * time.Millisecond)
	close(release)
	wg.Wait()
	if n := f.reads.Load(); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
}

// The request that started the read goes away; the others still get their answer.
func TestACancelledRequestDoesNotFailOthers(t *testing.T) {
	f := newFake(user())
	d := NewDirectory(f, Options{})
	hold := make(chan chan struct{})
	f.holding(hold)
	ctx, cancel := context.WithCancel(bg)
	first := make(chan error, 1)
	go func() { _, err := d.Get(ctx, "usr_1"); first <- err }()
	release := <-hold
	second := make(chan error, 1)
	go func() { _, err := d.Get(bg, "usr_1"); second <- err }()
	cancel()
	if err := <-first; refusal.From(err).Code != refusal.Busy {
		t.Errorf("first: got %v, want busy", err)
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("second: %v", err)
	}
}

func TestStaleReadsTheStore(t *testing.T) {
	var stale atomic.Bool
	f := newFake(user("reader"))
	d := NewDirectory(f, Options{Stale: stale.Load})
	before, _ := d.Get(bg, "usr_1")
	stale.Store(true)
	p, _ := d.Get(bg, "usr_1")
	if p.Rights != before.Rights {
		t.Error("the same roles are another pointer")
	}
	f.set(Record{ID: "usr_1", Kind: User, Disabled: true, Version: 2})
	if p, _ := d.Get(bg, "usr_1"); !p.Disabled {
		t.Error("memory was believed")
	}
	f.mu.Lock()
	f.err = errors.New("down")
	f.mu.Unlock()
	if _, err := d.Get(bg, "usr_1"); refusal.From(err).Code != refusal.Busy {
		t.Errorf("got %v, want busy", err)
	}
}

func TestFlush(t *testing.T) {
	f := newFake(user("reader"))
	d := NewDirectory(f, Options{})
	_, _ = d.Get(bg, "usr_1")
	f.set(Record{ID: "usr_1", Kind: User, Disabled: true, Version: 2})
	d.Flush()
	if p, _ := d.Get(bg, "usr_1"); !p.Disabled {
		t.Error("memory was believed")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	f := newFake()
	d := NewDirectory(f, Options{Max: 640})
	for i := range 5000 {
		id := fmt.Sprint("usr_", i)
		f.set(Record{ID: id, Kind: User})
		if _, err := d.Get(bg, id); err != nil {
			t.Fatal(err)
		}
		_, _ = d.Get(bg, "nobody"+id)
	}
	if n := d.Len(); n > 640 {
		t.Errorf("%d in memory, want at most 640", n)
	}
}

// Many readers and writers: at no time may a reader see roles older than those of
// the last applied change.
func TestNoStaleReadUnderRace(t *testing.T) {
	f := newFake(Record{ID: "usr_1", Kind: User, Version: 0})
	d := NewDirectory(f, Options{})
	var applied atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				least := applied.Load()
				p, err := d.Get(bg, "usr_1")
				if err != nil || p.Version < least {
					t.Errorf("version %d after %d was applied (%v)", p.Version, least, err)
					return
				}
			}
		})
	}
	for v := int64(1); v <= 2000; v++ {
		f.set(Record{ID: "usr_1", Kind: User, Version: v})
		d.Apply(changed("usr_1"))
		applied.Store(v)
	}
	close(stop)
	wg.Wait()
}

func BenchmarkGetWarm(b *testing.B) {
	d := NewDirectory(newFake(user("reader")), Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Get(bg, "usr_1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetWarmParallel(b *testing.B) {
	d := NewDirectory(newFake(user("reader")), Options{})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = d.Get(bg, "usr_1")
		}
	})
}

func ExampleDirectory() {
	store := newFake(Record{ID: "usr_1", Kind: User, Name: "alice@example.com", Roles: []string{"reader"}})
	d := NewDirectory(store, Options{})
	p, err := d.Get(context.Background(), "usr_1")
	fmt.Println(p.Email, p.Rights.Roles, err)

	store.set(Record{ID: "usr_1", Kind: User, Name: "alice@example.com", Disabled: true})
	d.Apply(change.Change{Kind: change.Principal, ID: "usr_1"}) // as the feed does
	p, err = d.Get(context.Background(), "usr_1")
	fmt.Println(p.Disabled, err)
	// Output:
	// alice@example.com [reader] <nil>
	// true <nil>
}
