package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/store"
	"github.com/sanmon-gate/sanmon/store/sqlite"
)

// A Go program with sessions and refresh tokens of its own, and no gate.
func Example() {
	dir, err := os.MkdirTemp("", "sanmon")
	check(err)
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	// One database; its server keys are sealed with a master key, which a program keeps
	// outside of it.
	db, err := sqlite.Open(ctx, filepath.Join(dir, "sanmon.db"), sqlite.Options{})
	check(err)
	defer func() { _ = db.Close() }()
	master, err := secret.NewMaster(secret.New(make([]byte, secret.MasterSize))) // yours is random
	check(err)
	cookies, err := secret.LoadRing(ctx, db, master, secret.PurposeSession, nil)
	check(err)
	tokens, err := secret.LoadRing(ctx, db, master, secret.PurposeRefresh, nil)
	check(err)

	// Memory, and the feed that keeps it true when another process changes something.
	var people *principal.Directory
	var sessions *session.Keeper
	feed, err := store.Follow(ctx, db,
		func(c change.Change) { people.Apply(c); sessions.Apply(c) },
		func() { people.Flush(); sessions.Flush() })
	check(err)
	people = principal.NewDirectory(db, principal.Options{Stale: feed.Stale})
	sessions, err = session.New(db, people, session.Options{Ring: cookies, Stale: feed.Stale, Offset: db.Offset})
	check(err)
	grants, err := refresh.New(db, refresh.Options{Ring: tokens, Offset: db.Offset, Ended: func(sids []string) {
		for _, sid := range sids {
			sessions.Apply(change.Change{Kind: change.Session, ID: sid})
		}
	}})
	check(err)
	go func() { _ = feed.Run(ctx) }()
	go func() { _ = sessions.Run(ctx) }()
	go func() { _ = grants.Run(ctx) }()

	// Ada signs in: the secret is the value of her cookie.
	ada := principal.Record{ID: "usr_ada", Kind: principal.User, Name: "ada@example.com", Roles: []string{"reader"}, CreatedAt: time.Now()}
	check(db.CreatePrincipal(ctx, ada, audit.Event{Event: audit.UserAdded, Actor: "example"}))
	home, now := netip.MustParseAddr("203.0.113.7"), time.Now()
	cookie, login, err := sessions.Begin(ctx, ada, session.Meta{From: home, Device: "Firefox on Linux"}, now)
	check(err)
	var who caller.Caller
	_, err = sessions.Judge(ctx, string(cookie.Expose()), session.Client{Addr: home}, now, &who)
	fmt.Println(who.Email, who.Principal.Roles, err)

	// She lets her telephone in, which refreshes; then a copy of its first token turns up.
	first, err := grants.Begin(ctx, refresh.Grant{User: ada.ID, Parent: login.SID, Client: "mobile", Scope: []string{"notes:read"}, From: home, Now: now})
	check(err)
	request := refresh.Presented{Client: "mobile", From: home, Now: now.Add(5 * time.Minute)}
	next, err := grants.Rotate(ctx, string(first.Token.Expose()), request)
	fmt.Println(next.Verdict, next.Scope, err)
	request.Now = now.Add(10 * time.Minute)
	_, err = grants.Rotate(ctx, string(first.Token.Expose()), request)
	fmt.Println("theft:", errors.Is(err, refresh.ErrReuse))

	// The grant and the login that it came from have ended.
	_, err = sessions.Judge(ctx, string(cookie.Expose()), session.Client{Addr: home}, now, &who)
	fmt.Println("signed in:", err == nil)
	// Output:
	// ada@example.com [reader] <nil>
	// rotated [notes:read] <nil>
	// theft: true
	// signed in: false
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
