package session

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/refusal"
)

// TestModel drives two nodes at random and holds against them what must be true at
// any time: nothing passes after the end, nothing passes beyond a limit, and of all
// secrets that were ever given out at most two pass.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, Options{Idle: 10 * time.Minute, Absolute: time.Hour, Rotate: 2 * time.Minute})
		nodes := []world{w, w.node()}
		cookie, sid := w.begin(t0)
		given, now, ended := []string{cookie}, t0, false
		rt.Repeat(map[string]func(*rapid.T){
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 120).Draw(rt, "seconds")) * time.Second)
			},
			"request": func(rt *rapid.T) {
				n := nodes[rapid.IntRange(0, 1).Draw(rt, "node")]
				c := rapid.SampledFrom(given).Draw(rt, "cookie")
				_, renew, code := n.judge(c, now)
				if code == "" && (ended || !now.Before(t0.Add(time.Hour))) {
					rt.Fatal("passed after the end")
				}
				if code == refusal.Busy {
					rt.Fatal("busy without a reason")
				}
				if renew {
					if next := n.renew(c, now); next != "" && next != given[len(given)-1] {
						given = append(given, next)
					}
				}
			},
			"feed": func(*rapid.T) {
				for _, n := range nodes {
					n.Apply(change.Change{Kind: change.Session, ID: sid})
				}
			},
			"end": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "really") > 0 {
					return
				}
				if _, err := w.End(bg, sid, ReasonLogout, Meta{}, now); err != nil {
					rt.Fatal(err)
				}
				for _, n := range nodes {
					n.Apply(change.Change{Kind: change.Session, ID: sid})
				}
				ended = true
			},
			"": func(rt *rapid.T) {
				fresh := w.node() // judges by the store alone
				passing := 0
				for _, c := range given {
					raw, _ := decode(c)
					if l, err := fresh.load(bg, digest(raw)); err == nil && l.state(digest(raw), now, fresh.options.Load()) <= racing {
						passing++
					}
				}
				if passing > 2 {
					rt.Fatalf("%d secrets pass", passing)
				}
			},
		})
	})
}
