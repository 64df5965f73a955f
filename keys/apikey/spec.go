package apikey

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/keys/limit"
)

// The most that one key may carry.
const (
	maxNames    = 256
	maxNameSize = 128
	maxNetworks = 64
	maxNote     = 200
)

// Spec says what a new key may do. Roles and Scopes restrict each other as in
// caller.Rights: neither gives a key that may do nothing.
type Spec struct {
	Owner    string // principal id
	Env      Env
	Roles    []string
	Scopes   []string
	Networks []netip.Prefix // networks it may be used from; empty: any
	Limit    string         // limits of its own, as limit.ParseOwn reads them; "" none
	Note     string         // for people: what it is for; at most 200 characters
	// Canary makes a key that is never valid. It is laid where nobody should look, and
	// raises an alarm when it is used.
	Canary bool
	// Lifetime from now; 0 means DefaultLifetime, or Service.MaxLifetime where that is
	// shorter.
	Lifetime time.Duration
	// Forever asks for a key that never expires. It must be asked for: a key that
	// nobody remembers should end by itself.
	Forever bool
}

// record checks spec and makes it a record without id and MAC. Every mistake is
// reported at once.
func (spec *Spec) record(bound time.Duration, now time.Time) (Record, error) {
	r := Record{
		Owner: spec.Owner, Env: string(spec.Env), Limit: spec.Limit, CreatedAt: now,
		Note: spec.Note, Canary: spec.Canary,
		Roles: sorted(spec.Roles), Scopes: sorted(spec.Scopes), Networks: slices.Clone(spec.Networks),
	}
	var errs []error
	if spec.Owner == "" {
		errs = append(errs, errors.New("it has no owner (name a person or a service)"))
	}
	if spec.Env != Live && spec.Env != Test {
		errs = append(errs, fmt.Errorf("environment %q is unknown (live or test)", spec.Env))
	}
	errs = append(errs, checkNames("role", r.Roles), checkNames("scope", r.Scopes), checkNetworks(r.Networks), checkNote(r.Note))
	if _, err := limit.ParseOwn(r.Limit); err != nil {
		errs = append(errs, err)
	}
	expires, err := spec.expires(bound, now)
	r.ExpiresAt = expires
	if err := errors.Join(append(errs, err)...); err != nil {
		return Record{}, err
	}
	return r, nil
}

// expires is when the key ends; zero: never.
func (spec *Spec) expires(bound time.Duration, now time.Time) (time.Time, error) {
	switch {
	case spec.Forever && spec.Lifetime != 0:
		return time.Time{}, errors.New("it cannot both expire and never expire (choose one)")
	case spec.Forever && bound > 0:
		return time.Time{}, fmt.Errorf("keys that never expire are not allowed here (at most %v)", bound)
	case spec.Forever:
		return time.Time{}, nil
	case spec.Lifetime < 0:
		return time.Time{}, fmt.Errorf("lifetime %v is negative (write it from now on)", spec.Lifetime)
	case bound > 0 && spec.Lifetime > bound:
		return time.Time{}, fmt.Errorf("lifetime %v is too long (at most %v)", spec.Lifetime, bound)
	}
	life := spec.Lifetime
	if life == 0 {
		life = DefaultLifetime
		if bound > 0 {
			life = min(life, bound)
		}
	}
	return now.Add(life), nil
}

// successor is the record of the key that replaces old, without id and MAC.
func successor(old *Record, bound time.Duration, now time.Time) (Record, error) {
	if old.Held() {
		return Record{}, errors.New("it is held since the store was restored: whether it was revoked since is not known (first: sanmon key accept-restored " + old.ID + ")")
	}
	if !old.RevokedAt.IsZero() {
		return Record{}, errors.New("it is revoked (create a new key)")
	}
	if !old.ExpiresAt.IsZero() && !now.Before(old.ExpiresAt) {
		return Record{}, fmt.Errorf("it expired at %s (create a new key)", old.ExpiresAt.UTC().Format(time.RFC3339))
	}
	r := *old
	r.CreatedAt, r.ExpiresAt, r.Replaces = now, time.Time{}, old.ID
	r.LastUsedAt, r.LastUsedNetwork, r.Foreign = time.Time{}, "", false
	life := DefaultLifetime
	switch {
	case !old.Until.IsZero():
		life = old.Until.Sub(old.CreatedAt)
	case !old.ExpiresAt.IsZero():
		life = old.ExpiresAt.Sub(old.CreatedAt)
	case bound == 0:
		return r, nil // never, as before
	}
	if bound > 0 {
		life = min(life, bound)
	}
	r.ExpiresAt = now.Add(life)
	return r, nil
}

func checkNames(what string, names []string) error {
	if len(names) > maxNames {
		return fmt.Errorf("it has %d %ss (at most %d)", len(names), what, maxNames)
	}
	for _, n := range names {
		if n == "" || len(n) > maxNameSize || slices.ContainsFunc([]byte(n), func(c byte) bool { return c <= ' ' || c > '~' || c == ',' }) {
			return fmt.Errorf("%s %q is no name (1 to %d printable ASCII characters, no blank, no comma)", what, n, maxNameSize)
		}
	}
	return nil
}

func checkNote(note string) error {
	if len(note) > maxNote || !utf8.ValidString(note) || strings.ContainsFunc(note, unicode.IsControl) {
		return fmt.Errorf("the note is no line of at most %d characters", maxNote)
	}
	if Looks([]byte(note)) {
		return errors.New("the note has a key in it (notes are shown and kept in clear)")
	}
	return nil
}

func checkNetworks(networks []netip.Prefix) error {
	if len(networks) > maxNetworks {
		return fmt.Errorf("it has %d networks (at most %d)", len(networks), maxNetworks)
	}
	for _, p := range networks {
		if !p.IsValid() {
			return errors.New("a network is empty (write it as 203.0.113.0/24)")
		}
		if p.Masked() != p {
			return fmt.Errorf("network %s has host bits set (did you mean %s?)", p, p.Masked())
		}
	}
	return nil
}

// sorted returns names in order, each once.
func sorted(names []string) []string {
	s := slices.Clone(names)
	slices.Sort(s)
	return slices.Compact(s)
}
