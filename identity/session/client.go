package session

import (
	"context"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/agent"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Client is where a request with a session comes from.
type Client struct {
	Addr  netip.Addr // address of the client
	Agent string     // its User-Agent, or NoAgent; "": nobody knows, and nothing is made of it. Only the family is compared and kept
}

// NoAgent is the Agent of a client that sends no User-Agent.
const NoAgent = "-"

// Family is the kind of browser; zero where nobody knows.
func (c Client) Family() agent.Family {
	if c.Agent == "" {
		return 0
	}
	return agent.Of(c.Agent)
}

// place is where the client comes from, as it is compared and kept.
func (c Client) place() Place {
	return Place{Network: networkText(c.Addr), Agent: c.Family().String()}
}

// doubts is what speaks against a client, by what the session knows.
type doubts struct {
	network bool // the network is one that the session does not know
	agent   bool // the browser is of another family than the one that signed in
	given   bool // yet the current secret was given to such a client: nothing is new to it
}

func (k *Keeper) doubts(l *live, c Client) doubts {
	d := doubts{network: !l.knows(Network(c.Addr)), agent: k.foreign(l, c)}
	d.given = !(d.network || d.agent) || d.among(l, c)
	return d
}

// among reports whether the last rotation was asked for from there: by another request of the
// same browser, which may roam.
func (d doubts) among(l *live, c Client) bool {
	if l.PrevHash == ([32]byte{}) {
		return false
	}
	at := c.place()
	return (!d.network || at.Network == l.RotatedBy.Network) && (!d.agent || at.Agent == l.RotatedBy.Agent)
}

// any reports whether the authentication counts as recent there no more.
func (d doubts) any(o *Options) bool { return o.Network != Observe && (d.network || d.agent) }

// foreign reports whether the client is of another family. A browser sends the same field
// with every request: of the last one a hash is kept, and what it came to in its last bit.
func (k *Keeper) foreign(l *live, c Client) bool {
	if l.agent == 0 || c.Agent == "" {
		return false
	}
	sum := maphash.String(k.seed, c.Agent) | 1
	if known := l.looked.Load(); known|1 == sum {
		return known == sum
	}
	differs := agent.Of(c.Agent).Differs(l.agent)
	if !differs {
		sum--
	}
	l.looked.Store(sum)
	return differs
}

// formerDoubted refuses the former secret from where neither the person has signed in nor the
// secret was replaced: its successor is not given out there, and signing in is what helps
// whoever it is. It is no theft: a phone may change its network between a request and the next
// (research A.5).
func (k *Keeper) formerDoubted(l *live, d doubts) error {
	k.counts.stepUp.Add(1)
	what := "network that the session does not know"
	if d.agent {
		what = "kind of browser than the one that signed in"
	}
	return refusal.New(refusal.StepUpRequired, "the former secret of session %s came from another %s (sign in again)", l.SID, what)
}

// signal tells of another kind of browser, once for each kind and session.
func (k *Keeper) signal(l *live, c Client, st state, now time.Time) {
	family := c.Family()
	bit := uint64(1) << family
	if l.told.Load()&bit != 0 || l.told.Or(bit)&bit != 0 {
		return
	}
	secret := "current"
	if st != current {
		secret = "former"
	}
	ev := Meta{From: c.Addr, Actor: "system"}.event(audit.SessionStrange, l.User, l.SID,
		"agent="+family.String()+" began="+l.agent.String()+" secret="+secret, now)
	select {
	case k.signals <- ev:
		k.counts.agent.Add(1)
	default: // Run is far behind: the next request tries again
		l.told.And(^bit)
	}
}

// record writes a signal.
func (k *Keeper) record(ctx context.Context, ev audit.Event) {
	o := k.options.Load()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	if err := o.Signal(ctx, ev); err != nil {
		o.Log.Warn("another kind of browser was not written down", "sid", ev.SID, "detail", ev.Detail, "err", err)
	}
}
