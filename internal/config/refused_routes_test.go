package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestRefusedRoutes(t *testing.T) {
	two := func(a, b string) string {
		return "  - { id: a, " + a + ", boundary: session }\n  - { id: b, " + b + ", boundary: session }"
	}
	const equal = `8:29: routes "a" (line 7) and "b" have equal rank: nothing decides between them (change the path, the host or the methods of one of them)`
	checkRefused(t, []refused{
		{7, two(`match: { path: "/x/{a}" }`, `match: { path: "/x/{b}" }`), equal},
		{7, two(`match: { path: "/x", methods: [GET] }`, `match: { path: "/x", methods: [POST, HEAD] }`), equal},
		{7, two(`match: { path: "/x", methods: [GET] }`, `match: { path: "/x" }`), equal},
		{7, two(`match: { path: "/x" }`, `match: { path: "/x", methods: [DELETE] }`), equal},
		{7, two(`match: { path: "/{r...}" }`, `match: { path: "/{s...}" }`), equal},
		{7, two(`match: { path: "/x" }`, `match: { path: "/x", host: "localhost:8080" }`), equal},
		{7, "  - { id: a, match: { path: \"/x\" }, boundary: session }\n  - { id: a, match: { path: \"/y\" }, boundary: session }", `8:11: two routes have the id "a"; the first is on line 7 (rename one)`},
		{7, `  - { id: x, match: { path: "/x" } }`, `7:5: routes[].boundary is missing (add boundary: [session, key])`},
		{7, `  - { match: { path: "/x" }, boundary: session }`, `7:5: routes[].id is missing (add id: notes-read)`},
		{7, `  - { id: x, boundary: session }`, `7:5: routes[].match is missing (add match: …)`},
		{7, `  - { id: x, match: {}, boundary: session }`, `7:21: routes[].match.path is missing (add path: "/notes/{id}")`},
		{7, route("boundary: [public, session]"), `7:47: route "x" combines public with another boundary (write public alone, or leave it out)`},
		{7, route("boundary: [key, key]"), `7:47: route "x" names the boundary key twice (remove one of them)`},
		{7, route("boundary: []"), `7:47: route "x" has an empty boundary (write public, or one or more of: session, token, key, app)`},
		{7, route("boundary: any"), `7:47: routes[].boundary: "any" is not a boundary (write one of: public, session, token, key, app)`},
		{7, route("boundary: public, effect: write"), `7:47: route "x" is public and writes, and has no limit (add limit: { rate: 10/m, per: network })`},
		{7, `  - { id: x, match: { path: "/x", methods: [GET, POST] }, boundary: public }`, `7:69: route "x" is public and writes, and has no limit (add limit: { rate: 10/m, per: network })`},
		{7, route("boundary: public, limit: { rate: 1/s, per: caller }"), `7:80: route "x" is public, so a limit per caller has nobody to count (write per: network or per: route)`},
		{7, route("boundary: session, limit: { burst: 3 }"), `7:63: routes[].limit.rate is missing (add rate: 10/m, quota: 10000/d or concurrency: 5)`},
		{7, route("boundary: session, limit: { rate: 1/s, burst: 0 }"), `7:83: routes[].limit.burst: 0 is out of bounds (write a whole number from 1 to 10000000)`},
		{7, route(`boundary: public, require: ["notes:read"]`), `7:64: route "x" is public and requires scopes, which nobody there has (remove it, or change the boundary)`},
		{7, route(`boundary: key, require: ["notes:*"]`), `7:62: route "x" requires "notes:*"; roles have patterns, routes do not (name the scopes)`},
		{7, route(`boundary: key, fresh: 10m`), `7:59: route "x" has fresh, but nobody signs in there (remove it, or add session to the boundary)`},
		{7, route(`boundary: key, csrf: page`), `7:58: route "x" has csrf, but takes no session (remove it: keys and tokens are not sent by browsers on their own)`},
		{7, route(`boundary: session, csrf: exempt`), `7:62: routes[].csrf: exempt needs a reason (write { exempt: "why" })`},
		{7, route(`boundary: session, csrf: { exempt: "" }`), `7:72: routes[].csrf.exempt: the reason has to be 8 to 500 characters long (say in a sentence why this is right here)`},
		{7, route(`boundary: session, cross_site: { reason: "the provider posts back" }`), `7:68: route "x" has cross_site, but is not public: our own session cookie never travels cross-site (write boundary: public and let the backend check what arrives, or remove it)`},
		{7, route(`boundary: public, cross_site: { cookies: [a] }`), `7:67: routes[].cross_site.reason is missing (add reason: the payment provider posts people back)`},
		{7, route(`boundary: public, cross_site: { reason: "short" }`), `7:77: routes[].cross_site.reason: the reason has to be 8 to 500 characters long (say in a sentence why this is right here)`},
		{7, route(`boundary: public, effect: write, cross_site: { reason: "the provider posts back" }`), `7:47: route "x" is public and writes, and has no limit (add limit: { rate: 10/m, per: network })`},
		{7, route(`boundary: session, effect: read`), `7:64: route "x" is declared read, but its methods write (effect: { read: "why it changes nothing" })`},
		{7, route(`boundary: session, network: ["203.0.113.9/24"]`), `7:66: routes[].network[]: "203.0.113.9/24" has bits set after its first 24 (write "203.0.113.0/24")`},
		{7, route(`boundary: session, upstream: ap`), `7:66: route "x": there is no upstream "ap" (did you mean "app"?)`},
		{7, route(`boundary: session, profile: api`), `7:65: there is no profile "api" (declare it under profiles, or leave it out)`},
		{7, route(`boundary: session, input: { max_body: 10MB }`), `7:75: routes[].input.max_body: "10MB" is not a size (write a size such as 512B, 64KiB, 10MiB or 1GiB)`},
		{7, route(`boundary: session, input: { types: [json] }`), `7:73: routes[].input.types[]: "json" is not a media type (write type/subtype in lower case, without parameters)`},
		{7, route(`boundary: session, csrf: false`), `7:62: routes[].csrf: exempt needs a reason (write { exempt: "why" })`},
		{7, route(`boundary: session, output: { csp: none }`), `7:71: routes[].output.csp: "none" is not a policy (write one of: floor, observe, strict)`},
		{7, route(`boundary: session, output: { coop: unsafe-none }`), `7:72: routes[].output.coop: "unsafe-none" is not a policy (write one of: same-origin, noopener-allow-popups, same-origin-allow-popups)`},
		{7, route(`boundary: session, output: { corp: cross-origin }`), `7:72: routes[].output.corp: "cross-origin" is not a policy (write one of: same-origin)`},
		{7, route(`boundary: session, output: { corp: { same_site: "for our shop", cross_origin: "for a widget" } }`), `7:72: route "x": routes[].output.corp has two values (keep one of them)`},
		{7, route(`boundary: session, output: { corp: {} }`), `7:72: route "x": routes[].output.corp is empty (write the value, or leave the key out)`},
		{4, "  app: { url: \"http://a\" }\n  b: { url: \"http://b\" }", `8:5: route "home" does not say which upstream answers (add upstream: app)`},
		{8, "profiles: { p: { boundary: public } }", `8:18: unknown key "boundary" in profiles.p (write it on each route: a profile has none)`},
		{6, "routes: []\nprofiles:\n  x: {}\nclients: [", "9:10: not valid YAML: sequence end token ']' not found (check the indentation, quotes and brackets here)"},
	})
}

