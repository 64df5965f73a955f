package portal

import (
	"net/http"
	"net/url"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// fields is a form that was sent: every field once, but those that may come often.
type fields struct {
	token  string // of the header, else of the form
	values url.Values
}

func (f fields) get(name string) string { return f.values.Get(name) }

// readFields reads a urlencoded form. often names fields that may come more than once. What
// is wrong with it is refused without a word of its content, which may be a password.
func readFields(r *http.Request, often ...string) (fields, error) {
	f := fields{token: r.Header.Get(csrf.HeaderName)}
	if media(r) != mediaForm {
		return f, refusal.New(refusal.TypeNotAllowed, "a form came as something else (send %s)", mediaForm)
	}
	body, err := readBody(r, maxForm)
	if err != nil {
		return f, err
	}
	found, err := csrf.Find(mediaForm, body, true)
	if err != nil {
		return f, err
	}
	if f.token == "" {
		f.token = found.Token
	}
	f.values, err = url.ParseQuery(string(body[:found.Start]) + string(body[found.End:]))
	if err != nil {
		return f, refusal.New(refusal.InputInvalid, "the form is not well encoded")
	}
	for name, all := range f.values {
		if len(all) != 1 && !contains(often, name) {
			return f, refusal.New(refusal.InputInvalid, "a field of the form comes %d times (send it once)", len(all))
		}
	}
	return f, nil
}

func contains(all []string, s string) bool {
	for _, a := range all {
		if a == s {
			return true
		}
	}
	return false
}
