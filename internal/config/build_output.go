package config

import (
	"strings"
	"time"
)

// hsts reads a lifetime, or the beginning of a ramp.
func (b *builder) hsts(f *field) (time.Duration, time.Time) {
	if f.form != mapping {
		return f.duration(), time.Time{}
	}
	off, ramp := f.get("off"), f.get("ramp")
	switch {
	case off.bad || ramp.bad:
	case off.set == ramp.set:
		b.fault(f.at, `write a duration, { ramp: 2026-12-01 } or { off: "why" }`, "tls.hsts says neither or both of ramp and off")
	case off.set:
		b.warn(off.at, "", "tls.hsts is off: a first visit by http can be intercepted")
	default:
		return 365 * day, as[time.Time](ramp)
	}
	return 0, time.Time{}
}

// isolation reads output.coop or output.corp. Their weak values are keys with a reason,
// named with _ for -.
func (b *builder) isolation(route string, f *field) string {
	if f.form != mapping {
		return f.text()
	}
	weak := ""
	for _, name := range [...]string{"unsafe_none", "same_site", "cross_origin"} {
		switch reason := f.keys[name]; {
		case reason == nil || !reason.set:
		case weak != "":
			b.fault(f.at, "keep one of them", "%s: %s has two values", route, f.name)
			return ""
		default:
			weak = strings.ReplaceAll(name, "_", "-")
		}
	}
	if weak == "" && !f.bad {
		b.fault(f.at, "write the value, or leave the key out", "%s: %s is empty", route, f.name)
	}
	if weak == "unsafe-none" {
		b.warn(f.at, "", "%s: pages of other sites that open it keep a hold of its window (output.coop)", route)
	}
	return weak
}
