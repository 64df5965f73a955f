package views

import (
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/internal/portal/qr"
)

// Code is the view of the second step of a login.
type Code struct {
	Site             string
	Action           string // path that the forms are sent to
	Again            string // where signing in begins anew
	Step             string // ticket of the first step
	Next             string // return path
	TokenName, Token string
	Code             string // why the form is shown again, "" at first
	Wait             int    // seconds, 0 not said
	RequestID        string
}

// Code writes the page that asks for a one-time code.
func (r *Renderer) Code(w http.ResponseWriter, req *http.Request, status int, v Code) {
	r.page(w, req, status, "code", func(t words) string { return t.text("code.title", v.Site) }, v)
}

// Enrol is the view of the page that enrols an authenticator app.
type Enrol struct {
	Site             string
	Action, Cancel   string // paths
	Step             string // ticket that holds the secret
	Next             string // return path, "" none
	Secret           string // as people type it
	Symbol           *qr.Code
	Forced           bool // nobody signs in without
	TokenName, Token string
	Code             string // why the form is shown again, "" at first
	Wait             int    // seconds, 0 not said
}

// Picture is a QR code and what it shows.
type Picture struct {
	Box         int
	Path, Label string
}

// QR is the picture with its text.
func (v Enrol) QR(label string) Picture {
	return Picture{v.Symbol.Box(), v.Symbol.Path(), label}
}

// Enrol writes the page that enrols an app.
func (r *Renderer) Enrol(w http.ResponseWriter, req *http.Request, status int, v Enrol) {
	r.page(w, req, status, "enrol", func(t words) string { return t.text("enrol.title", v.Site) }, v)
}

// Account is the view of a person's own page.
type Account struct {
	Site, Email      string
	Base, Logout     string // paths
	TokenName, Token string

	Fresh  bool   // the authentication is recent: changes are offered
	StepUp string // where it is made recent

	Notice  string   // what was done, "" nothing
	Secrets []string // shown this once
	Next    string   // where to go on, "" nowhere
	Error   string   // what could not be done, "" nothing
	Wait    int      // seconds, 0 not said

	Sessions []Session
	Others   bool   // there are others than this one
	Device   string // what this browser is called

	PasskeysOn bool
	Passkeys   []Passkey

	TOTPOn     bool
	Enrolled   bool
	EnrolledAt time.Time
	CodesLeft  int
	MayRemove  bool

	PasswordOn, HasPassword bool

	LinksOn bool // there are providers
	Links   []Link

	Keys   []Key
	Scopes []string // that a key can be given
	Lives  []int    // days
}

// Session is one login.
type Session struct {
	SID, Device, Network string
	ACR                  string // "one", "two" or "unknown": how many factors
	Created, Seen        time.Time
	Current              bool
	Program              bool // of an app or program, by a grant
}

// Passkey is one passkey.
type Passkey struct {
	Handle, Name           string
	Synced                 bool // copied to other devices
	Created, Used, Flagged time.Time
}

// Link is a provider that the person signs in with.
type Link struct {
	Name            string // "" where the site does not offer it any more
	Issuer, Subject string
	Created         time.Time
	Last            bool // there is no other way to sign in
}

// Title is what the provider is called.
func (l Link) Title() string {
	if l.Name == "" {
		return l.Issuer
	}
	return l.Name
}

// Key is one API key.
type Key struct {
	ID, Prefix    string
	Scopes, Roles []string
	Expires, Used time.Time // zero: never
	Network       string
	Expired       bool
}

// Account writes a person's own page.
func (r *Renderer) Account(w http.ResponseWriter, req *http.Request, status int, v Account) {
	r.pageWith(w, req, status, "account", func(t words) string { return t.text("account.title", v.Site) }, v, v.PasskeysOn && v.Fresh)
}

// faults are what the account page has a text for.
func faults() []string {
	return []string{"password_wrong", "password_weak", "password_differs", "rate_limited", "gone", "key_empty", "key_life", "key_scopes", "key_many", "name", "totp_exists", "provider_last", "busy"}
}

// Fault returns code when the account page has a text for it, else "busy".
func Fault(code string) string {
	for _, f := range faults() {
		if f == code {
			return code
		}
	}
	return "busy"
}
