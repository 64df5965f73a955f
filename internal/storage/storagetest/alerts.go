package storagetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/storage"
)

func alertSuite() map[string]func(*testing.T, Open) {
	return map[string]func(*testing.T, Open){
		"alerts/desk":  alertDesk,
		"alerts/grow":  alertsGrow,
		"alerts/try":   alertTry,
		"alerts/late":  alertLate,
		"alerts/prune": alertPrune,
		"race/alerts":  raceAlerts,
	}
}

// reused is a group of n thefts, found from the event from on.
func reused(n int, from int64) alert.Group {
	g := alert.Group{}
	for i := range n {
		seq := from + int64(i)
		when := t0.Add(time.Duration(seq) * time.Second)
		g.Join(alert.Group{Type: alert.RefreshReuse, Count: 1, First: when, Last: when, From: seq, To: seq,
			Events: []audit.Event{{Seq: seq, At: when, Event: audit.RefreshReuse, Detail: `a "quoted" é`}}})
	}
	return g
}

// alertDesk: the desk begins where the trail is and moves for one node only.
func alertDesk(t *testing.T, open Open) {
	db, _ := open(t)
	for range 3 {
		ok(t, db.Record(t.Context(), event(audit.Logout)))
	}
	if sorted, last, err := db.AlertDesk(t.Context()); err != nil || sorted != 0 || last != 3 {
		t.Fatalf("%d of %d, %v", sorted, last, err)
	}
	ok(t, db.AddAlerts(t.Context(), 0, 3, []alert.Group{reused(1, 2)}, time.Minute))
	if err := db.AddAlerts(t.Context(), 0, 3, []alert.Group{reused(1, 2)}, time.Minute); !errors.Is(err, alert.ErrSorted) {
		t.Errorf("sorted twice: %v", err)
	}
	if sorted, last, err := db.AlertDesk(t.Context()); err != nil || sorted != 3 || last != 3 {
		t.Errorf("%d of %d, %v", sorted, last, err)
	}
	if n := must(db.AlertsWaiting(t.Context()))(t); n != 1 {
		t.Errorf("%d alerts wait, want 1", n)
	}
	wantTrail(t, db, "", "logout logout logout") // alerts are in no trail and in no feed
}

// alertsGrow: until it is tried, an alert takes what follows; then another one begins, and
// not at once.
func alertsGrow(t *testing.T, open Open) {
	db, _ := open(t)
	add := func(from, to int64, g ...alert.Group) {
		t.Helper()
		ok(t, db.AddAlerts(t.Context(), from, to, g, time.Hour))
	}
	add(0, 8, reused(8, 1))
	other := reused(1, 9)
	other.Type = alert.KeyReported
	add(8, 20, reused(12, 9), other)
	one := take(t, db)
	want := reused(20, 1)
	if one.Attempts != 1 || one.Count != 20 || len(one.Events) != 10 || one.ID == "" {
		t.Errorf("%+v", one)
	}
	equal(t, one.Group, want)
	add(20, 21, reused(1, 21)) // the id above has its content
	if two := take(t, db); two.Type != alert.KeyReported || two.Count != 1 {
		t.Errorf("%+v", two)
	}
	if _, due, err := db.TakeAlert(t.Context(), time.Minute); due || err != nil {
		t.Errorf("the second alert of a type was due at once: %v", err)
	}
	add(21, 22, reused(1, 22))
	all := must(db.Alerts(t.Context(), 9))(t)
	if len(all) != 3 || all[0].Count != 2 || all[0].State != alert.Waiting || all[0].From != 21 || all[0].To != 22 || all[0].Next.Sub(one.Due) != time.Hour {
		t.Errorf("%+v", all)
	}
}

func take(t *testing.T, db *storage.DB) alert.Alert {
	t.Helper()
	a, due, err := db.TakeAlert(t.Context(), time.Minute)
	if err != nil || !due {
		t.Fatalf("nothing is due: %v", err)
	}
	return a
}

// alertTry: who takes an alert has it alone, and what becomes of the try is kept.
func alertTry(t *testing.T, open Open) {
	db, outside := open(t)
	ok(t, db.AddAlerts(t.Context(), 0, 0, []alert.Group{reused(1, 1)}, time.Minute))
	one := take(t, db)
	if _, due, _ := db.TakeAlert(t.Context(), time.Minute); due {
		t.Fatal("two have it")
	}
	ok(t, db.SettleAlert(t.Context(), one, alert.Outcome{Wait: time.Hour, Failure: "the receiver answered 500"}))
	entry := must(db.Alerts(t.Context(), 9))(t)[0]
	if until := time.Until(entry.Next); entry.Failure != "the receiver answered 500" || until < 59*time.Minute || until > time.Hour {
		t.Errorf("%+v", entry)
	}
	ok(t, outside("UPDATE alert SET next_at = 1"))
	two := take(t, db)
	if two.ID != one.ID || two.Attempts != 2 {
		t.Errorf("%+v", two)
	}
	ok(t, db.SettleAlert(t.Context(), two, alert.Outcome{Delivered: true}), outside("UPDATE alert SET next_at = 1"))
	entry = must(db.Alerts(t.Context(), 9))(t)[0]
	if _, due, _ := db.TakeAlert(t.Context(), time.Minute); due || entry.State != alert.Delivered || time.Since(entry.Done).Abs() > time.Minute {
		t.Errorf("%v %+v", due, entry)
	}
	if n := must(db.AlertsWaiting(t.Context()))(t); n != 0 {
		t.Errorf("%d wait", n)
	}
}

