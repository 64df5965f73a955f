package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/token"
)

// A running gate: an access token that it sees confirms its refresh token, and a theft
// ends grant, login and access tokens before the answer to the thief.
func TestTheftAtTheGate(t *testing.T) {
	g := startGate(t, t.TempDir(), "step_up")
	ada := g.person("ada", "writer")
	from := netip.MustParseAddr(home)
	is, err := g.layers.grants.Begin(t.Context(), refresh.Grant{User: ada.ID, Parent: ada.login, Client: "mobile", Scope: []string{"notes:read"}, AuthTime: time.Now(), From: from, Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(text string) (refresh.Outcome, error) {
		return g.layers.grants.Rotate(t.Context(), text, refresh.Presented{Client: "mobile", From: from, Now: time.Now()})
	}
	first := string(is.Token.Expose())
	out, err := rotate(first)
	if err != nil || out.Verdict != refresh.Rotated {
		t.Fatalf("%v, %v", out.Verdict, err)
	}
	access := g.token(ada, func(x *token.Grant) {
		x.SID, x.Scope, x.Generation = out.Family.SID, "notes:read", uint64(out.Family.Gen)
	})
	sibling := g.token(ada) // of another grant of the same login
	g.wantReply("the access token", g.get(access), 200, "")
	g.wantReply("the sibling", g.get(sibling), 200, "")
	soon(t, "the gate has seen that the refresh token arrived", func() bool {
		f, err := g.layers.store.FamilyByID(t.Context(), out.Family.ID)
		return err == nil && f.Confirmed
	})
	if again, err := rotate(string(out.Token.Expose())); err != nil || again.Family.Gen != 2 {
		t.Fatalf("%+v, %v", again, err)
	}

	if _, err := rotate(first); !errors.Is(err, refresh.ErrReuse) {
		t.Fatalf("the first token again: %v", err)
	}
	g.wantReply("the access token afterwards", g.get(access), 401, "token_revoked")
	g.wantReply("that of the other grant", g.get(sibling), 401, "token_revoked")
	g.wantReply("the login", g.ask("GET", "/cookie", "Cookie", "sanmon="+ada.cookie), 401, "login_required")
	trail := g.command("audit", "export")
	for _, want := range []string{`"event":"refresh.reuse"`, `"event":"token.revoked"`, `"event":"session.revoked"`, "class=stale client=mobile presented=0 current=2"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the trail lacks %s", want)
		}
	}
	if log := g.log.String(); !strings.Contains(log, "misused") || strings.Contains(log+trail, first[len(first)-40:]) {
		t.Error("the log does not tell of it, or tells the token")
	}
}

// The command line ends a login, and a running gate the grants of it.
func TestRevokedLoginEndsItsGrants(t *testing.T) {
	g := startGate(t, t.TempDir(), "step_up")
	ada, bo := g.person("ada", "writer"), g.person("bo", "writer")
	access, other := g.token(ada), g.token(bo)
	g.wantReply("before", g.get(access), 200, "")
	g.wantReply("somebody else's", g.get(other), 200, "")
	g.command("session", "revoke", ada.login)
	soon(t, "the access token ends", func() bool { return g.get(access).code == "token_revoked" })
	g.wantReply("somebody else's, afterwards", g.get(other), 200, "")
	if list := g.command("session", "list", "--json", "--user", "ada@example.com"); strings.TrimSpace(list) != "[]" {
		t.Errorf("still alive: %s", list)
	}
}
