package config

import (
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
)

// Login says which ways of signing in exist.
type Login struct {
	Password       bool
	Passkey        bool
	TOTP           string // "off", "optional" or "required"
	PasswordLength int    // of passwords that people choose where they are the only factor
	Blocklist      string // path, "" none
	Signup         bool
	SignupRoles    []string
	OIDC           []OIDC
	SMTP           SMTP
}

// OIDC is another provider that people sign in with.
type OIDC struct {
	Name, Issuer, ClientID string
	ClientSecret           string // reference, "" none
	Scopes                 []string
	LinkByEmail, Create    bool
	Roles                  []string
	RolesClaim             string
	RoleMap                map[string]string
}

// SMTP is the server that takes our mail. The zero SMTP: there is none.
type SMTP struct {
	Host     string // "" none
	Port     int
	TLS      bool // from the first byte; otherwise STARTTLS, but for loopback
	User     string
	Password string // reference, "" none
	From     string // as a header has it
}

// Plain reports whether the server may be talked to without encryption.
func (s SMTP) Plain() bool { return !s.TLS && loopback(s.Host) }

// mailServer is a parsed login.smtp.url.
type mailServer struct {
	host, user string
	port       int
	tls        bool
}

// mailURL is smtp:// or smtps://. A password in it is refused: the file names where it is.
func mailURL() scalar {
	want := "write smtp://USER@HOST:587, or smtps://USER@HOST:465"
	return scalar{name: "mail server", want: want, parse: func(s string) (any, error) {
		u, err := url.Parse(s)
		if err != nil { // its text may quote a password
			return nil, wrong{"the address of the mail server cannot be read", want}
		}
		if _, in := u.User.Password(); in {
			return nil, wrong{"a password must not be written in clear", "smtp: { url: smtp://USER@HOST, password: env:NAME }"}
		}
		m := mailServer{host: u.Hostname(), user: u.User.Username(), port: 587, tls: u.Scheme == "smtps"}
		if m.tls {
			m.port = 465
		}
		if u.Port() != "" {
			m.port, _ = strconv.Atoi(u.Port())
		}
		if u.Scheme != "smtp" && !m.tls || m.host == "" || m.port < 1 || m.port > 65535 || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
			return nil, wrong{show(s) + " is not the address of a mail server", want}
		}
		return m, nil
	}}
}

// mailAddress is one address, with a name before it or without.
func mailAddress() scalar {
	want := "write one like no-reply@example.com, or Name <no-reply@example.com>"
	return scalar{name: "e-mail address", want: want, parse: func(s string) (any, error) {
		a, err := mail.ParseAddress(s)
		if err != nil || strings.ContainsAny(s, "\r\n\x00") {
			return nil, wrong{show(s) + " is not an e-mail address", want}
		}
		return a.String(), nil
	}}
}

// issuerURL is the issuer of a provider. Who can change what comes from there can sign in
// as anybody, so it is https, but for this machine itself.
func issuerURL() scalar {
	want := "write an https URL without query; http is for localhost, 127.0.0.1 and [::1] only"
	return scalar{name: "URL", want: want, parse: func(s string) (any, error) {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(s, " \r\n\x00") {
			return nil, wrong{show(s) + " is not an issuer", want}
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
			return nil, wrong{show(s) + " is not encrypted on the way", want}
		}
		return s, nil
	}}
}

// mail reads login.smtp.
func (b *builder) mail(f *field) SMTP {
	m := as[mailServer](f.get("url"))
	s := SMTP{Host: m.host, Port: m.port, TLS: m.tls, User: m.user, From: as[string](f.get("from")), Password: b.reference(f.get("password"))}
	switch {
	case f.bad || m.host == "":
	case s.User == "" && s.Password != "":
		b.fault(f.get("url").at, "write smtp://USER@"+net.JoinHostPort(s.Host, strconv.Itoa(s.Port)), "login.smtp has a password, but no user")
	case s.User != "" && s.Password == "":
		b.fault(f.get("url").at, "add password: env:NAME", "login.smtp has a user, but no password")
	}
	return s
}

// providers reads login.oidc.
func (b *builder) providers(f *field) []OIDC {
	var all []OIDC
	seen := map[string]bool{}
	for _, item := range f.items {
		if item.bad {
			continue
		}
		p := OIDC{
			Name: item.get("name").text(), Issuer: item.get("issuer").text(), ClientID: item.get("client_id").text(), ClientSecret: b.reference(item.get("client_secret")),
			Scopes: item.get("scopes").texts(), LinkByEmail: item.get("link_by_email").bool(), Create: item.get("create").bool(),
			Roles: item.get("roles").texts(), RolesClaim: item.get("roles_claim").text(), RoleMap: map[string]string{},
		}
		for _, name := range item.get("role_map").order {
			p.RoleMap[name] = item.get("role_map", name).text()
		}
		if seen[p.Name] {
			b.fault(item.get("name").at, "give each its own name", "login.oidc has two providers named %s", show(p.Name))
		}
		if (p.RolesClaim == "") != (len(p.RoleMap) == 0) {
			b.fault(item.at, "name both, or neither: roles_claim and role_map", "%s.role_map and %s.roles_claim belong together", item.name, item.name)
		}
		if p.LinkByEmail {
			b.warn(item.get("link_by_email").at, "", "%s can sign in as everybody whose address it says is verified (login.oidc.link_by_email)", p.Name)
		}
		seen[p.Name] = true
		all = append(all, p)
	}
	return all
}

// loginRoles checks that the configuration has the roles that login gives.
func (b *builder) loginRoles(f *field, roles map[string][]string) {
	known := func(at *field, role string) {
		if _, ok := roles[role]; !ok && role != "" && !at.bad {
			b.fault(at.at, "add it to roles, or correct the name", "%s: there is no role %s", at.name, show(role))
		}
	}
	for _, item := range f.get("signup_roles").items {
		known(item, item.text())
	}
	for _, p := range f.get("oidc").items {
		if p.bad {
			continue
		}
		for _, item := range p.get("roles").items {
			known(item, item.text())
		}
		for _, name := range p.get("role_map").order {
			known(p.get("role_map", name), p.get("role_map", name).text())
		}
	}
}
