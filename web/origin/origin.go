// Package origin says whether a browser sent a request from a page of ours: by Fetch
// Metadata and by Origin, of which the worse counts.
package origin

import (
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Policy knows our own origins. It is a value that is never changed once in use.
type Policy struct {
	// Public are the exact origins that browsers see us at, as they write them:
	// scheme://host[:port], lower case, without a default port. They come from the
	// configuration, never from a request. Without any, every origin is foreign.
	Public []string
}

// source is what one field says.
type source uint8

const (
	silent  source = iota // the field is absent
	own                   // from a page of ours
	direct                // by no page: typed, a bookmark (Sec-Fetch-Site: none)
	foreign               // from another site, or not to be understood
)

// Verdict is what is known of where a request comes from. The zero value is unproven.
type Verdict struct {
	worst source
	field string // the field that decided
	value string // its value, for the operator
}

// Read judges both fields (research A.3, step 2; Fetch, Section 3.2; Fetch Metadata
// Request Headers, Section 2.3). A site that shares our registrable domain is foreign
// like any other. "Origin: null" is foreign: a sandboxed frame sends it, and so does a
// page of ours that forbids referrers. A field that comes twice, or joined by a comma, is
// refused as header_ambiguous. It allocates nothing but refusals.
func (p Policy) Read(r *exchange.Request) (Verdict, error) {
	site, err := one(r.Fields, "Sec-Fetch-Site")
	if err != nil {
		return Verdict{worst: foreign}, err
	}
	from, err := one(r.Fields, "Origin")
	if err != nil {
		return Verdict{worst: foreign}, err
	}
	v := Verdict{}
	if len(site) > 0 {
		v = Verdict{siteSays(site[0]), "Sec-Fetch-Site", site[0]}
	}
	if len(from) > 0 {
		says := foreign
		if slices.Contains(p.Public, from[0]) {
			says = own
		}
		if says >= v.worst {
			v = Verdict{says, "Origin", from[0]}
		}
	}
	return v, nil
}

// one returns the only value of the field, or none.
func one(f exchange.Fields, name string) ([]string, error) {
	v := f.Values(name)
	if len(v) > 1 || len(v) == 1 && strings.IndexByte(v[0], ',') >= 0 {
		return nil, refusal.New(refusal.HeaderAmbiguous, "%s has several values (send one)", name)
	}
	return v, nil
}

// siteSays reads Sec-Fetch-Site. What is not known is foreign.
func siteSays(v string) source {
	switch v {
	case "same-origin":
		return own
	case "none":
		return direct
	}
	return foreign
}

// Unproven reports that neither field came: an old browser, plain http in a local
// network, or no browser at all. Such a request is not trusted; it needs a token.
func (v Verdict) Unproven() bool { return v.worst == silent }

// Foreign reports that the request came from elsewhere.
func (v Verdict) Foreign() bool { return v.worst == foreign }

// Admit refuses as origin_foreign an effectful request that no page of ours sent. Effect
// says that the request changes something (see Effectful, and what the route declares).
// Ambient says that it carries a credential which browsers attach by themselves and that
// no token stands beside it: only then is an unproven request refused. Whoever checks a
// token afterwards calls Admit with ambient false, and refuses by the token.
//
// A request without an effect passes from anywhere: links to us must work.
func (v Verdict) Admit(effect, ambient bool) error {
	if !effect {
		return nil
	}
	switch v.worst {
	case own:
		return nil
	case silent:
		if !ambient {
			return nil
		}
		return refusal.New(refusal.OriginForeign,
			"a request with an effect and a cookie has neither Sec-Fetch-Site nor Origin (send Origin, or a CSRF token)")
	case direct:
		return refusal.New(refusal.OriginForeign,
			"a request with an effect was sent by no page (Sec-Fetch-Site: none)")
	}
	return refusal.New(refusal.OriginForeign, "%s is %s, not ours%s", v.field, v.shown(), v.remedy())
}

// shown is the deciding value as far as it may be logged. A client may put anything in
// the field, so only the known words and what has the form of an origin are shown. "_"
// is left out of hosts on purpose: keys have it.
func (v Verdict) shown() string {
	switch v.value {
	case "null", "cross-site", "same-site":
		return v.value
	}
	_, host, ok := strings.Cut(v.value, "://")
	if !ok || len(v.value) > 128 || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") != "" {
		return "a value that is no origin"
	}
	return v.value
}

func (v Verdict) remedy() string {
	switch {
	case v.field == "Origin" && v.value == "null":
		return " (a page with Referrer-Policy: no-referrer makes browsers send null; use same-origin)"
	case v.field == "Origin":
		return " (if browsers see this site there, it must be public_url)"
	}
	return " (send the form from a page of this site)"
}
