package refresh_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/refresh"
)

// bound is how many generations a thief can take part in before somebody is told.
const bound = 3

// play is one honest client and one thief on two nodes. The thief has copied one token of
// the client, once, and knows the whole of this package.
type play struct {
	*world
	rt    *rapid.T
	nodes [2]node
	sid   string
	now   time.Duration

	honest string           // what the client holds
	gen    int64            // newest generation that it holds
	loot   []string         // what the thief holds
	gained map[int64]bool   // generations that the thief took part in, since somebody was told
	given  map[int64]string // the one token of each generation
	theft  bool
	told   int // alerts so far
}

// present presents a token and checks what must be true of any answer.
func (p *play) present(token string) (refresh.Outcome, error) {
	n := p.nodes[rapid.IntRange(0, 1).Draw(p.rt, "node")]
	out, err := n.Rotate(p.t.Context(), token, at(p.now))
	if p.theft && !errors.Is(err, refresh.ErrRevoked) {
		p.rt.Fatalf("after the theft: %v, %v", out.Verdict, err)
	}
	p.theft = p.theft || errors.Is(err, refresh.ErrReuse)
	if err != nil && !p.theft && !errors.Is(err, refresh.ErrCapped) {
		p.rt.Fatalf("%v", err)
	}
	if !out.Token.Empty() {
		if have, ok := p.given[out.Family.Gen]; ok && have != text(out.Token) {
			p.rt.Fatalf("generation %d has two tokens", out.Family.Gen)
		}
		p.given[out.Family.Gen] = text(out.Token)
	}
	return out, err
}

// steal lets the thief act for a while: present what it has, or use an access token.
func (p *play) steal(until time.Duration) {
	for range rapid.IntRange(0, 3).Draw(p.rt, "acts") {
		p.now += time.Duration(rapid.Int64Range(0, int64(until-p.now)).Draw(p.rt, "pause"))
		token := p.loot[len(p.loot)-1]
		if rapid.IntRange(0, 9).Draw(p.rt, "older") == 0 {
			token = rapid.SampledFrom(p.loot).Draw(p.rt, "loot")
		}
		out, err := p.present(token)
		if err != nil {
			continue
		}
		p.gained[out.Family.Gen] = true
		if !out.Token.Empty() {
			p.loot = append(p.loot, text(out.Token))
		}
		if rapid.Bool().Draw(p.rt, "uses") {
			p.confirm(p.nodes[0], p.sid, uint64(out.Family.Gen))
		}
	}
	p.now = until
}

// refresh is the client's: it asks again when an answer was lost, and uses what it gets.
func (p *play) refresh() {
	for tries := 0; ; tries++ {
		out, err := p.present(p.honest)
		if err != nil {
			return
		}
		if tries < 3 && rapid.IntRange(0, 3).Draw(p.rt, "lost") == 0 {
			p.now += time.Duration(rapid.IntRange(0, 19).Draw(p.rt, "again")) * time.Second
			continue
		}
		if !out.Token.Empty() {
			p.honest, p.gen = text(out.Token), out.Family.Gen
		}
		if rapid.IntRange(0, 4).Draw(p.rt, "uses") > 0 {
			p.confirm(p.nodes[1], p.sid, uint64(p.gen))
		}
		return
	}
}

// noticed forgets what the thief gained when somebody is told.
func (p *play) noticed() bool {
	if n := len(p.alerted()); n > p.told || p.theft {
		p.told = n
		clear(p.gained)
		return true
	}
	return false
}

// Whatever a thief and the client that it copied from do, in whatever order: a client
// alone is never taken for a thief, a generation has one token, nothing works after a
// theft, and a thief that takes part in more than three generations within a day is
// noticed when the client presents its token the next time.
func TestThief(t *testing.T) {
	onBoth(t, func(t *testing.T, s site) {
		w, n := newWorld(t, s), 0
		nodes := [2]node{w.node, w.newNode(refresh.Options{})}
		noticed := map[string]int{}
		rapid.Check(t, func(rt *rapid.T) {
			n++
			w.alerts = nil
			p := &play{world: w, rt: rt, nodes: nodes, gained: map[int64]bool{}, given: map[int64]string{}}
			p.honest, p.sid = w.grant(w.login(fmt.Sprint("ses_", n, "_", time.Now().UnixNano())))
			copied := rapid.IntRange(0, 5).Draw(rt, "copied")
			for cycle := range 12 {
				if cycle == copied {
					p.loot = []string{p.honest}
				}
				next := p.now + time.Duration(rapid.IntRange(1, 300).Draw(rt, "cycle"))*time.Second
				if p.loot != nil {
					p.steal(next)
				}
				p.now = next
				p.refresh()
				switch {
				case p.noticed():
					noticed[fmt.Sprint("theft ", p.theft)]++
				case len(p.gained) > bound:
					rt.Fatalf("the thief is in %d generations and nobody was told", len(p.gained))
				}
				if p.theft && len(p.loot) == 0 {
					rt.Fatal("a client alone was taken for a thief")
				}
			}
		})
		// Being told without a theft is rare in random play; TestThiefWithPerfectTiming forces it.
		if noticed["theft true"] == 0 {
			t.Errorf("the play is too tame: %v", noticed)
		}
	})
}

// The best a thief can do: it knows to the second when the client comes, is there first
// each time and never uses what it gets. The fourth time somebody is told.
func TestThiefWithPerfectTiming(t *testing.T) {
	onBoth(t, func(t *testing.T, s site) {
		w := newWorld(t, s)
		honest, _ := w.grant(w.login("ses_login"))
		for cycle := 1; cycle <= 4; cycle++ {
			d := time.Duration(cycle) * 5 * time.Minute
			loot := w.yes(w.node, honest, d-5*time.Second, refresh.Rotated)
			if honest = w.yes(w.node, honest, d, refresh.Redelivered); honest != loot {
				t.Fatal("they do not share a chain")
			}
			if got := len(w.alerted()); got != cycle/4 {
				t.Fatalf("refresh %d: %d alerts", cycle, got)
			}
		}
		if a := w.alerted()[0]; a.Event != audit.RefreshRetried || a.Detail != "class=redelivered client=mobile presented=3 current=4 often=true" {
			t.Errorf("%+v", a)
		}
	})
}

// A client that loses three answers a day, every day, is left alone.
func TestLostAnswersRaiseNoAlarm(t *testing.T) {
	onBoth(t, func(t *testing.T, s site) {
		w := newWorld(t, s)
		r, _ := w.grant(w.login("ses_login"))
		for i := range 30 {
			d := time.Duration(i) * 8 * time.Hour
			next := w.yes(w.node, r, d, refresh.Rotated)
			w.yes(w.node, r, d+30*time.Second, refresh.Redelivered)
			r = next
		}
		if a := w.alerted(); len(a) != 0 {
			t.Errorf("%+v", a)
		}
	})
}
