package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// together runs n calls at once and returns how many said true.
func together(t *testing.T, n int, call func(i int) (bool, error)) int {
	t.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			first, err := call(i)
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			if first {
				won.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

func raceRotate(t *testing.T, open Open) {
	db, _ := open(t)
	ok(t, db.CreateSession(t.Context(), ses("a", "usr_1", 0), 0, event(audit.LoginOK)))
	for round := range 10 {
		from := must(db.SessionBySID(t.Context(), "a"))(t).SecretHash
		won := together(t, 8, func(i int) (bool, error) {
			err := db.RotateSession(t.Context(), "a", from, hash(fmt.Sprint(round, i)), rotator, t0, t0, nil)
			if errors.Is(err, session.ErrConflict) {
				return false, nil
			}
			return err == nil, err
		})
		if won != 1 {
			t.Fatalf("%d of 8 rotations won", won)
		}
	}
	if n := must(db.LastChange(t.Context()))(t); n != 11 {
		t.Errorf("%d changes, want 11", n)
	}
}

func raceEvict(t *testing.T, open Open) {
	db, _ := open(t)
	together(t, 12, func(i int) (bool, error) {
		return true, db.CreateSession(t.Context(), ses(fmt.Sprint("s", i), "usr_1", 0), 3, event(audit.LoginOK))
	})
	if live := must(db.Sessions(t.Context(), "usr_1", t0, 99))(t); len(live) != 3 {
		t.Errorf("%d live sessions, want 3", len(live))
	}
}

func raceName(t *testing.T, open Open) {
	db, _ := open(t)
	won := together(t, 8, func(i int) (bool, error) {
		err := db.CreatePrincipal(t.Context(), usr(fmt.Sprint("usr_", i), "alice"), event(audit.UserAdded))
		if errors.Is(err, principal.ErrExists) {
			return false, nil
		}
		return err == nil, err
	})
	if won != 1 {
		t.Errorf("%d of 8 got the name", won)
	}
	if changes, events := trail(t, db); len(changes) != len("principal:usr_0") || events != "user.added" {
		t.Errorf("%q %q", changes, events)
	}
}

func raceSpend(t *testing.T, open Open) {
	db, _ := open(t)
	for round := range 10 {
		won := together(t, 8, func(int) (bool, error) {
			return db.Spend(t.Context(), [16]byte{byte(round)}, t0, t0.Add(time.Minute))
		})
		if won != 1 {
			t.Fatalf("%d of 8 were first", won)
		}
	}
}

func raceRevoke(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	if won := together(t, 8, func(int) (bool, error) { return db.RevokeKey(t.Context(), "k", t0, event(audit.KeyRevoked)) }); won != 1 {
		t.Errorf("%d of 8 revoked the key", won)
	}
	if won := together(t, 8, func(int) (bool, error) { return db.RevokeSession(t.Context(), "a", "x", t0, event(audit.Logout)) }); won != 1 {
		t.Errorf("%d of 8 revoked the session", won)
	}
}

// raceMixed: everything at once, and a follower that must not miss a line.
func raceMixed(t *testing.T, open Open) {
	db, _ := open(t)
	seed(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan int64)
	go func() {
		var seen int64
		for done := false; ; {
			lines, err := db.Changes(t.Context(), seen, 7)
			if err != nil {
				t.Error(err)
			}
			for _, line := range lines {
				if line.Seq != seen+1 {
					t.Errorf("line %d after %d", line.Seq, seen)
				}
				seen = line.Seq
			}
			if done && len(lines) == 0 {
				followed <- seen
				return
			}
			done = ctx.Err() != nil
		}
	}()
	together(t, 6, func(w int) (bool, error) {
		for i := range 25 {
			id := fmt.Sprint(w, "-", i)
			err := errors.Join(
				db.CreateSession(t.Context(), ses(id, "usr_1", time.Duration(i)), 4, event(audit.LoginOK)),
				db.TouchKeys(t.Context(), []apikey.Use{{ID: "k", At: t0.Add(time.Duration(i) * time.Second)}}),
				db.CreateKey(t.Context(), key(id), time.Time{}, event(audit.KeyCreated)),
				db.SetRoles(t.Context(), "usr_1", []string{id}, event(audit.UserRoles)),
				db.Record(t.Context(), event(audit.AccessRefused)))
			if w == 0 && i%10 == 0 {
				err = errors.Join(err, db.SetDisabled(t.Context(), "usr_1", true, t0, event(audit.UserDisabled)), db.Maintain(t.Context()))
			}
			if err != nil {
				return false, err
			}
		}
		return true, nil
	})
	cancel()
	if seen, last := <-followed, must(db.LastChange(t.Context()))(t); seen != last {
		t.Errorf("followed to %d of %d", seen, last)
	}
	trail(t, db)
}