// alertLate: a node that comes back when another has the alert changes nothing, unless the
// receiver has the message.
func alertLate(t *testing.T, open Open) {
	db, outside := open(t)
	ok(t, db.AddAlerts(t.Context(), 0, 0, []alert.Group{reused(1, 1)}, time.Minute))
	first := take(t, db)
	ok(t, outside("UPDATE alert SET next_at = 1"))
	second := take(t, db)
	for _, late := range []alert.Outcome{{Dead: true, Failure: "x"}, {Wait: -time.Hour, Failure: "x"}} {
		ok(t, db.SettleAlert(t.Context(), first, late))
	}
	if e := must(db.Alerts(t.Context(), 9))(t)[0]; e.State != alert.Waiting || e.Failure != "" || !e.Next.After(time.Now()) {
		t.Errorf("%+v", e)
	}
	ok(t, db.SettleAlert(t.Context(), first, alert.Outcome{Delivered: true}), db.SettleAlert(t.Context(), second, alert.Outcome{Wait: -time.Hour, Failure: "x"}))
	if e := must(db.Alerts(t.Context(), 9))(t)[0]; e.State != alert.Delivered {
		t.Errorf("%+v", e)
	}
}

func alertPrune(t *testing.T, open Open) {
	db, outside := open(t)
	ok(t, db.AddAlerts(t.Context(), 0, 0, []alert.Group{reused(1, 1)}, time.Minute))
	dead := take(t, db)
	ok(t, db.SettleAlert(t.Context(), dead, alert.Outcome{Dead: true, Failure: "the receiver answered 401"}))
	if e := must(db.Alerts(t.Context(), 9))(t)[0]; e.State != alert.Dead || e.Failure != "the receiver answered 401" {
		t.Errorf("%+v", e)
	}
	ok(t, db.AddAlerts(t.Context(), 0, 0, []alert.Group{reused(1, 1)}, time.Hour), db.Maintain(t.Context()))
	if all := must(db.Alerts(t.Context(), 9))(t); len(all) != 2 {
		t.Errorf("%d alerts, want both", len(all))
	}
	ok(t, outside("UPDATE alert SET due_at = 1, done_at = CASE WHEN state > 0 THEN 1 ELSE 0 END"), db.Maintain(t.Context()))
	if all := must(db.Alerts(t.Context(), 9))(t); len(all) != 1 || all[0].State != alert.Waiting {
		t.Errorf("%+v: want the one that waits, however old", all)
	}
}

// raceAlerts: two nodes sort one trail and send from one table: nothing is counted twice
// or left out, and nobody has what another one has.
func raceAlerts(t *testing.T, open Open) {
	db, _ := open(t)
	const events = 40
	for i := range events {
		ok(t, db.Record(t.Context(), audit.Event{At: time.Now(), Event: audit.RefreshReuse, Detail: fmt.Sprint(i)}))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken, total := map[string]int{}, int64(0)
	for range 4 {
		wg.Go(func() {
			for {
				sorted, last, err := db.AlertDesk(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if sorted == last {
					break
				}
				page, err := db.Events(t.Context(), sorted, 3)
				if err != nil {
					t.Error(err)
					return
				}
				found, _ := alert.Sort(page, time.Time{})
				if err := db.AddAlerts(t.Context(), sorted, page[len(page)-1].Seq, found, time.Nanosecond); err != nil && !errors.Is(err, alert.ErrSorted) {
					t.Error(err)
					return
				}
				a, due, err := db.TakeAlert(t.Context(), time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				if due {
					mu.Lock()
					taken[a.ID]++
					total += a.Count
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for {
		a, due, err := db.TakeAlert(t.Context(), time.Hour)
		ok(t, err)
		if !due {
			break
		}
		taken[a.ID]++
		total += a.Count
	}
	for id, n := range taken {
		if n != 1 {
			t.Errorf("%s was taken %d times", id, n)
		}
	}
	if total != events {
		t.Errorf("%d events were told, want %d", total, events)
	}
}
