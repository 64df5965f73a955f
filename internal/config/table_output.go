package config

import "time"

// hstsShape is a duration, nothing for a reason, or a ramp to a year.
func hstsShape() shape {
	off := offKey("HSTS")
	off.required = false // one of the two; the builder says so
	return oneOr(span(time.Minute, 10*365*day), off,
		key{name: "ramp", shape: one(date()), example: "2026-12-01", doc: "HSTS that grows to a year, so that a mistake is forgotten soon: one day until a week after this date, 30 days for 30 days more, then one year. Subdomains are included with the year only. `sanmon check` says where it stands."})
}

// coopKey and corpKey are how a route's answers are kept apart from other sites. What is
// weaker than the floor is written with its reason.
func coopKey() key {
	return key{name: "coop", shape: oneOr(enum("policy", "same-origin", "noopener-allow-popups", "same-origin-allow-popups"),
		key{name: "unsafe_none", required: true, shape: one(reason()), example: "the map provider opens this page and talks to it", doc: "Pages of other sites that open this one keep a hold of its window. The value is the reason."}),
		example: "same-origin", doc: "The least that `Cross-Origin-Opener-Policy` of pages says. Left out: `same-origin-allow-popups`. A stricter value of the backend is kept."}
}

func corpKey() key {
	return key{name: "corp", shape: oneOr(enum("policy", "same-origin"),
		key{name: "same_site", shape: one(reason()), example: "our shop on another subdomain shows these images", doc: "Other hosts of our site may load the answers into their pages. The value is the reason."},
		key{name: "cross_origin", shape: one(reason()), example: "a public widget that other sites embed", doc: "Everybody may. The value is the reason."}),
		example: "same-origin", doc: "The least that `Cross-Origin-Resource-Policy` of every answer says. A stricter value of the backend is kept, a weaker one is replaced. Left out: `same-origin` for pages and JSON, unless the backend says something itself."}
}
