//go:build waf

package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/waf"
)

// maxFirewalls bounds how many compiled rule sets are kept for the next configuration.
const maxFirewalls = 16

// firewall compiles the rules of routes; routes and reloads that say the same share them.
func firewall() func(config.WAF) (sanmon.Inspector, error) {
	var mu sync.Mutex
	engines := map[string]*waf.Engine{}
	lane := waf.NewLane(runtime.GOMAXPROCS(0)/2, time.Second) // of all routes together
	return func(o config.WAF) (sanmon.Inspector, error) {
		mu.Lock()
		defer mu.Unlock()
		name := fmt.Sprintf("%d %q", o.Paranoia, o.Exclude)
		if e := engines[name]; e != nil {
			return e, nil
		}
		e, err := waf.New(waf.Options{Paranoia: o.Paranoia, Exclude: o.Exclude, Lane: lane})
		if err != nil {
			return nil, err
		}
		if len(engines) >= maxFirewalls {
			clear(engines) // routes keep theirs
		}
		engines[name] = e
		return e, nil
	}
}
