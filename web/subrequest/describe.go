package subrequest

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// description is what a proxy says of a request. scheme is "" where it does not say.
type description struct{ method, target, scheme, host string }

// original reads nginx's convention: X-Original-URL is $scheme://$http_host$request_uri, or
// $request_uri alone, and then Host is that of the request.
func original(r *exchange.Request) (d description, err error) {
	url, err := needed(r.Fields, "X-Original-Url")
	if err != nil {
		return d, err
	}
	if d.method, err = needed(r.Fields, "X-Original-Method"); err != nil {
		return d, err
	}
	d.target, d.host = url, r.Host
	if !strings.HasPrefix(url, "/") {
		// Cut by hand: what a parser would put in order has to be judged as it came.
		scheme, rest, _ := strings.Cut(url, "://")
		slash := strings.IndexByte(rest, '/')
		if scheme != "http" && scheme != "https" || slash < 1 {
			return d, ambiguous("X-Original-URL is neither a path nor an http URL with host and path")
		}
		d.scheme, d.host, d.target = scheme, rest[:slash], rest[slash:]
	}
	return d, nil
}

// forwarded reads the convention of Caddy and Traefik. Their X-Forwarded-Host is the Host
// of the request; Host is that of the question.
func forwarded(r *exchange.Request) (d description, err error) {
	if d.method, err = needed(r.Fields, "X-Forwarded-Method"); err != nil {
		return d, err
	}
	if d.target, err = needed(r.Fields, "X-Forwarded-Uri"); err != nil {
		return d, err
	}
	if d.host, err = atMostOne(r.Fields, "X-Forwarded-Host"); d.host == "" {
		d.host = r.Host
	}
	return d, err
}

// behind reads Envoy's convention: the request itself, its path behind a prefix.
func behind(r *exchange.Request, rest string) description {
	return description{method: r.Method, target: rest, host: r.Host}
}

// agree fills in the scheme, and refuses a description that contradicts what else is said
// of scheme and host: proxies hand on what clients send.
func (d *description) agree(f exchange.Fields) error {
	proto, err := atMostOne(f, "X-Forwarded-Proto")
	if err != nil {
		return err
	}
	switch strings.ToLower(proto) {
	case "":
	case "http", "ws":
		proto = "http"
	case "https", "wss":
		proto = "https"
	default:
		return refused("X-Forwarded-Proto is neither http nor https")
	}
	if proto != "" && d.scheme != "" && proto != d.scheme {
		return refused("X-Forwarded-Proto and X-Original-URL differ in the scheme")
	}
	if d.scheme == "" {
		d.scheme = proto
	}
	host, err := atMostOne(f, "X-Forwarded-Host")
	if err == nil && host != "" && !strings.EqualFold(host, d.host) {
		return refused("X-Forwarded-Host is not the host of the request")
	}
	return err
}

// needed is the one value of a field.
func needed(f exchange.Fields, name string) (string, error) {
	v, err := atMostOne(f, name)
	if err == nil && v == "" {
		return "", ambiguous("%s is missing (let the proxy send it)", name)
	}
	return v, err
}

func atMostOne(f exchange.Fields, name string) (string, error) {
	switch v := f.Values(name); len(v) {
	case 0:
		return "", nil
	case 1:
		return v[0], nil
	}
	return "", refused("%s is there more than once, so one of them is the client's (let the proxy replace it)", name)
}

func refused(format string, args ...any) error {
	return refusal.New(refusal.HeaderAmbiguous, "forward-auth: "+format, args...)
}
