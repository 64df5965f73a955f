package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

func newKey(id string) apikey.Record {
	return apikey.Record{ID: id, Owner: "usr_1", Env: "live", Pepper: 1, MAC: [32]byte{1}, CreatedAt: time.Now()}
}

// slowly makes the server linger in the transaction that wrote the feed line of
// "slow", after its number was given.
const slowly = `CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN IF NEW.id = 'slow' THEN PERFORM pg_sleep(0.6); END IF; RETURN NEW; END $$;
	CREATE TRIGGER linger AFTER INSERT ON feed FOR EACH ROW EXECUTE FUNCTION linger()`

// Two changes of two nodes overlap; the one with the lower number commits later
// than it could. A reader must not see the higher number before.
func TestOverlappingChangesKeepTheirOrder(t *testing.T) {
	schema := newSchema(t)
	db, other := openSchema(t, schema), openSchema(t, schema)
	conn := connect(t, schema)
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), slowly); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	create := func(id string) {
		if err := db.CreateKey(t.Context(), newKey(id), time.Time{}, audit.Event{Event: audit.KeyCreated}); err != nil {
			t.Error(err)
		}
	}
	wg.Go(func() { create("slow") })
	time.Sleep(200 * time.Millisecond) // slow has its number now
	wg.Go(func() { create("fast") })
	var seen []string
	for after, deadline := int64(0), time.Now().Add(5*time.Second); len(seen) < 2 && time.Now().Before(deadline); {
		lines, err := other.Changes(t.Context(), after, 9)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			seen, after = append(seen, line.ID), line.Seq
		}
		time.Sleep(5 * time.Millisecond)
	}
	wg.Wait()
	if len(seen) != 2 || seen[0] != "slow" || seen[1] != "fast" {
		t.Errorf("a follower saw %q, want slow before fast", seen)
	}
}

// A node that dies in the middle of a change holds the others up for a bounded time.
func TestDeadNodeLetsGo(t *testing.T) {
	schema := newSchema(t)
	db := openSchema(t, schema)
	dead := connect(t, schema)
	defer func() { _ = dead.Close(context.Background()) }()
	for _, q := range []string{"SET idle_in_transaction_session_timeout = '500ms'", "BEGIN", "SELECT id FROM head FOR UPDATE"} {
		if _, err := dead.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := db.Record(t.Context(), audit.Event{Event: audit.Logout}); err != nil || time.Since(began) > 3*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestManyOpenAtOnce(t *testing.T) {
	schema := newSchema(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if err := openSchema(t, schema).Record(t.Context(), audit.Event{Event: audit.Logout}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if events, err := openSchema(t, schema).Events(t.Context(), 0, 99); err != nil || len(events) != 6 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// A commit of another node is heard at once.
func TestOtherNodeIsHeard(t *testing.T) {
	schema := newSchema(t)
	db, other := openSchema(t, schema), openSchema(t, schema)
	long, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if err := db.WaitChange(long); err != nil { // the listener connects
		t.Fatal(err)
	}
	for i := range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if err := db.WaitChange(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("nothing changed: %v", err)
		}
		cancel()
		began := time.Now()
		if err := other.CreateKey(t.Context(), newKey(string(rune('a'+i))), time.Time{}, audit.Event{Event: audit.KeyCreated}); err != nil {
			t.Fatal(err)
		}
		if err := db.WaitChange(long); err != nil || time.Since(began) > 200*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	}
}
