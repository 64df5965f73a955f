package token_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// sessions is the live half: who is behind a session now.
type sessions map[string]string

func (s sessions) Live(_ context.Context, sid string, _ netip.Addr, _ time.Time, into *caller.Caller) error {
	subject, ok := s[sid]
	if !ok {
		return refusal.New(refusal.LoginRequired, "session %s has ended", sid)
	}
	*into = caller.Caller{Subject: subject, SID: sid, ClientID: "mobile", Principal: &caller.Rights{Roles: []string{"reader"}}, AuthTime: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}
	return nil
}

// A token is as good as the session that it names, at every request.
func Example() {
	raw, err := keyset.GenerateKey() // keep yours sealed: secret.Keychain
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := keyset.New(secret.NewRing(secret.PurposeToken, secret.Key{Version: 1, Value: secret.New(raw)}), token.Type)
	live := sessions{"ses_1": "usr_ada"}
	options := token.Options{Issuer: "https://app.example.com"}
	minter, err := token.NewMinter(keys, options)
	if err != nil {
		fmt.Println(err)
		return
	}
	keeper, err := token.New(keys, live, token.KeeperOptions{Options: options})
	if err != nil {
		fmt.Println(err)
		return
	}

	minted, err := minter.Mint(token.Grant{Subject: "usr_ada", ClientID: "mobile", SID: "ses_1", Scope: "notes:read", AuthTime: time.Now()}, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	presented := token.Presented{Token: string(minted.Token.Expose())} // as it comes behind "Authorization: Bearer "
	judge := func() {
		var who caller.Caller
		err := keeper.Judge(context.Background(), presented, netip.MustParseAddr("203.0.113.9"), time.Now(), &who)
		if errors.Is(err, token.ErrSessionEnded) {
			fmt.Println("refused:", refusal.From(err).Code)
			return
		}
		fmt.Println(who.Subject, "by", who.Kind, "with", who.Credential.Scopes, "as", who.Principal.Roles)
	}
	judge()
	delete(live, "ses_1") // logout, on any node
	judge()
	// Output:
	// usr_ada by token with [notes:read] as [reader]
	// refused: token_revoked
}
