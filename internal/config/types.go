// Package config reads sanmon.yaml: strict, with every error at once and in place.
package config

import (
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// Config is a validated configuration. It is immutable: a reload makes a new one.
type Config struct {
	Path string   // file it was read from
	Hash [32]byte // SHA-256 of the file

	PublicURL   string // exact origin: scheme://host[:port], no trailing slash, default port left out
	PublicHost  string // host[:port] as browsers send it in Host, lower case
	Environment string // "live" or "test"
	Listen      Listen
	TLS         TLS
	ClientIP    ClientIP
	Store       Reference // sqlite:PATH or postgres://…; Password is resolved apart
	Limiter     Limiter
	ForwardAuth ForwardAuth
	MasterKey   string // reference of the key that seals
	// MasterOthers are references of keys that only open: the one before, the one after.
	MasterOthers []string
	Secrets      Secrets
	Upstreams    map[string]*Upstream
	Session      Session
	Token        Token
	DBSC         string // "off", "opportunistic" or "required"
	Login        Login
	Clients      []*Client
	Roles        map[string][]string
	Routes       []*Route
	Limits       Limits
	Log          Log
	Metrics      Metrics
	CSP          CSP
	Audit        Audit
	Leaks        Leaks
	Alerts       Alerts
	Keys         Keys
	ObserveAll   time.Time // checks that can be observed only report until then; zero: off

	Warnings []Error // what is allowed and still worth knowing, in the order of the file

	written map[string]Error // references and files, and where they stand
}

// Fault is err, about what ref leads to, in the place where ref was written first: a
// reference, or the path of a certificate, its key or the blocklist. One that stands nowhere, being a default, stays err.
func (c *Config) Fault(ref string, err error) error {
	at, ok := c.written[ref]
	if !ok || err == nil {
		return err
	}
	at.Message = err.Error()
	return Errors{at}
}

// Reference is a store address whose password may be a reference.
type Reference struct {
	Driver   string // "sqlite" or "postgres"
	Address  string // path (relative to the working directory), or URL without a password
	Password string // reference of the password, "" none
}

// ForwardAuth says how other proxies ask for verdicts.
type ForwardAuth struct {
	Profile string // "auto", "nginx", "caddy", "traefik", "envoy" or "off"
	Renew   bool   // answers carry new session secrets
}

// Listen says where to listen.
type Listen struct{ Public, Admin string }

// TLS says how the public listener gets its certificate. Exactly one mode is set,
// none only for a public URL of http://localhost.
type TLS struct {
	CertFile, KeyFile string
	SelfSigned        bool
	BehindProxy       bool
	HSTS              time.Duration // 0: off. Default one year
	Ramp              time.Time     // HSTS grows to a year from here (UTC); zero: no ramp
}

// Listening is t without what answers say, which may change while the server runs.
func (t TLS) Listening() TLS {
	t.HSTS, t.Ramp = 0, time.Time{}
	return t
}

// ClientIP says whom to believe about the client's address.
type ClientIP struct {
	TrustedProxies []netip.Prefix // empty: nobody
	Header         string         // canonical name: "X-Forwarded-For" or "Forwarded"; "" none
	Allow, Deny    []netip.Prefix // who may come at all; empty Allow: everybody
}

// Upstream is one backend.
type Upstream struct {
	Name           string
	URL            string // scheme://host[:port]
	Timeout        time.Duration
	OpenAPI        string   // its OpenAPI document: a URL or a file; "" none
	HostFrom       string   // "preserve" or "backend"
	Semicolon      bool     // paths: {semicolon: allow}
	Slash          bool     // paths: {encoded_slash: allow}
	CookieHTTPOnly []string // cookie names that get HttpOnly beside the built-in rule
	CookieScripts  []string // cookie names that scripts must read: never HttpOnly
	TLSCA          string   // file with CA certificates; "" system
	PlainIdentity  bool     // also send Remote-User, Remote-Email, Remote-Groups

	App AppSession // the backend's own login; no Cookies: it has none that we know of
}

// AppSession says how a backend signs its own people in.
type AppSession struct {
	Cookies       []string // names of its session cookies
	Login, Logout []string // paths, decoded
}

// Session has the windows of login sessions.
type Session struct {
	Idle, Absolute, Rotate time.Duration
	SameSite               string // "lax" or "strict"
	Network                string // "observe", "step_up" or "strict"
	MaxPerUser             int    // 0: no limit
	AtMax                  string // "evict_oldest", "deny" or "notify"
}

// Token has the windows that sessions share with tokens.
type Token struct {
	AccessTTL, RefreshIdle, RefreshAbsolute time.Duration
	Redeliver, Race                         time.Duration
}

// Limits are those that hold on all routes: before authentication, and of known callers.
type Limits struct {
	Network, Failures Rate
	Caller, Subject   []Limit // over all routes; no concurrency
}

// Rate is a limit: Count units each Per, at most Burst at once.
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// Zero reports whether no limit is set.
func (r Rate) Zero() bool { return r.Count == 0 }

// Log says how to log.
type Log struct{ Level, Format string }

// CSP says what the strict content security policy is made of.
type CSP struct {
	Learn    bool   // hash the inline scripts of pages, for propose
	Approved string // file with what a person approved, "" none; it need not exist
	Sample   bool   // ask browsers for samples
}

// Metrics says who may read /metrics.
type Metrics struct{ Token string }

// Mode is how a check that can be rolled out gently acts.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce"
	Observe Mode = "observe"
)

// Route is one entry of the route table, with every default filled in.
type Route struct {
	ID         string
	Line       int      // line in the file
	Host       string   // lower case; "" the public host
	Path       string   // template
	Methods    []string // upper case, HEAD beside GET, sorted
	AnyMethod  bool     // methods was left out on a route that is not public
	Upstream   string
	Boundary   []caller.Kind // caller.Anonymous alone means public
	Effect     string        // "read", "write", or "" from the method
	Reason     string        // why a route whose methods write was declared read; "" it was not
	Require    []string
	Fresh      time.Duration // 0: none
	CSRF       CSRF
	CrossSite  CrossSite
	Limits     []Limit
	Network    []netip.Prefix
	MaxBody    int64             // bytes; default 100 MiB; -1 no bound was asked for
	Types      []string          // media types; empty any
	OpenAPI    Mode              // how the upstream's OpenAPI document is held against requests; "" not at all
	Fields     map[string]string // natures by field, as nature.ParseField reads them; nil: not judged
	FieldsMode Mode              // what happens to a value of another nature
	WAF        WAF               // web application firewall; the zero WAF: none
	CSP        string            // "floor" (default), "observe" or "strict"
	Uploads    bool              // the route serves what users have uploaded
	COOP, CORP string            // the least of these fields; "" the floor's own
	Profile    string            // where some of these settings come from; "" none
}

// WAF is what a web application firewall does on a route.
type WAF struct {
	Mode     Mode     // "": none
	Paranoia int      // level of the Core Rule Set, 1 to 4
	Exclude  []string // fields, as "ARGS:name" or "941100-941999 ARGS:name"
}

// CSRF says which token a route wants.
type CSRF struct {
	Kind   string // "session", "page", "once" or "exempt"
	Reason string // of the exemption
}

// CrossSite declares that other sites send effectful requests to a route.
type CrossSite struct {
	Reason  string   // "": not declared
	Cookies []string // of the backend, that such requests have to carry
}

// Declared reports whether the route has the key.
func (c CrossSite) Declared() bool { return c.Reason != "" }

// Public reports whether the boundary is open to everybody.
func (r *Route) Public() bool { return len(r.Boundary) == 1 && r.Boundary[0] == caller.Anonymous }
