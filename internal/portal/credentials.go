package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// Bounds of what is typed, in bytes.
const (
	maxForm      = 16 << 10
	maxJSON      = 4 << 10
	maxEmail     = 254 // RFC 5321, Section 4.5.3.1.3, less the angle brackets
	maxUserAgent = 512 // of it looked at
	maxPassword  = 1024
)

// credentials is what a login sends.
type credentials struct {
	email    string
	password secret.Value
	code     string // one-time or recovery code, in JSON only
	next     string
	token    string // of the form; the header goes before it
	provider bool   // nothing was typed: a provider was asked
}

// media returns the content type without parameters, in lower case; only charset=utf-8 is
// taken as a parameter of JSON.
func media(r *http.Request) string {
	kind, params, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.Trim(kind, " \t"))
	if kind == "application/json" && params != "" && !strings.EqualFold(strings.Trim(params, " \t"), "charset=utf-8") {
		return ""
	}
	return kind
}

const (
	mediaForm = "application/x-www-form-urlencoded"
	mediaJSON = "application/json"
)

// readBody reads at most limit bytes.
func readBody(r *http.Request, limit int) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err != nil {
		return nil, refusal.New(refusal.InputInvalid, "read the body: it ended early or came too slowly")
	}
	if len(body) > limit {
		return nil, refusal.New(refusal.BodyTooLarge, "the body has more than %d bytes", limit)
	}
	return body, nil
}

// readForm reads a urlencoded login. The token is taken out before anything else is read.
func readForm(r *http.Request) (credentials, error) {
	var c credentials
	body, err := readBody(r, maxForm)
	if err != nil {
		return c, err
	}
	f, err := csrf.Find(mediaForm, body, true)
	if err != nil {
		return c, err
	}
	c.token = f.Token
	rest := string(body[:f.Start]) + string(body[f.End:])
	values, err := url.ParseQuery(rest)
	if err != nil {
		return c, refusal.New(refusal.InputInvalid, "the form is not well encoded")
	}
	for _, all := range values {
		if len(all) != 1 { // its name is not quoted: of a password that was not encoded it is a part
			return c, refusal.New(refusal.InputInvalid, "a field of the login form comes %d times (send it once)", len(all))
		}
	}
	c.email, c.next = values.Get("email"), values.Get("next")
	c.password = secret.NewString(values.Get("password"))
	return c, nil
}

// readJSON reads {"email", "password", "code", "next"}: one object, every name once and spelled
// exactly so, strings only, nothing behind it.
func readJSON(r *http.Request) (credentials, error) {
	var c credentials
	body, err := readBody(r, maxJSON)
	if err != nil {
		return c, err
	}
	members, err := stringMembers(body)
	if err != nil {
		return c, refusal.New(refusal.InputInvalid, "read the JSON login: %v (send {\"email\": …, \"password\": …})", err)
	}
	for name, value := range members {
		switch name {
		case "email":
			c.email = value
		case "password":
			c.password = secret.NewString(value)
		case "code":
			c.code = value
		case "next":
			c.next = value
		default:
			return c, refusal.New(refusal.InputInvalid, "the JSON login has an unknown member (send email, password, code, next)")
		}
	}
	return c, nil
}

// stringMembers reads an object whose values are strings. Its errors quote no value.
// encoding/json alone would match names in any case and keep the last of two.
func stringMembers(body []byte) (map[string]string, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no object")
	}
	members := map[string]string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, errors.New("it is not well formed")
		}
		value, err := d.Token()
		text, isText := value.(string)
		if err != nil || !isText {
			return nil, errors.New("a member is not a string")
		}
		key, _ := name.(string)
		if _, twice := members[key]; twice {
			return nil, errors.New("a member comes twice")
		}
		members[key] = text
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, errors.New("it is not well formed")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return members, nil
}

// complete refuses what cannot be a login, before it costs a password hash.
func (c credentials) complete() error {
	n := len(c.password.Expose())
	switch {
	case strings.TrimSpace(c.email) == "" || n == 0:
		return refusal.New(refusal.InputInvalid, "the login lacks its email or password")
	case len(c.email) > maxEmail:
		return refusal.New(refusal.InputInvalid, "the e-mail address has %d bytes, at most %d are taken", len(c.email), maxEmail)
	case n > maxPassword:
		return refusal.New(refusal.InputInvalid, "the password has %d bytes, at most %d are taken", n, maxPassword)
	case !utf8.ValidString(c.email) || strings.ContainsFunc(c.email, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refusal.New(refusal.InputInvalid, "the e-mail address has characters that none can have")
	}
	return nil
}
