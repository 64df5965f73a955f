package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/spf13/cobra"
)

// revokedKey is what key revoke tells a program.
type revokedKey struct {
	ID      string `json:"id"`
	Revoked bool   `json:"revoked"`
}

func keyRevoke(env *environment) *cobra.Command {
	var owner, unused string
	var all, waiting bool
	c := &cobra.Command{
		Use: "revoke ID | --owner E|service:NAME | --all-unused-since 90d | --held | --all", Short: "End API keys, at once and everywhere", Args: between(0, 1),
		Long: "End one API key, or all that the flags select; several flags together select what all of them do; --all is every key.\nA key that was never used counts from when it was made.",
		RunE: func(c *cobra.Command, args []string) error {
			selects := owner != "" || unused != "" || waiting
			if all && (selects || len(args) == 1) {
				return usageError{errors.New("--all is every key: it stands alone")}
			}
			if selects = selects || all; len(args) == 1 == selects {
				return usageError{errors.New("name one key by its id, or select several with --owner, --all-unused-since, --held or --all")}
			}
			var idle time.Duration
			if unused != "" {
				var err error
				if idle, err = config.ParseDuration(unused); err != nil || idle <= 0 {
					return usageError{fmt.Errorf("--all-unused-since %q is no time (write 90d)", unused)}
				}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				if !selects {
					return env.revokeOneKey(ctx, o, args[0])
				}
				return env.revokeSelected(ctx, o, owner, idle, waiting)
			})
		},
	}
	c.Flags().StringVar(&owner, "owner", "", "end all keys of a user (e-mail address) or a service (service:NAME)")
	c.Flags().StringVar(&unused, "all-unused-since", "", "end all keys that were not used for this long, as in 90d; canaries stay")
	c.Flags().BoolVar(&waiting, "held", false, "end all keys that wait since the store was restored (see: sanmon key accept-restored)")
	c.Flags().BoolVar(&all, "all", false, "end all keys of everybody, canaries included")
	return env.withJSON(c)
}

func (e *environment) revokeOneKey(ctx context.Context, o *opened, id string) error {
	r, err := o.key(ctx, id)
	if err != nil {
		return err
	}
	done, err := o.revokeKey(ctx, r, "")
	if err != nil {
		return err
	}
	v := revokedKey{r.ID, true}
	if !done {
		return e.tell(v, "key %s was revoked already", r.ID)
	}
	return e.tell(v, "revoked key %s", r.ID)
}

func (o *opened) revokeKey(ctx context.Context, r apikey.Record, detail string) (bool, error) {
	ev := byCLI(audit.KeyRevoked, detail)
	ev.Subject, ev.KeyID = r.Owner, r.ID
	return o.store.RevokeKey(ctx, r.ID, time.Now(), ev)
}

// revokeSelected ends keys one by one: each with its event, and those that were ended stay
// ended when one fails.
func (e *environment) revokeSelected(ctx context.Context, o *opened, owner string, idle time.Duration, waiting bool) error {
	var id string
	if owner != "" {
		r, err := o.ownerOf(ctx, owner)
		if err != nil {
			return err
		}
		id = r.ID
	}
	var selected []apikey.Record
	before := time.Now().Add(-idle)
	err := o.store.EachKey(ctx, func(r apikey.Record) error {
		last := r.CreatedAt
		if r.LastUsedAt.After(last) {
			last = r.LastUsedAt
		}
		switch {
		case !r.RevokedAt.IsZero(), id != "" && r.Owner != id, waiting && !r.Held():
		case idle > 0 && (r.Canary || last.After(before)):
		default:
			selected = append(selected, r)
		}
		return nil
	})
	if err != nil {
		return err
	}
	detail := selection(map[string]bool{"by owner": id != "", "held": waiting, "unused for " + idle.String(): idle > 0})
	done := []revokedKey{}
	for _, r := range selected {
		if _, err := o.revokeKey(ctx, r, detail); err != nil {
			return fmt.Errorf("%d of %d keys were revoked, then key %s: %w", len(done), len(selected), r.ID, err)
		}
		done = append(done, revokedKey{r.ID, true})
	}
	return e.tell(done, "revoked %d keys", len(done))
}

// selection says in an event how a key was selected.
func selection(ways map[string]bool) string {
	var used []string
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		if ways[way] {
			used = append(used, way)
		}
	}
	if len(used) == 0 {
		return "selected: all"
	}
	return "selected: " + strings.Join(used, " ")
}

// ownerOf finds a user or a service that exists.
func (o *opened) ownerOf(ctx context.Context, owner string) (principal.Record, error) {
	name, isService := strings.CutPrefix(owner, servicePrefix)
	if !isService {
		return o.user(ctx, owner)
	}
	r, err := o.store.PrincipalByName(ctx, principal.Service, name)
	if errors.Is(err, principal.ErrNotFound) {
		return r, hinted{fmt.Errorf("there is no service %q", name), "list them with: sanmon service list"}
	}
	return r, err
}
