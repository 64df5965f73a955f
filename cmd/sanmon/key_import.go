package main

import (
	"bufio"
	"context"
	"errors"
	"io"
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
	var owner, rate, expires, environment, note string
	var roles, scopes, networks []string
	c := &cobra.Command{
		Use:   "import --owner E|service:NAME [--role R]... [--scope S]... [--network CIDR]... [--limit 10/m] [--expires 90d] [--note TEXT]",
		Short: "Take over a key that was made elsewhere, from standard input", Args: exactly(0),
		Long: "The key is read from the first line of standard input. It has to begin with one of the\nprefixes of keys.foreign. It is marked weak: nobody here knows how well it was made.\nRotating it gives a key of our own on the same terms.",
		RunE: func(c *cobra.Command, _ []string) error {
			if owner == "" {
				return usageError{errors.New("--owner is missing (an e-mail address, or service:NAME)")}
			}
			key, err := env.readKey()
			if err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				spec, err := keySpec(roles, scopes, networks, rate, expires, or(environment, o.config.Environment))
				if err != nil {
					return err
				}
				if !c.Flags().Changed("expires") {
					spec.Lifetime = 0
				}
				if err := o.knownRoles(spec.Roles); err != nil {
					return err
				}
				spec.Note = note
				service, err := o.keyService(ctx)
				if err != nil {
					return err
				}
				r, err := o.ownerOrNew(ctx, owner, spec)
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
	c.Flags().StringVar(&owner, "owner", "", "e-mail address of a user, or service:NAME (made by its first key)")
	c.Flags().StringArrayVar(&roles, "role", nil, "role that the key may use; may be repeated")
	c.Flags().StringArrayVar(&scopes, "scope", nil, "scope that the key may use; may be repeated")
	c.Flags().StringArrayVar(&networks, "network", nil, "network that the key may be used from; may be repeated")
	c.Flags().StringVar(&rate, "limit", "", "the key's own limit, as in 10/m")
	c.Flags().StringVar(&expires, "expires", "90d", "time until it ends, as in 90d, or never")
	c.Flags().StringVar(&environment, "env", "", "live or test (default: the server's environment)")
	c.Flags().StringVar(&note, "note", "", "for people: what the key is for")
	return env.withJSON(c)
}

// readKey reads a key from the first line of standard input.
func (e *environment) readKey() (secret.Value, error) {
	line, err := bufio.NewReader(io.LimitReader(e.stdin, maxPassword)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Value{}, errors.New("the key could not be read from standard input")
	}
	if line = trimNewline(line); len(line) == 0 {
		return secret.Value{}, errors.New("standard input has no key in its first line (pipe it in: printf '%s' \"$KEY\" | sanmon key import …)")
	}
	return secret.New(line), nil
}
