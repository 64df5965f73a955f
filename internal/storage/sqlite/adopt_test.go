package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
)

// A database from before the hash tree gets one when it is opened, once, and says so.
func TestOldTrailIsTakenIntoTheTree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.db")
	openAt(t, path)
	raw, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	const insert = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4500)
		INSERT INTO audit SELECT i, 1700000000000000 + i, 'login.ok', 'usr_1', 'system', '', '', '', '', '', '', NULL FROM n`
	for _, q := range []string{insert, "UPDATE head SET audit = 4500"} {
		if _, err := raw.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := raw.Exec("UPDATE audit SET actor = 'x' WHERE seq = 9"); err == nil {
		t.Error("an event that waits for the tree can be changed")
	}
	for range 2 {
		db := openAt(t, path)
		r, err := (&tree.Verifier{Source: db}).Run(t.Context())
		if err != nil || r.Verdict != tree.Intact || r.Records != 4501 {
			t.Fatalf("%+v, %v", r, err)
		}
		last, err := db.Events(t.Context(), 4500, 9)
		if err != nil || len(last) != 1 || last[0].Event != audit.Adopted || last[0].Detail != "first=1 events=4500" {
			t.Errorf("%+v, %v", last, err)
		}
	}
}
