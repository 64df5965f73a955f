package foreign

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sanmon-gate/sanmon/identity/base64url"
)

// MaxSize is the longest token that is read, in bytes.
const MaxSize = 8 << 10

// Rules say what a token has to be. What is left out takes the default that is named.
type Rules struct {
	Algorithms []jose.SignatureAlgorithm // ES256, RS256, PS256, EdDSA; HMAC cannot be among them
	Types      []string                  // values of typ in lower case, without "application/"; "" admits a token without one. Default: "" and "jwt"
	Members    []string                  // header members beside alg, kid, typ and the hints x5t and x5t#S256; "jwk" for tokens that bring their key

	Issuer   string        // exact iss; "" is not asked
	Audience string        // has to be in aud; "" is not asked
	Alone    bool          // aud must not name anybody else
	MaxLife  time.Duration // longest time from iat to exp; 24 h. Negative: neither is asked, and whoever asks for that limits iat himself
	Leeway   time.Duration // for clocks that differ; at most 60 s
}

// maxLeeway bounds Rules.Leeway.
const maxLeeway = time.Minute

// Header is what the header of a token says, as far as it was admitted.
type Header struct {
	Algorithm jose.SignatureAlgorithm
	KeyID     string          // "" none
	Type      string          // in lower case, without "application/"
	JWK       json.RawMessage // the key that the token brought; only with Rules.Members. Read it with ParseKey
}

// Unverified is a token whose form is admitted and whose signature nobody has looked at.
// What it says is worth nothing yet.
type Unverified struct {
	Header Header

	token  string
	claims map[string]json.RawMessage
	rules  Rules
}

// Parse reads the form of a token. Errors say what is wrong with it and never repeat it.
func Parse(token string, r Rules) (*Unverified, error) {
	r, err := r.complete()
	if err != nil {
		return nil, err
	}
	if len(token) > MaxSize {
		return nil, fmt.Errorf("the token has %d bytes, and %d are the most", len(token), MaxSize)
	}
	if strings.Count(token, ".") != 2 {
		return nil, errors.New("the token is not three segments (a compact JWS, RFC 7515, Section 7.1)")
	}
	segments := strings.Split(token, ".")
	var parts [3][]byte
	for i, s := range segments {
		var ok bool
		if parts[i], ok = base64url.AppendDecode(nil, s); !ok || len(parts[i]) == 0 {
			return nil, fmt.Errorf("segment %d of the token is empty, or not canonical base64url", i+1)
		}
	}
	u := &Unverified{token: token, rules: r}
	if u.Header, err = r.header(parts[0]); err != nil {
		return nil, fmt.Errorf("the header of the token: %w", err)
	}
	if u.claims, err = object(parts[1]); err != nil {
		return nil, fmt.Errorf("the claims of the token: %w", err)
	}
	return u, nil
}

func (r Rules) complete() (Rules, error) {
	if len(r.Algorithms) == 0 {
		r.Algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}
	}
	for _, alg := range r.Algorithms {
		if _, ok := hashes[alg]; !ok {
			return r, fmt.Errorf("%q is no asymmetric signature algorithm (RFC 7518, Section 3.1)", alg)
		}
	}
	if len(r.Types) == 0 {
		r.Types = []string{"", "jwt"}
	}
	if r.MaxLife == 0 {
		r.MaxLife = 24 * time.Hour
	}
	if r.Leeway < 0 || r.Leeway > maxLeeway {
		return r, fmt.Errorf("a leeway of %s is out of bounds (use at most %s)", r.Leeway, maxLeeway)
	}
	return r, nil
}

// hints are header members that say nothing that is used.
var hints = [...]string{"x5t", "x5t#S256"}

func (r Rules) header(raw []byte) (h Header, err error) {
	members, err := object(raw)
	if err != nil {
		return h, err
	}
	for name, value := range members {
		switch {
		case name == "alg" || name == "kid" || name == "typ":
			var s string
			if json.Unmarshal(value, &s) != nil || string(value) == "null" || s == "" {
				return h, fmt.Errorf("%s is no text", name)
			}
			switch name {
			case "alg":
				h.Algorithm = jose.SignatureAlgorithm(s)
			case "kid":
				h.KeyID = s
			case "typ":
				h.Type = strings.TrimPrefix(strings.ToLower(s), "application/")
			}
		case name == "jwk" && slices.Contains(r.Members, name):
			h.JWK = value
		case !slices.Contains(r.Members, name) && !slices.Contains(hints[:], name):
			return h, fmt.Errorf("the member %q is not taken here", name)
		}
	}
	if !slices.Contains(r.Algorithms, h.Algorithm) {
		return h, fmt.Errorf("the algorithm %q is none of %v", h.Algorithm, r.Algorithms)
	}
	if !slices.Contains(r.Types, h.Type) {
		return h, fmt.Errorf("the type %q is none of %q", h.Type, r.Types)
	}
	if len(h.KeyID) > 256 {
		return h, errors.New("kid is longer than 256 bytes")
	}
	return h, nil
}
