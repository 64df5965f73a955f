package postgres_test

import (
	"context"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/internal/storage/pgtest"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/store"
	"github.com/sanmon-gate/sanmon/store/postgres"
)

var server struct {
	url     string
	missing error
}

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func(url string, missing error) { server.url, server.missing = url, missing }))
}

// Two programs on one database: what one ends, the other hears of.
func TestTwoPrograms(t *testing.T) {
	a, b := open(t), open(t)
	heard := make(chan change.Change, 16)
	feed, err := store.Follow(t.Context(), b, func(c change.Change) { heard <- c }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- feed.Run(ctx) }()
	ring := secret.NewRing(secret.PurposeRefresh, secret.Key{Version: 1, Value: secret.New(make([]byte, 32))})
	grants, err := refresh.New(a, refresh.Options{Ring: ring, Offset: a.Offset})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	is, err := grants.Begin(t.Context(), refresh.Grant{User: "usr_1", Client: "mobile", Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if err := grants.Revoke(t.Context(), string(is.Token.Expose()), refresh.Presented{Client: "mobile", Now: now}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // its beginning and its end
		select {
		case c := <-heard:
			if c.Kind != change.Session || c.ID != is.Family.SID {
				t.Errorf("%+v", c)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was heard")
		}
	}
	if feed.Stale() {
		t.Error("stale")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	events, err := b.Events(t.Context(), 0, 9)
	if err != nil || len(events) != 2 || events[0].Event != audit.TokenIssued || events[1].Event != audit.TokenRevoked {
		t.Errorf("%+v, %v", events, err)
	}
}

func open(t *testing.T) store.Store {
	t.Helper()
	if server.missing != nil {
		t.Skip(server.missing)
	}
	u, err := url.Parse(server.url)
	if err != nil {
		t.Fatal("the URL of the test server cannot be read")
	}
	word, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	s, err := postgres.Open(t.Context(), u.String(), secret.NewString(word), postgres.Options{Schema: "public_store"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Close()
		conn, err := pgx.Connect(context.Background(), server.url)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(context.Background()) }()
		if _, err := conn.Exec(context.Background(), "DROP SCHEMA IF EXISTS public_store CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return s
}
