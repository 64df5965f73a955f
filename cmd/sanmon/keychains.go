package main

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/internal/periodic"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/secret"
)

// signing are the purposes whose keys are published and have states.
var signing = []string{secret.PurposeAssertion, secret.PurposeToken}

// tendEvery is how often a server looks whether its keys are due.
const tendEvery = time.Minute

// keychain looks after the keys of one of the signing purposes.
func keychain(store *storage.DB, master *secret.Master, purpose, actor string) *secret.Keychain {
	return &secret.Keychain{Store: store, Master: master, Purpose: purpose, Generate: keyset.GenerateKey, Publish: keyset.Publish, Keep: keyset.Keep, Actor: actor}
}

// prepareKeys makes the signing keys that are missing, before anything is loaded.
func prepareKeys(ctx context.Context, store *storage.DB, master *secret.Master) error {
	for _, purpose := range signing {
		if err := keychain(store, master, purpose, "system").Prepare(ctx, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// tendKeys rotates signing keys by age and erases those that are gone.
func (l *layers) tendKeys(ctx context.Context) error {
	periodic.Do(ctx, tendEvery, func() {
		for _, purpose := range signing {
			if _, err := keychain(l.store, l.master, purpose, "system").Tend(ctx, keyset.Every, time.Now()); err != nil && ctx.Err() == nil {
				l.logger.Warn("signing keys could not be looked after; tried again in a minute", "purpose", purpose, "error", err)
			}
		}
	})
	return nil
}

// jwks are the public keys of everything that this server signs.
func (l *layers) jwks() []byte {
	return keyset.JWKS(time.Now(), l.minter.Keys(), l.access.Keys())
}
