package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

// dropEffect says, for each purpose whose keys can be dropped, what becomes of what is under way.
var dropEffect = map[string]string{
	secret.PurposeAssertion: "backends refuse assertions that it signed as soon as they fetch the key set again; a person notices nothing",
	secret.PurposeToken:     "access tokens that it signed are refused; clients fetch others with their refresh tokens",
	secret.PurposeCSRF:      "forms and pages that are open are refused once and have to be loaded again; nobody is signed out",
	secret.PurposeDevice:    "login pages that are open have to be loaded again, known devices count as unknown until their next login, and failed attempts are counted anew; nobody is signed out",
	secret.PurposeDPoP:      "clients are told a new nonce and ask again; nobody is signed out",
	secret.PurposeSession:   "sessions go on; a browser that did not hear of its last new secret has to sign in again, which can look like a copied cookie (session.reuse), and copies of cookies from before are refused but no longer told as copies",
	secret.PurposeRefresh:   "refresh tokens that it made are refused, and their clients have to sign in again; access tokens end by themselves within minutes",
}

// undroppable says why the keys of a purpose stay, and what to do instead.
var undroppable = map[string]string{
	secret.PurposeAudit:  "audit keys are never dropped: what they signed could not be verified any more (sanmon keyset rotate audit makes a new one; who has the old one is found by the anchor, see docs/audit.md)",
	secret.PurposePepper: "a pepper is what API keys hang on: make a new one with sanmon keyset rotate pepper, then give the old one up with sanmon keyset drop pepper VERSION --force",
}

func keysetDrop(env *environment) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use: "drop PURPOSE VERSION", Short: "Refuse everything that one server key made, or retire a pepper",
		Long: "Refuse everything that one key made, at once and on every server, and erase the key. Where it is the one in use, another one takes over.\n" + effects() +
			"A pepper goes only when no usable API key hangs on it any more (sanmon keyset list); with --force the keys end with it. Keys of audit stay: they are what old checkpoints are verified with.",
		Args: exactly(2),
		RunE: func(c *cobra.Command, args []string) error {
			purpose, pepper := args[0], args[0] == secret.PurposePepper
			if err := knownPurposes(args[:1], !pepper); err != nil {
				return err
			}
			if force && !pepper {
				return usageError{errors.New("--force is for peppers; other keys are dropped without it")}
			}
			version, err := strconv.Atoi(args[1])
			if err != nil || version < 1 {
				return usageError{fmt.Errorf("%q is no version (list them with: sanmon keyset list)", args[1])}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				if pepper {
					return env.retirePepper(ctx, o, version, force)
				}
				return env.drop(ctx, o, purpose, version)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "end the API keys that hang on the pepper")
	return cmd
}

// effects is dropEffect for --help.
func effects() string {
	var b strings.Builder
	for _, purpose := range purposes {
		if effect := dropEffect[purpose]; effect != "" {
			fmt.Fprintf(&b, "  %-10s %s.\n", purpose, effect)
		}
	}
	return b.String()
}

// drop drops one key that is not a pepper.
func (e *environment) drop(ctx context.Context, o *opened, purpose string, version int) error {
	master, err := fittingMaster(ctx, o.config, o.store)
	if err != nil {
		return err
	}
	chain := chainOf(o.store, master, purpose)
	if slices.Contains(signing, purpose) {
		err = chain.Drop(ctx, version, time.Now())
	} else {
		_, err = chain.Discard(ctx, version, time.Now())
	}
	if err != nil {
		return hinted{err, "list them with: sanmon keyset list"}
	}
	_, err = fmt.Fprintf(e.screen(), "%s key %d is gone: %s\n", purpose, version, dropEffect[purpose])
	return err
}

// replace makes a new key of a purpose and drops all others.
func (e *environment) replace(ctx context.Context, o *opened, master *secret.Master, purpose string) error {
	chain, word, version := chainOf(o.store, master, purpose), "signs", 0
	var err error
	if slices.Contains(signing, purpose) {
		version, err = chain.Replace(ctx, time.Now())
	} else {
		word = "is in use"
		version, err = chain.Discard(ctx, 0, time.Now())
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.screen(), "%s key %d %s now; what older keys made is refused: %s\n", purpose, version, word, dropEffect[purpose])
	return err
}

// chainOf is the keychain of a purpose, with or without states.
func chainOf(store *storage.DB, master *secret.Master, purpose string) *secret.Keychain {
	chain := keychain(store, master, purpose, "cli")
	chain.Generate = maker(purpose)
	return chain
}
