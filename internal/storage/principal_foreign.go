package storage

import (
	"context"

	"github.com/sanmon-gate/sanmon/secret"
)

// foreignPasswords takes one hash of each form and cost, as far as its beginning tells.
const foreignPasswords = `SELECT MAX(password) FROM principal
	WHERE kind = 'user' AND password <> '' AND password NOT LIKE '$argon2id$%'
	GROUP BY substr(password, 1, 24) LIMIT 16`

// ForeignPasswords returns hashes that another program has made, one of each form, at most
// 16: examples of how long verifying them takes.
func (db *DB) ForeignPasswords(ctx context.Context) ([]secret.Value, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	rows, err := db.rows(ctx, foreignPasswords)
	if err != nil {
		return nil, db.failure("read password forms", err)
	}
	hashes, err := collect(rows, func(row scanner) (secret.Value, error) {
		var s string
		err := row.Scan(&s)
		return secret.NewString(s), err
	})
	return hashes, db.failure("read password forms", err)
}
