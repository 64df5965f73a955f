package server

import (
	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/limit"
)

// limitsOf compiles the limits of a scope: those of units, and those of how many are under
// way at once. The counters of the first limit are named for the scope alone.
func limitsOf(scope string, all []config.Limit) (units, seats []sanmon.Limit, err error) {
	for _, l := range all {
		p, err := policyOf(l)
		if err != nil {
			return nil, nil, err
		}
		one := sanmon.Limit{Policy: p, Per: perOf(l.Per), Scope: scope}
		if len(units)+len(seats) > 0 {
			one.Scope += "#" + l.Name
		}
		if l.Concurrency > 0 {
			seats = append(seats, one)
		} else {
			units = append(units, one)
		}
	}
	return units, seats, nil
}

func policyOf(l config.Limit) (*limit.Policy, error) {
	switch {
	case l.Concurrency > 0:
		return limit.NewConcurrency(l.Name, l.Concurrency)
	case !l.Quota.Zero():
		return limit.NewQuota(l.Name, l.Quota)
	}
	return limited(l.Name, l.Rate)
}

// everywhere compiles the limits of callers over all routes.
func everywhere(g *sanmon.Gate, c config.Limits) error {
	for _, all := range [][]config.Limit{c.Caller, c.Subject} {
		for _, l := range all {
			p, err := policyOf(l)
			if err != nil {
				return err
			}
			g.Everywhere = append(g.Everywhere, sanmon.Limit{Policy: p, Per: perOf(l.Per), Scope: "*" + l.Name})
		}
	}
	return nil
}

func perOf(word string) sanmon.Per {
	switch word {
	case "network":
		return sanmon.PerNetwork
	case "route":
		return sanmon.PerRoute
	case "subject":
		return sanmon.PerSubject
	}
	return sanmon.PerCaller
}
