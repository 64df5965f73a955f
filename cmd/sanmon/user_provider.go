package main

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/spf13/cobra"
)

// federatedView says who a user is at a provider.
type federatedView struct {
	Issuer    string  `json:"issuer"`
	Subject   string  `json:"subject"`
	CreatedAt *string `json:"created_at"`
}

func userProvider(env *environment) *cobra.Command {
	var issuer, subject string
	var remove bool
	c := &cobra.Command{
		Use: "link EMAIL [--issuer URL --subject S [--remove]]", Short: "List who a user is at other providers, or link one", Args: exactly(1),
		Long: "List who a user is at the providers of login.oidc, or link a person of a provider, whose subject (sub) the\n" +
			"provider shows. That person can sign in as the user then. --remove takes the link away and ends all sessions.",
		RunE: func(c *cobra.Command, args []string) error {
			if (issuer == "") != (subject == "") || remove && issuer == "" {
				return usageError{errors.New("--issuer and --subject belong together")}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.user(ctx, args[0])
				if err != nil {
					return err
				}
				if issuer != "" {
					if err := o.link(ctx, r, issuer, subject, remove); err != nil {
						return err
					}
				}
				return env.printLinks(ctx, o, r)
			})
		},
	}
	c.Flags().StringVar(&issuer, "issuer", "", "issuer of the provider, as in login.oidc")
	c.Flags().StringVar(&subject, "subject", "", "subject of the person there")
	c.Flags().BoolVar(&remove, "remove", false, "take the link away")
	return env.withJSON(c)
}

func (o *opened) link(ctx context.Context, r principal.Record, issuer, subject string, remove bool) error {
	l := federation.Link{Issuer: issuer, Subject: subject, User: r.ID, CreatedAt: time.Now()}
	ev := byCLI(audit.Linked, "issuer="+issuer)
	ev.Subject = r.ID
	if remove {
		ev.Event = audit.Unlinked
		return o.store.UnlinkFederated(ctx, l, l.CreatedAt, ev)
	}
	for _, p := range o.config.Login.OIDC {
		if p.Issuer == issuer {
			return o.store.LinkFederated(ctx, l, ev)
		}
	}
	return hinted{errors.New("no provider of login.oidc has that issuer"), "write it exactly as in the configuration"}
}

func (e *environment) printLinks(ctx context.Context, o *opened, r principal.Record) error {
	links, err := o.store.FederatedOf(ctx, r.ID)
	if err != nil {
		return err
	}
	views, rows := []federatedView{}, [][]string{}
	for _, l := range links {
		views = append(views, federatedView{l.Issuer, l.Subject, stampOrNil(l.CreatedAt)})
		rows = append(rows, []string{l.Issuer, l.Subject, stamp(l.CreatedAt)})
	}
	if e.json {
		return e.printJSON(views)
	}
	return e.printTable("ISSUER SUBJECT CREATED", rows)
}
