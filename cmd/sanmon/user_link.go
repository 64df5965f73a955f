package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

// linkView is a link that was made. It is shown once.
type linkView struct {
	ID        string   `json:"id"`
	Email     string   `json:"email"`
	Roles     []string `json:"roles"`
	Link      string   `json:"link"`
	ExpiresAt string   `json:"expires_at"`
	Sent      bool     `json:"sent"` // by mail, too
}

func userReset(env *environment) *cobra.Command {
	var fromStdin, send bool
	var lang string
	c := &cobra.Command{
		Use: "reset EMAIL [--send | --password-stdin]", Short: "End a user's sessions and password, and print a one-time link for a new one", Args: exactly(1),
		Long: "End all sessions and the password of a user, and print a link for a new password, which is good once and\n" +
			"for 30 minutes. --send mails it, too. With --password-stdin the password is set instead.",
		RunE: func(c *cobra.Command, args []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				r, err := o.user(ctx, args[0])
				if err != nil {
					return err
				}
				if fromStdin {
					return env.setPassword(ctx, o, r)
				}
				ev := byCLI(audit.UserReset, "the password ended; a link for another one was made")
				if err := o.store.SetPassword(ctx, r.ID, secret.Value{}, true, time.Now(), ev); err != nil {
					return err
				}
				if err := env.left(ctx, o, r); err != nil {
					return err
				}
				return env.printLink(ctx, o, r, link.Reset, lang, send)
			})
		},
	}
	c.Flags().BoolVar(&fromStdin, "password-stdin", false, "set the password: the first line of standard input")
	c.Flags().BoolVar(&send, "send", false, "mail the link to the user, too")
	c.Flags().StringVar(&lang, "lang", "en", "language of the mail: en or ja")
	c.MarkFlagsMutuallyExclusive("password-stdin", "send")
	return env.withJSON(c)
}

func (e *environment) setPassword(ctx context.Context, o *opened, r principal.Record) error {
	typed, err := e.readPassword(true)
	if err != nil {
		return err
	}
	if _, err := o.accounts().Reset(ctx, r.Name, typed, "cli", time.Now()); err != nil {
		return err
	}
	e.remark(typed)
	if err := e.left(ctx, o, r); err != nil {
		return err
	}
	return e.tell(viewUser(r), "%s has a new password; all sessions have ended", r.Name)
}

// remark says of a password that was taken what people could not have chosen themselves.
func (e *environment) remark(typed secret.Value) {
	if !typed.Empty() && password.Short(typed) {
		_, _ = fmt.Fprintf(e.stderr, "note: the password has fewer than %d characters, which is enough beside a second factor only\n", password.Recommended)
	}
}

func userInvite(env *environment) *cobra.Command {
	var email, lang string
	var roles []string
	var quiet bool
	c := &cobra.Command{
		Use: "invite --email E [--role R]... [--no-send]", Short: "Add a user who chooses a password by a link", Args: exactly(0),
		Long: "Add a user without a password, print a link to choose one, which is good once and for three days, and mail\n" +
			"it where login.smtp is set. A user who has not chosen one yet is invited again.",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := goodEmail(email); err != nil {
				return err
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				if err := o.knownRoles(roles); err != nil {
					return err
				}
				r, err := o.invited(ctx, login.NewUser{Email: email, Roles: roles, Actor: "cli"})
				if err != nil {
					return err
				}
				return env.printLink(ctx, o, r, link.Invite, lang, !quiet && o.config.Login.SMTP.Host != "")
			})
		},
	}
	c.Flags().StringVar(&email, "email", "", "e-mail address")
	c.Flags().StringArrayVar(&roles, "role", nil, "role of the configuration; may be repeated")
	c.Flags().BoolVar(&quiet, "no-send", false, "do not mail the link")
	c.Flags().StringVar(&lang, "lang", "en", "language of the mail: en or ja")
	return env.withJSON(c)
}

// invited adds a user, or finds one who was invited before and has no password yet.
func (o *opened) invited(ctx context.Context, u login.NewUser) (principal.Record, error) {
	r, err := o.accounts().Invite(ctx, u, time.Now())
	if !errors.Is(err, principal.ErrExists) {
		return r, err
	}
	found, findErr := o.user(ctx, u.Email)
	if findErr != nil {
		return r, findErr
	}
	if !found.Password.Empty() || found.Disabled {
		return r, hinted{err, "see: sanmon user list, or make a link for a new password: sanmon user reset E"}
	}
	return found, nil
}

// printLink makes a link, prints it and, where wanted, mails it. A mail that does not go
// out leaves the link printed and good.
func (e *environment) printLink(ctx context.Context, o *opened, r principal.Record, kind link.Kind, lang string, send bool) error {
	if lang != "en" && lang != "ja" {
		return usageError{fmt.Errorf("--lang is %q (write en or ja)", lang)}
	}
	now := time.Now()
	text, err := (&login.Links{Store: o.store}).Issue(ctx, kind, r, r.Name, "cli", login.Attempt{}, now)
	if err != nil {
		return err
	}
	s := &site{url: o.config.PublicURL, host: o.config.PublicHost, server: mailServer(o.config, newHolder(newLive(o.config, slog.New(slog.DiscardHandler))))}
	v := linkView{ID: r.ID, Email: r.Name, Roles: list(r.Roles), Link: portal.LinkURL(s.url, string(text.Expose())), ExpiresAt: stamp(now.Add(kind.Life()))}
	var failed error
	if send {
		failed = sendLink(ctx, s, r.Name, lang, kind, text)
		v.Sent = failed == nil
	}
	if err := e.tell(v, "%s", v.Link); err != nil {
		return err
	}
	if failed != nil {
		return hinted{fmt.Errorf("the link was made and not mailed: %w", failed), "give it to the user yourself; it is good until " + v.ExpiresAt}
	}
	return nil
}

func sendLink(ctx context.Context, s *site, to, lang string, kind link.Kind, text secret.Value) error {
	if s.server == nil {
		return errors.New("no mail server is configured (set login.smtp)")
	}
	letter, err := linkLetter(to, lang, kind, s, text)
	if err != nil {
		return err
	}
	return s.server.Deliver(ctx, *letter)
}
