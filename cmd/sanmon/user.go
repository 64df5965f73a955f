package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/spf13/cobra"
)

func userCommand(env *environment) *cobra.Command {
	return group("user", "Manage the people who may sign in",
		userAdd(env), userList(env), userSwitch(env, "disable", true), userSwitch(env, "enable", false), userDelete(env), userRoles(env), userReset(env), userFactors(env), userImport(env), userInvite(env), userProvider(env))
}

// userView is a user for a person or a program to read.
type userView struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Roles     []string `json:"roles"`
	Disabled  bool     `json:"disabled"`
	CreatedAt *string  `json:"created_at"`
}

func viewUser(r principal.Record) userView {
	return userView{r.ID, r.Name, list(r.Roles), r.Disabled, stampOrNil(r.CreatedAt)}
}

// viewPrincipal is a user or a service for a person or a program to read.
func viewPrincipal(r principal.Record) any {
	if r.Kind == principal.Service {
		return viewService(r)
	}
	return viewUser(r)
}

func userAdd(env *environment) *cobra.Command {
	var email string
	var roles []string
	var fromStdin bool
	c := &cobra.Command{
		Use: "add --email E [--role R]... [--password-stdin]", Short: "Add a user", Args: exactly(0),
		Example: "  printf '%s' \"$PASSWORD\" | sanmon user add --email ada@example.com --role admin --password-stdin",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := goodEmail(email); err != nil { // before a password is asked for
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				if err := o.knownRoles(roles); err != nil {
					return err
				}
				typed, err := env.readPassword(fromStdin)
				if err != nil {
					return err
				}
				r, err := o.accounts().AddUser(ctx, login.NewUser{Email: email, Password: typed, Roles: roles, Actor: "cli"}, time.Now())
				if errors.Is(err, principal.ErrExists) {
					return hinted{fmt.Errorf("there is a user %s already", email), "change the roles with: sanmon user roles   set a new password with: sanmon user reset"}
				}
				if err != nil {
					return err
				}
				env.remark(typed)
				return env.printJSON(struct {
					ID    string   `json:"id"`
					Email string   `json:"email"`
					Roles []string `json:"roles"`
				}{r.ID, r.Name, list(r.Roles)})
			})
		},
	}
	c.Flags().StringVar(&email, "email", "", "e-mail address")
	c.Flags().StringArrayVar(&roles, "role", nil, "role of the configuration; may be repeated")
	c.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of standard input")
	return env.withJSON(c)
}

// accounts is what adds users and sets passwords.
func (o *opened) accounts() login.Administration {
	return login.Administration{Store: o.store, Hasher: password.New(password.Options{})}
}

func userList(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "list", Short: "List users", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				records, err := o.store.Principals(ctx, principal.User)
				if err != nil {
					return err
				}
				views, rows := []userView{}, [][]string{}
				for _, r := range records {
					v := viewUser(r)
					views = append(views, v)
					rows = append(rows, []string{v.ID, v.Email, strings.Join(v.Roles, ","), state(v.Disabled), stamp(r.CreatedAt)})
				}
				if env.json {
					return env.printJSON(views)
				}
				return env.printTable("ID EMAIL ROLES STATE CREATED", rows)
			})
		},
	})
}

func state(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "enabled"
}

func userSwitch(env *environment, verb string, disabled bool) *cobra.Command {
	event, short := audit.UserEnabled, "Let a user sign in again"
	if disabled {
		event, short = audit.UserDisabled, "Keep a user out: sessions end, keys stop, at once"
	}
	return env.withJSON(&cobra.Command{
		Use: verb + " EMAIL", Short: short, Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.user(ctx, args[0])
				if err != nil {
					return err
				}
				if err := o.store.SetDisabled(ctx, r.ID, disabled, time.Now(), byCLI(event, "")); err != nil {
					return err
				}
				r.Disabled = disabled
				return env.tell(viewUser(r), "%s is %s", r.Name, state(disabled))
			})
		},
	})
}

func userDelete(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "delete EMAIL", Short: "Erase a user: sessions end, keys are revoked, and address, factors and links are gone for good", Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.user(ctx, args[0])
				if err != nil {
					return err
				}
				gone, err := o.store.DeleteUser(ctx, r.ID, time.Now(), byCLI(audit.UserDeleted, ""))
				if err != nil {
					return err
				}
				return env.tell(struct {
					ID       string `json:"id"`
					Email    string `json:"email"`
					Sessions int    `json:"sessions"`
					Keys     int    `json:"keys"`
				}{r.ID, r.Name, gone.Sessions, gone.Keys},
					"%s is deleted: %d sessions ended, %d keys revoked; the audit trail goes on naming %s", r.Name, gone.Sessions, gone.Keys, r.ID)
			})
		},
	})
}

func userRoles(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "roles EMAIL [ROLE]...", Short: "Replace a user's roles; none takes all away", Args: between(1, -1),
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.user(ctx, args[0])
				if err != nil {
					return err
				}
				return env.setRoles(ctx, o, r, args[1:], audit.UserRoles)
			})
		},
	})
}

func (e *environment) setRoles(ctx context.Context, o *opened, r principal.Record, roles []string, event audit.Name) error {
	if err := o.knownRoles(roles); err != nil {
		return err
	}
	if err := o.store.SetRoles(ctx, r.ID, roles, byCLI(event, "roles="+strings.Join(roles, ","))); err != nil {
		return err
	}
	r.Roles = roles
	return e.tell(viewPrincipal(r), "%s has the roles: %s", r.Name, or(strings.Join(roles, ", "), "none"))
}

// goodEmail judges the address of a new user.
func goodEmail(email string) error {
	if email == "" {
		return usageError{errors.New("--email is missing (give the address to sign in with)")}
	}
	if _, ok := login.Canonical(email); !ok {
		return usageError{fmt.Errorf("--email: %q is not an e-mail address (give one like name@example.com)", email)}
	}
	return nil
}
