package config

import (
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/keys/limit"
)

// maxConcurrency is the largest limit of how many requests may be under way.
const maxConcurrency = limit.MaxPlaces

// unitKeys are the ways of limiting; at least one of the first three stands in each limit.
func unitKeys() []key {
	keys := limitKeys()
	keys[0].required = false // the builder says that one is missing
	return append(keys,
		key{name: "quota", shape: one(quota()), example: "10000/d", doc: "How many in a calendar day or month, in UTC: `10000/d`, `200000/month`. Counted in memory, or where `limiter` says, which keeps the count over a restart."},
		key{name: "concurrency", shape: one(whole(1, maxConcurrency)), example: "5", doc: "How many requests may be under way at the same time; an open WebSocket or stream is one. Each node counts its own."})
}

// limitShape is one limit, or a list of them.
func limitShape() shape {
	keys := append(unitKeys(), key{name: "per", shape: one(enum("counting", "caller", "network", "route", "subject")), example: "caller",
		doc: "Who shares the limit: `caller` (a key; the person or service behind a session or token), `subject` (the person or service, over all their keys and sessions), `network`, or `route` (everybody together). Left out: `caller`, and `network` on a public route, where callers are not known."})
	of := section(keys...)
	return shape{item: &of, keys: keys}
}

// quota is a count in a calendar window.
func quota() scalar {
	want := "write a quota such as 10000/d or 200000/month"
	return scalar{name: "quota", want: want, schema: map[string]any{"pattern": `^[1-9][0-9]{0,9}/(d|month)$`}, parse: func(s string) (any, error) {
		q, err := limit.ParseQuota(s)
		if err != nil {
			return nil, wrong{show(s) + " is not a quota", want}
		}
		return q, nil
	}}
}

func limiterKey() key {
	return key{name: "limiter", def: "local", example: "{ url: \"valkeys://cache.internal:6379\", password: env:VALKEY_PASSWORD }",
		doc: "Where limits are counted: in the memory of each node, or for all nodes in a Valkey or Redis server, asked once a request. What a node has counted itself always holds too, so a server that does not answer makes no limit laxer than `local` (docs/limits.md).",
		shape: oneOr(limiterAddress(),
			key{name: "url", required: true, shape: one(limiterAddress()), example: `"valkeys://sanmon@cache.internal:6379/0"`, doc: "`valkey://` or `redis://`, with TLS `valkeys://` or `rediss://`, which a password on the way to another machine needs; host, port and, if it is not 0, the number of the database."},
			key{name: "password", secret: true, shape: one(secretRef()), example: "env:VALKEY_PASSWORD", doc: "Reference of the password."},
			key{name: "timeout", def: "50ms", shape: one(brisk()), doc: "How long a request waits for the answer, 1 ms to 1 s; beyond it this node decides alone."},
			key{name: "tls_ca", shape: one(filePath()), example: "/etc/sanmon/valkey-ca.pem", doc: "PEM file with the authorities that the server's certificate is checked against. Left out: those of the system."})}
}

// brisk is a time of milliseconds.
func brisk() scalar {
	want := "write 1ms to 1s, like 50ms"
	return scalar{name: "duration", want: want, schema: map[string]any{"pattern": `^([1-9][0-9]{0,2}ms|1s)$`}, parse: func(s string) (any, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d < time.Millisecond || d > time.Second || d%time.Millisecond != 0 || s != "1s" && !strings.HasSuffix(s, "ms") || strings.ContainsAny(s, ".+ ") || s[0] == '0' {
			return nil, wrong{show(s) + " is not a short time", want}
		}
		return d, nil
	}}
}

// limiterAddress is where limits are counted. A password may stand in it as a reference
// without a slash: its text appears in logs and in the output of sanmon check.
func limiterAddress() scalar {
	want := "write local, or valkey://HOST:PORT"
	return scalar{name: "limiter", want: want, parse: func(s string) (any, error) {
		if s == "local" {
			return Limiter{}, nil
		}
		u, err := url.Parse(s)
		if err != nil || !contains([]string{"valkey", "valkeys", "redis", "rediss"}, u.Scheme) {
			return nil, wrong{show(s) + " is not a limiter", want}
		}
		l := Limiter{TLS: u.Scheme == "valkeys" || u.Scheme == "rediss", User: u.User.Username(), Timeout: defaultLimiterTimeout}
		if password, in := u.User.Password(); in {
			if !reference.MatchString(password) || strings.Contains(password, "/") {
				return nil, wrong{"a password must not be written in clear", "limiter: { url: valkey://USER@HOST:PORT, password: env:VALKEY_PASSWORD }"}
			}
			l.Password = password
		}
		host, port, err := net.SplitHostPort(u.Host)
		if err != nil || host == "" || port == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, wrong{show(s) + " does not name a server", want}
		}
		n, ok := database(strings.TrimPrefix(u.Path, "/"))
		if !ok {
			return nil, wrong{show(s) + " does not name a database", "write its number: valkey://HOST:PORT/0"}
		}
		l.Address, l.Database = u.Host, n
		return l, nil
	}}
}

const defaultLimiterTimeout = 50 * time.Millisecond

// database reads the number of a database; left out it is 0.
func database(s string) (n int, ok bool) {
	if len(s) > 5 || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

func forwardAuthKey() key {
	return key{name: "forward_auth", doc: "Answers other proxies at `/.sanmon/forward-auth`: whether the request that they describe may pass. Believed from `client_ip.trusted_proxies` only (docs/forward-auth.md).", shape: section(
		key{name: "profile", def: "auto", shape: one(enum("profile", "auto", "nginx", "caddy", "traefik", "envoy", "off")), example: "nginx",
			doc: "Whose convention: `nginx` (auth_request; X-Original-URL and X-Original-Method; answers 200, 401 and 403 only), `caddy` or `traefik` (X-Forwarded-Method, -Proto, -Host and -Uri), `envoy` (ext_authz over HTTP with this path as `path_prefix`). `auto` takes whichever is there and refuses two at once; name the one that you have. `off` answers nobody."},
		key{name: "renew", def: "true", shape: one(flag()), doc: "A session gets a new secret with the answer from time to time, as in line. Write `false` where the proxy cannot hand on `Set-Cookie`: a secret that does not reach the browser ends its session."},
	)}
}
