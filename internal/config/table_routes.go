package config

import "time"

// maxRate is the largest burst.
const maxRate = 10_000_000

func limitKeys() []key {
	return []key{
		{name: "rate", required: true, shape: one(rate()), example: "10/m", doc: "How many, per time: `10/m`, `100/s`, `30/10m`."},
		{name: "burst", shape: one(whole(1, maxRate)), example: "5", doc: "How many at once. Left out: the count of the rate."},
	}
}

// settingKeys are the keys that a route and a profile share.
func settingKeys() []key {
	return []key{
		{name: "effect", shape: oneOr(enum("effect", "read", "write"),
			key{name: "read", required: true, shape: one(reason()), example: "a search that is sent as POST", doc: "Declares a route read although its methods write. The value is the reason."}),
			example: "write", doc: "Whether the route changes something. Left out: GET, HEAD and OPTIONS read, everything else writes. What writes wants a CSRF token and our origin. A GET may be declared `write`."},
		{name: "require", shape: many(scopeName()), example: `["notes:read"]`, doc: "Scopes that both the credential and its owner must hold at this moment."},
		{name: "fresh", shape: one(span(time.Second, 30*day)), example: "10m", doc: "The person must have signed in within this time; else they are asked to do it again."},
		{name: "csrf", def: "session", shape: oneOr(enum("kind of token", "session", "page", "once"),
			key{name: "exempt", required: true, shape: one(reason()), example: "called by a script of ours that cannot carry one", doc: "No token on this route. The value is the reason."}),
			doc: "The token that an effectful request with a session carries: of the session, of this form alone, or usable once."},
		{name: "limit", example: "{ rate: 10/m, burst: 5, per: caller }", shape: limitShape(), doc: "How often the route may be used: one limit, or a list of them, which all have to admit a request; else none of them counts it. A route that is public and writes must have one."},
		{name: "network", shape: many(network()), example: `["203.0.113.0/24"]`, doc: "Networks from which the route may be used. Left out: any."},
		{name: "input", doc: "What a body may be.", shape: section(
			key{name: "max_body", def: "100MiB", shape: oneOr(size(0, 1<<40), offKey("the bound")), example: "1MiB", doc: "The largest body."},
			key{name: "types", shape: many(plain("media type", `^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}$`, "write type/subtype in lower case, without parameters")), example: "[application/json]", doc: "Media types of bodies. Left out: any."},
			key{name: "openapi", def: "off", shape: one(enum("mode", "off", "observe", "enforce")), doc: "Judge parameters and body by the OpenAPI document of the upstream (`upstreams.NAME.openapi`): `observe` reports what it does not have, `enforce` refuses it (`input_invalid`). A body is read as a whole then, at most 1 MiB. See docs/openapi.md."},
			key{name: "fields", def: "enforce", shape: one(enum("mode", "enforce", "observe")), doc: "What happens to a request with a value that is not of the nature that `fields` declares: it is refused (`input_invalid`), or reported and forwarded."},
			wafKey(),
		)},
		{name: "fields", shape: byName(fieldName(), one(natureWord())), example: `{ title: text, body: "html(ugc)", password: never }`,
			doc: "What each field of a request is when it is put out: `text`, `url`, `markdown`, `\"html(ugc)\"` or `\"html(basic)\"`, or `never`, which is not looked at. With this key, every field that is not named is text, in forms, JSON and the query. `post.body` is a member of a JSON body. Values are never changed."},
		{name: "output", doc: "What browsers may do with the answer.", shape: section(
			key{name: "csp", def: "floor", shape: one(enum("policy", "floor", "observe", "strict")), doc: "The content security policy of pages. The floor, which breaks no page, is enforced always. `observe` reports beside it what the strict policy would block; `strict` enforces that policy. A policy of the backend's own that stops injected scripts is adopted instead (docs/csp.md)."},
			key{name: "uploads", def: "false", shape: one(flag()), example: "true", doc: "The route serves what users have uploaded: browsers save it and never show it as a page, whatever its type; images still work inside pages (docs/output.md)."},
			coopKey(), corpKey(),
		)},
		{name: "upstream", shape: one(nameOf("upstream")), example: "app", doc: "The backend that answers. Needed where there are several."},
	}
}

