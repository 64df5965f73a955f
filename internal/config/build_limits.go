package config

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/keys/limit"
)

// Limiter says where limits are counted. The zero Limiter: in the memory of each node.
type Limiter struct {
	Address  string // host:port of a Valkey or Redis server; "" local
	TLS      bool
	CA       string // file with CA certificates; "" system
	User     string
	Password string // reference, "" none
	Database int
	Timeout  time.Duration // of one question
}

// Local reports whether limits are counted in the memory of each node.
func (l Limiter) Local() bool { return l.Address == "" }

// String says where, without credentials.
func (l Limiter) String() string {
	switch {
	case l.Local():
		return "local"
	case l.TLS:
		return fmt.Sprintf("valkeys://%s/%d", l.Address, l.Database)
	}
	return fmt.Sprintf("valkey://%s/%d", l.Address, l.Database)
}

// Limit is one limit of a route or of callers. Exactly one of Rate, Quota and Concurrency
// is set.
type Limit struct {
	Name        string // unique on its route, as clients see it: "route", "route-day"
	Rate        Rate
	Quota       limit.Quota
	Concurrency int
	Per         string // "caller", "subject", "network" or "route"
}

// String says what it allows.
func (l Limit) String() string {
	switch {
	case l.Concurrency > 0:
		return fmt.Sprintf("%d at once", l.Concurrency)
	case !l.Quota.Zero():
		return l.Quota.String()
	}
	return fmt.Sprintf("%d/%s burst %d", l.Rate.Count, period(l.Rate.Per), l.Rate.Burst)
}

func period(d time.Duration) string {
	for _, u := range []struct {
		name string
		d    time.Duration
	}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d == u.d {
			return u.name
		}
		if d > u.d && d%u.d == 0 {
			return fmt.Sprintf("%d%s", d/u.d, u.name)
		}
	}
	return d.String()
}

// The most limits that one route may have, so that a request never has more of them than
// one decision weighs.
const (
	maxRouteUnits  = 6
	maxRoutePlaces = limit.MaxSeats - 1 // a credential may have one of its own
)

func (b *builder) limiter(f *field) Limiter {
	if f.form != mapping {
		return b.limiterFiles(as[Limiter](f), f)
	}
	l := as[Limiter](f.get("url"))
	password := f.get("password")
	switch {
	case l.Local() && !f.get("url").bad:
		b.fault(f.get("url").at, "write limiter: local", "limiter.url: local has no server")
	case password.set && l.Password != "":
		b.fault(password.at, "keep one of them", "limiter has two passwords")
	case password.set:
		l.Password = b.reference(password)
	}
	l.Timeout, l.CA = f.get("timeout").duration(), f.get("tls_ca").text()
	if l.CA != "" && !l.TLS && !f.get("url").bad {
		b.fault(f.get("tls_ca").at, "write valkeys://, or remove it", "limiter.tls_ca is set, but the server is asked without TLS")
	}
	l.CA = b.file(l.CA)
	return b.limiterFiles(l, f.get("url"))
}

func (b *builder) limiterFiles(l Limiter, f *field) Limiter {
	if host, _, err := net.SplitHostPort(l.Address); err == nil && l.Password != "" && !l.TLS && !loopback(host) {
		b.warn(f.at, "write valkeys://", "limiter: the password goes to %s in clear", host)
	}
	if l.Password != "" && l.User == "" {
		l.User = "default" // the user of servers that know a password only
	}
	return l
}

// callerLimits reads limits.caller and limits.subject, which hold on all routes.
func (b *builder) callerLimits(f *field, per string) []Limit {
	if !f.set {
		return nil
	}
	if f.get("concurrency").set {
		b.fault(f.get("concurrency").at, "write it on routes", "%s: concurrency is a limit of routes", f.name)
	}
	return b.units(nil, f, per, per)
}

func (b *builder) limit(r *Route, name string, f, route *field) {
	if !f.set {
		if r.Public() && r.writes() {
			b.fault(route.get("boundary").at, "add limit: { rate: 10/m, per: network }", "%s is public and writes, and has no limit", name)
		}
		return
	}
	items := f.items
	if f.form != list {
		items = []*field{f}
	} else if len(items) == 0 && !f.bad {
		b.fault(f.at, "add one, or remove the key", "%s has an empty list of limits", name)
	}
	for _, item := range items {
		if item.form == mapping {
			r.Limits = b.units(r.Limits, item, "route", b.per(r, name, item.get("per")))
		}
	}
	b.countLimits(r, name, f)
}

// per is what a limit counts by.
func (b *builder) per(r *Route, name string, f *field) string {
	per := f.text()
	switch {
	case per == "" && r.Public():
		return "network"
	case per == "":
		return "caller"
	case (per == "caller" || per == "subject") && r.Public():
		b.fault(f.at, "write per: network or per: route", "%s is public, so a limit per %s has nobody to count", name, per)
	}
	return per
}

// units appends the limits that one mapping says.
func (b *builder) units(to []Limit, f *field, name, per string) []Limit {
	add := func(what string, l Limit) {
		l.Per, l.Name = per, name
		if what != "" {
			l.Name += "-" + what
		}
		for n := 2; slices.ContainsFunc(to, func(o Limit) bool { return o.Name == l.Name }); n++ {
			l.Name = fmt.Sprintf("%s-%d", name, n)
			if what != "" {
				l.Name = fmt.Sprintf("%s-%s-%d", name, what, n)
			}
		}
		to = append(to, l)
	}
	rate, quota, at := f.get("rate"), f.get("quota"), f.get("concurrency")
	if rate.set && !rate.bad {
		add("", Limit{Rate: b.rate(f)})
	}
	if q := as[limit.Quota](quota); !q.Zero() {
		add(map[limit.Window]string{limit.Day: "day", limit.Month: "month"}[q.Window], Limit{Quota: q})
	}
	if n := at.number(); n > 0 {
		add("concurrency", Limit{Concurrency: n})
	}
	switch {
	case !rate.set && !quota.set && !at.set && !f.bad:
		b.fault(f.at, "add rate: 10/m, quota: 10000/d or concurrency: 5", "%s.rate is missing", f.name)
	case f.get("burst").set && !rate.set:
		b.fault(f.get("burst").at, "add rate: 10/m, or remove it", "%s has a burst and no rate", f.name)
	}
	return to
}

func (b *builder) countLimits(r *Route, name string, f *field) {
	places := 0
	for _, l := range r.Limits {
		if l.Concurrency > 0 {
			places++
		}
	}
	if places > maxRoutePlaces || len(r.Limits)-places > maxRouteUnits {
		b.fault(f.at, "remove some", "%s has more than %d limits of units or %d of concurrency", name, maxRouteUnits, maxRoutePlaces)
	}
	if r.Public() && r.writes() && len(r.Limits) == places && places > 0 {
		b.fault(f.at, "add rate: 10/m", "%s is public and writes: a limit of concurrency alone bounds nothing over time", name)
	}
}
