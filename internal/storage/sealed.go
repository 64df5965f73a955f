package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/secret"
)

var _ secret.ResealStore = (*DB)(nil)

// sealedKind says where values of a kind are. Every column that holds something sealed with
// the master key has one, or rotating the master key would lose it.
type sealedKind struct {
	name   string
	page   string // id, sealed; parameters: the id before, how many
	whole  bool   // few values that belong together: page takes no parameters
	update string // parameters: id, old, new
	count  string // first five bytes, how many
	change func(id string) (change.Kind, string)
}

func sealedKinds() []sealedKind {
	return []sealedKind{
		{
			name: "keyset", whole: true,
			page:   `SELECT purpose || '/' || CAST(version AS TEXT), sealed FROM server_key WHERE retired_at = 0 ORDER BY purpose, version`,
			update: `UPDATE server_key SET sealed = $3 WHERE purpose || '/' || CAST(version AS TEXT) = $1 AND sealed = $2 AND retired_at = 0`,
			count:  `SELECT substr(sealed, 1, 5), COUNT(*) FROM server_key WHERE retired_at = 0 GROUP BY substr(sealed, 1, 5)`,
			change: func(id string) (change.Kind, string) {
				purpose, _, _ := strings.Cut(id, "/")
				return change.Keyset, purpose
			},
		},
		{
			name:   "totp",
			page:   `SELECT user_id, sealed FROM totp WHERE user_id > $1 ORDER BY user_id LIMIT $2`,
			update: `UPDATE totp SET sealed = $3 WHERE user_id = $1 AND sealed = $2`,
			count:  `SELECT substr(sealed, 1, 5), COUNT(*) FROM totp GROUP BY substr(sealed, 1, 5)`,
		},
		{
			name:   "jar",
			page:   `SELECT sid, jar FROM session WHERE jar IS NOT NULL AND sid > $1 ORDER BY sid LIMIT $2`,
			update: `UPDATE session SET jar = $3 WHERE sid = $1 AND jar = $2`,
			count:  `SELECT substr(jar, 1, 5), COUNT(*) FROM session WHERE jar IS NOT NULL GROUP BY substr(jar, 1, 5)`,
			change: func(id string) (change.Kind, string) { return change.Session, id },
		},
	}
}

func sealedKindOf(name string) (sealedKind, error) {
	kinds := sealedKinds()
	i := slices.IndexFunc(kinds, func(k sealedKind) bool { return k.name == name })
	if i < 0 {
		return sealedKind{}, fmt.Errorf("the store seals nothing of the kind %q", name)
	}
	return kinds[i], nil
}

// SealedKinds names what the store holds sealed.
func SealedKinds() []string {
	var names []string
	for _, k := range sealedKinds() {
		names = append(names, k.name)
	}
	return names
}

// SealedPage implements secret.ResealStore.
func (db *DB) SealedPage(ctx context.Context, kind, after string, limit int) ([]secret.Sealed, error) {
	k, err := sealedKindOf(kind)
	if err != nil || k.whole && after != "" {
		return nil, err
	}
	ctx, cancel := db.bound(ctx)
	defer cancel()
	args := []any{after, int64(limit)}
	if k.whole {
		args = nil
	}
	scan := func(row scanner) (s secret.Sealed, err error) {
		err = row.Scan(&s.ID, &s.Value)
		return s, err
	}
	page, err := list(ctx, db, scan, k.page, args...)
	return page, db.failure("read sealed values", err)
}

// Reseal implements secret.ResealStore.
func (db *DB) Reseal(ctx context.Context, kind string, rows []secret.Resealed, actor, detail string) (int, error) {
	k, err := sealedKindOf(kind)
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(rows, func(r secret.Resealed) bool { return len(r.Old) == 0 || len(r.New) == 0 || !holdable(r.ID) }) {
		return 0, fmt.Errorf("seal %s anew: a row without id, old or new value (fill all three)", kind)
	}
	replaced := 0
	err = db.change(ctx, "seal "+kind+" anew", func(t *transaction) error {
		replaced = 0 // the transaction may be repeated
		told := map[string]bool{}
		for _, r := range rows {
			n, err := t.exec(k.update, r.ID, r.Old, r.New)
			if err != nil {
				return err
			}
			if n == 0 {
				continue // somebody changed it meanwhile
			}
			replaced++
			if k.change == nil {
				continue
			}
			if kind, id := k.change(r.ID); !told[id] {
				told[id] = true
				t.announce(kind, id)
			}
		}
		if replaced == 0 {
			return errUnchanged
		}
		t.record(audit.Event{At: t.now, Event: audit.KeysetRotated, Actor: actor, Detail: detail})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return replaced, nil
}

// SealCount is how many values of a kind one master key sealed.
type SealCount struct {
	Kind   string `json:"kind"`
	Master string `json:"master"` // as secret.SealedBy says it
	Count  int    `json:"count"`
}

// SealCounts says which master keys the stored values are sealed with. It reads all of them.
func (db *DB) SealCounts(ctx context.Context) ([]SealCount, error) {
	all := []SealCount{}
	for _, k := range sealedKinds() {
		counts, err := db.sealCounts(ctx, k)
		if err != nil {
			return nil, err
		}
		all = append(all, counts...)
	}
	return all, nil
}

// sealCounts adds up what does not say its key: each such value begins otherwise.
func (db *DB) sealCounts(ctx context.Context, k sealedKind) ([]SealCount, error) {
	ctx, cancel := db.bound(ctx)
	defer cancel()
	scan := func(row scanner) (c SealCount, err error) {
		var head []byte
		err = row.Scan(&head, &c.Count)
		c.Kind, c.Master = k.name, secret.SealedBy(head)
		return c, err
	}
	heads, err := list(ctx, db, scan, k.count)
	if err != nil {
		return nil, db.failure("count sealed values", err)
	}
	var out []SealCount
	for _, h := range heads {
		if i := slices.IndexFunc(out, func(c SealCount) bool { return c.Master == h.Master }); i >= 0 {
			out[i].Count += h.Count
		} else {
			out = append(out, h)
		}
	}
	return out, nil
}
