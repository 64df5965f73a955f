package main

import (
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// hstsOf is what answers say about https, and when.
func hstsOf(t config.TLS) headers.HSTS {
	if t.Ramp.IsZero() {
		return headers.FixedHSTS(t.HSTS, true)
	}
	return headers.RampHSTS(t.Ramp)
}

// hstsPosture says it in words; "" for a site that speaks plain http.
func hstsPosture(c *config.Config, now time.Time) string {
	value, until := hstsOf(c.TLS).At(now)
	if value == "" || until.IsZero() {
		return value
	}
	next, _ := hstsOf(c.TLS).At(until)
	return fmt.Sprintf("%s until %s, then %s", value, stamp(until), next)
}
