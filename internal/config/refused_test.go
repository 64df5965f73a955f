package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edit replaces line n of the minimal configuration; 8 appends.
func edit(n int, text string) string {
	lines := strings.Split(strings.TrimSuffix(minimal, "\n"), "\n")
	if n > len(lines) {
		lines = append(lines, text)
	} else {
		lines[n-1] = text
	}
	return strings.Join(lines, "\n") + "\n"
}

// refused is one fault: a line of the minimal configuration, and all that is said
// about it, without the name of the file.
type refused struct {
	line int
	text string
	want string
}

func checkRefused(t *testing.T, rows []refused) {
	t.Helper()
	for _, row := range rows {
		_, err := parse("sanmon.yaml", []byte(edit(row.line, row.text)), now)
		if err == nil {
			t.Errorf("%s\n was accepted, want %s", row.text, row.want)
			continue
		}
		if got := strings.ReplaceAll(err.Error(), "sanmon.yaml:", ""); got != row.want {
			t.Errorf("%s\n got  %s\n want %s", row.text, got, row.want)
		}
	}
}

// route is line 7 with a path of /x and the given keys.
func route(keys string) string { return `  - { id: x, match: { path: "/x" }, ` + keys + ` }` }

func TestRefusedYAML(t *testing.T) {
	checkRefused(t, []refused{
		{8, "roles: { a: [b] }", `8:1: duplicate key "roles" (remove one of them; the first is on line 5)`},
		{8, "log: &a { level: info }", `8:6: anchors and aliases (& and *) are not used in this file (write the value out, or put text in quotes)`},
		{8, "log: *a", `8:6: anchors and aliases (& and *) are not used in this file (write the value out, or put text in quotes)`},
		{8, "<<: { log: { level: info } }", `8:1: merge keys (<<) are not used in this file (write the keys out)`},
		{8, "limiter: !!str local", `8:10: tags (!) are not used in this file (remove it, or put text in quotes)`},
		{8, "limiter: |\n  local", `8:10: block text (| and >) is not used in this file (write it on one line)`},
		{8, "? limiter\n: local", `8:1: complex keys (?) are not used in this file (write key: value)`},
		{8, "---\nlimiter: local", `8:1: the file has several YAML documents (remove the line)`},
		{8, "...\nlimiter: local", `8:1: the file has several YAML documents (remove the line)`},
		{1, "%YAML 1.2\n---\nversion: 1", `1:1: YAML directives (%) are not used in this file (remove it, or put text in quotes)`},
		{8, "log:\n\tlevel: info", `9:1: the line contains a tab (U+0009) (use spaces)`},
		{8, "limiter: local\x00", `8:15: the line contains the control character U+0000 (remove it)`},
		{8, "limiter: loc\u202eal", `8:13: the line contains the control character U+202E (remove it)`},
		{8, "limiter: loc\xff", `8:1: the line is not valid UTF-8 (save the file as UTF-8)`},
		{8, "8: x", `8:1: the key "8" is not text (put it in quotes)`},
		{8, "true: x", `8:1: the key "true" is not text (put it in quotes)`},
		{8, "limiter:", `8:1: the key "limiter" has no value (give it one, indent what belongs to it, or remove it)`},
		{8, "limiter: ~", `8:10: the key "limiter" has no value (give it one, indent what belongs to it, or remove it)`},
		{8, "limiter: \"loc\\u0061l\"", `8:10: the only escapes of this file are \\ and \" (write the character itself, or use single quotes)`},
		{8, "limiter: lo\n  cal", `8:10: the value runs over several lines (write it on one line)`},
		{8, "log: { level: info", `8:6: not valid YAML: could not find flow mapping end token '}' (check the indentation, quotes and brackets here)`},
		{8, "log: [[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]", `8:22: the file is nested more than 16 levels deep`},
		{8, "log: " + strings.Repeat(" ", maxLine), `8:1: the line is longer than 8192 bytes (break it up)`},
		{8, "log:\n" + strings.Repeat(" ", 81) + "level: info", `9:81: the line is indented by more than 80 spaces (no key of this file lies so deep)`},
		{1, "\ufeffversion: 1", `1:1: the file begins with a byte order mark (save it as UTF-8 without one)`},
		{8, "log: { level: ${LEVEL} }", `8:16: not valid YAML: ',' or '}' must be specified (check the indentation, quotes and brackets here)`},
		{8, `log: { level: "${LEVEL}" }`, `8:15: log.level: variables are not expanded in this file (write the value out; secrets go in as env:NAME)`},
		{5, "roles: { user: [notes:1] }", `5:22: a colon without a space behind it can be read in two ways here (put the text in quotes, or write a space behind the colon)`},
		{8, "login: {password:true}", `8:17: a colon without a space behind it can be read in two ways here (put the text in quotes, or write a space behind the colon)`},
		{8, "login: { password: yes }", `8:20: login.password: "yes" is not a switch (write true or false)`},
		{8, "login: { password: \"true\" }", `8:20: login.password is text, not true or false (write it without quotes)`},
		{7, `  - { id: no, match: { path: "/" }, boundary: session }`, `7:11: routes[].id: "no" is a boolean in some versions of YAML and a word in others (put it in quotes, or write true or false)`},
		{7, `  - { id: 12, match: { path: "/" }, boundary: session }`, `7:11: routes[].id is a number, not text (put it in quotes)`},
		{8, "session: { max_per_user: 010 }", `8:26: session.max_per_user: "010" is not a decimal number (write a whole number from 0 to 10000)`},
		{8, "session: { max_per_user: 0x10 }", `8:26: session.max_per_user: "0x10" is not a decimal number (write a whole number from 0 to 10000)`},
		{8, "session: { max_per_user: 1_0 }", `8:26: session.max_per_user: "1_0" is not a decimal number (write a whole number from 0 to 10000)`},
		{8, "session: { max_per_user: 1.0 }", `8:26: session.max_per_user: "1.0" is not a decimal number (write a whole number from 0 to 10000)`},
		{8, "session: { max_per_user: -1 }", `8:26: session.max_per_user: "-1" is not a decimal number (write a whole number from 0 to 10000)`},
		{8, "session: { max_per_user: 2, at_max: refuse }", `8:37: session.at_max: "refuse" is not a choice (write one of: evict_oldest, deny, notify)`},
		{8, "session: { at_max: deny }", `8:20: session.at_max says what happens at session.max_per_user, and there is no such limit (add max_per_user: 10, or remove at_max)`},
		{8, "session: { max_per_user: 0, at_max: evict_oldest }", `8:37: session.at_max says what happens at session.max_per_user, and there is no such limit (add max_per_user: 10, or remove at_max)`},
		{8, "session: { max_per_user: 2, at_max: notify }", `8:37: session.at_max is notify, and nobody would be told (add alerts.webhook or login.smtp, or write evict_oldest or deny)`},
		{8, "session: { max_per_user: 10001 }", `8:26: session.max_per_user: 10001 is out of bounds (write a whole number from 0 to 10000)`},
	})
}

