package main

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
	"github.com/sanmon-gate/sanmon/refusal"
)

// sharedThrottle counts failed logins for all nodes, beside the throttle that each node has
// and that stays in force: a limiter that is gone makes nothing laxer. The thresholds are
// those of the throttle; as there, a known device is held to neither, so that strangers at
// its address shut nobody out, but what fails on it counts for its network.
type sharedThrottle struct {
	portal.Authenticator
	shared           limit.Shared
	devices          throttle.Devices
	journal          login.Journal
	account, network *limit.Policy
}

// throttled returns auth with failures counted where shared says; auth itself when nothing
// is shared.
func throttled(auth portal.Authenticator, shared limit.Shared, devices throttle.Devices, journal login.Journal) (portal.Authenticator, error) {
	if shared == nil {
		return auth, nil
	}
	s := sharedThrottle{Authenticator: auth, shared: shared, devices: devices, journal: journal}
	var err error
	if s.account, err = limit.NewPolicy("login-account", limit.Rate{Count: 10, Per: 15 * time.Minute}); err != nil {
		return nil, err
	}
	s.network, err = limit.NewPolicy("login-network", limit.Rate{Count: 30, Per: 10 * time.Minute})
	return s, err
}

// Login implements portal.Authenticator.
func (s sharedThrottle) Login(ctx context.Context, t portal.Attempt) (portal.Grant, error) {
	var buf [2]limit.Demand
	demands, known := s.demands(t, buf[:0])
	var answers [limit.MaxDemands]limit.Answer
	if !known && s.shared.Ask(ctx, limit.PeekUnits, demands, &answers) {
		for i := range demands {
			if wait := answers[i].Wait; wait > 0 {
				no := refusal.New(refusal.RateLimited, "limit %q of failed logins on all nodes is used up (wait %d s)", demands[i].Policy.Name(), limit.Seconds(wait))
				no.RetryAfter = wait
				return portal.Grant{}, no
			}
		}
	}
	g, err := s.Authenticator.Login(ctx, t)
	if err != nil && refusal.From(err).Code == refusal.LoginFailed && s.shared.Ask(ctx, limit.ChargeUnits, demands, &answers) {
		s.tell(ctx, t, demands, &answers)
	}
	return g, err
}

// tell writes down the failure that used up a count of all nodes; each node's own counts
// may be far from that.
func (s sharedThrottle) tell(ctx context.Context, t portal.Attempt, demands []limit.Demand, answers *[limit.MaxDemands]limit.Answer) {
	for i := range demands {
		if answers[i].Wait > 0 || answers[i].Remaining > 1 { // as it was before this one was charged
			continue
		}
		ev := audit.Event{At: t.Now, Event: audit.LoginThrottled, Actor: "system", RequestID: t.RequestID, Detail: "full=" + demands[i].Policy.Name() + " nodes=all"}
		if n := session.Network(t.Network); n.IsValid() {
			ev.Network = n.String()
		}
		_ = s.journal.Record(ctx, ev) // it has said what it could not write
	}
}

func (s sharedThrottle) demands(t portal.Attempt, to []limit.Demand) (_ []limit.Demand, known bool) {
	to = append(to, limit.Demand{Policy: s.network, Who: limit.Who{Network: network.LimitKey(t.Network), Scope: "login"}})
	account, proper := login.Canonical(t.Email)
	if !proper {
		return to, false
	}
	if _, known = s.devices.Known(t.DeviceCookie, account, t.Now); !known {
		to = append(to, limit.Demand{Policy: s.account, Who: limit.Who{Name: account, Scope: "login"}})
	}
	return to, known
}