func TestRefusedRouteTable(t *testing.T) {
	for text, want := range map[string]string{
		"routes: []": `6:9: there is no route, so every request would be refused (add one; sanmon init writes a first one)`,
		"routes: {}": `6:9: routes is a mapping (write a list: [ … ])`,
		"# none":     `1:1: routes is missing (add routes: …)`,
	} {
		src := strings.Split(minimal, "routes:")[0] + text + "\n"
		if _, err := parse("", []byte(src), now); err == nil || err.Error() != ":"+want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestRefusedTemplates(t *testing.T) {
	for path, want := range map[string]string{
		"x":                                 `"x" does not start with / (write the whole path)`,
		"/a/{b}c":                           `"{b}c" is neither literal nor a parameter (a parameter is a whole segment, {name}, of letters, digits and _)`,
		"/a/{b:uuid}":                       `"{b:uuid}" is neither literal nor a parameter (a parameter is a whole segment, {name}, of letters, digits and _)`,
		"/{rest...}/a":                      `"{rest...}" is not at the end ({name...} is everything below and can only come last)`,
		"/{a}/{a}":                          `two parameters have the name "a" (rename one)`,
		"/a//b":                             `"/a//b" contains // (a path with an empty segment is never forwarded; remove it)`,
		"/a/../b":                           `the path template has a dot segment (write the path that it stands for)`,
		"/./b":                              `the path template has a dot segment (write the path that it stands for)`,
		"/a%20b":                            `"a%20b" is encoded (write the character itself: templates are compared with the decoded path)`,
		"/a;b":                              `"a;b" contains ';' (such a path is never forwarded to a backend; remove it)`,
		"/a?b":                              `"a?b" contains '?' (such a path is never forwarded to a backend; remove it)`,
		"/a/*":                              `"*" is not how a parameter is written ({name} for a segment, {rest...} for everything below)`,
		"/<int:id>/":                        `"<int:id>" is not how a parameter is written ({name} for a segment, {rest...} for everything below)`,
		"/:id":                              `":id" is not how a parameter is written ({name} for a segment, {rest...} for everything below)`,
		"/.sanmon/x":                        `"/.sanmon/x" is answered by Sanmon itself (choose another path)`,
		"/.sanmon":                          `"/.sanmon" is answered by Sanmon itself (choose another path)`,
		"/.sanmon/{a...}":                   `"/.sanmon/{a...}" is answered by Sanmon itself (choose another path)`,
		"/.well-known/openid-configuration": `"/.well-known/openid-configuration" is answered by Sanmon itself (choose another path)`,
	} {
		row := fmt.Sprintf(`  - { id: x, match: { path: "%s" }, boundary: session }`, path)
		checkRefused(t, []refused{{7, row, "7:29: routes[].match.path: " + want}})
	}
	for _, path := range []string{"/", "/a", "/a/", "/{a}", "/{a}/b/{c...}", "/ノート/x", "/a b", "/a:b", "/a@b", "/.well-known/acme", "/x.y", "/...", "/-._~!$&'()+,="} {
		if err := checkTemplate(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRefusedMethods(t *testing.T) {
	for methods, want := range map[string]string{
		"[TRACE]":    `7:45: routes[].match.methods[]: TRACE is never forwarded (remove it)`,
		"[CONNECT]":  `7:45: routes[].match.methods[]: CONNECT is never forwarded (remove it)`,
		"[get]":      `7:45: routes[].match.methods[]: "get" is not in upper case (write GET)`,
		"[GET, GET]": `7:44: route "x" names a method twice (remove one of them)`,
		"[]":         `7:44: route "x" has an empty list of methods (name some, or leave it out)`,
		"GET":        `7:44: routes[].match.methods is text (write a list: [ … ])`,
	} {
		row := fmt.Sprintf(`  - { id: x, match: { path: "/x", methods: %s }, boundary: session }`, methods)
		checkRefused(t, []refused{{7, row, want}})
	}
}

// What policy keeps in 256 bits is counted here, in place.
func TestRefusedTooManyScopes(t *testing.T) {
	var scopes []string
	for i := range 255 {
		scopes = append(scopes, fmt.Sprintf("'s:%d'", i))
	}
	line := "roles: { user: [" + strings.Join(scopes, ", ") + "] }"
	if _, err := parse("f", []byte(strings.Replace(edit(5, line), "boundary: session", "boundary: session, require: [one]", 1)), now); err != nil {
		t.Errorf("256 scopes: %v", err)
	}
	checkRefused(t, []refused{{5, strings.Replace(line, "]", ", a, b, 'c:*']", 1), `7:3: roles and routes name 257 scopes; at most 256 are possible (join some of them)`}})
}