func TestRefusedKeysAndTypes(t *testing.T) {
	checkRefused(t, []refused{
		{8, "sesion: { idle: 1h }", `8:1: unknown key "sesion" (did you mean "session"?)`},
		{8, "session: { idel: 1h }", `8:12: unknown key "idel" in session (did you mean "idle"?)`},
		{8, "log: { colour: true }", `8:8: unknown key "colour" in log (remove it; known here: level, format)`},
		{8, "session: 1h", `8:10: session is text (write a mapping with: idle, absolute, rotate, same_site, network, max_per_user, at_max)`},
		{8, "client_ip: { trusted_proxies: 10.0.0.0/8 }", `8:31: client_ip.trusted_proxies is text (write a list: [ … ])`},
		{8, "session: { idle: [1h] }", `8:18: session.idle is a list (write a duration such as 30s, 15m, 1h30m or 7d)`},
		{8, "session: { idle: 90 }", `8:18: session.idle: "90" is not a duration (write a duration such as 30s, 15m, 1h30m or 7d)`},
		{8, "session: { idle: 1m1h }", `8:18: session.idle: "1m1h" is not a duration (write a duration such as 30s, 15m, 1h30m or 7d)`},
		{8, "session: { idle: 0s }", `8:18: session.idle: 0s is too short (at least 1s)`},
		{8, "session: { same_site: none }", `8:23: session.same_site: "none" is not a choice (write one of: lax, strict)`},
		{8, "version: 1", `8:1: duplicate key "version" (remove one of them; the first is on line 1)`},
		{1, "version: 2", `1:10: version: 2 is out of bounds (write 1)`},
		{1, "environment: staging\nversion: 1", `1:14: environment: "staging" is not an environment (write one of: live, test)`},
		{1, "limiter: local", `1:1: version is missing (add version: 1)`},
		{8, "log: { level: loud }\nlimiter: redis", "8:15: log.level: \"loud\" is not a level (write one of: debug, info, warn, error)\n9:10: limiter: \"redis\" is not a limiter (write local, or valkey://HOST:PORT)"},
		{8, "observe_all: {}", `8:14: observe_all.until is missing (add until: 2027-01-31)`},
		{8, "observe_all: { until: soon }", `8:23: observe_all.until: "soon" is not a date (write a date such as 2027-01-31 or 2027-01-31T12:00:00Z)`},
		{8, "limits: { network: { burst: 3 } }", `8:20: limits.network.rate is missing (add rate: 100/s, or off: "why")`},
		{8, "limits: { network: { rate: 100 } }", `8:28: limits.network.rate: "100" is not a rate (write a rate such as 10/m, 100/s or 30/10m)`},
		{8, "limits: { network: { rate: 0/s } }", `8:28: limits.network.rate: "0/s" is not a rate (write a rate such as 10/m, 100/s or 30/10m)`},
		{8, "limits: { network: off }", `8:20: limits.network: off needs a reason (write { off: "why" })`},
		{8, "limits: { failures: false }", `8:21: limits.failures: off needs a reason (write { off: "why" })`},
		{8, "limits: { network: { off: no } }", `8:27: limits.network.off: the reason has to be 8 to 500 characters long (say in a sentence why this is right here)`},
		{5, "roles: { user: [notes read] }", `5:17: roles.user[]: "notes read" is not a scope (write "resource:action", "resource:*" or "*")`},
		{5, "roles: { user: [notes*] }", `5:17: roles.user[]: "notes*" is not a scope (write "resource:action", "resource:*" or "*")`},
		{5, "roles: { 'a b': [x] }", `5:10: roles: "a b" is not a name of a role (write letters, digits, '.', '_', ':' and '-', at most 64)`},
		{5, "roles: { user: [x, x] }", `5:16: roles.user names "x" twice (remove one of them)`},
	})
}

