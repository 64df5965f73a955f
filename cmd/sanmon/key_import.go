package main

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

// importedKey is what key import tells a program. The key itself is known to its holders.
type importedKey struct {
	ID   string `json:"id"`
	Weak bool   `json:"weak"`
}

func keyImport(env *environment) *cobra.Command {
	var wish keyWish
	c := &cobra.Command{
		Use:   "import " + wishUse,
		Short: "Take over a key that was made elsewhere, from standard input", Args: exactly(0),
		Long: "The key is read from the first line of standard input. It has to begin with one of the\nprefixes of keys.foreign. It is marked weak: nobody here knows how well it was made.\nRotating it gives a key of our own on the same terms.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := wish.check(); err != nil {
				return err
			}
			key, err := env.readKey()
			if err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				spec, err := wish.spec(c, o)
				if err != nil {
					return err
				}
				service, err := o.keyService(ctx)
				if err != nil {
					return err
				}
				if err := service.Check(spec, time.Now()); err != nil { // before a service is made for it
					return err
				}
				r, err := o.ownerOrNew(ctx, wish.owner, spec)
				if err != nil {
					return err
				}
				spec.Owner = r.ID
				record, err := service.Import(ctx, spec, key, o.config.Keys.Foreign, "cli", time.Now())
				if err != nil {
					return err
				}
				return env.tell(importedKey{record.ID, true}, "imported key %s, of unknown strength", record.ID)
			})
		},
	}
	wish.flags(c)
	return env.withJSON(c)
}

// readKey reads a key from the first line of standard input.
func (e *environment) readKey() (secret.Value, error) {
	line, err := e.firstLine()
	if err != nil {
		return secret.Value{}, err
	}
	if len(line) == 0 {
		return secret.Value{}, errors.New("standard input has no key in its first line (pipe it in: printf '%s' \"$KEY\" | sanmon key import …)")
	}
	return secret.New(line), nil
}
