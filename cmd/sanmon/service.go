package main

import (
	"context"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/spf13/cobra"
)

func serviceCommand(env *environment) *cobra.Command {
	return group("service", "Manage the services that own keys",
		serviceList(env), serviceRoles(env), serviceSwitch(env, "disable", true), serviceSwitch(env, "enable", false))
}

// serviceView is a service for a person or a program to read.
type serviceView struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Roles     []string `json:"roles"`
	Disabled  bool     `json:"disabled"`
	CreatedAt *string  `json:"created_at"`
}

func viewService(r principal.Record) serviceView {
	return serviceView{r.ID, r.Name, list(r.Roles), r.Disabled, stampOrNil(r.CreatedAt)}
}

func serviceList(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "list", Short: "List services", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				records, err := o.store.Principals(ctx, principal.Service)
				if err != nil {
					return err
				}
				views, rows := []serviceView{}, [][]string{}
				for _, r := range records {
					views = append(views, viewService(r))
					rows = append(rows, []string{r.ID, r.Name, strings.Join(r.Roles, ","), state(r.Disabled), stamp(r.CreatedAt)})
				}
				if env.json {
					return env.printJSON(views)
				}
				return env.printTable("ID NAME ROLES STATE CREATED", rows)
			})
		},
	})
}

func serviceRoles(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "roles NAME [ROLE]...", Short: "Replace a service's roles; none takes all away", Args: between(1, -1),
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.service(ctx, args[0])
				if err != nil {
					return err
				}
				return env.setRoles(ctx, o, r, args[1:], audit.ServiceRoles)
			})
		},
	})
}

func serviceSwitch(env *environment, verb string, disabled bool) *cobra.Command {
	event, short := audit.ServiceEnabled, "Let a service's keys work again"
	if disabled {
		event, short = audit.ServiceDisabled, "Stop all keys of a service, at once"
	}
	return env.withJSON(&cobra.Command{
		Use: verb + " NAME", Short: short, Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.service(ctx, args[0])
				if err != nil {
					return err
				}
				if err := o.store.SetDisabled(ctx, r.ID, disabled, time.Now(), byCLI(event, "")); err != nil {
					return err
				}
				r.Disabled = disabled
				return env.tell(viewService(r), "service %s is %s", r.Name, state(disabled))
			})
		},
	})
}