func TestRefusedEdge(t *testing.T) {
	https := "public_url: https://a.example\n"
	checkRefused(t, []refused{
		{2, "public_url: http://app.example.com", `2:13: public_url: "http://app.example.com" is plain http (use https; http is for localhost, 127.0.0.1 and [::1] only)`},
		{2, "public_url: http://localhost.example.com", `2:13: public_url: "http://localhost.example.com" is plain http (use https; http is for localhost, 127.0.0.1 and [::1] only)`},
		{2, "public_url: http://localhost:8080/", `2:13: public_url: "http://localhost:8080/" has a path or a trailing slash (write scheme://host or scheme://host:port, like https://app.example.com)`},
		{2, "public_url: http://localhost?x", `2:13: public_url: "http://localhost?x" has a query (write scheme://host or scheme://host:port, like https://app.example.com)`},
		{2, "public_url: http://me:hunter2@localhost", `2:13: public_url: "http://[REDACTED]@localhost" has a user or password (write scheme://host or scheme://host:port, like https://app.example.com)`},
		{2, "public_url: http://Localhost", `2:13: public_url: "http://Localhost" has upper-case letters (write "http://localhost")`},
		{2, "public_url: http://localhost:80", `2:13: public_url: "http://localhost:80" names the default port, which browsers leave out (write "http://localhost")`},
		{2, "public_url: http://localhost:080", `2:13: public_url: "http://localhost:080" is not an origin (write scheme://host or scheme://host:port, like https://app.example.com; names of other scripts in their xn-- form)`},
		{2, "public_url: ftp://localhost", `2:13: public_url: "ftp://localhost" is not an origin (write scheme://host or scheme://host:port, like https://app.example.com)`},
		{2, "public_url: https://a.example", `2:13: public_url is https, but tls is missing (add tls; write one of: cert_file and key_file, self_signed: true, behind_proxy: true)`},
		{2, https + "tls: { hsts: 180d }", `3:6: tls has no mode, but public_url is https (write one of: cert_file and key_file, self_signed: true, behind_proxy: true)`},
		{2, https + "tls: { self_signed: true, cert_file: a, key_file: b }", `3:6: tls has several modes: cert_file, self_signed (keep one of them)`},
		{2, https + "tls: { cert_file: a }", `3:6: tls has one half of a certificate (name both: cert_file and key_file)`},
		{2, https + "tls: { behind_proxy: true }", `3:22: tls.behind_proxy needs to know the proxy (add client_ip: { trusted_proxies: ["10.0.0.0/8"] })`},
		{2, https + "tls: { self_signed: true, hsts: off }", `3:33: tls.hsts: off needs a reason (write { off: "why" })`},
		{2, https + "tls: { self_signed: true, hsts: {} }", `3:33: tls.hsts says neither or both of ramp and off (write a duration, { ramp: 2026-12-01 } or { off: "why" })`},
		{2, https + "tls: { self_signed: true, hsts: { ramp: soon } }", `3:41: tls.hsts.ramp: "soon" is not a date (write a date such as 2027-01-31 or 2027-01-31T12:00:00Z)`},
		{2, https + "tls: { acme: { email: a@b } }", `3:14: "tls.acme" is not part of this version (remove it)`},
		{8, "tls: { self_signed: true }", `8:6: tls is set, but public_url is http (remove tls, or make public_url https)`},
		{8, "client_ip: { header: x-forwarded-for }", `8:22: client_ip.header is set, but nobody is trusted to write it (add trusted_proxies: ["10.0.0.0/8"], or remove it)`},
		{8, `client_ip: { trusted_proxies: ["10.0.0.1/8"] }`, `8:32: client_ip.trusted_proxies[]: "10.0.0.1/8" has bits set after its first 8 (write "10.0.0.0/8")`},
		{8, `client_ip: { trusted_proxies: ["128.0.0.0/1"] }`, `8:32: client_ip.trusted_proxies: "128.0.0.0/1" lets everybody choose their own address (name the networks of your proxies)`},
		{8, `client_ip: { trusted_proxies: ["2000::/3"] }`, `8:32: client_ip.trusted_proxies: "2000::/3" lets everybody choose their own address (name the networks of your proxies)`},
		{8, `client_ip: { trusted_proxies: ["0.0.0.0/0"] }`, `8:32: client_ip.trusted_proxies: "0.0.0.0/0" lets everybody choose their own address (name the networks of your proxies)`},
		{8, `client_ip: { deny: ["::ffff:10.0.0.0/104"] }`, `8:21: client_ip.deny[]: "::ffff:10.0.0.0/104" is an IPv4 network written as IPv6 (write it as IPv4)`},
		{8, `listen: { public: 8443 }`, `8:19: listen.public: "8443" is not an address to listen on (write ":8443", "127.0.0.1:8443" or "[::1]:8443", in quotes)`},
		{8, `listen: { public: "127.0.0.1:9443" }`, `8:9: listen.admin and listen.public are the same address (give each its own)`},
		{4, `  app: { url: "http://u:hunter2@127.0.0.1:8000" }`, `4:15: upstreams.app.url: "http://[REDACTED]@127.0.0.1:8000" has a user or password (write scheme://host or scheme://host:port, like http://127.0.0.1:8000)`},
		{4, `  app: { timeout: 3s }`, `4:8: upstreams.app.url is missing (add url: "http://127.0.0.1:8000")`},
		{4, `  app: { url: "http://a:80", tls_ca: ca.pem }`, `4:38: upstreams.app.tls_ca is set, but the upstream is plain http (remove it, or make url https)`},
		{3, "upstreams: {}\nprofiles:", "3:12: there is no upstream (add app: { url: \"http://127.0.0.1:8000\" })\n5:10: unknown key \"url\" in profiles.app (remove it; known here: effect, require, fresh, csrf, limit, network, input, fields, output, upstream)"},
		{8, "session: { absolute: 31d }", `8:22: session.absolute: 31d is too long (at most 30d)`},
		{8, "session: { idle: 25h }", `8:18: session.idle is longer than session.absolute (1d) (shorten it)`},
		{8, "token: { access_ttl: 11m }", `8:22: token.access_ttl: 11m is too long (at most 10m)`},
	})
}

// All faults of a file at once; the expectation is typed by hand.
func TestRefusedAllAtOnce(t *testing.T) {
	src, err := os.ReadFile("testdata/refused.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/refused.errors")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parse("refused.yaml", src, now)
	if diff := cmp.Diff(strings.TrimSpace(string(want)), fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
	if e, ok := errors.AsType[Error](err); !ok || e.Line != 3 || e.File != "refused.yaml" {
		t.Errorf("the first error is %+v", e)
	}
}

// A file that is wrong everywhere gives a report that can still be read.
func TestRefusedReportIsBounded(t *testing.T) {
	_, err := parse("f", []byte(minimal+"log:\n"+strings.Repeat("  x: y\n", 1500)), now)
	list, _ := errors.AsType[Errors](err)
	if len(list) != maxErrors+1 || !strings.Contains(list[maxErrors].Message, "more than 200 faults") {
		t.Errorf("%d errors", len(list))
	}
}
