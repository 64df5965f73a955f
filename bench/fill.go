package main

import (
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite" // the driver; the store's own packages belong to cmd
)

// fillKeys copies the keys that the command line made until there are n, with other ids
// and random MACs. Owners take turns.
func fillKeys(path string, n int) error {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`PRAGMA synchronous = OFF`); err != nil {
		return err
	}
	var have int
	if err := db.QueryRow(`SELECT count(*) FROM api_key`).Scan(&have); err != nil || have == 0 {
		return fmt.Errorf("no key to copy: %w", err)
	}
	_, err = db.Exec(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?)
		INSERT INTO api_key SELECT printf('%012d', n), k.owner, k.env, k.roles, k.scopes, k.networks, k.rate, k.pepper, randomblob(32),
			k.created_at, k.expires_at, 0, '', 0, '', k.until, k.bound, k.kind, k.note
		FROM c JOIN (SELECT *, row_number() OVER () AS i FROM api_key) k ON k.i = 1 + c.n % ?`, n-have, have)
	if err != nil {
		return fmt.Errorf("copy keys: %w", err)
	}
	return nil
}
