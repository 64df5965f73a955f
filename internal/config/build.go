package config

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// builder makes a Config of judged fields and judges what concerns several of them.
type builder struct {
	*report
	decoder decoder
	path    string
	now     time.Time

	public    site
	upstreams []string
	described []string // upstreams with an OpenAPI document
	adopted   []string // upstreams whose own login is adopted
	roles     map[string][]string
	used      map[string]position // sources that references need, and where the first stands
	written   map[string]Error    // where each reference or file, as it is followed, stands first
	issues    bool                // there are clients that access tokens are issued to
}

func (b *builder) config(root *value) *Config {
	g := grammar()
	top := b.decoder.shape(&key{}, &g, "", root)
	b.public = as[site](top.get("public_url"))
	c := &Config{
		Path:        b.path,
		PublicURL:   b.public.String(),
		PublicHost:  b.public.hostport(),
		Environment: top.get("environment").text(),
		Listen:      b.listen(top.get("listen")),
		ClientIP:    b.clientIP(top.get("client_ip")),
		Store:       b.store(top.get("store")),
		Limiter:     b.limiter(top.get("limiter")),
		ForwardAuth: ForwardAuth{top.get("forward_auth", "profile").text(), top.get("forward_auth", "renew").bool()},
		Session:     b.session(top.get("session")),
		Token:       b.token(top.get("token")),
		DBSC:        b.dbsc(top.get("dbsc")),
		Login:       b.login(top.get("login")),
		Limits: Limits{b.preAuth(top.get("limits", "network")), b.preAuth(top.get("limits", "failures")),
			b.callerLimits(top.get("limits", "caller"), "caller"), b.callerLimits(top.get("limits", "subject"), "subject")},
		Log:        Log{top.get("log", "level").text(), top.get("log", "format").text()},
		Metrics:    Metrics{b.reference(top.get("metrics", "token"))},
		CSP:        CSP{top.get("csp", "learn").bool(), b.file(top.get("csp", "approved").text()), top.get("csp", "report_sample").bool()},
		Audit:      b.audit(top.get("audit")),
		Leaks:      b.leaks(top.get("leaks")),
		Alerts:     b.alerts(top.get("alerts")),
		Keys:       b.keys(top.get("keys")),
		ObserveAll: b.observeAll(top.get("observe_all")),
	}
	b.places(c, top)
	c.MasterKey, c.MasterOthers = b.master(top.get("master_key"))
	c.TLS = b.tls(top.get("tls"), top.get("public_url"), c.ClientIP)
	c.Upstreams = b.allUpstreams(top.get("upstreams"))
	c.Roles = b.allRoles(top.get("roles"))
	b.loginRoles(top.get("login"), c.Roles)
	c.Clients = b.clients(top.get("clients"))
	c.Routes = b.allRoutes(top.get("routes"), top.get("profiles"))
	c.Secrets = b.secrets(top.get("secrets")) // after every other reference
	b.appRoutes(c, top.get("upstreams"))
	if c.CSP.Learn && !slices.ContainsFunc(c.Routes, func(r *Route) bool { return r.CSP != "floor" }) {
		b.warn(top.get("csp", "learn").at, "set output.csp: observe on a route", "csp.learn is on, but every route has the floor only: nothing is learned")
	}
	if !c.Login.Password && !c.Login.Passkey && len(c.Login.OIDC) == 0 && takes(c.Routes, caller.Session) {
		b.warn(top.get("login", "password").at, "set login.password: true", "routes take a session, but there is no way to sign in")
	}
	return c
}

func takes(routes []*Route, kind caller.Kind) bool {
	for _, r := range routes {
		for _, k := range r.Boundary {
			if k == kind {
				return true
			}
		}
	}
	return false
}

// file makes a path relative to the directory of the configuration file.
func (b *builder) file(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(b.path), path)
}

// fileOf is file for a key, and keeps where it stands.
func (b *builder) fileOf(f *field) string {
	path := b.file(f.text())
	b.stands(path, f)
	return path
}

// reference makes the path in a file: or age: reference relative to the configuration file.
func (b *builder) reference(f *field) string {
	ref := f.text()
	b.use(ref, f)
	for _, scheme := range []string{"file:", "age:"} {
		if path, ok := strings.CutPrefix(ref, scheme); ok {
			ref = scheme + b.file(path)
			break
		}
	}
	b.stands(ref, f)
	return ref
}

// stands keeps where a reference was written, for those who follow it later.
func (b *builder) stands(ref string, f *field) {
	if ref == "" || !f.set {
		return
	}
	if b.written == nil {
		b.written = map[string]Error{}
	}
	if _, in := b.written[ref]; !in {
		b.written[ref] = b.at(f.at, "", "")
	}
}

