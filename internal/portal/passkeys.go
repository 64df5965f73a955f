package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/refusal"
)

// maxCeremony bounds the JSON that finishes a ceremony, in bytes.
const maxCeremony = passkey.MaxResponse + 8<<10

// passkeyPath is where the login page's script begins, "" when there are no passkeys.
func (p *Portal) passkeyPath() string {
	if p.Ways.Passkeys == nil {
		return ""
	}
	return Prefix + "login/passkey"
}

// ceremony is what a browser sends to finish one.
type ceremony struct {
	Ticket   string          `json:"ticket"`
	Next     string          `json:"next"`
	Name     string          `json:"name"`
	Email    string          `json:"email"`
	Response json.RawMessage `json:"response"`
}

// readCeremony reads a JSON object without unknown members. Like a JSON login it needs no
// token: no other site can send its type without a preflight, which nobody answers.
func readCeremony(r *http.Request) (ceremony, error) {
	var c ceremony
	if media(r) != mediaJSON {
		return c, refusal.New(refusal.TypeNotAllowed, "a passkey came as something else (send %s)", mediaJSON)
	}
	body, err := readBody(r, maxCeremony)
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, refusal.New(refusal.InputInvalid, "read the JSON of a passkey: it is malformed or has unknown members (send ticket, response)")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || len(c.Response) > passkey.MaxResponse || len(c.Email) > maxEmail {
		return c, refusal.New(refusal.InputInvalid, "read the JSON of a passkey: something follows it, or it is too long")
	}
	return c, nil
}

// passkeyBegin tells the browser what to ask its authenticator. The answer is the same for
// every address.
func (p *Portal) passkeyBegin(w http.ResponseWriter, r *http.Request, v Visit) error {
	if p.Ways.Passkeys == nil {
		return noPasskeys()
	}
	c, err := readCeremony(r)
	if err != nil {
		return err
	}
	binding, err := p.preSession(w, r)
	if err != nil {
		return err
	}
	begun, err := p.Ways.Passkeys.Begin(binding, c.Email, v.Now)
	if err != nil {
		return err
	}
	return writeJSON(w, r, begun)
}

// passkeyFinish signs in.
func (p *Portal) passkeyFinish(w http.ResponseWriter, r *http.Request, v Visit) error {
	if p.Ways.Passkeys == nil {
		return noPasskeys()
	}
	c, err := readCeremony(r)
	if err == nil {
		// What nobody's authenticator made is no failed login: it fills no trail.
		if _, no := passkey.Read(c.Response); no != nil {
			err = asInput(no)
		}
	}
	if err != nil {
		return err
	}
	a, err := p.visitor(r, v)
	if err != nil {
		return err
	}
	a.Ticket = c.Ticket
	grant, err := p.Ways.Passkeys.Finish(r.Context(), a, c.Response)
	if err != nil {
		return err
	}
	return p.introduce(w, r, v, grant, ReturnPath(c.Next))
}

func noPasskeys() error {
	return refusal.New(refusal.RouteUnknown, "nobody signs in with a passkey here (login.passkey is false, or public_url has an IP address)")
}
