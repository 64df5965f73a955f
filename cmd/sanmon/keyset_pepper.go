package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/secret"
)

// retirePepper erases one version of the pepper.
func (e *environment) retirePepper(ctx context.Context, o *opened, version int, force bool) error {
	master, err := fittingMaster(ctx, o.config, o.store)
	if err != nil {
		return err
	}
	ring := &secret.Ring{Purpose: secret.PurposePepper}
	if err := ring.Load(ctx, o.store, master); err != nil {
		return err
	}
	n, err := apikey.Retire(ctx, o.store, ring, version, force, "cli")
	switch {
	case errors.Is(err, apikey.ErrPepperInUse):
		return hinted{fmt.Errorf("%d keys: %w", n, err), "see which: sanmon key list"}
	case err != nil:
		return hinted{err, "list them with: sanmon keyset list"}
	case n > 0:
		_, err = fmt.Fprintf(e.screen(), "pepper %d is gone, and with it %d keys that could still be used\n", version, n)
	default:
		_, err = fmt.Fprintf(e.screen(), "pepper %d is gone; no usable key hung on it\n", version)
	}
	return err
}

// pepperOptions let the index move keys to the newest pepper as they are used.
func (l *layers) pepperOptions(o apikey.Options) apikey.Options {
	peppers := l.rings[secret.PurposePepper]
	o.Peppers, o.Remacs = peppers, l.store
	o.Refresh = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		return peppers.Load(ctx, l.store, l.master)
	}
	return o
}
