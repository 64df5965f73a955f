package adopt

import (
	"net/url"
	"strings"
	"time"
)

// Answer is what a backend answered, as far as it matters for its login session.
type Answer struct {
	Path     string // decoded path of the request
	Effect   bool   // the request may change something
	Status   int
	Location string   // of a redirect, as it came
	HTML     bool     // a page comes with it
	Set      []Cookie // the session cookies that it sets and deletes
}

// Verdict is what an answer means for our session.
type Verdict uint8

// The verdicts.
const (
	Keep   Verdict = iota // nothing
	Update                // other cookies are to be held; nobody signed in or out
	Begin                 // somebody has signed in
	End                   // whoever was signed in is signed out
	Failed                // an attempt to sign in has failed; cookies may have changed, too
)

// Judge reads an answer. before is what the request was sent with; signedIn says that it was
// that of a session, and not of somebody who has not signed in yet. after is to be held.
//
// A backend does not say that somebody has signed in. What it does then is set the session
// cookie, or keep the one that the login page gave, and lead on to another page of the same
// origin, or, for a script, answer with a success that is no page. A page that comes instead
// is the form again, unless the cookie is the first one.
func (r *Rules) Judge(a Answer, before Held, signedIn bool, now time.Time) (Verdict, Held) {
	after, changed := before.Take(a.Set, now)
	switch {
	case r.SignsIn(a.Path):
		if r.admits(&a, before, after, now) {
			after.Since = now
			return Begin, after
		}
		if a.Effect && r.turnsAway(&a) {
			return Failed, after
		}
	case signedIn && (r.SignsOut(a.Path) && a.leaves() || after.Empty(now)):
		return End, Held{Upstream: r.Upstream}
	}
	if changed {
		return Update, after
	}
	return Keep, before
}

// admits reports whether the answer lets somebody in.
func (r *Rules) admits(a *Answer, before, after Held, now time.Time) bool {
	given := false // a cookie that lives
	for i := range a.Set {
		given = given || !a.Set[i].gone(now)
	}
	switch {
	case after.Empty(now), !given && !a.Effect:
		return false
	case redirects(a.Status):
		to, ok := r.leadsTo(a)
		return ok && !r.SignsIn(to)
	case a.Status < 200 || a.Status > 299 || !a.Effect:
		return false
	case a.HTML:
		return given && before.Empty(now)
	}
	return given
}

// turnsAway reports whether an answer to an attempt says no.
func (r *Rules) turnsAway(a *Answer) bool {
	if redirects(a.Status) {
		to, ok := r.leadsTo(a)
		return ok && to == a.Path // another step of a login has a page of its own
	}
	return a.Status >= 200 && a.Status < 300 || a.Status >= 400 && a.Status < 500
}

// leaves reports whether an answer on a logout page says that it is done.
func (a *Answer) leaves() bool {
	return redirects(a.Status) || a.Effect && a.Status >= 200 && a.Status < 300
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// leadsTo is the decoded path that a redirect leads to; false when it leaves our origin or
// cannot be read.
func (r *Rules) leadsTo(a *Answer) (string, bool) {
	base, err := url.Parse(r.Origin)
	if err != nil {
		return "", false
	}
	base.Path = a.Path
	to, err := base.Parse(a.Location)
	if err != nil || a.Location == "" || strings.ContainsAny(a.Location, "\\\t\r\n") {
		return "", false
	}
	if !strings.EqualFold(to.Scheme, base.Scheme) || !strings.EqualFold(to.Host, base.Host) || to.User != nil {
		return "", false
	}
	return to.Path, true
}
