package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/spf13/cobra"
)

// importView is the outcome of an import.
type importView struct {
	Added           int      `json:"added"`
	WithoutPassword int      `json:"without_password"` // of those that were added
	Present         []string `json:"present"`          // were here already, and keep everything
}

func userImport(env *environment) *cobra.Command {
	var roles []string
	c := &cobra.Command{
		Use: "import FILE [--role R]...", Short: "Add users with the password hashes of another program", Args: exactly(1),
		Long: "Add users from CSV (the first line names the columns email, hash, roles) or JSON lines; - is standard\n" +
			"input. Hashes may be Django's: pbkdf2_sha256, argon2, bcrypt_sha256, bcrypt, scrypt. Everybody signs in\n" +
			"with the password they have, which is hashed anew at the first login. Who is here already is left alone.",
		Example: "  psql -c \"COPY (SELECT email, password, is_active FROM auth_user) TO STDOUT WITH (FORMAT csv, HEADER)\" app \\\n    | sanmon user import - --role reader",
		RunE: func(c *cobra.Command, args []string) error {
			people, err := env.readImport(args[0])
			if err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				all := slices.Clone(roles)
				for _, p := range people {
					all = append(all, p.Roles...)
				}
				slices.Sort(all)
				if err := o.knownRoles(slices.Compact(all)); err != nil {
					return err
				}
				v, err := o.bringIn(ctx, people, roles)
				if err != nil {
					return fmt.Errorf("after %d users: %w (correct it and import the same file again)", v.Added, err)
				}
				return env.tell(v, "%d users added, %d of them without a password; %d were here already", v.Added, v.WithoutPassword, len(v.Present))
			})
		},
	}
	c.Flags().StringArrayVar(&roles, "role", nil, "role of who has none in the file; may be repeated")
	return env.withJSON(c)
}

func (e *environment) readImport(name string) ([]login.Imported, error) {
	in, err := e.input(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	people, err := login.ReadImport(in)
	if err != nil {
		return nil, fmt.Errorf("nobody was imported from %s:\n%w", name, err)
	}
	return people, nil
}

// bringIn adds people, each in a transaction of its own: what was added stays when one
// cannot be.
func (o *opened) bringIn(ctx context.Context, people []login.Imported, roles []string) (importView, error) {
	v := importView{Present: []string{}}
	admin := o.accounts()
	for _, p := range people {
		if len(p.Roles) == 0 {
			p.Roles = roles
		}
		err := admin.Import(ctx, p, "cli", time.Now())
		if errors.Is(err, principal.ErrExists) {
			v.Present = append(v.Present, p.Email)
			continue
		}
		if err != nil {
			return v, err
		}
		v.Added++
		if p.Hash.Empty() {
			v.WithoutPassword++
		}
	}
	return v, nil
}
