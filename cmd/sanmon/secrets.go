package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
)

// openMaster reads the master key, and those that only open.
func openMaster(ctx context.Context, c *config.Config) (*secret.Master, error) {
	from := resolver(c)
	var keys []secret.Value
	for _, ref := range append([]string{c.MasterKey}, c.MasterOthers...) {
		raw, err := from.ResolveMaster(ctx, ref)
		if err != nil {
			return nil, c.Fault(ref, fmt.Errorf("master_key: %w", err))
		}
		key, err := source.DecodeMaster(raw)
		if err != nil {
			return nil, c.Fault(ref, fmt.Errorf("master_key %s: %w", ref, err))
		}
		keys = append(keys, key)
	}
	return secret.NewMaster(keys[0], keys[1:]...)
}

// masterHint says what to do without the master key: make one where nothing is sealed
// yet, bring it back where something is.
func masterHint(c *config.Config) string {
	path, ok := strings.CutPrefix(c.MasterKey, "file:")
	if !ok {
		path = "FILE"
	}
	return fmt.Sprintf("a new installation makes one with: sanmon keyset master --new %s   an older one needs the key that its store was sealed with", path)
}

// fittingMaster is openMaster for a store: a key that does not open what is there makes
// nothing new.
func fittingMaster(ctx context.Context, c *config.Config, store *storage.DB) (*secret.Master, error) {
	master, err := openMaster(ctx, c)
	if err != nil {
		return nil, hinted{err, masterHint(c)}
	}
	if err := master.Fits(ctx, store, purposes); err != nil {
		return nil, fmt.Errorf("master_key does not fit the store: %w", err)
	}
	return master, nil
}

// sealedKinds says what each sealed value of the store is sealed for.
func sealedKinds() []secret.SealedKind {
	return []secret.SealedKind{
		{Name: "keyset", Purpose: func(id string) string {
			purpose, _, _ := strings.Cut(id, "/")
			return "keyset/" + purpose
		}},
		{Name: "totp", Purpose: factor.SealedFor},
		{Name: "jar", Purpose: session.JarPurpose},
	}
}
