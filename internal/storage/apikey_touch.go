package storage

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

const touchKey = `UPDATE api_key SET last_used_at = $2, last_used_network = $3 WHERE id = $1 AND last_used_at < $2`

// touchBatch is how many keys are marked by one statement when there are many.
const touchBatch = 64

// touchMany is touchKey for touchBatch different keys. The casts give the columns
// their types, which PostgreSQL cannot see otherwise.
func touchMany() string {
	var b strings.Builder
	b.WriteString(`UPDATE api_key SET last_used_at = CAST(u.column2 AS BIGINT), last_used_network = u.column3 FROM (VALUES `)
	for i := range touchBatch {
		if i > 0 {
			b.WriteString(", ")
		}
		placeholders(&b, i*3+1, 3)
	}
	b.WriteString(`) AS u WHERE api_key.id = u.column1 AND api_key.last_used_at < CAST(u.column2 AS BIGINT)`)
	return strings.Replace(b.String(), "($1, $2, $3)", "(CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT))", 1)
}

// TouchKeys implements apikey.Store. Unknown ids are left out.
func (db *DB) TouchKeys(ctx context.Context, uses []apikey.Use) error {
	latest := newest(uses)
	if len(latest) == 0 {
		return nil
	}
	return db.touch(ctx, "touch keys", func(t *transaction) error {
		rest, many := latest, ""
		for ; len(rest) >= touchBatch; rest = rest[touchBatch:] {
			if many == "" {
				many = touchMany()
			}
			if _, err := t.exec(many, touchArgs(rest[:touchBatch])...); err != nil {
				return err
			}
		}
		for i := range rest {
			if _, err := t.exec(touchKey, touchArgs(rest[i:i+1])...); err != nil {
				return err
			}
		}
		return nil
	})
}

// newest keeps the last use of each key, in one order for all nodes: so none waits
// for another in a circle.
func newest(uses []apikey.Use) []apikey.Use {
	all := slices.DeleteFunc(slices.Clone(uses), func(u apikey.Use) bool { return !holdable(u.ID) })
	slices.SortStableFunc(all, func(a, b apikey.Use) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), b.At.Compare(a.At))
	})
	return slices.CompactFunc(all, func(a, b apikey.Use) bool { return a.ID == b.ID })
}

func touchArgs(uses []apikey.Use) []any {
	args := make([]any, 0, 3*len(uses))
	for _, u := range uses {
		args = append(args, u.ID, micros(u.At), text(u.Network))
	}
	return args
}
