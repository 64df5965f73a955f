package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/secret"
)

const (
	activateServerKey = `UPDATE server_key SET active_at = $3 WHERE purpose = $1 AND version = $2 AND active_at = 0 AND retired_at = 0`
	// dropServerKey erases the key itself: what was sealed cannot be read again.
	dropServerKey = `UPDATE server_key SET retired_at = $3, sealed = $4 WHERE purpose = $1 AND version = $2 AND retired_at = 0`
)

// TurnServerKeys implements secret.TurnStore.
func (db *DB) TurnServerKeys(ctx context.Context, turn secret.Turn) error {
	bad := slices.ContainsFunc(turn.Add, func(k secret.SealedKey) bool {
		return k.Purpose != turn.Purpose || k.Version < 1 || len(k.Sealed) == 0
	})
	if bad || turn.Purpose == "" || !holdable(turn.Purpose) || turn.Activate > 0 && turn.At.IsZero() {
		return fmt.Errorf("turn server keys: purpose %q, %d keys to add (each needs the purpose, a version and sealed bytes; what begins to sign needs a time)", turn.Purpose, len(turn.Add))
	}
	return db.change(ctx, "turn server keys", func(t *transaction) error { return t.turn(turn) })
}

func (t *transaction) turn(turn secret.Turn) error {
	for _, k := range turn.Add {
		_, err := t.exec(insertServerKey, k.Purpose, int64(k.Version), k.Sealed, micros(or(k.CreatedAt, t.now)), micros(k.ActiveAt), int64(0))
		if t.db.duplicate(err) {
			return secret.ErrVersionTaken
		}
		if err != nil {
			return err
		}
	}
	if turn.Activate > 0 {
		n, err := t.exec(activateServerKey, turn.Purpose, int64(turn.Activate), micros(turn.At))
		if err != nil {
			return err
		}
		if n == 0 {
			return secret.ErrVersionTaken
		}
	}
	for _, version := range turn.Drop {
		if _, err := t.exec(dropServerKey, turn.Purpose, int64(version), micros(t.now), []byte{}); err != nil {
			return err
		}
	}
	t.record(audit.Event{At: t.now, Event: audit.KeysetRotated, Actor: turn.Actor, Detail: describe(turn)})
	t.announce(change.Keyset, turn.Purpose)
	return nil
}

func or(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// describe says in "key=value" words what a turn does.
func describe(turn secret.Turn) string {
	words := []string{"purpose=" + turn.Purpose}
	for _, k := range turn.Add {
		words = append(words, fmt.Sprintf("added=%d", k.Version))
		if !k.ActiveAt.IsZero() {
			words = append(words, fmt.Sprintf("signs=%d", k.Version))
		}
	}
	if turn.Activate > 0 {
		words = append(words, fmt.Sprintf("signs=%d from=%s", turn.Activate, turn.At.UTC().Format(time.RFC3339)))
	}
	for _, version := range turn.Drop {
		words = append(words, fmt.Sprintf("dropped=%d", version))
	}
	return strings.Join(words, " ")
}