func (b *builder) listen(f *field) Listen {
	public, admin := f.get("public"), f.get("admin")
	l := Listen{public.text(), admin.text()}
	if l.Admin != "" && l.Admin == l.Public && !strings.HasSuffix(l.Admin, ":0") {
		b.fault(admin.at, "give each its own", "listen.admin and listen.public are the same address")
	}
	if host := l.Admin[:max(strings.LastIndexByte(l.Admin, ':'), 0)]; l.Admin != "" && !loopback(host) {
		b.warn(admin.at, `use "127.0.0.1:9443", or a management network`, "listen.admin can be reached from other machines")
	}
	return l
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (b *builder) store(f *field) Reference {
	if f.form != mapping {
		return b.storeFile(as[Reference](f))
	}
	ref := b.storeFile(as[Reference](f.get("url")))
	if f.get("password").set {
		ref.Password = b.reference(f.get("password"))
		if ref.Driver == "sqlite" {
			b.fault(f.get("password").at, "remove it", "store.password: a SQLite file has no password")
		}
	}
	return ref
}

func (b *builder) storeFile(r Reference) Reference {
	if r.Driver == "sqlite" {
		r.Address = b.file(r.Address)
	}
	return r
}

func (b *builder) session(f *field) Session {
	s := Session{
		Idle: f.get("idle").duration(), Absolute: f.get("absolute").duration(), Rotate: f.get("rotate").duration(),
		SameSite: f.get("same_site").text(), Network: f.get("network").text(), MaxPerUser: f.get("max_per_user").number(), AtMax: f.get("at_max").text(),
	}
	s.Idle = b.within(f.get("idle"), f.get("absolute"))
	return s
}

// places judges what a login does where a person has sessions enough.
func (b *builder) places(c *Config, top *field) {
	bound, at := top.get("session", "max_per_user"), top.get("session", "at_max")
	if bound.bad || at.bad || !at.set {
		return
	}
	if c.Session.MaxPerUser == 0 {
		b.fault(at.at, "add max_per_user: 10, or remove at_max", "session.at_max says what happens at session.max_per_user, and there is no such limit")
	}
	if c.Session.AtMax == "notify" && !top.get("alerts", "webhook").set && !top.get("login", "smtp").set {
		b.fault(at.at, "add alerts.webhook or login.smtp, or write evict_oldest or deny", "session.at_max is notify, and nobody would be told")
	}
}

// within is the shorter window, which may not be longer than the whole one. A
// default gives way.
func (b *builder) within(short, whole *field) time.Duration {
	s, w := short.duration(), whole.duration()
	if s <= w || whole.bad {
		return s
	}
	if short.set {
		b.fault(short.at, "shorten it", "%s is longer than %s (%s)", short.name, whole.name, brief(w))
	}
	return w
}

func (b *builder) token(f *field) Token {
	return Token{
		AccessTTL: f.get("access_ttl").duration(), RefreshIdle: b.within(f.get("refresh_idle"), f.get("refresh_absolute")),
		RefreshAbsolute: f.get("refresh_absolute").duration(), Redeliver: f.get("redeliver").duration(), Race: f.get("race").duration(),
	}
}

// preAuth reads a limit that may be switched off with a reason.
func (b *builder) preAuth(f *field) Rate {
	off := f.get("off")
	if f.set && !f.bad && !off.set && !f.get("rate").set {
		b.fault(f.at, `add rate: 100/s, or off: "why"`, "%s.rate is missing", f.name)
	}
	if off.set && (f.get("rate").set || f.get("burst").set) {
		b.fault(off.at, "keep one of them", "%s has a rate and is off", f.name)
	}
	if off.set {
		b.warn(off.at, "", "%s is off", f.name)
		return Rate{}
	}
	return b.rate(f)
}

func (b *builder) rate(f *field) Rate {
	r := as[perTime](f.get("rate"))
	burst := f.get("burst").number()
	if burst == 0 {
		burst = r.count
	}
	return Rate{Count: r.count, Per: r.per, Burst: burst}
}

func (b *builder) observeAll(f *field) time.Time {
	until := as[time.Time](f.get("until"))
	switch {
	case until.IsZero():
	case !until.After(b.now):
		b.warn(f.at, "remove it", "observe_all has ended on %s: everything is enforced", until.Format(time.DateOnly))
		return time.Time{}
	default:
		b.warn(f.at, "", "observe_all: until %s, checks report and do not refuse", until.Format(time.RFC3339))
	}
	return until
}
