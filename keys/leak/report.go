package leak

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/sanmon-gate/sanmon/secret"
)

// The bounds of a message.
const (
	MaxBody    = 2 << 20 // bytes
	MaxReports = 5000    // entries
	maxToken   = 4096    // bytes
	maxWord    = 128     // of a type or a source
	maxURL     = 2048
)

// Report is one credential that was found in a public place.
type Report struct {
	Token  secret.Value
	Type   string // the name under which its pattern is registered
	URL    string // where it was found; may be empty
	Source string // kind of the place, lower case: "commit", "issue_title", …
}

// entry is a Report on the wire.
type entry struct {
	Token  *string `json:"token"`
	Type   *string `json:"type"`
	URL    string  `json:"url"`
	Source string  `json:"source"`
}

// Parse reads the body of GitHub's message: a JSON array of one or more reports. Fields
// that are not known are left alone, so that new ones of GitHub do not stop revocations.
// No error repeats what was in the body.
func Parse(body []byte) ([]Report, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("the message has %d bytes, more than %d", len(body), MaxBody)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('[') {
		return nil, errors.New("the message is no JSON array")
	}
	var reports []Report
	for d.More() {
		if len(reports) == MaxReports {
			return nil, fmt.Errorf("the message has more than %d reports", MaxReports)
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return nil, fmt.Errorf("report %d is not of the form {token, type, url, source}", len(reports)+1)
		}
		r, err := e.report()
		if err != nil {
			return nil, fmt.Errorf("report %d: %w", len(reports)+1, err)
		}
		reports = append(reports, r)
	}
	if shut, err := d.Token(); err != nil || shut != json.Delim(']') {
		return nil, errors.New("the JSON array does not end")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON array")
	}
	if len(reports) == 0 {
		return nil, errors.New("the message has no report")
	}
	return reports, nil
}

func (e entry) report() (Report, error) {
	switch {
	case e.Token == nil || *e.Token == "" || len(*e.Token) > maxToken:
		return Report{}, fmt.Errorf("it has no token of 1 to %d bytes", maxToken)
	case e.Type == nil || !word(*e.Type):
		return Report{}, errors.New("it has no type that is a word")
	case e.Source != "" && !word(e.Source):
		return Report{}, errors.New("its source is no word")
	}
	return Report{Token: secret.NewString(*e.Token), Type: *e.Type, URL: place(e.URL), Source: strings.ToLower(e.Source)}, nil
}

// word reports whether s is one of printable ASCII without what logs and markup live on.
func word(s string) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"'<>&\`, c) >= 0 {
			return false
		}
	}
	return true
}

// place is the address without what could be a credential in it: user, query and
// fragment. It is "" when it is no address of the web.
func place(raw string) string {
	if raw == "" || len(raw) > maxURL {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
