package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Claims are what a verified token says. Names are compared exactly.
type Claims struct {
	Header    Header
	ExpiresAt time.Time // zero only where Rules.MaxLife is negative and the token has none
	IssuedAt  time.Time // the same

	members map[string]json.RawMessage
}

// Verify reads a token, verifies its signature with the key of its kid, and judges what
// it says at that time.
func Verify(token string, keys *Keys, r Rules, now time.Time) (*Claims, error) {
	u, err := Parse(token, r)
	if err != nil {
		return nil, err
	}
	key, err := keys.Find(u.Header)
	if err != nil {
		return nil, err
	}
	return u.Verify(key, now)
}

// Verify is Verify with a key that the caller has found: one that the token brought
// itself proves nothing but its possession.
func (u *Unverified) Verify(key *Key, now time.Time) (*Claims, error) {
	if !key.For(u.Header.Algorithm) {
		return nil, fmt.Errorf("the key is not for %s (the key decides, not the token)", u.Header.Algorithm)
	}
	signed, err := jose.ParseSignedCompact(u.token, []jose.SignatureAlgorithm{u.Header.Algorithm})
	if err != nil {
		return nil, errors.New("the token cannot be read")
	}
	if _, err := signed.Verify(key.public); err != nil {
		return nil, errors.New("the signature of the token does not fit the key")
	}
	if err := key.salted(u); err != nil {
		return nil, err
	}
	c := &Claims{Header: u.Header, members: u.claims}
	return c, c.admit(u.rules, now)
}

// admit judges the registered claims (RFC 7519, Section 4.1).
func (c *Claims) admit(r Rules, now time.Time) (err error) {
	if c.ExpiresAt, err = c.Time("exp"); err != nil {
		return err
	}
	if c.IssuedAt, err = c.Time("iat"); err != nil {
		return err
	}
	notBefore, err := c.Time("nbf")
	switch {
	case err != nil:
		return err
	case r.MaxLife > 0 && (c.ExpiresAt.IsZero() || c.IssuedAt.IsZero()):
		return errors.New("the token has no exp or no iat")
	case r.MaxLife > 0 && c.ExpiresAt.Sub(c.IssuedAt) > r.MaxLife:
		return fmt.Errorf("the token lives for %s, and %s is the most", c.ExpiresAt.Sub(c.IssuedAt), r.MaxLife)
	case !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt.Add(r.Leeway)):
		return fmt.Errorf("the token ended at %s", c.ExpiresAt.UTC().Format(time.RFC3339))
	case c.IssuedAt.After(now.Add(r.Leeway)) || notBefore.After(now.Add(r.Leeway)):
		return errors.New("the token begins in the future")
	case !c.ExpiresAt.IsZero() && !c.ExpiresAt.After(c.IssuedAt):
		return errors.New("the token ends before it begins")
	}
	return c.addressed(r)
}

func (c *Claims) addressed(r Rules) error {
	if issuer, err := c.Text("iss"); err != nil || r.Issuer != "" && issuer != r.Issuer {
		return fmt.Errorf("the token is of another issuer than %q", r.Issuer)
	}
	audience, err := c.Texts("aud")
	if err != nil || r.Audience != "" && !slices.Contains(audience, r.Audience) {
		return fmt.Errorf("the token is not for %q", r.Audience)
	}
	if r.Alone && len(audience) != 1 {
		return fmt.Errorf("the token is for others than %q, too", r.Audience)
	}
	return nil
}

// maxTime is the year 9999.
const maxTime = 253402300799

// Time returns a claim that is a whole number of seconds since 1970, the zero time where
// there is none.
func (c *Claims) Time(name string) (time.Time, error) {
	raw, ok := c.members[name]
	if !ok {
		return time.Time{}, nil
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n <= 0 || n > maxTime || string(raw) != strconv.FormatInt(n, 10) {
		return time.Time{}, fmt.Errorf("the claim %s is no whole number of seconds", name)
	}
	return time.Unix(n, 0), nil
}

// Text returns a claim that is a text, "" where there is none.
func (c *Claims) Text(name string) (s string, err error) {
	raw, ok := c.members[name]
	if !ok {
		return "", nil
	}
	if string(raw) == "null" || json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("the claim %s is no text", name)
	}
	return s, nil
}

// Texts returns a claim that is one text or a list of texts.
func (c *Claims) Texts(name string) ([]string, error) {
	raw, ok := c.members[name]
	if !ok {
		return nil, nil
	}
	if s, err := c.Text(name); err == nil {
		return []string{s}, nil
	}
	var list []*string
	if string(raw) == "null" || json.Unmarshal(raw, &list) != nil || slices.Contains(list, nil) {
		return nil, fmt.Errorf("the claim %s is neither a text nor a list of texts", name)
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = *s
	}
	return out, nil
}

// Raw returns a claim as it stands in the token, nil where there is none. Do not decode
// it into a struct where the case of names matters: encoding/json ignores that.
func (c *Claims) Raw(name string) json.RawMessage { return c.members[name] }
