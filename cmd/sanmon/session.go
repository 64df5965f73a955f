package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/adopt"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/spf13/cobra"
)

// maxListed bounds what one list command prints.
const maxListed = 10_000

func sessionCommand(env *environment) *cobra.Command {
	return group("session", "List and end login sessions", sessionList(env), sessionRevoke(env))
}

// sessionView is a session for a person or a program to read.
type sessionView struct {
	SID        string  `json:"sid"`
	User       string  `json:"user"`
	CreatedAt  *string `json:"created_at"`
	LastSeenAt *string `json:"last_seen_at"`
	Network    string  `json:"network"`
	Device     string  `json:"device"`
}

func sessionList(env *environment) *cobra.Command {
	var email string
	c := &cobra.Command{
		Use: "list [--user E]", Short: "List live sessions, newest first", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				id := ""
				if email != "" {
					var err error
					if id, _, err = o.holder(ctx, email); err != nil {
						return err
					}
				}
				records, err := o.store.Sessions(ctx, id, time.Now(), maxListed)
				if err != nil {
					return err
				}
				names, err := o.names(ctx)
				if err != nil {
					return err
				}
				for _, r := range records {
					if r.Kind == session.App {
						names[r.User] = r.User // nobody knows more
					}
				}
				return env.printSessions(records, names)
			})
		},
	}
	c.Flags().StringVar(&email, "user", "", "only this user's, or app:UPSTREAM for those whom a backend has signed in")
	return env.withJSON(c)
}

func (e *environment) printSessions(records []session.Record, names map[string]string) error {
	views, rows := []sessionView{}, [][]string{}
	for _, r := range records {
		network := ""
		if len(r.Networks) > 0 {
			network = r.Networks[0]
		}
		views = append(views, sessionView{r.SID, names[r.User], stampOrNil(r.CreatedAt), stampOrNil(r.LastSeenAt), network, r.Device})
		rows = append(rows, []string{r.SID, names[r.User], stamp(r.CreatedAt), stamp(r.LastSeenAt), network, r.Device})
	}
	if e.json {
		return e.printJSON(views)
	}
	return e.printTable("SID USER CREATED LAST-SEEN NETWORK DEVICE", rows)
}

func sessionRevoke(env *environment) *cobra.Command {
	var email string
	var everybody bool
	c := &cobra.Command{
		Use: "revoke SID | revoke --user E | revoke --all", Short: "End a session, all of a user's, or all of everybody's, at once",
		Args: between(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			ways := len(args)
			for _, set := range []bool{email != "", everybody} {
				if set {
					ways++
				}
			}
			if ways != 1 {
				return usageError{errors.New("name a session id, --user or --all, and one of them")}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				if everybody {
					n, err := endEverySession(ctx, o.store, "cli", "revoked")
					if err != nil {
						return err
					}
					return env.tell(struct {
						Count int `json:"count"`
					}{n}, "ended %d sessions of everybody", n)
				}
				if email != "" {
					return env.revokeAll(ctx, o, email)
				}
				return env.revokeOne(ctx, o, args[0])
			})
		},
	}
	c.Flags().StringVar(&email, "user", "", "all sessions of this user, or of app:UPSTREAM")
	c.Flags().BoolVar(&everybody, "all", false, "all sessions of everybody, and their grants: after a backup was put back, or the store was stolen")
	return env.withJSON(c)
}

// ended names the sessions that a command has ended.
type ended struct {
	SIDs []string `json:"ended"`
}

func (e *environment) revokeAll(ctx context.Context, o *opened, email string) error {
	id, name, err := o.holder(ctx, email)
	if err != nil {
		return err
	}
	ev := byCLI(audit.SessionRevoked, "")
	ev.Subject = id
	sids, err := o.store.RevokeUserSessions(ctx, id, "", "revoked", time.Now(), ev)
	if err != nil {
		return err
	}
	return e.tell(ended{list(sids)}, "ended %d sessions of %s", len(sids), name)
}

// holder is the id and name that sessions are listed under: those of a user, or app:NAME for
// all whom a backend has signed in.
func (o *opened) holder(ctx context.Context, name string) (id, shown string, err error) {
	if strings.HasPrefix(name, adopt.Subject("")) {
		return name, name, nil
	}
	r, err := o.user(ctx, name)
	return r.ID, r.Name, err
}

func (e *environment) revokeOne(ctx context.Context, o *opened, sid string) error {
	r, err := o.store.SessionBySID(ctx, sid)
	if errors.Is(err, session.ErrNotFound) {
		return hinted{fmt.Errorf("there is no session %q", sid), "list them with: sanmon session list"}
	}
	if err != nil {
		return err
	}
	ev := byCLI(audit.SessionRevoked, "")
	ev.SID, ev.Subject = sid, r.User
	alive, err := o.store.RevokeSession(ctx, sid, "revoked", time.Now(), ev)
	if err != nil {
		return err
	}
	if !alive {
		return e.tell(ended{[]string{}}, "session %s had ended already", sid)
	}
	return e.tell(ended{[]string{sid}}, "ended session %s", sid)
}
