package refresh_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// TestScenarios are the scenarios that refresh tokens of other products failed in, by the
// numbers of the catalogue. Times are after the grant began.
func TestScenarios(t *testing.T) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"01 replay of the first of three", func(t *testing.T, w *world) {
			login := w.login("ses_login")
			r0, sid := w.grant(login)
			other := w.newNode(refresh.Options{})
			r1 := w.yes(w.node, r0, time.Minute, refresh.Rotated)
			r2 := w.yes(other, r1, 2*time.Minute, refresh.Rotated)
			if !w.access(w.node, sid, 2*time.Minute) || !w.access(other, sid, 2*time.Minute) || !w.access(other, login, 2*time.Minute) {
				t.Fatal("not alive before")
			}
			w.no(w.node, r0, 3*time.Minute, refresh.ErrReuse)
			if w.access(w.node, sid, 3*time.Minute) {
				t.Error("the node that found it still takes the access token")
			}
			w.dead(3*time.Minute, []string{sid, login}, other)
			w.no(other, r2, 3*time.Minute, refresh.ErrRevoked)
			if got := strings.Join(w.events(), " "); got != "refresh.reuse session.revoked refresh.refused" {
				t.Errorf("trail: %s", got)
			}
			if a := w.alerted(); len(a) != 1 || a[0].Event != audit.RefreshReuse || a[0].SID != sid || a[0].Subject != "usr_alice" ||
				a[0].Detail != "class=stale client=mobile presented=0 current=2" {
				t.Errorf("alerts: %+v", a)
			}
		}},
		{"02 late replay of a used one", func(_ *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			r1 := w.yes(w.node, r0, time.Minute, refresh.Rotated)
			w.confirm(w.node, sid, 1)
			w.no(w.node, r0, 10*time.Minute, refresh.ErrReuse)
			w.no(w.node, r1, 10*time.Minute, refresh.ErrRevoked)
			w.dead(10*time.Minute, []string{sid, "ses_login"})
		}},
		{"03 the answer was lost", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			r1 := w.yes(w.node, r0, 0, refresh.Rotated)
			if again := w.yes(w.node, r0, 60*time.Second, refresh.Redelivered); again != r1 {
				t.Error("another successor")
			}
			w.yes(w.node, r1, 61*time.Second, refresh.Rotated)
		}},
		{"04 the answer was lost for too long", func(_ *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			w.yes(w.node, r0, 0, refresh.Rotated)
			w.no(w.node, r0, 61*time.Second, refresh.ErrReuse)
		}},
		{"05 two tabs in the same instant", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			got := together(2, func(int) string {
				out, err := w.Rotate(t.Context(), r0, at(time.Minute))
				return fmt.Sprint(out.Verdict == refresh.Rotated || out.Verdict == refresh.Redelivered, err, text(out.Token))
			})
			if got[0] != got[1] || !strings.HasPrefix(got[0], "true <nil>smr_") {
				t.Errorf("%q", got)
			}
		}},
		{"06 two tabs, answers out of order", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			first := w.yes(w.node, r0, 0, refresh.Rotated)
			second := w.yes(w.node, r0, time.Second, refresh.Redelivered)
			for _, kept := range []string{second, first} { // whichever answer came last, it is the right one
				if kept != first {
					t.Fatal("an orphan")
				}
			}
			w.yes(w.node, first, 5*time.Minute, refresh.Rotated)
		}},
		{"07 fifty requests at expiry", func(t *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			got := together(50, func(int) string {
				out, err := w.Rotate(t.Context(), r0, at(5*time.Minute))
				if err != nil {
					return err.Error()
				}
				return out.Verdict.String()
			})
			slices.Sort(got)
			if n := slices.Index(got, "rotated"); n != 49 || got[0] != "redelivered" || got[48] != "redelivered" {
				t.Errorf("%q", got)
			}
			if !w.access(w.node, sid, 5*time.Minute) || w.count(audit.RefreshRetried) != 1 {
				t.Errorf("events: %q", w.events())
			}
		}},
		{"08 the thief is first", func(t *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			stolen := r0
			loot := w.yes(w.node, stolen, 0, refresh.Rotated)
			w.confirm(w.node, sid, 1)                                       // the thief uses it
			w.yes(w.node, r0, 5*time.Second, refresh.AccessOnly)            // the victim notices nothing
			w.no(w.node, r0, 5*time.Second+5*time.Minute, refresh.ErrReuse) // until its next refresh, at the latest
			w.no(w.node, loot, 6*time.Minute, refresh.ErrRevoked)
			w.dead(6*time.Minute, []string{sid})
			if len(w.alerted()) != 1 {
				t.Errorf("alerts: %v", w.alerted())
			}
		}},
		{"09 thief and victim take turns", func(_ *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			victim, thief := r0, r0
			victim = w.yes(w.node, victim, 5*time.Minute, refresh.Rotated)
			w.confirm(w.node, sid, 1)
			w.no(w.node, thief, 5*time.Minute+11*time.Second, refresh.ErrReuse)
			w.no(w.node, victim, 10*time.Minute, refresh.ErrRevoked)
		}},
		{"10 the window does not slide", func(_ *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			w.yes(w.node, r0, 0, refresh.Rotated)
			for d := 9 * time.Second; d <= 60*time.Second; d += 9 * time.Second {
				w.yes(w.node, r0, d, refresh.Redelivered)
			}
			w.no(w.node, r0, 63*time.Second, refresh.ErrReuse)
		}},
		{"11 the one before the last, at once", func(_ *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			r1 := w.yes(w.node, r0, 0, refresh.Rotated)
			w.yes(w.node, r1, time.Second, refresh.Rotated)
			w.no(w.node, r0, 2*time.Second, refresh.ErrReuse)
		}},
		{"12 at most 64 answers", func(t *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			r1 := w.yes(w.node, r0, 0, refresh.Rotated)
			for range 64 {
				w.yes(w.node, r0, time.Second, refresh.Redelivered)
			}
			for range 3 {
				w.no(w.node, r0, time.Second, refresh.ErrCapped)
			}
			if !w.access(w.node, sid, time.Second) || w.count(audit.RefreshReuse) != 0 || w.count(audit.RefreshRefused) != 1 {
				t.Errorf("too many is no theft: %q", w.events())
			}
			w.yes(w.node, r1, 2*time.Second, refresh.Rotated)
		}},
		{"13 another device is not touched", func(t *testing.T, w *world) {
			a0, _ := w.grant(w.login("ses_a"))
			b0, b := w.grant(w.login("ses_b"))
			a1 := w.yes(w.node, a0, 0, refresh.Rotated)
			w.yes(w.node, a1, 0, refresh.Rotated)
			w.no(w.node, a0, 0, refresh.ErrReuse)
			w.dead(0, []string{"ses_a"})
			if !w.access(w.node, b, time.Second) || !w.access(w.node, "ses_b", time.Second) {
				t.Error("device B ended as well")
			}
			w.yes(w.node, b0, time.Second, refresh.Rotated)
		}},
		{"14 revoked while it rotates", func(t *testing.T, w *world) {
			for round := range 10 {
				login := w.login(fmt.Sprint("ses_", round))
				r0, sid := w.grant(login)
				live := together(6, func(i int) string {
					if i == 0 {
						_, err := w.db.RevokeSession(t.Context(), login, session.ReasonLogout, t0, audit.Event{At: t0, Event: audit.Logout})
						return fmt.Sprint(err)
					}
					out, _ := w.Rotate(t.Context(), r0, at(time.Second))
					return text(out.Token)
				})
				for _, token := range append(live[1:], r0) {
					if _, err := w.Rotate(t.Context(), token, at(2*time.Second)); err == nil {
						t.Fatal("a token is alive after the logout")
					}
				}
				w.dead(2*time.Second, []string{sid})
			}
		}},
		{"15 two nodes, one database", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			nodes := []node{w.node, w.newNode(refresh.Options{})}
			got := together(8, func(i int) string {
				out, err := nodes[i%2].Rotate(t.Context(), r0, at(time.Minute))
				return fmt.Sprint(err, text(out.Token))
			})
			for _, g := range got {
				if g != got[0] || !strings.HasPrefix(g, "<nil>smr_") {
					t.Fatalf("%q", got)
				}
			}
		}},
		{"16 clocks 90 s apart", func(t *testing.T, w *world) {
			r, sid := w.grant(w.login("ses_login"))
			skewed := func(d time.Duration) node { // it knows by the database how far off it is
				n := w.newNode(refresh.Options{Offset: func() time.Duration { return -d }})
				n.clock = d
				return n
			}
			ahead, behind := skewed(90*time.Second), skewed(-90*time.Second)
			for i, pair := range [][2]node{{ahead, behind}, {behind, ahead}, {w.node, ahead}, {behind, w.node}} {
				d := time.Duration(i+1) * 5 * time.Minute
				next := w.yes(pair[0], r, d, refresh.Rotated)
				if again := w.yes(pair[1], r, d+time.Second, refresh.Redelivered); again != next {
					t.Fatal("another successor")
				}
				r = next
			}
			if !w.access(w.node, sid, time.Hour/2) {
				t.Error("the grant was lost")
			}
			next := w.yes(ahead, r, 30*time.Minute, refresh.Rotated)
			w.no(behind, r, 31*time.Minute+time.Second, refresh.ErrReuse) // and no window is longer for it
			w.no(ahead, next, 31*time.Minute+time.Second, refresh.ErrRevoked)
		}},
		{"17 the database goes away", func(t *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			spy := &spy{Store: w.db, before: func() error { return errors.New("connection refused") }}
			n := w.nodeOn(spy)
			for range 3 {
				if out, err := n.Rotate(t.Context(), r0, at(0)); refusal.From(err).Code != refusal.Busy || !out.Token.Empty() {
					t.Fatalf("%v", err)
				}
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := w.Rotate(gone, r0, at(0)); refusal.From(err).Code != refusal.Busy {
				t.Fatalf("%v", err)
			}
			spy.before = nil // it is back: nothing was lost, nothing has changed
			r1 := w.yes(n, r0, time.Minute, refresh.Rotated)
			w.yes(n, r1, 2*time.Minute, refresh.Rotated)
			if !w.access(w.node, sid, 2*time.Minute) || len(w.events()) != 0 {
				t.Errorf("%q", w.events())
			}
		}},
		{"18 restored from a backup", func(t *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			r1 := w.yes(w.node, r0, 0, refresh.Rotated)
			r2 := w.yes(w.node, r1, 0, refresh.Rotated)
			w.ok(w.exec("UPDATE refresh_family SET gen = 0")) // yesterday's row
			w.no(w.node, r2, time.Second, refresh.ErrAhead)
			if a := w.alerted(); len(a) != 1 || a[0].Event != audit.RefreshRefused || !strings.HasPrefix(a[0].Detail, "class=ahead ") {
				t.Errorf("alerts: %+v", a)
			}
			for _, r := range []string{r0, r1, r2} { // what was spent is not good again
				w.no(w.node, r, time.Second, refresh.ErrRevoked)
			}
			w.dead(time.Second, []string{sid})
			if !w.access(w.node, "ses_login", time.Second) {
				t.Error("the login was lost")
			}
		}},
		{"19 keys of the server", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			both := w.newNode(refresh.Options{Ring: secret.NewRing(secret.PurposeRefresh, masterKey(1, 1), masterKey(2, 2))})
			next := w.newNode(refresh.Options{Ring: secret.NewRing(secret.PurposeRefresh, masterKey(2, 2))})
			w.no(next, r0, 0, refresh.ErrInvalid) // its key was dropped
			r1 := w.yes(both, r0, 0, refresh.Rotated)
			w.yes(next, r1, time.Minute, refresh.Rotated)
			other := w.newNode(refresh.Options{Ring: secret.NewRing(secret.PurposeRefresh, masterKey(1, 9))})
			w.no(other, r0, 0, refresh.ErrInvalid)
		}},
		{"20 tokens that are none", func(t *testing.T, w *world) {
			r0, sid := w.grant(w.login("ses_login"))
			other, _ := w.grant(w.login("ses_other"))
			spy := &spy{Store: w.db}
			n := w.nodeOn(spy)
			bad := []string{"", r0[:len(r0)-1], r0 + "0", r0[1:], strings.ToLower(r0), " " + r0, r0 + "\n", "smk_live_000000000001_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2vG8vN", // sanmon:allow sanmon-key a vector of docs/formats.md
				r0[:40] + other[40:], other[:40] + r0[40:]}
			for i := range len(r0) {
				for _, c := range "0Az_" {
					if byte(c) != r0[i] {
						bad = append(bad, r0[:i]+string(c)+r0[i+1:])
					}
				}
			}
			for _, b := range bad {
				w.no(n, b, 0, refresh.ErrInvalid)
			}
			if _, err := n.Rotate(t.Context(), r0, refresh.Presented{Client: "other", From: home, Now: t0}); !errors.Is(err, refresh.ErrInvalid) {
				t.Errorf("another client: %v", err)
			}
			if spy.calls != 0 {
				t.Errorf("%d statements for tokens that are none", spy.calls)
			}
			if len(w.events()) != 0 || !w.access(w.node, sid, 0) {
				t.Errorf("something happened: %q", w.events())
			}
			w.yes(w.node, r0, 0, refresh.Rotated)
		}},
		{"21 another key", func(t *testing.T, w *world) {
			key, wrong := sha256.Sum256([]byte("device")), sha256.Sum256([]byte("thief"))
			w.login("ses_login")
			is, err := w.Begin(t.Context(), refresh.Grant{User: "usr_alice", Parent: "ses_login", Client: mobile, Key: key, From: home, Now: t0})
			w.ok(err)
			for _, k := range [][32]byte{wrong, {}, wrong} {
				p := at(time.Minute)
				p.Key = k
				if _, err := w.Rotate(t.Context(), text(is.Token), p); !errors.Is(err, refresh.ErrMismatch) {
					t.Errorf("key %x: %v", k[:2], err)
				}
			}
			if a := w.alerted(); len(a) != 1 || w.count(audit.RefreshRefused) != 1 {
				t.Errorf("once a minute: %v, %q", a, w.events())
			}
			p := at(2 * time.Minute)
			p.Key = key
			if out, err := w.Rotate(t.Context(), text(is.Token), p); err != nil || out.Family.Gen != 1 || out.Family.Key != key {
				t.Errorf("the right key: %+v, %v", out, err)
			}
		}},
		{"22 the absolute end stays", func(t *testing.T, w *world) {
			r, sid := w.grant(w.login("ses_login"))
			const day = 24 * time.Hour
			for d := 10 * day; d < 30*day; d += 9 * day {
				r = w.yes(w.node, r, d, refresh.Rotated)
			}
			w.yes(w.node, r, 30*day-time.Microsecond, refresh.Rotated)
			w.no(w.node, r, 30*day, refresh.ErrExpired)
			if w.access(w.node, sid, 30*day) {
				t.Error("the grant outlives its end")
			}
			idle, _ := w.grant("")
			w.no(w.node, idle, 14*day, refresh.ErrExpired) // token.refresh_idle
		}},
		{"23 scope", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			for _, c := range []struct {
				ask  []string
				want error
			}{
				{[]string{"notes:read", "admin"}, refresh.ErrScope}, {[]string{""}, refresh.ErrScope}, {[]string{"*"}, refresh.ErrScope},
				{[]string{"notes:read"}, nil},
			} {
				p := at(0)
				p.Scope = c.ask
				out, err := w.Rotate(t.Context(), r0, p)
				if !errors.Is(err, c.want) || err == nil && (!slices.Equal(out.Scope, c.ask) || len(out.Family.Scope) != 2) {
					t.Errorf("%q: %+v, %v", c.ask, out, err)
				}
				if err == nil {
					r0 = text(out.Token)
				}
			}
			out, err := w.rotate(t, r0, time.Second) // the grant itself was not narrowed
			if err != nil || len(out.Scope) != 2 {
				t.Errorf("%q, %v", out.Scope, err)
			}
		}},
		{"24 the person changed", func(t *testing.T, w *world) {
			ev := audit.Event{At: t0, Event: audit.UserReset}
			for i, change := range []func() error{
				func() error { return w.db.SetPassword(t.Context(), "usr_alice", secret.NewString("$x"), true, t0, ev) },
				func() error {
					_, err := w.db.RevokeUserSessions(t.Context(), "usr_alice", "", "factors", t0, ev)
					return err
				},
				func() error { return w.db.SetDisabled(t.Context(), "usr_alice", true, t0, ev) },
			} {
				login := w.login(fmt.Sprint("ses_", i))
				a0, a := w.grant(login)
				b0, b := w.grant("")
				w.ok(change())
				w.no(w.node, a0, time.Second, refresh.ErrRevoked)
				w.no(w.node, b0, time.Second, refresh.ErrRevoked)
				w.dead(time.Second, []string{login, a, b})
			}
			if _, err := w.Begin(t.Context(), refresh.Grant{User: "usr_alice", Client: mobile, Now: t0}); !errors.Is(err, refresh.ErrParent) {
				t.Errorf("a grant of somebody who is disabled: %v", err)
			}
		}},
		{"25 a code comes twice", func(t *testing.T, w *world) {
			w.login("ses_login")
			code := w.code()
			is, err := w.Codes().Redeem(t.Context(), code, exchange(0))
			w.ok(err)
			w.yes(w.node, text(is.Token), time.Second, refresh.Rotated)
			for range 2 {
				if _, err := w.Codes().Redeem(t.Context(), code, exchange(2*time.Second)); !errors.Is(err, refresh.ErrReplay) {
					t.Fatalf("a second time: %v", err)
				}
			}
			w.dead(2*time.Second, []string{is.Family.SID})
			w.no(w.node, text(is.Token), 3*time.Second, refresh.ErrRevoked)
			if got := strings.Join(w.events(), " "); got != "token.revoked refresh.refused" || !w.access(w.node, "ses_login", 3*time.Second) {
				t.Errorf("trail: %s", got)
			}
			if a := w.alerted(); len(a) != 2 || a[0].SID != is.Family.SID || a[0].Detail != "reason=code_replay client=mobile" {
				t.Errorf("alerts: %+v", a)
			}
		}},
		{"26 restarted between change and answer", func(t *testing.T, w *world) {
			r0, _ := w.grant(w.login("ses_login"))
			dying := &spy{Store: w.db, after: func() error { return context.Canceled }}
			if _, err := w.nodeOn(dying).Rotate(t.Context(), r0, at(0)); refusal.From(err).Code != refusal.Busy {
				t.Fatalf("%v", err)
			}
			r1 := w.yes(w.newNode(refresh.Options{}), r0, 10*time.Second, refresh.Redelivered)
			w.yes(w.node, r1, 20*time.Second, refresh.Rotated)
		}},
		{"27 a hundred thousand guesses", func(t *testing.T, w *world) {
			spy := &spy{Store: w.db}
			n := w.nodeOn(spy)
			r0, _ := w.grant(w.login("ses_login"))
			for i := range 100_000 {
				guess := refresh.Prefix + secret.Random62(refresh.Size-len(refresh.Prefix))
				if i%2 == 0 { // with a good checksum, so that it gets as far as the MAC
					guess = forge(r0[:6] + secret.Random62(refresh.Size-12))
				}
				if _, err := n.Rotate(t.Context(), guess, at(0)); !errors.Is(err, refresh.ErrInvalid) {
					t.Fatalf("%v", err)
				}
			}
			if spy.calls != 0 || n.Counts()["forged"] != 100_000 {
				t.Errorf("%d statements, %v", spy.calls, n.Counts())
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, s site) { c.test(t, newWorld(t, s)) })
		})
	}
}

// together runs n calls at once and returns what they said.
func together(n int, call func(i int) string) []string {
	out := make([]string, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			out[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	return out
}
