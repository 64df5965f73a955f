package storage

import (
	"context"
	"math"
	"time"
)

// How long rows are kept after nobody needs them.
const (
	KeepFeed     = 2 * time.Hour      // feed lines: longer than any node is cut off without being restarted as stale
	KeepSpent    = time.Hour          // spent tokens after their end: more than clocks differ
	KeepSessions = 7 * 24 * time.Hour // sessions after their end, for those who ask what happened
)

// pruneBatch bounds one statement of Maintain, so that no change waits long.
const pruneBatch = 1000

// pruneFeed takes the oldest lines only, and none younger than $1 nor any after one:
// what is left has no gap, even where the clocks of nodes differ.
const pruneFeed = `DELETE FROM feed WHERE seq IN (SELECT seq FROM feed
	WHERE seq < COALESCE((SELECT MIN(seq) FROM feed WHERE at >= $1), $3) ORDER BY seq LIMIT $2)`

const pruneSpent = `DELETE FROM csrf_spent WHERE id IN (SELECT id FROM csrf_spent WHERE expires_at < $1 LIMIT $2)`

const pruneSessions = `DELETE FROM session WHERE sid IN (SELECT sid FROM session
	WHERE expires_at < $1 OR (revoked_at > 0 AND revoked_at < $1) LIMIT $2)`

// Maintain deletes what is over for long: feed lines, spent tokens, ended sessions,
// and what pages did long ago.
// The audit trail is never touched. The server calls it every few minutes; several
// nodes may do so at once.
func (db *DB) Maintain(ctx context.Context) error {
	now := db.now()
	if err := db.prune(ctx, "prune the feed", pruneFeed, now.Add(-KeepFeed), int64(math.MaxInt64)); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune spent tokens", pruneSpent, now.Add(-KeepSpent)); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune counts of failures", pruneCounts, now.Add(db.Offset()-KeepCounts)); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune used proofs", pruneProofs, now.Add(db.Offset()-KeepProofs)); err != nil {
		return err
	}
	if err := db.endIdleGrants(ctx); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune authorization codes", pruneAuthCodes, now.Add(-KeepCodes)); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune alerts", pruneAlerts, now.Add(-KeepAlerts)); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune ended sessions", pruneSessions, now.Add(-KeepSessions)); err != nil {
		return err
	}
	if err := db.prune(ctx, "prune links", pruneLinks, now.Add(-KeepLinks)); err != nil {
		return err
	}
	return db.forget(ctx, now.Add(-KeepSeen))
}

func (db *DB) prune(ctx context.Context, op, query string, before time.Time, more ...any) error {
	args := append([]any{micros(before), pruneBatch}, more...)
	for {
		n, err := db.exec(ctx, query, args...)
		if err != nil {
			return db.failure(op, err)
		}
		if n < pruneBatch {
			return nil
		}
	}
}
