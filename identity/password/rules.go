package password

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sanmon-gate/sanmon/secret"
)

// Rules are those of a site for passwords that people choose for themselves.
type Rules struct {
	Length int      // characters where the password is the only factor; Recommended
	Filter *Filter  // passwords that are known to attackers, nil none beside the built-in
	Words  []string // names of the site: its host, its product
}

// Check is the function Check with the rules of the site. second: the person has a second
// factor, so MinLength is enough (NIST SP 800-63B-4, Section 3.1.1.2).
func (r Rules) Check(password secret.Value, second bool, context ...string) error {
	if err := Check(password, append(context, r.Words...)...); err != nil {
		return err
	}
	length := r.Length
	if length <= 0 {
		length = Recommended
	}
	if n := utf8.RuneCountInString(string(normal(password))); n < length && !second {
		return fmt.Errorf("%w: it is shorter than %d characters, and nothing else protects the account (use several words, or add a second factor first)", ErrPolicy, length)
	}
	if r.Known(password) {
		return fmt.Errorf("%w: it is in a list of passwords that attackers have (use one that you use nowhere else)", ErrPolicy)
	}
	return nil
}

// Known reports whether a password is in the site's list of passwords that attackers have.
func (r Rules) Known(password secret.Value) bool {
	b := password.Expose()
	return len(b) <= MaxBytes && utf8.Valid(b) && r.Filter.Contains(norm.NFC.String(string(b)))
}
