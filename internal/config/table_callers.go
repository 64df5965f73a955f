package config

import "time"

// callerKeys are the keys about who calls and how long that stays true.
func callerKeys() []key {
	return []key{
		{name: "session", doc: "Login sessions.", shape: section(
			key{name: "idle", def: "1h", shape: one(span(time.Second, 30*day)), doc: "A session ends after this long without a request. At most `absolute`."},
			key{name: "absolute", def: "24h", shape: one(span(time.Second, 30*day)), doc: "A session ends after this long in any case. At most 30d."},
			key{name: "rotate", def: "15m", shape: one(span(time.Second, 30*day)), doc: "The secret in the cookie is replaced after this long, so that a copied one dies early."},
			key{name: "same_site", def: "lax", shape: one(enum("choice", "lax", "strict")), doc: "SameSite of the session cookie. `strict`: a link from another site arrives signed out."},
			key{name: "network", def: "step_up", shape: one(enum("choice", "observe", "step_up", "strict")), doc: "What a session does in a network it was not seen in: report it, ask for the password on routes with `fresh`, or be refused. Another kind of browser (engine and system) is reported, and but for `observe` asked for the password there too."},
			key{name: "max_per_user", def: "0", shape: one(whole(0, 10000)), doc: "How many login sessions a person may have; `at_max` says what becomes of a further login. 0: no limit."},
			key{name: "at_max", def: "evict_oldest", shape: one(enum("choice", "evict_oldest", "deny", "notify")), doc: "What a login does for a person who has `max_per_user` sessions: end those seen longest ago, be refused (403), or pass and be told of (audit trail, alert, letter). See signing-in.md."},
		)},
		{name: "token", doc: "Access and refresh tokens. `redeliver` and `race` hold for sessions, too.", shape: section(
			key{name: "access_ttl", def: "5m", shape: one(span(time.Second, 10*time.Minute)), doc: "Life of an access token, less up to a tenth at random. At most 10m. A shorter one holds for tokens of before, too."},
			key{name: "refresh_idle", def: "336h", shape: one(span(time.Second, 365*day)), doc: "A refresh token ends after this long without use."},
			key{name: "refresh_absolute", def: "720h", shape: one(span(time.Second, 365*day)), doc: "A refresh family ends after this long in any case."},
			key{name: "redeliver", def: "60s", shape: one(span(0, 10*time.Minute)), doc: "How long the old secret still works when the answer with the new one may have been lost."},
			key{name: "race", def: "10s", shape: one(span(0, 5*time.Minute)), doc: "How long the old secret still works for requests that were under way."},
		)},
		{name: "login", doc: "Which ways of signing in there are.", shape: section(loginKeys()...)},
		{name: "roles", shape: byName(roleName(), many(scopeName())), example: `{ reader: ["notes:read"], admin: ["*"] }`,
			doc: "What each role grants: a list of scopes. `resource:*` is every scope of a resource, `*` every scope."},
	}
}

// laterKeys are the top-level keys that stand last in the documentation.
func laterKeys() []key {
	return []key{
		clientsKey(),
		{name: "dbsc", def: "opportunistic", shape: one(enum("choice", "off", "opportunistic", "required")), doc: "Binds login sessions to a key that the browser keeps where it cannot be copied from (Device Bound Session Credentials; https only). `opportunistic`: where the browser can. `required`: a session that is not bound two minutes after its login is worth nothing. Once bound, the session cookie alone is worth nothing. `off` lets go of what was bound."},
		alertsKey(),
		auditKey(),
		leaksKey(),
		keysKey(),
	}
}
