package postgres_test

import (
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/internal/storage/postgres"
	"github.com/sanmon-gate/sanmon/secret"
)

// No address is opened that is wrong or careless, and no error quotes a password.
func TestAddressesRefused(t *testing.T) {
	const pw = "s3cr3t-p4ssw0rd"
	for _, c := range []struct{ url, want string }{
		{"", "no URL of PostgreSQL"},
		{"sqlite:./x.db", "no URL of PostgreSQL"},
		{"host=db user=u password=" + pw, "no URL of PostgreSQL"},
		{"postgres://u:" + pw + "@127.0.0.1:bad/x", "no URL of PostgreSQL"},
		{"postgres://u:" + pw + "\x7f@127.0.0.1/x", "no URL of PostgreSQL"},
		{"postgres://u:" + pw + "@127.0.0.1/x", "give it as a reference"},
		{"postgres://u@127.0.0.1/x?password=" + pw, "give it as a reference"},
		{"postgres://u@127.0.0.1/x?sslmode=maybe&user=" + pw, "setting that cannot be used"},
		{"postgres://u@db.example.com/x", "may be unencrypted (add sslmode=verify-full"},
		{"postgres://u@db.example.com/x?sslmode=prefer", "may be unencrypted"},
		{"postgres://u@db.example.com/x?sslmode=allow", "may be unencrypted"},
		{"postgres://u@127.0.0.1,db.example.com/x", "may be unencrypted"},
		{"postgres:///x?host=10.0.0.1", "may be unencrypted"},
	} {
		db, err := postgres.Open(t.Context(), c.url, secret.NewString(pw), postgres.Options{})
		if err == nil {
			_ = db.Close()
			t.Errorf("%q: opened", c.url)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), pw) {
			t.Errorf("%q: %v", c.url, err)
		}
	}
	for _, schema := range []string{"A", "a-b", "a;b", `a"b`, "1a", strings.Repeat("a", 64), "ü"} {
		if _, err := postgres.Open(t.Context(), "postgres://u@127.0.0.1/x", secret.Value{}, postgres.Options{Schema: schema}); err == nil ||
			!strings.Contains(err.Error(), "no plain name") {
			t.Errorf("schema %q: %v", schema, err)
		}
	}
}

func TestServerRefused(t *testing.T) {
	schema := newSchema(t)
	_ = openSchema(t, schema)
	conn := connect(t, schema)
	defer func() { _ = conn.Close(t.Context()) }()
	for _, c := range []struct{ query, want string }{
		{"UPDATE migration SET hash = 'x'", "is not the 0001_init.sql of this program"},
		{"UPDATE migration SET version = 1000 WHERE version = 1", "is not the 0001_init.sql of this program"},
		{"UPDATE migration SET version = 1, hash = (SELECT 'x') WHERE version = 1000", "is not the 0001_init.sql"},
	} {
		if _, err := conn.Exec(t.Context(), c.query); err != nil {
			t.Fatal(err)
		}
		url, password := address(t)
		if _, err := postgres.Open(t.Context(), url, password, postgres.Options{Schema: schema}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.query, err)
		}
	}
}

// A server that may forget what it acknowledged is refused.
func TestForgetfulServerRefused(t *testing.T) {
	url, password := address(t)
	url += "?options=-csynchronous_commit%3Doff"
	db, err := postgres.Open(t.Context(), url, password, postgres.Options{Schema: newSchema(t)})
	if err == nil {
		_ = db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "synchronous_commit is off") {
		t.Errorf("%v", err)
	}
}