func routeKeys() []key {
	own := []key{
		{name: "id", required: true, shape: one(nameOf("route")), example: "notes-read", doc: "Name of the route in logs, metrics and refusals. Unique."},
		{name: "match", required: true, doc: "Which requests the route is for.", shape: section(
			key{name: "host", shape: one(matchHost()), example: "api.example.com", doc: "Host, with a port unless it is the default. Left out: the host of `public_url`."},
			key{name: "path", required: true, shape: one(template()), example: `"/notes/{id}"`, doc: "Path template, in quotes: `{name}` is one segment, `{rest...}` at the end is everything below. The longest literal wins, whatever the order of the routes. `/x/{rest...}` is `/x/` and what is below, not `/x`."},
			key{name: "methods", shape: many(method()), example: "[GET]", doc: "Methods, in upper case; GET brings HEAD. Left out: GET and HEAD on a public route, every method on any other."},
		)},
		{name: "boundary", required: true, shape: oneOrMany(enum("boundary", "public", "session", "token", "key", "app")), example: "[session, key]",
			doc: "What one needs to come in, any of: `session` (our login), `token` (access token), `key` (API key), `app` (the login of the backend itself, see `upstreams.NAME.app_session`). `public` stands alone and must be typed out: there is no default."},
	}
	return append(append(own, settingKeys()...),
		key{name: "cross_site", example: `{ reason: "the payment provider posts people back", cookies: [sessionid] }`, doc: "Effectful requests may come from other sites, as the answers of payment and identity providers do (SAML, `form_post`). On a public route only; WebSockets stay refused. Every other check stays. The backend has to check what arrives.", shape: section(
			key{name: "reason", required: true, shape: one(reason()), example: "the payment provider posts people back", doc: "Why other sites may change something here."},
			key{name: "cookies", shape: many(cookieName()), example: "[sessionid]", doc: "Cookies of the backend that such a request has to carry: no answer of this upstream gets `SameSite=Lax` added to them. What the backend itself says is never changed."},
		)},
		key{name: "profile", shape: one(nameOf("profile")), example: "api", doc: "Takes settings from `profiles`. What the route says itself counts."})
}

func routeTables() []key {
	rates := limitKeys()
	off := offKey("this limit")
	rates[0].required, off.required = false, false // one of the two; the builder says which is missing
	limit := section(append(rates, off)...)
	return []key{
		{name: "limits", doc: "Limits before anybody is known. IPv4 counts by address, IPv6 by /64.", shape: section(
			key{name: "network", def: "{ rate: 100/s, burst: 400 }", shape: limit, doc: "Requests per network."},
			key{name: "failures", def: "{ rate: 30/10m, burst: 30 }", shape: limit, doc: "Failed credentials of every kind, per network."},
			key{name: "caller", shape: section(unitKeys()...), example: "{ rate: 600/m }", doc: "Requests of each caller over all routes that are not public."},
			key{name: "subject", shape: section(unitKeys()...), example: "{ quota: 100000/d }", doc: "Requests of each person or service over all their keys and sessions, on all routes that are not public."},
		)},
		{name: "profiles", shape: byName(nameOf("profile"), section(settingKeys()...)), example: `{ api: { input: { max_body: 1MiB, types: [application/json] } } }`,
			doc: "Settings that routes share by naming them: every key of a route but id, match, boundary, cross_site and profile. One level, no inheritance. A key of the route replaces the profile's; `input` and `output` are joined key by key."},
		{name: "routes", required: true, shape: listOf(section(routeKeys()...)), doc: "Who may reach what. A request that no route matches is refused (`route_unknown`)."},
		{name: "observe_all", doc: "Every check that can be rolled out gently only reports. Never authentication or authorisation.", shape: section(
			key{name: "until", required: true, shape: one(date()), example: "2027-01-31", doc: "When it ends by itself: the beginning of that day in UTC, or an RFC 3339 time."},
		)},
		{name: "log", doc: "The log on standard error.", shape: section(
			key{name: "level", def: "info", shape: one(enum("level", "debug", "info", "warn", "error")), doc: "The least important lines to write."},
			key{name: "format", def: "json", shape: one(enum("format", "json", "text")), doc: "One JSON object a line, or text for people."},
		)},
		{name: "metrics", doc: "The counters on the admin listener.", shape: section(
			key{name: "token", secret: true, shape: one(secretRef()), example: "env:SANMON_METRICS_TOKEN", doc: "Reference of a bearer token that /metrics asks for. Left out: none is asked for."},
		)},
	}
}
