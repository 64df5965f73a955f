package portal

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// flash is what the account page says once, after a change has led back to it. It travels
// in a cookie of its own, sealed and bound to the session: what is shown once is nowhere
// at rest on the server, and a reload does not send the change again.
type flash struct {
	Notice  string   `json:"n,omitempty"`
	Error   string   `json:"e,omitempty"`
	Wait    int      `json:"w,omitempty"` // seconds
	Secrets []string `json:"s,omitempty"`
	Next    string   `json:"x,omitempty"`
}

const (
	flashPurpose = "account/flash"
	flashLife    = 2 * time.Minute
)

// Flash is the cookie that a flash travels in.
func (c Cookies) Flash(value string) *http.Cookie {
	k := c.cookie(c.FlashName(), value)
	k.SameSite = http.SameSiteStrictMode
	k.MaxAge = int(flashLife / time.Second)
	return k
}

// FlashName is the name of the cookie that a flash travels in.
func (c Cookies) FlashName() string { return c.name("sanmon-flash") }

// flash leads back to the account page, which then says f.
func (p *Portal) flash(w http.ResponseWriter, v Visit, sid string, f flash) error {
	if err := p.leave(w, v, sid, f); err != nil {
		return err
	}
	return seeOther(w, AccountPath)
}

// leave makes the account page say f when it is opened next.
func (p *Portal) leave(w http.ResponseWriter, v Visit, sid string, f flash) error {
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	sealed, err := p.Account.Office.Issue(flashPurpose, []byte(sid), text, v.Now.Add(flashLife))
	if err != nil {
		return err
	}
	http.SetCookie(w, p.Cookies.Flash(sealed))
	return nil
}

// flashed reads what there is to say, and takes the cookie back.
func (p *Portal) flashed(w http.ResponseWriter, r *http.Request, v Visit, sid string) flash {
	var f flash
	value, err := Read(r, p.Cookies.FlashName())
	if err != nil || value == "" {
		return f
	}
	http.SetCookie(w, Cleared(p.Cookies.Flash("")))
	if t, err := p.Account.Office.Open(flashPurpose, []byte(sid), value, v.Now); err == nil {
		_ = json.Unmarshal(t.Payload.Expose(), &f) // sealed by us: it is what flash wrote
	}
	return f
}

// expose makes secrets readable for the one page that shows them.
func expose(all []secret.Value) []string {
	shown := make([]string, len(all))
	for i, s := range all {
		shown[i] = string(s.Expose())
	}
	return shown
}

// faultOf turns the refusal of a change into what the account page says; nil when it has
// no words for it.
func faultOf(err error, failed string) *flash {
	why := refusal.From(err)
	switch why.Code {
	case refusal.LoginFailed:
		return &flash{Error: failed}
	case refusal.RateLimited, refusal.Busy:
		return &flash{Error: string(why.Code), Wait: seconds(why.RetryAfter)}
	}
	return nil
}
