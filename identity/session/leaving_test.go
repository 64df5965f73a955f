package session

import (
	"bytes"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// TestLeaving: who signs out ends the session from where it is worth nothing, too, and nobody
// else does: a guess, or a secret that was replaced too long ago, names no session.
func TestLeaving(t *testing.T) {
	w := newBindWorld(t, Options{Network: Strict})
	cookie, sid := w.begin(t0)
	if err := w.Bind(bg, sid, DBSC, []byte{4, 1}, Meta{From: home}, t0); err != nil {
		t.Fatal(err)
	}
	at := t0.Add(time.Minute)
	before, _, _ := w.judge(Presented(cookie, w.bound(sid, t0)), at)
	for name, err := range map[string]error{
		"from another network": errOf(w.Judge(bg, Presented(cookie, w.bound(sid, t0)), Client{Addr: away}, at, &before)),
		"without the key":      errOf(w.Judge(bg, cookie, Client{Addr: home}, at, &before)),
	} {
		if refusal.From(err).Code != refusal.LoginRequired {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, bindings, err := w.Leaving(bg, cookie, away, at)
	if err != nil || got != sid || len(bindings) != 1 || !bytes.Equal(bindings[0], before.Bindings[0]) {
		t.Errorf("%q %x, %v", got, bindings, err)
	}
	next := w.renew(Presented(cookie, w.bound(sid, t0)), t0.Add(rotate))
	w.want(Presented(next, w.bound(sid, t0.Add(rotate))), t0.Add(rotate), "")
	for _, c := range []struct {
		name, cookie string
		at           time.Duration
		want         refusal.Code
	}{
		{"a guess", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0, refusal.LoginRequired},
		{"nothing", "", 0, refusal.LoginRequired},
		{"under way", cookie, 9 * time.Second, ""},
		{"a copy, too late", cookie, 20 * time.Second, refusal.LoginRequired},
		{"what that has ended", next, 21 * time.Second, refusal.LoginRequired},
	} {
		if got, _, err := w.Leaving(bg, c.cookie, home, t0.Add(rotate+c.at)); codeOf(err) != c.want || (got == sid) != (c.want == "") {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func errOf(_ bool, err error) error { return err }
