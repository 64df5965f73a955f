package refresh_test

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/refresh"
)

// BenchmarkRotate compares a rotation with the least that could be asked of the same
// database: one row updated in one transaction. The metric "ratio" is what docs state.
func BenchmarkRotate(b *testing.B) {
	for name, on := range map[string]func(testing.TB) site{"sqlite": onSQLite, "postgres": onPostgres} {
		b.Run(name, func(b *testing.B) {
			s := on(b)
			if _, err := s.raw.Exec(`CREATE TABLE bare (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)`); err != nil {
				b.Fatal(err)
			}
			if _, err := s.raw.Exec(`INSERT INTO bare VALUES (1, 0)`); err != nil {
				b.Fatal(err)
			}
			var bare time.Duration
			b.Run("bare", func(b *testing.B) { bare = benchBare(b, s.raw) })
			b.Run("rotate", func(b *testing.B) {
				took := benchRotate(b, s)
				b.ReportMetric(float64(took)/float64(bare), "ratio")
			})
		})
	}
}

func benchBare(b *testing.B, raw *sql.DB) time.Duration {
	raw.SetMaxOpenConns(1)
	st, err := raw.Prepare(`UPDATE bare SET n = n + 1 WHERE id = $1`)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		tx, err := raw.Begin()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Stmt(st).Exec(1); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return b.Elapsed() / time.Duration(b.N)
}

func benchRotate(b *testing.B, s site) time.Duration {
	svc, err := refresh.New(s, refresh.Options{Ring: testRing()})
	if err != nil {
		b.Fatal(err)
	}
	is, err := svc.Begin(b.Context(), refresh.Grant{User: "usr_alice", Client: mobile, Scope: []string{"notes:read"}, From: home, Now: t0})
	if err != nil {
		b.Fatal(err)
	}
	token := is.Token
	b.ReportAllocs()
	for b.Loop() {
		out, err := svc.Rotate(b.Context(), string(token.Expose()), at(0))
		if err != nil {
			b.Fatal(err)
		}
		token = out.Token
	}
	return b.Elapsed() / time.Duration(b.N)
}

// BenchmarkConfirm is what a token route pays at the first sight of a token, and at every
// further one if it asked each time.
func BenchmarkConfirm(b *testing.B) {
	svc, err := refresh.New(nil, refresh.Options{Ring: testRing()})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		svc.Confirm("ses_0123456789abcdefghij", 7)
	}
}

// BenchmarkForged is what a guess costs: no statement, and how much CPU.
func BenchmarkForged(b *testing.B) {
	svc, err := refresh.New(nil, refresh.Options{Ring: testRing()})
	if err != nil {
		b.Fatal(err)
	}
	guess := forge("smr_001z" + strings.Repeat("0", refresh.Size-14)) // of key version 1
	p := at(0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := svc.Rotate(b.Context(), guess, p); err == nil {
			b.Fatal("a guess is right")
		}
	}
}
