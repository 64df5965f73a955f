package session

import (
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Two nodes whose clocks are up to three minutes apart, each knowing by how much, see the
// windows of a rotation alike: no session is lost, and no window is longer.
func TestRotationAcrossClocks(t *testing.T) {
	for _, off := range [][2]time.Duration{{90 * time.Second, -90 * time.Second}, {-90 * time.Second, 90 * time.Second}, {-90 * time.Second, 0}, {0, 90 * time.Second}} {
		a := newWorld(t, Options{Offset: func() time.Duration { return -off[0] }})
		b := a.node()
		o := *b.options.Load()
		o.Offset = func() time.Duration { return -off[1] }
		if err := b.Configure(o); err != nil {
			t.Fatal(err)
		}
		old, sid := a.begin(t0.Add(off[0]))
		b.want(old, t0.Add(off[1]), "")
		at := t0.Add(rotate)
		next := a.renew(old, at.Add(off[0]))
		b.Apply(change.Change{Kind: change.Session, ID: sid})
		if got := b.renew(old, at.Add(time.Second+off[1])); got != next || next == "" {
			t.Fatalf("%v: a second later the other node gives %q", off, got)
		}
		b.want(old, at.Add(59*time.Second+off[1]), "")
		if r := a.store.row(sid); !r.RevokedAt.IsZero() || !r.RotatedAt.Equal(at) {
			t.Errorf("%v: %+v", off, r)
		}
		b.want(old, at.Add(60*time.Second+off[1]), refusal.LoginRequired)
		if r := a.store.row(sid); r.RevokeReason != ReasonReuse {
			t.Errorf("%v: the window is longer", off)
		}
	}
}

// A node that saw the former secret as the current one writes that down after another
// node has replaced it: the new secret is not confirmed by that.
func TestALateMarkConfirmsNothing(t *testing.T) {
	w := newWorld(t, Options{Now: func() time.Time { return t0.Add(2 * rotate) }})
	first, sid := w.begin(t0)
	second := w.renew(first, t0.Add(rotate))
	late := w.node()
	late.want(second, t0.Add(rotate+time.Second), "") // confirms the second, in its memory
	third := w.renew(second, t0.Add(2*rotate))
	if third == "" {
		t.Fatal("no third secret")
	}
	late.flush(bg)
	if r := w.store.row(sid); r.Confirmed {
		t.Error("a mark for the second secret confirmed the third")
	}
	n := w.node()
	n.want(second, t0.Add(2*rotate+30*time.Second), "") // its answer was lost: 60 s and not 10
}

// A grant has no cookie, no pause that ends it but its tokens', and ends with its login
// in this node's memory at once.
func TestGrants(t *testing.T) {
	w := newWorld(t, Options{})
	_, login := w.begin(t0)
	secretHash := [32]byte{7}
	g := Record{SID: "ses_grant", User: alice.ID, SecretHash: secretHash, Kind: Grant, Parent: login, Client: "mobile", CreatedAt: t0, LastSeenAt: t0,
		RotatedAt: t0, AuthTime: t0, ExpiresAt: t0.Add(720 * time.Hour), Networks: []string{"203.0.113.0/24"}}
	w.store.rows[g.SID] = g
	if !alive(w, "ses_grant", t0.Add(20*time.Hour)) {
		t.Error("a pause ended the grant")
	}
	if _, err := w.load(bg, secretHash); refusal.From(err).Code != refusal.LoginRequired {
		t.Errorf("found by a secret: %v", err)
	}
	if _, err := w.End(bg, login, ReasonLogout, Meta{}, t0.Add(20*time.Hour)); err != nil {
		t.Fatal(err)
	}
	g.RevokedAt, g.RevokeReason = t0, ReasonLogout // as the store does with the login
	w.store.rows[g.SID] = g
	if alive(w, "ses_grant", t0.Add(20*time.Hour)) {
		t.Error("memory keeps the grant of a login that has ended")
	}
}

func alive(w world, sid string, at time.Time) bool {
	var c caller.Caller
	return w.Live(bg, sid, home, at, &c) == nil
}
