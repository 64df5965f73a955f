package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/spf13/cobra"
)

// acceptedKey is what key accept-restored tells a program.
type acceptedKey struct {
	ID       string `json:"id"`
	Accepted bool   `json:"accepted"`
}

func keyAcceptRestored(env *environment) *cobra.Command {
	all := false
	c := &cobra.Command{
		Use: "accept-restored ID... | --all", Short: "Let API keys be used again that wait since the store was restored",
		Long: "A server that finds its store older than the anchor of the audit trail holds every API key: some may have been revoked since,\n" +
			"and the store does not know. Held keys are refused, over restarts, until they are accepted here or revoked.\n" +
			"What was revoked is in a trail that was exported before (key.revoked). Revoke those first; then accept the others.",
		Example: "  sanmon key revoke AbCdEfGhIjKl\n  sanmon key accept-restored --all",
		Args:    between(0, -1),
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usageError{errors.New("name keys by their id, or all that wait with --all")}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				records, err := o.heldKeys(ctx, args)
				if err != nil {
					return err
				}
				return env.acceptKeys(ctx, o, records)
			})
		},
	}
	c.Flags().BoolVar(&all, "all", false, "every key that waits")
	return env.withJSON(c)
}

// heldKeys are the named keys, or all that wait. An id that is wrong is found before
// anything is done.
func (o *opened) heldKeys(ctx context.Context, ids []string) (records []apikey.Record, err error) {
	for _, id := range ids {
		r, err := o.key(ctx, id)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	if len(ids) > 0 {
		return records, nil
	}
	err = o.store.EachKey(ctx, func(r apikey.Record) error {
		if r.Held() {
			records = append(records, r)
		}
		return nil
	})
	return records, err
}

func (e *environment) acceptKeys(ctx context.Context, o *opened, records []apikey.Record) error {
	views, n := []acceptedKey{}, 0
	for _, r := range records {
		ev := byCLI(audit.KeyAccepted, "held_since="+r.HeldAt.UTC().Format(time.RFC3339))
		ev.Subject, ev.KeyID = r.Owner, r.ID
		done := false
		if r.Held() {
			var err error
			if done, err = o.store.AcceptKey(ctx, r.ID, ev); err != nil {
				return fmt.Errorf("%d of %d keys were accepted, then key %s: %w", n, len(records), r.ID, err)
			}
		}
		if done {
			n++
		}
		views = append(views, acceptedKey{r.ID, done})
	}
	left, err := o.store.KeysOnHold(ctx)
	if err != nil {
		return err
	}
	return e.tell(views, "accepted %d keys; %d still wait", n, left)
}
