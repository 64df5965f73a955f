package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/trail"
)

// anchorTail is how much of the end of an anchor file is read at the start, in bytes.
const anchorTail = 1 << 20

// notRolledBack compares the store with the anchor file, if there is one: a database that
// is older than what was signed (a backup that was put back, a tail that was cut) holds
// sessions and grants that have been revoked since. They all end, and nothing is signed
// until a person has looked.
func (n *node) notRolledBack(ctx context.Context, c *config.Config, store *storage.DB) error {
	anchored, err := newestAnchor(c, n.trail.Signer)
	if err != nil || anchored.Size == 0 {
		return err
	}
	ends, err := store.Ends(ctx)
	if err != nil {
		return err
	}
	n.trail.Signer.Expect(anchored.Checkpoint)
	if ends.Head >= anchored.Size {
		return nil // whether it is the same trail, the signer finds out
	}
	ended, err := endEverySession(ctx, store, "system", "rolled_back")
	if err != nil {
		return fmt.Errorf("the store is older than its anchor, and its sessions could not be ended: %w", err)
	}
	n.logger.Error("the store is older than what was signed: it was restored from a backup, or cut; every session and grant was ended, and nothing is signed",
		"events", ends.Head, "anchored", anchored.Size, "anchor", c.Audit.Anchor, "ended", ended,
		"remedy", "revoke again the keys, and disable again the people, of since then; if the restore was yours, move the anchor file away")
	return nil
}

// newestAnchor is the largest checkpoint at the end of the anchor file; the zero Anchor
// without one.
func newestAnchor(c *config.Config, s *trail.Signer) (tree.Anchor, error) {
	if c.Audit.Anchor == "" || c.Audit.AnchorIsURL() {
		return tree.Anchor{}, nil
	}
	f, err := os.Open(c.Audit.Anchor)
	if errors.Is(err, os.ErrNotExist) {
		return tree.Anchor{}, nil // nothing was anchored yet
	}
	if err != nil {
		return tree.Anchor{}, fmt.Errorf("audit.anchor: %w", err)
	}
	defer func() { _ = f.Close() }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return tree.Anchor{}, fmt.Errorf("audit.anchor: %w", err)
	}
	from := max(0, size-anchorTail)
	text := make([]byte, size-from)
	if _, err := f.ReadAt(text, from); err != nil && !errors.Is(err, io.EOF) {
		return tree.Anchor{}, fmt.Errorf("audit.anchor: %w", err)
	}
	if from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	keys, err := trail.Keys(s.Ring)
	if err != nil {
		return tree.Anchor{}, err
	}
	anchors, _, err := tree.ReadAnchors(bytes.NewReader(text), keys)
	if err != nil && !errors.Is(err, tree.ErrAnchor) {
		return tree.Anchor{}, err
	}
	var newest tree.Anchor
	for _, a := range anchors {
		if a.Size > newest.Size {
			newest = a
		}
	}
	return newest, nil
}

// endEverySession ends all sessions of everybody, and with them their grants and tokens.
func endEverySession(ctx context.Context, store *storage.DB, actor, reason string) (ended int, err error) {
	for {
		now := time.Now()
		live, err := store.Sessions(ctx, "", now, maxListed)
		if err != nil || len(live) == 0 {
			return ended, err
		}
		done := map[string]bool{}
		for _, r := range live {
			if done[r.User] {
				continue
			}
			done[r.User] = true
			sids, err := store.RevokeUserSessions(ctx, r.User, "", reason, now, audit.Event{At: now, Event: audit.SessionRevoked, Subject: r.User, Actor: actor, Detail: "all of everybody"})
			if err != nil {
				return ended, err
			}
			ended += len(sids)
		}
	}
}
