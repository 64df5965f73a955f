package subrequest

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Profile is the convention by which a proxy describes a request.
type Profile string

// The profiles. Auto takes whichever convention a question follows, and refuses two at
// once; it is the one that a proxy which was set up badly can lead astray, so name the
// proxy where you know it.
const (
	Auto    Profile = "auto"
	Nginx   Profile = "nginx"   // X-Original-URL and X-Original-Method, as its documentation has it
	Caddy   Profile = "caddy"   // X-Forwarded-Method, -Proto, -Host, -Uri
	Traefik Profile = "traefik" // the same
	Envoy   Profile = "envoy"   // method and header of the request itself, the path behind path_prefix
)

// Question is what a proxy asks.
type Question struct {
	Request exchange.Request // as it was described; its body is not there
	Profile Profile          // never Auto: which convention was followed, Caddy for Traefik too
}

// Read reads what r, a request for prefix, describes. Method and target are always needed.
// The description is taken out of the header, as are the fields of the connection between
// proxy and gate. Errors are refusals: target_ambiguous, header_ambiguous or
// method_not_allowed. r is not changed.
func (p Profile) Read(r *exchange.Request, prefix string) (Question, error) {
	q := Question{Request: *r, Profile: p}
	rest, ok := strings.CutPrefix(r.Target, prefix)
	if !ok {
		return q, ambiguous("the question is not for %s", prefix)
	}
	if strings.HasPrefix(rest, "?") {
		rest = "" // Caddy leaves the query of the request; the description has it too
	}
	var err error
	if q.Profile, err = p.which(r.Fields, rest); err != nil {
		return q, err
	}
	var d description
	switch q.Profile {
	case Nginx:
		d, err = original(r)
	case Envoy:
		d = behind(r, rest)
	default:
		d, err = forwarded(r)
	}
	if err != nil {
		return q, err
	}
	if q.Profile != Envoy && r.Method != "GET" && r.Method != "HEAD" {
		no := refusal.New(refusal.MethodNotAllowed, "a proxy asks by GET and describes the method of the request (it sent another one)")
		no.Allow = []string{"GET", "HEAD"}
		return q, no
	}
	if err := d.agree(r.Fields); err != nil {
		return q, err
	}
	if err := honest(r.Fields, q.Profile); err != nil {
		return q, err
	}
	q.Request.Method, q.Request.Target, q.Request.Host, q.Request.Secure = d.method, d.target, d.host, d.scheme == "https"
	q.Request.Fields, q.Request.Length = newDescribed(r.Fields), 0
	if !safe(d.method) {
		q.Request.Length = -1 // there may be a body, which nobody here sees
	}
	return q, nil
}

// which says which convention a question follows. Two at once are refused whatever the
// profile: one of them is the client's.
func (p Profile) which(f exchange.Fields, rest string) (Profile, error) {
	path := strings.HasPrefix(rest, "/")
	url := len(f.Values("X-Original-Url"))+len(f.Values("X-Original-Method")) > 0
	uri := len(f.Values("X-Forwarded-Uri"))+len(f.Values("X-Forwarded-Method")) > 0
	switch p {
	case Nginx, Caddy, Traefik:
		if rest != "" {
			return p, ambiguous("the address of the question goes on behind its path (let the proxy ask that path alone)")
		}
		return p, nil
	case Envoy:
		if !path {
			return p, ambiguous("the address of the question ends with its path_prefix (let the proxy append the path of the request)")
		}
		return p, nil
	case Auto:
	default:
		return p, ambiguous("forward-auth is off")
	}
	switch {
	case rest != "" && !path, path && (url || uri), url && uri:
		return p, ambiguous("the question follows two conventions at once, one of them the client's (name the proxy in forward_auth.profile, and let it remove the fields of others)")
	case path:
		return Envoy, nil
	case url:
		return Nginx, nil
	case uri:
		return Caddy, nil
	}
	return p, ambiguous("the question does not say what it is about (let the proxy send X-Original-URL and X-Original-Method, or X-Forwarded-Method and X-Forwarded-Uri)")
}

func ambiguous(format string, args ...any) error {
	return refusal.New(refusal.TargetAmbiguous, "forward-auth: "+format, args...)
}

func safe(method string) bool { return method == "GET" || method == "HEAD" || method == "OPTIONS" }
