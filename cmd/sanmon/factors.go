package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/spf13/cobra"
)

// factorView is one thing that a person proves themselves with, beside a password.
type factorView struct {
	Kind       string  `json:"kind"`
	Name       string  `json:"name"`
	CreatedAt  *string `json:"created_at"`
	LastUsedAt *string `json:"last_used_at"`
	Left       *int    `json:"left"`
}

func userFactors(env *environment) *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use: "factors E [--remove]", Short: "List a user's passkeys, app and recovery codes, or remove them all", Args: exactly(1),
		Long: "List what a user proves himself with beside a password. --remove takes passkeys, app and recovery\n" +
			"codes away and ends all sessions, for somebody who has lost phone and codes: make sure who asks.",
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.user(ctx, args[0])
				if err != nil {
					return err
				}
				if remove {
					if err := o.removeFactors(ctx, r.ID); err != nil {
						return err
					}
				}
				views, err := o.factors(ctx, r.ID)
				if err != nil {
					return err
				}
				if env.json {
					return env.printJSON(views)
				}
				rows := [][]string{}
				for _, v := range views {
					left := ""
					if v.Left != nil {
						left = strconv.Itoa(*v.Left)
					}
					rows = append(rows, []string{v.Kind, v.Name, orEmpty(v.CreatedAt), orEmpty(v.LastUsedAt), left})
				}
				return env.printTable("KIND NAME CREATED USED LEFT", rows)
			})
		},
	}
	c.Flags().BoolVar(&remove, "remove", false, "remove all of them and end all sessions of the user")
	return env.withJSON(c)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// factors lists passkeys, app and recovery codes of a person.
func (o *opened) factors(ctx context.Context, user string) ([]factorView, error) {
	views := []factorView{}
	keys, err := o.store.Passkeys(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		views = append(views, factorView{Kind: "passkey", Name: k.Name, CreatedAt: stampOrNil(k.CreatedAt), LastUsedAt: stampOrNil(k.LastUsedAt)})
	}
	t, err := o.store.TOTP(ctx, user)
	if errors.Is(err, factor.ErrNotFound) {
		return views, nil
	}
	if err != nil {
		return nil, err
	}
	views = append(views, factorView{Kind: "totp", CreatedAt: stampOrNil(t.CreatedAt)})
	left, err := o.store.RecoveryCodes(ctx, user)
	if err != nil {
		return nil, err
	}
	return append(views, factorView{Kind: "recovery_codes", CreatedAt: stampOrNil(t.CreatedAt), Left: &left}), nil
}

// removeFactors takes everything away, and ends the sessions last: none is begun with what
// is gone.
func (o *opened) removeFactors(ctx context.Context, user string) error {
	event := func(name audit.Name, detail string) audit.Event {
		ev := byCLI(name, detail)
		ev.Subject = user
		return ev
	}
	keys, err := o.store.Passkeys(ctx, user)
	if err != nil {
		return err
	}
	for _, k := range keys {
		err := o.store.RemovePasskey(ctx, user, k.Handle, event(audit.FactorRemoved, "factor=passkey handle="+k.Handle))
		if err != nil && !errors.Is(err, passkey.ErrNotFound) {
			return err
		}
	}
	if err := o.store.RemoveTOTP(ctx, user, event(audit.FactorRemoved, "factor=totp")); err != nil && !errors.Is(err, factor.ErrNotFound) {
		return err
	}
	_, err = o.store.RevokeUserSessions(ctx, user, "", "factors", time.Now().Truncate(time.Microsecond), event(audit.SessionRevoked, "reason=factors"))
	return err
}
