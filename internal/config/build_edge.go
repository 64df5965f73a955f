package config

import (
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// everybody reports whether a network holds the addresses of strangers: nobody's proxies
// fill more than a /8, or in IPv6 more than all unique local addresses (RFC 4193).
func everybody(p netip.Prefix) bool {
	return p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 7
}

// clientIP judges whom to believe.
func (b *builder) clientIP(f *field) ClientIP {
	trusted, header := f.get("trusted_proxies"), f.get("header")
	c := ClientIP{TrustedProxies: trusted.networks(), Allow: f.get("allow").networks(), Deny: f.get("deny").networks()}
	for _, item := range trusted.items {
		if p := as[netip.Prefix](item); !item.bad && everybody(p) {
			b.fault(item.at, "name the networks of your proxies", "client_ip.trusted_proxies: %s lets everybody choose their own address", show(p.String()))
		}
	}
	switch {
	case len(trusted.items) > 0:
		c.Header = http.CanonicalHeaderKey(header.text())
	case header.set && !trusted.bad:
		b.fault(header.at, `add trusted_proxies: ["10.0.0.0/8"], or remove it`, "client_ip.header is set, but nobody is trusted to write it")
	}
	return c
}

// tls judges that the public URL and the mode fit each other.
func (b *builder) tls(f, publicURL *field, ip ClientIP) TLS {
	t := TLS{
		CertFile: b.fileOf(f.get("cert_file")), KeyFile: b.fileOf(f.get("key_file")),
		SelfSigned: f.get("self_signed").bool(), BehindProxy: f.get("behind_proxy").bool(),
	}
	t.HSTS, t.Ramp = b.hsts(f.get("hsts"))
	if publicURL.bad || f.bad || f.get("acme").bad {
		return t
	}
	var modes []string
	if f.get("cert_file").set || f.get("key_file").set {
		modes = append(modes, "cert_file")
	}
	if t.SelfSigned {
		modes = append(modes, "self_signed")
	}
	if t.BehindProxy {
		modes = append(modes, "behind_proxy")
	}
	b.tlsModes(f, publicURL, modes)
	if f.get("cert_file").set != f.get("key_file").set {
		b.fault(f.at, "name both: cert_file and key_file", "tls has one half of a certificate")
	}
	if t.BehindProxy && len(ip.TrustedProxies) == 0 {
		b.fault(f.get("behind_proxy").at, `add client_ip: { trusted_proxies: ["10.0.0.0/8"] }`, "tls.behind_proxy needs to know the proxy")
	}
	if b.public.scheme == "http" {
		t.HSTS, t.Ramp = 0, time.Time{}
	}
	return t
}

func (b *builder) tlsModes(f, publicURL *field, modes []string) {
	choose := "write one of: cert_file and key_file, self_signed: true, behind_proxy: true"
	switch {
	case b.public.scheme == "http" && (len(modes) > 0 || f.get("hsts").set):
		b.fault(f.at, "remove tls, or make public_url https", "tls is set, but public_url is http")
	case b.public.scheme == "https" && len(modes) == 0 && f.set:
		b.fault(f.at, choose, "tls has no mode, but public_url is https")
	case b.public.scheme == "https" && len(modes) == 0:
		b.fault(publicURL.at, "add tls; "+choose, "public_url is https, but tls is missing")
	case len(modes) > 1:
		b.fault(f.at, "keep one of them", "tls has several modes: %s", strings.Join(modes, ", "))
	}
}

func (b *builder) allUpstreams(f *field) map[string]*Upstream {
	if f.set && !f.bad && len(f.order) == 0 {
		b.fault(f.at, `add app: { url: "http://127.0.0.1:8000" }`, "there is no upstream")
	}
	all := make(map[string]*Upstream, len(f.order))
	for _, name := range f.order {
		all[name] = b.upstream(name, f.get(name))
		b.upstreams = append(b.upstreams, name)
		if all[name].OpenAPI != "" {
			b.described = append(b.described, name)
		}
		if len(all[name].App.Cookies) > 0 {
			b.adopted = append(b.adopted, name)
		}
	}
	return all
}

func (b *builder) upstream(name string, f *field) *Upstream {
	at := as[site](f.get("url"))
	u := &Upstream{
		Name: name, URL: at.String(), Timeout: f.get("timeout").duration(), OpenAPI: f.get("openapi").text(),
		HostFrom:       f.get("host").text(),
		Semicolon:      f.get("paths", "semicolon").text() == "allow",
		Slash:          f.get("paths", "encoded_slash").text() == "allow",
		CookieHTTPOnly: f.get("cookies", "http_only").texts(),
		CookieScripts:  f.get("cookies", "scripts").texts(),
		TLSCA:          b.file(f.get("tls_ca").text()),
		PlainIdentity:  f.get("identity").text() == "headers",
		App:            b.appSession(f.get("app_session")),
	}
	if u.OpenAPI != "" && !strings.Contains(u.OpenAPI, "://") {
		u.OpenAPI = b.fileOf(f.get("openapi"))
	}
	if f.get("tls_ca").set && at.scheme == "http" {
		b.fault(f.get("tls_ca").at, "remove it, or make url https", "%s.tls_ca is set, but the upstream is plain http", f.name)
	}
	for _, cookie := range u.CookieHTTPOnly {
		if contains(u.CookieScripts, cookie) {
			b.fault(f.get("cookies").at, "keep one of them", "%s.cookies: %s is in both lists", f.name, show(cookie))
		}
	}
	return u
}
