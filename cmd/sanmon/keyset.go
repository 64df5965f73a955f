package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

func keysetCommand(env *environment) *cobra.Command {
	return group("keyset", "Manage the server's own keys", keysetList(env), keysetRotate(env), keysetDrop(env), keysetMaster(env))
}

// purposes are the server keys of this version.
var purposes = []string{secret.PurposeAssertion, secret.PurposeAudit, secret.PurposeCSRF, secret.PurposeDevice, secret.PurposeDPoP, secret.PurposePepper, secret.PurposeRefresh, secret.PurposeSession, secret.PurposeToken}

// maker returns how a new key of a purpose is made; nil means 32 random bytes.
func maker(purpose string) func() ([]byte, error) {
	if slices.Contains(signing, purpose) {
		return keyset.GenerateKey
	}
	return nil
}

// serverKeyView is a server key for a person or a program to read.
type serverKeyView struct {
	Purpose   string  `json:"purpose"`
	Version   int     `json:"version"`
	State     string  `json:"state"` // "next", "active", "retiring" or "gone"
	Current   bool    `json:"current"`
	CreatedAt *string `json:"created_at"`
	ActiveAt  *string `json:"active_at"` // null: not decided yet
	Keys      *int    `json:"keys"`      // usable API keys that hang on a pepper; null for other purposes
}

func keysetList(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "list", Short: "List the server's keys, without the keys themselves", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				views, rows := []serverKeyView{}, [][]string{}
				hanging, err := o.store.PepperCounts(ctx)
				if err != nil {
					return err
				}
				for _, purpose := range purposes {
					keys, err := o.store.ServerKeys(ctx, purpose)
					if err != nil {
						return err
					}
					for i, v := range viewKeys(purpose, keys, time.Now()) {
						on := ""
						if purpose == secret.PurposePepper {
							n := hanging[v.Version]
							v.Keys, on = &n, strconv.Itoa(n)
						}
						views = append(views, v)
						rows = append(rows, []string{v.Purpose, strconv.Itoa(v.Version), v.State, stamp(keys[i].CreatedAt), stamp(keys[i].ActiveAt), on})
					}
				}
				if env.json {
					return env.printJSON(views)
				}
				return env.printTable("PURPOSE VERSION STATE CREATED SIGNS-SINCE API-KEYS", rows)
			})
		},
	})
}

// viewKeys says what the keys of a purpose are worth now. Keys without states are the
// newest one, which is in use, and those that still verify.
func viewKeys(purpose string, keys []secret.SealedKey, now time.Time) []serverKeyView {
	plain := make([]secret.Key, len(keys))
	for i, k := range keys {
		plain[i].Version = k.Version
		if slices.Contains(signing, purpose) {
			plain[i].ActiveAt = k.ActiveAt
		}
	}
	states, _ := secret.States(plain, keyset.Keep, now)
	views := make([]serverKeyView, len(keys))
	for i, k := range keys {
		views[i] = serverKeyView{k.Purpose, k.Version, states[i].String(), states[i] == secret.Active, stampOrNil(k.CreatedAt), stampOrNil(k.ActiveAt), nil}
	}
	return views
}

func keysetRotate(env *environment) *cobra.Command {
	now, master := false, false
	cmd := &cobra.Command{
		Use: "rotate [PURPOSE]", Short: "Let the next server key take over; the ones before still verify",
		Long: "Let the next server key take over. Purposes: " + strings.Join(purposes, ", ") + "; without one, all that sign: " + strings.Join(signing, ", ") + ".\n" +
			"Running servers take it up at once, and what older keys signed stays valid until it expires.\n" +
			"A signing key is published before it signs. With --now a new key is in use at once and everything that older ones made is refused at once:\n" +
			"for a key that somebody else has. What that does, by purpose, is in: sanmon keyset drop --help.\n" +
			"API keys move to a new pepper as they are used; sanmon keyset list says how many hang on each.\n" +
			"With --master everything that is stored is sealed anew with the current master key, while servers run (sanmon keyset master --help).",
		Args: between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if master {
				if now || len(args) > 0 {
					return usageError{errors.New("--master takes no purpose and no --now")}
				}
				return env.with(c.Context(), env.rotateMaster)
			}
			asked := signing
			if len(args) == 1 {
				asked = args
			}
			if err := knownPurposes(asked, now); err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				master, err := fittingMaster(ctx, o.config, o.store)
				if err != nil {
					return err
				}
				for _, purpose := range asked {
					if err := env.rotate(ctx, o, master, purpose, now); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&master, "master", false, "seal everything anew with the current master key")
	cmd.Flags().BoolVar(&now, "now", false, "a new key at once, and nothing that older ones made is taken any more")
	return cmd
}

// knownPurposes refuses words that name no keys, and to drop those that stay.
func knownPurposes(asked []string, drop bool) error {
	for _, purpose := range asked {
		if !slices.Contains(purposes, purpose) {
			return usageError{fmt.Errorf("there is no server key for %q (purposes: %s)", purpose, strings.Join(purposes, ", "))}
		}
		if why := undroppable[purpose]; drop && why != "" {
			return usageError{errors.New(why)}
		}
	}
	return nil
}

func (e *environment) rotate(ctx context.Context, o *opened, master *secret.Master, purpose string, replace bool) error {
	if replace {
		return e.replace(ctx, o, master, purpose)
	}
	at, version := time.Now(), 0
	switch chain := keychain(o.store, master, purpose, "cli"); {
	case slices.Contains(signing, purpose):
		var err error
		if version, at, err = chain.Rotate(ctx, at); errors.Is(err, secret.ErrPending) {
			return hinted{err, "if somebody else has the key that signs: sanmon keyset rotate " + purpose + " --now"}
		} else if err != nil {
			return err
		}
	default:
		ring, err := secret.LoadRing(ctx, o.store, master, purpose, maker(purpose))
		if err != nil {
			return err
		}
		version = ring.Current().Version + 1
		if err := secret.Rotate(ctx, o.store, master, purpose, version, maker(purpose)); err != nil {
			return err
		}
	}
	word := "since"
	if at.After(time.Now()) {
		word = "from"
	}
	_, err := fmt.Fprintf(e.screen(), "%s has key %d %s %s\n", purpose, version, word, stamp(at))
	return err
}
