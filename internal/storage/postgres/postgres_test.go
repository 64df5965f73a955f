package postgres_test

import (
	"context"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/storage/pgtest"
	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/internal/storage/storagetest"
	"github.com/sanmon-gate/sanmon/secret"
)

// server is what TestMain found; the tests only read it.
var server struct {
	url     string
	missing error
}

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func(url string, missing error) { server.url, server.missing = url, missing }))
}

func TestStore(t *testing.T) { storagetest.Run(t, openFresh) }

// address gives the URL without its password, and that.
func address(t testing.TB) (string, secret.Value) {
	t.Helper()
	if server.missing != nil {
		t.Skip(server.missing)
	}
	u, err := url.Parse(server.url)
	if err != nil {
		t.Fatal("the URL of the test server cannot be read")
	}
	password, _ := u.User.Password()
	u.User = url.User(u.User.Username())
	return u.String(), secret.NewString(password)
}

func openFresh(t *testing.T) (*storage.DB, func(string) error) {
	t.Helper()
	schema := newSchema(t)
	return openSchema(t, schema), func(query string) error {
		conn := connect(t, schema)
		defer func() { _ = conn.Close(context.Background()) }()
		_, err := conn.Exec(t.Context(), query)
		return err
	}
}

// newSchema names a schema that is dropped with the test.
func newSchema(t testing.TB) string {
	t.Helper()
	address(t)
	schema := "t_" + lower(secret.Random62(16))
	t.Cleanup(func() {
		conn := connect(t, schema)
		defer func() { _ = conn.Close(context.Background()) }()
		if _, err := conn.Exec(context.Background(), "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return schema
}

func lower(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = 'a' + b[i]%26
	}
	return string(b)
}

func connect(t testing.TB, schema string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(server.url)
	if err != nil {
		t.Fatal("the URL of the test server cannot be read")
	}
	config.RuntimeParams["search_path"] = schema
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func openSchema(t testing.TB, schema string) *storage.DB {
	t.Helper()
	url, password := address(t)
	db, err := postgres.Open(t.Context(), url, password, postgres.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOldRequestsAreFound(t *testing.T) {
	db, outside := openFresh(t)
	storagetest.OldRequests(t, db, outside)
}
