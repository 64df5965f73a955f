package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/trail"
)

// anchorTail is how much of the end of an anchor file is read at the start, in bytes.
const anchorTail = 1 << 20

// notRolledBack compares the store with the anchor, if there is one: a database that is
// older than what was signed (a backup that was put back, a tail that was cut), or has
// another history, holds sessions, grants and keys that may have been revoked since.
// Sessions and grants end, keys are held, and nothing is signed until a person has looked.
func (n *node) notRolledBack(ctx context.Context, c *config.Config, store *storage.DB) error {
	anchored, err := n.compared(newestAnchor(ctx, c, n.trail.Signer))
	if err != nil || anchored.Size == 0 {
		return err
	}
	n.trail.Signer.Expect(anchored.Checkpoint)
	held, err := n.distrust(ctx, c, store, anchored.Checkpoint)
	if err != nil || held == 0 {
		return err
	}
	return frugally(func() error { return n.layers.index.Load(ctx) }) // it was read before
}

// wentBack is notRolledBack for a store that was put back under a running server, before
// memory is read again. Where it cannot be found out it is tried again until it can:
// meanwhile the feed is stale, and says so.
func (n *node) wentBack(ctx context.Context) {
	for said := ""; ; {
		c := n.config.Load()
		anchored, err := n.compared(newestAnchor(ctx, c, n.trail.Signer))
		if err == nil && anchored.Size > 0 {
			_, err = n.distrust(ctx, c, n.layers.store, anchored.Checkpoint)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		if err.Error() != said {
			said = err.Error()
			n.logger.Error("whether the store was restored from a backup could not be found out; it is tried again every second, and the change feed stays behind until then", "error", err, "anchor", anchorName(c))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// distrustMemory reads memory again, after a look at whether the store can be believed.
func (n *node) distrustMemory(ctx context.Context) {
	n.wentBack(ctx)
	if ctx.Err() == nil {
		n.layers.reset(ctx)
	}
}

// distrust does what a restored store asks for, once for each anchor that it is behind: what
// people decide afterwards stays, over restarts. It reports how many keys it has held.
func (n *node) distrust(ctx context.Context, c *config.Config, store *storage.DB, anchored tree.Checkpoint) (held int, err error) {
	if contained, err := store.Contains(ctx, anchored); contained || err != nil {
		return 0, err
	}
	remedy := "see what was revoked since in the trail that was exported before, and revoke it again (sanmon key revoke ID, or --held); let the other keys be used again with sanmon key accept-restored; disable again the people of since then; if the restore was yours, move the anchor away"
	if done, err := store.Restored(ctx, anchored); done || err != nil {
		waiting, countErr := store.KeysOnHold(ctx)
		n.logger.Error("the store is still another one than what was signed; nothing is signed", "anchored", anchored.Size, "keys_held", waiting, "remedy", remedy)
		return 0, errors.Join(err, countErr)
	}
	ended, err := endEverySession(ctx, store, "system", "rolled_back")
	if err != nil {
		return 0, fmt.Errorf("the store is older than its anchor, and its sessions could not be ended: %w", err)
	}
	held, err = store.HoldKeys(ctx, time.Now(), audit.Event{At: time.Now(), Event: audit.KeyHeld, Actor: "system", Detail: "reason=rolled_back"})
	if err != nil {
		return held, fmt.Errorf("the store is older than its anchor, and its keys could not be held: %w", err)
	}
	n.logger.Error("the store is older than what was signed, or another: it was restored from a backup, or cut; every session and grant was ended, every API key is refused until a person decides, and nothing is signed",
		"anchored", anchored.Size, "anchor", anchorName(c), "ended", ended, "keys_held", held, "remedy", remedy)
	return held, store.SetRestored(ctx, anchored, time.Now())
}

// The states of the comparison with the anchor.
const (
	anchorCompared int32 = iota // or there is none
	anchorSilent                // the endpoint does not say what it keeps
	anchorAway                  // it may say it later
)

// compared says whether the anchor could be read. An endpoint that cannot be read back is
// no error: it takes checkpoints, and others can compare them.
func (n *node) compared(a tree.Anchor, err error) (tree.Anchor, error) {
	no, silent := errors.AsType[*trail.Unreadable](err)
	if !silent {
		n.anchor.Store(anchorCompared)
		return a, err
	}
	state := anchorSilent
	if no.Later {
		state = anchorAway
	}
	if n.anchor.Swap(state) == state {
		return tree.Anchor{}, nil // it was said
	}
	n.logger.Warn("the store could not be compared with audit.anchor: a backup that was put back is not found",
		"anchor", anchorName(n.config.Load()), "reason", no.Reason, "again", no.Later,
		"remedy", "let the endpoint answer GET with the newest checkpoint that it keeps; after a restore: sanmon session revoke --all, and sanmon key revoke what was revoked since")
	return tree.Anchor{}, nil
}

// anchorAgain is between two tries to read an anchor endpoint that was away at the start.
const anchorAgain = 10 * time.Second

// compareLater asks an anchor endpoint that was away until it answers.
func (n *node) compareLater(ctx context.Context) error {
	for n.anchor.Load() == anchorAway {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(anchorAgain):
			n.wentBack(ctx) // other nodes, and the index of this one, learn of what it did by the feed
		}
	}
	return nil
}

// anchorName is where the anchor is, without what of a URL may be a credential.
func anchorName(c *config.Config) string {
	if !c.Audit.AnchorIsURL() {
		return c.Audit.Anchor
	}
	u, err := url.Parse(c.Audit.Anchor)
	if err != nil {
		return "audit.anchor"
	}
	return u.Host
}

// newestAnchor is the largest checkpoint of this trail that is kept at audit.anchor; the
// zero Anchor without one.
func newestAnchor(ctx context.Context, c *config.Config, s *trail.Signer) (tree.Anchor, error) {
	if c.Audit.Anchor == "" {
		return tree.Anchor{}, nil
	}
	text, err := anchorText(ctx, c)
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return tree.Anchor{}, err
	}
	keys, err := trail.Keys(s.Ring)
	if err != nil {
		return tree.Anchor{}, err
	}
	last, err := s.Store.LastCheckpoint(ctx)
	if err != nil {
		return tree.Anchor{}, err
	}
	origin, _, _ := strings.Cut(last.Note, "\n")
	newest, err := tree.Newest(bytes.NewReader(text), keys, origin)
	if err == nil && newest.Size == 0 && c.Audit.AnchorIsURL() { // a page for people
		return newest, &trail.Unreadable{Reason: "the answer to GET holds no checkpoint of this trail"}
	}
	return newest, err
}

// anchorText is what an endpoint says, or the end of a file.
func anchorText(ctx context.Context, c *config.Config) ([]byte, error) {
	if c.Audit.AnchorIsURL() {
		return webhookOf(c, func() *config.Config { return c }).Read(ctx)
	}
	f, err := os.Open(c.Audit.Anchor)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing was anchored yet
	}
	if err != nil {
		return nil, fmt.Errorf("audit.anchor: %w", err)
	}
	defer func() { _ = f.Close() }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("audit.anchor: %w", err)
	}
	from := max(0, size-anchorTail)
	text := make([]byte, size-from)
	if _, err := f.ReadAt(text, from); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("audit.anchor: %w", err)
	}
	if from > 0 {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text, nil
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
