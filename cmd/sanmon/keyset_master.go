package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

// masterView says which master keys there are, and what is sealed with which.
type masterView struct {
	Current string              `json:"current"` // names the key that seals
	Others  []string            `json:"others"`  // name the keys that only open
	Sealed  []storage.SealCount `json:"sealed"`
}

func masterViewOf(ctx context.Context, store *storage.DB, master *secret.Master) (masterView, error) {
	ids := master.IDs()
	counts, err := store.SealCounts(ctx)
	return masterView{ids[0], ids[1:], counts}, err
}

// left counts what is not sealed with the current key.
func (v masterView) left() int {
	n := 0
	for _, c := range v.Sealed {
		if c.Master != v.Current {
			n += c.Count
		}
	}
	return n
}

// foreign names what is sealed with a key that is not there. What does not name its key may
// be sealed with any.
func (v masterView) foreign() []string {
	var out []string
	for _, c := range v.Sealed {
		if c.Master != "" && c.Master != v.Current && !slices.Contains(v.Others, c.Master) {
			out = append(out, fmt.Sprintf("%d %s with %s", c.Count, c.Kind, c.Master))
		}
	}
	return out
}

func keysetMaster(env *environment) *cobra.Command {
	file := ""
	cmd := env.withJSON(&cobra.Command{
		Use: "master", Short: "Say which master keys there are and what is sealed with which, or make a new one",
		Long: "Say by name which master keys the configuration gives and what is sealed with which. A name says nothing about the key.\n" +
			"With --new a new key is written to a file that does not exist, and nothing else happens.\n\n" +
			"To rotate: make a key, write master_key: { current: NEW, previous: OLD }, let the servers take that up (they say so in their log),\n" +
			"run sanmon keyset rotate --master, and take previous out again. With several nodes, write { current: OLD, next: NEW } on all of them first.",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if file != "" {
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					return fmt.Errorf("directory of the master key: %w", err)
				}
				if err := source.WriteMaster(file); err != nil {
					return err
				}
				return env.tell(map[string]string{"file": file}, "%s has a new master key; keep a copy where the store is not", file)
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				master, err := openMaster(ctx, o.config)
				if err != nil {
					return err
				}
				v, err := masterViewOf(ctx, o.store, master)
				if err != nil {
					return err
				}
				return env.printMaster(v)
			})
		},
	})
	cmd.Flags().StringVar(&file, "new", "", "write a new master key to this file")
	return cmd
}

func (e *environment) printMaster(v masterView) error {
	if e.json {
		return e.printJSON(v)
	}
	rows := [][]string{}
	for _, c := range v.Sealed {
		state := "missing"
		switch {
		case c.Master == v.Current:
			state = "current"
		case slices.Contains(v.Others, c.Master):
			state = "opens"
		case c.Master == "":
			state = "unnamed"
		}
		rows = append(rows, []string{c.Master, state, c.Kind, strconv.Itoa(c.Count)})
	}
	for _, id := range append([]string{v.Current}, v.Others...) {
		if !slices.ContainsFunc(v.Sealed, func(c storage.SealCount) bool { return c.Master == id }) {
			rows = append(rows, []string{id, map[bool]string{true: "current", false: "opens"}[id == v.Current], "", "0"})
		}
	}
	return e.printTable("MASTER STATE SEALED COUNT", rows)
}

// rotateMaster seals everything anew with the current master key.
func (e *environment) rotateMaster(ctx context.Context, o *opened) error {
	master, err := fittingMaster(ctx, o.config, o.store)
	if err != nil {
		return err
	}
	r := secret.Resealer{Store: o.store, Master: master, Kinds: sealedKinds(), Actor: "cli"}
	done, err := r.Run(ctx)
	total := 0
	for _, n := range done {
		total += n
	}
	if err != nil {
		return hinted{fmt.Errorf("%d values were sealed anew, and then: %w", total, err), "what is done stays done; run it again when the cause is gone, and keep master_key.previous until then"}
	}
	v, err := masterViewOf(ctx, o.store, master)
	if err != nil {
		return err
	}
	if n := v.left(); n > 0 {
		return hinted{fmt.Errorf("%d values were sealed anew, and %d are sealed with another key again", total, n), "a server still seals with the key before: give it the new master_key, and run this again"}
	}
	next := "nothing else is in the configuration"
	if len(o.config.MasterOthers) > 0 {
		next = "take the others out of master_key when every node has the current one (" + strings.Join(o.config.MasterOthers, ", ") + ")"
	}
	return e.tell(struct {
		Current  string         `json:"current"`
		Resealed map[string]int `json:"resealed"`
	}{v.Current, done}, "%d values were sealed anew; all are sealed with the master key %s; %s", total, v.Current, next)
}
