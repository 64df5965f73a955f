package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/identity/assertion"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

func keysetCommand(env *environment) *cobra.Command {
	return group("keyset", "Manage the server's own keys", keysetList(env), keysetRotate(env))
}

// purposes are the server keys of this version.
var purposes = []string{secret.PurposeAssertion, secret.PurposeCSRF, secret.PurposeDevice, secret.PurposePepper, secret.PurposeSession}

// maker returns how a new key of a purpose is made; nil means 32 random bytes.
func maker(purpose string) func() ([]byte, error) {
	if purpose == secret.PurposeAssertion {
		return assertion.GenerateKey
	}
	return nil
}

// serverKeyView is a server key for a person or a program to read.
type serverKeyView struct {
	Purpose   string  `json:"purpose"`
	Version   int     `json:"version"`
	Current   bool    `json:"current"`
	CreatedAt *string `json:"created_at"`
}

func keysetList(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "list", Short: "List the server's keys, without the keys themselves", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				views, rows := []serverKeyView{}, [][]string{}
				for _, purpose := range purposes {
					keys, err := o.store.ServerKeys(ctx, purpose)
					if err != nil {
						return err
					}
					for i, k := range keys {
						v := serverKeyView{k.Purpose, k.Version, i == len(keys)-1, stampOrNil(k.CreatedAt)}
						views = append(views, v)
						rows = append(rows, []string{v.Purpose, strconv.Itoa(v.Version), strconv.FormatBool(v.Current), stamp(k.CreatedAt)})
					}
				}
				if env.json {
					return env.printJSON(views)
				}
				return env.printTable("PURPOSE VERSION CURRENT CREATED", rows)
			})
		},
	})
}

func keysetRotate(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "rotate PURPOSE", Short: "Make a new server key; the ones before still verify",
		Long: "Make a new server key. Purposes: " + strings.Join(purposes, ", ") + ".\nRunning servers take it up at once; what older keys signed stays valid until it expires.",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			known := false
			for _, p := range purposes {
				known = known || p == args[0]
			}
			if !known {
				return usageError{fmt.Errorf("there is no server key for %q (purposes: %s)", args[0], strings.Join(purposes, ", "))}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				master, err := openMaster(ctx, o.config)
				if err != nil {
					return err
				}
				ring, err := secret.LoadRing(ctx, o.store, master, args[0], maker(args[0]))
				if err != nil {
					return err
				}
				version := ring.Current().Version + 1
				if err := secret.Rotate(ctx, o.store, master, args[0], version, maker(args[0])); err != nil {
					return err
				}
				_, err = fmt.Fprintf(env.stdout, "%s has key %d since %s\n", args[0], version, stamp(time.Now()))
				return err
			})
		},
	}
}
