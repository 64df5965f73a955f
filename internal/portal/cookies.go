package portal

import (
	"time"

	"net/http"

	"github.com/sanmon-gate/sanmon/identity/dbsc"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"

	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// deviceAge is how long a browser stays known, in seconds: as long as the server takes
// what the cookie holds.
const deviceAge = int(throttle.DeviceLife / time.Second)

// preSize is the size of a pre-session value: base62 characters, 131 bits.
const preSize = 22

// Cookies is the one place that names, makes and reads Sanmon's cookies. All of them have
// Path=/, HttpOnly and no Domain.
type Cookies struct {
	// Insecure is for a public URL of http://localhost: no Secure attribute and no __Host-
	// prefix, which browsers take over https only (RFC 6265bis, Section 4.1.3.2).
	Insecure bool
	// SameSite of the session cookie: Lax (also for the zero value) or Strict.
	SameSite http.SameSite
}

// SessionName is the name of the session cookie.
func (c Cookies) SessionName() string { return c.name("sanmon") }

// PreName is the name of the cookie that the tokens of somebody without session are bound to.
func (c Cookies) PreName() string { return c.name("sanmon-pre") }

// DeviceName is the name of the cookie by which a browser is known again.
func (c Cookies) DeviceName() string { return c.name("sanmon-device") }

// BoundName is the name of the short-lived cookie of a session that is bound to a key.
func (c Cookies) BoundName() string { return c.name("sanmon-bound") }

// BoundAttributes are those of that cookie, but for its life, as the browser is told them.
const BoundAttributes = "Path=/; Secure; HttpOnly; SameSite=Lax"

// Bound is that cookie.
func (c Cookies) Bound(value secret.Value) *http.Cookie {
	k := c.cookie(c.BoundName(), string(value.Expose()))
	k.MaxAge = int(dbsc.CookieAge / time.Second)
	return k
}

// VisitorName is the name of the cookie that holds, sealed, what backends know somebody by
// who has not signed in there.
func (c Cookies) VisitorName() string { return c.name("sanmon-app") }

// Names lists all of them: none is ever forwarded, or set by a backend.
func (c Cookies) Names() []string {
	return []string{c.SessionName(), c.PreName(), c.DeviceName(), c.FlashName(), c.LinkName(), c.VisitorName(), c.BoundName()}
}

func (c Cookies) name(base string) string {
	if c.Insecure {
		return base
	}
	return "__Host-" + base
}

// Session is the session cookie. It has no lifetime of its own: the server decides when a
// session ends (NIST SP 800-63B-4, Section 5.1.1).
func (c Cookies) Session(value secret.Value) *http.Cookie {
	k := c.cookie(c.SessionName(), string(value.Expose()))
	if c.SameSite == http.SameSiteStrictMode {
		k.SameSite = http.SameSiteStrictMode
	}
	return k
}

// Pre is the pre-session cookie.
func (c Cookies) Pre(value string) *http.Cookie { return c.cookie(c.PreName(), value) }

// Device is the device cookie; it lasts half a year.
func (c Cookies) Device(value string) *http.Cookie {
	k := c.cookie(c.DeviceName(), value)
	k.MaxAge = deviceAge
	return k
}

// Visitor is the cookie of who has not signed in at a backend.
func (c Cookies) Visitor(value string) *http.Cookie { return c.cookie(c.VisitorName(), value) }

// Cleared returns k as the cookie that deletes it: the same attributes, so that the browser
// takes it for the same cookie.
func Cleared(k *http.Cookie) *http.Cookie {
	k.Value, k.MaxAge = "", -1
	return k
}

func (c Cookies) cookie(name, value string) *http.Cookie {
	return &http.Cookie{Name: name, Value: value, Path: "/", Secure: !c.Insecure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// Read returns the value of the named cookie, "" when it is absent, as the gate reads it on
// every other path. The same name with two values is credential_ambiguous: one of them was
// planted, and nobody can tell which.
func Read(r *http.Request, name string) (string, error) {
	return headers.Cookie(r.Header["Cookie"], name)
}

// presented is the session cookie, with the proof of a bound session behind it; "" for none.
func (p *Portal) presented(r *http.Request) (string, error) {
	cookie, err := Read(r, p.Cookies.SessionName())
	if err != nil || cookie == "" {
		return cookie, err
	}
	bound, err := Read(r, p.Cookies.BoundName())
	return session.Presented(cookie, bound), err
}

// PreBinding is what the tokens of a pre-session are bound to; nil when the value is none
// of ours. It never equals the binding of a session.
func PreBinding(value string) []byte {
	if len(value) != preSize {
		return nil
	}
	for i := range len(value) {
		if c := value[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return nil
		}
	}
	return []byte("pre-session\x00" + value)
}

// NewPre makes the value of a pre-session.
func NewPre() string { return secret.Random62(preSize) }

// preSession returns the binding of the browser's pre-session, beginning one where there is
// none. A value that the browser has is kept: other tabs show forms that are bound to it.
func (p *Portal) preSession(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	value, err := Read(r, p.Cookies.PreName())
	if err != nil {
		return nil, err
	}
	if b := PreBinding(value); b != nil {
		return b, nil
	}
	value = NewPre()
	http.SetCookie(w, p.Cookies.Pre(value))
	return PreBinding(value), nil
}
