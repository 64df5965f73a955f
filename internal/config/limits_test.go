package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/keys/limit"
)

func TestLimitsOfARoute(t *testing.T) {
	for text, want := range map[string][]Limit{
		`{ rate: 10/m, burst: 5 }`: {{Name: "route", Rate: Rate{10, time.Minute, 5}, Per: "caller"}},
		`[ { rate: 10/m }, { rate: 100/h, per: network }, { quota: 10000/d, per: subject } ]`: {
			{Name: "route", Rate: Rate{10, time.Minute, 10}, Per: "caller"},
			{Name: "route-2", Rate: Rate{100, time.Hour, 100}, Per: "network"},
			{Name: "route-day", Quota: limit.Quota{Count: 10000, Window: limit.Day}, Per: "subject"}},
		`{ rate: 1/s, quota: 5/month, concurrency: 2, per: route }`: {
			{Name: "route", Rate: Rate{1, time.Second, 1}, Per: "route"},
			{Name: "route-month", Quota: limit.Quota{Count: 5, Window: limit.Month}, Per: "route"},
			{Name: "route-concurrency", Concurrency: 2, Per: "route"}},
	} {
		got := accept(t, 7, route("boundary: session, limit: "+text)).Routes[0].Limits
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	c := accept(t, 8, "limits: { caller: { rate: 600/m }, subject: { quota: 100000/d } }")
	want := Limits{Network: Rate{100, time.Second, 400}, Failures: Rate{30, 10 * time.Minute, 30},
		Caller:  []Limit{{Name: "caller", Rate: Rate{600, time.Minute, 600}, Per: "caller"}},
		Subject: []Limit{{Name: "subject-day", Quota: limit.Quota{Count: 100000, Window: limit.Day}, Per: "subject"}}}
	if diff := cmp.Diff(want, c.Limits); diff != "" {
		t.Error(diff)
	}
}

func TestLimiter(t *testing.T) {
	for text, want := range map[string]Limiter{
		`local`:                                {},
		`valkey://cache:6379`:                  {Address: "cache:6379", Timeout: 50 * time.Millisecond},
		`"redis://[::1]:6380/3"`:               {Address: "[::1]:6380", Database: 3, Timeout: 50 * time.Millisecond},
		`valkeys://sanmon:env:PW@cache:6379/0`: {Address: "cache:6379", TLS: true, User: "sanmon", Password: "env:PW", Timeout: 50 * time.Millisecond},
		`{ url: "valkey://cache:6379", password: env:PW }`:         {Address: "cache:6379", User: "default", Password: "env:PW", Timeout: 50 * time.Millisecond},
		`{ url: "rediss://u@cache:1", timeout: 5ms, tls_ca: /ca }`: {Address: "cache:1", TLS: true, User: "u", CA: "/ca", Timeout: 5 * time.Millisecond},
	} {
		if diff := cmp.Diff(want, accept(t, 8, "limiter: "+text).Limiter); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, warned := range map[string]bool{
		`{ url: "valkey://cache:6379", password: env:PW }`: true, `valkey://u:env:PW@cache:6379`: true, `valkey://cache:6379`: false,
		`valkeys://u:env:PW@cache:6379`: false, `valkey://u:env:PW@127.0.0.1:6379`: false, `"redis://u:env:PW@[::1]:6379"`: false,
	} {
		w := accept(t, 8, "limiter: "+text).Warnings
		if got := len(w) == 1 && strings.Contains(w[0].Message, "the password goes to cache in clear"); got != warned || !warned && len(w) > 0 {
			t.Errorf("%s: warnings %v", text, w)
		}
	}
}

func TestLimitsRefused(t *testing.T) {
	clear := "8:10: limiter: a password must not be written in clear (limiter: { url: valkey://USER@HOST:PORT, password: env:VALKEY_PASSWORD })"
	checkRefused(t, []refused{
		{8, "limiter: valkey://u:hunter2@cache:6379", clear},
		{8, "limiter: valkey://u:file:/x@cache:6379", `8:10: limiter: "valkey://u:file:/x@cache:6379" does not name a server (write local, or valkey://HOST:PORT)`},
		{8, "limiter: valkey://cache", `8:10: limiter: "valkey://cache" does not name a server (write local, or valkey://HOST:PORT)`},
		{8, "limiter: valkey://cache:6379/x", `8:10: limiter: "valkey://cache:6379/x" does not name a database (write its number: valkey://HOST:PORT/0)`},
		{8, "limiter: { url: local }", `8:17: limiter.url: local has no server (write limiter: local)`},
		{8, `limiter: { url: "valkey://c:1", timeout: 2s }`, `8:42: limiter.timeout: "2s" is not a short time (write 1ms to 1s, like 50ms)`},
		{8, `limiter: { url: "valkey://c:1", tls_ca: /ca }`, `8:41: limiter.tls_ca is set, but the server is asked without TLS (write valkeys://, or remove it)`},
		{8, "forward_auth: { profile: haproxy }", `8:26: forward_auth.profile: "haproxy" is not a profile (write one of: auto, nginx, caddy, traefik, envoy, off)`},
		{8, "limits: { caller: { concurrency: 5 } }", `8:34: limits.caller: concurrency is a limit of routes (write it on routes)`},
		{7, route("boundary: session, limit: { quota: 10/w }"), `7:72: routes[].limit.quota: "10/w" is not a quota (write a quota such as 10000/d or 200000/month)`},
		{7, route("boundary: session, limit: { quota: 10/d, burst: 3 }"), `7:85: routes[].limit has a burst and no rate (add rate: 10/m, or remove it)`},
		{7, route("boundary: session, limit: []"), `7:63: route "x" has an empty list of limits (add one, or remove the key)`},
		{7, route("boundary: public, limit: { rate: 1/s, per: subject }"), `7:80: route "x" is public, so a limit per subject has nobody to count (write per: network or per: route)`},
		{7, `  - { id: x, match: { path: "/x", methods: [POST] }, boundary: public, limit: { concurrency: 3 } }`, `7:79: route "x" is public and writes: a limit of concurrency alone bounds nothing over time (add rate: 10/m)`},
	})
}
