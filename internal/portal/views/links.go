package views

import "net/http"

// Ask is the view of the page that asks for the address of a letter.
type Ask struct {
	Site      string
	Action    string // path that the form is sent to
	Login     string // path of the login page
	Email     string // as typed before
	Signup    bool   // for an account; else for a new password
	Mail      bool   // letters can be sent
	Sent      bool   // it was asked for
	Ended     bool   // a link was opened that is not good any more
	TokenName string
	Token     string
	Code      string // why the form is shown again, "" at first
	Wait      int    // seconds, 0 not said
	RequestID string
}

// Ask writes that page.
func (r *Renderer) Ask(w http.ResponseWriter, req *http.Request, status int, v Ask) {
	title := func(t words) string {
		if v.Signup {
			return t.text("ask.signup.heading")
		}
		return t.text("ask.reset.heading")
	}
	r.page(w, req, status, "ask", title, v)
}

// Choose is the view of the page where a link leads to a new password.
type Choose struct {
	Site      string
	Action    string // path that the form is sent to
	Login     string // path of the login page
	Email     string // whose password it is
	New       bool   // the first password of an account
	Done      bool
	Weak      bool // the password was not acceptable
	Differs   bool // the two were not the same
	Length    int  // characters that it has at least
	TokenName string
	Token     string
}

// Choose writes that page.
func (r *Renderer) Choose(w http.ResponseWriter, req *http.Request, status int, v Choose) {
	r.page(w, req, status, "choose", func(t words) string { return t.text("choose.heading") }, v)
}

// Language is the language of a reader, "en" or "ja", for an Accept-Language value.
func (r *Renderer) Language(accept string) string { return r.speakers.of(accept).lang }
