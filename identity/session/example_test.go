package session_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
)

func ExampleKeeper_Judge() {
	var (
		store session.Store      // internal/storage, or one of your own
		users session.Principals // a principal.Directory
	)
	keeper, err := session.New(store, users, session.Options{Idle: time.Hour, Absolute: 24 * time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	var who caller.Caller
	_, err = keeper.Judge(context.Background(), "not a secret", session.Client{Addr: netip.MustParseAddr("203.0.113.7")}, time.Now(), &who)
	fmt.Println(err)
	// Output: login_required: the session cookie is not a session secret (the client should drop it and sign in): session not found
}

func ExampleDevice() {
	fmt.Println(session.Device("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"))
	// Output: Firefox on Linux
}

var _ session.Principals = (*principal.Directory)(nil)
