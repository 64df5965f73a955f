package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/identity/principal"
)

// maxLeft bounds how many keys of a person are counted.
const maxLeft = 1000

// left says what a reset does not end: whoever held the account may have made keys and
// passkeys of his own.
func (e *environment) left(ctx context.Context, o *opened, r principal.Record) error {
	keys, err := o.store.KeysOf(ctx, r.ID, maxLeft)
	if err != nil {
		return err
	}
	live, now := 0, time.Now()
	for _, k := range keys {
		if k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt)) {
			live++
		}
	}
	passkeys, err := o.store.Passkeys(ctx, r.ID)
	if err != nil {
		return err
	}
	if live > 0 {
		_, _ = fmt.Fprintf(e.stderr, "note: %d API keys of %s still work (if the account was in other hands: sanmon key revoke --owner %s)\n", live, r.Name, r.Name)
	}
	if len(passkeys) > 0 {
		_, _ = fmt.Fprintf(e.stderr, "note: %d passkeys of %s still sign in (if one of them may be somebody else's: sanmon user factors %s --remove)\n", len(passkeys), r.Name, r.Name)
	}
	return nil
}
