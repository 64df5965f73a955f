package views

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Input is one hidden field.
type Input struct{ Name, Value string }

// Login is the view of the login page.
type Login struct {
	Site      string
	Action    string // path that the form is sent to
	Next      string // return path
	Email     string // as typed before
	SignedIn  string // e-mail address of the live session, "" none
	TokenName string
	Token     string
	Code      string // why the form is shown again: a code, or a word for what a provider did; "" at first
	Wait      int    // seconds, 0 not said
	RequestID string

	Password bool   // there is a password to ask for
	Passkey  string // path that begins to sign in with a passkey, "" none

	Forgot    string // path of the page for a new password, "" none
	Signup    string // path of the page for an account, "" none
	Providers []Provider
}

// Provider is another provider that people sign in with.
type Provider struct{ Name, Path string }

// Others reports whether there is a way to sign in before the buttons of providers.
func (l Login) Others() bool {
	return l.Password || l.Passkey != ""
}

// Going reports whether there is a return path worth a line.
func (l Login) Going() bool { return l.Next != "" && l.Next != "/" }

// Login writes the login page.
func (r *Renderer) Login(w http.ResponseWriter, req *http.Request, status int, v Login) {
	title := func(t words) string {
		s := t.text("login.title", v.Site)
		if v.Code != "" {
			return t.text("login.title.again", s)
		}
		return s
	}
	r.pageWith(w, req, status, "login", title, v, v.Passkey != "")
}

// Refusal is the view of a refusal.
type Refusal struct {
	Site      string
	Code      string
	Status    int
	Detail    string // in English, from the part that refused
	RequestID string
	Wait      int    // seconds, 0 not said
	Login     bool   // signing in is the remedy
	Back      string // where signing in begins
	NoFront   bool   // it is the front page that is not there
}

// Refusal writes the page of a refusal.
func (r *Renderer) Refusal(w http.ResponseWriter, req *http.Request, status int, v Refusal) {
	if !r.speakers.words[0].has("refusal." + v.Code + ".title") {
		v.Code = string(refusal.Internal)
	}
	title := func(t words) string { return t.text("refusal." + v.Code + ".title") }
	r.page(w, req, status, "refusal", title, v)
}

// Confirm is the view of the confirmation page.
type Confirm struct {
	Site      string
	Action    string // path
	Fields    []Input
	TokenName string
	Token     string
}

// Confirm writes the confirmation page.
func (r *Renderer) Confirm(w http.ResponseWriter, req *http.Request, status int, v Confirm) {
	r.page(w, req, status, "confirm", func(t words) string { return t.text("confirm.title") }, v)
}

// Problems is the view of the page that explains every code.
type Problems struct {
	Site  string
	Codes map[refusal.Code]int // with its status
}

// Problem is one code and its status.
type Problem struct {
	Code   string
	Status int
}

// Sorted lists the codes by status, then by name.
func (p Problems) Sorted() []Problem {
	var all []Problem
	for code, status := range p.Codes {
		all = append(all, Problem{string(code), status})
	}
	slices.SortFunc(all, func(a, b Problem) int {
		return cmp.Or(a.Status-b.Status, cmp.Compare(a.Code, b.Code))
	})
	return all
}

// Problems writes the page that explains every code.
func (r *Renderer) Problems(w http.ResponseWriter, req *http.Request, status int, v Problems) {
	r.page(w, req, status, "problems", func(t words) string { return t.text("problems.title") }, v)
}
