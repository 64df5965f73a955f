package password

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sanmon-gate/sanmon/secret"
)

// The length of a new password in characters.
const (
	// MinLength is ASVS 6.2.1, a rule of level 1.
	MinLength = 8
	// Recommended is what the same rule and NIST SP 800-63B-4, Section 3.1.1.2, ask
	// for where the password is the only factor; see Short.
	Recommended = 15
)

// minContext is the length of the shortest context word that counts: shorter ones
// are part of too many good passwords.
const minContext = 4

// Check says whether a password may be set. context holds words that a guesser
// would try first: the e-mail address, the name of the product. There are no rules
// about kinds of characters (ASVS 6.2.5). The error wraps ErrPolicy, names the rule
// and what to do, and never the password.
func Check(password secret.Value, context ...string) error {
	b := password.Expose()
	switch {
	case len(b) > MaxBytes:
		return fmt.Errorf("%w: it is longer than %d bytes (use a shorter one)", ErrPolicy, MaxBytes)
	case !utf8.Valid(b):
		return fmt.Errorf("%w: it is not text in UTF-8 (check the terminal's encoding)", ErrPolicy)
	}
	text := norm.NFC.String(string(b))
	if n := utf8.RuneCountInString(text); n < MinLength {
		return fmt.Errorf("%w: it is shorter than %d characters (use %d or more, several words are good)", ErrPolicy, MinLength, Recommended)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%w: it contains a control character, such as a line end (type it on one line)", ErrPolicy)
	}
	// NIST compares the entire password, not parts of it.
	lower := strings.ToLower(text)
	if listed(lower) || builtin().Contains(lower) || repeats(lower) || runs(lower) {
		return fmt.Errorf("%w: it is one of those that are tried first (use several words that do not belong together)", ErrPolicy)
	}
	if derived(lower, append(words(context), "sanmon")) {
		return fmt.Errorf("%w: it is made of a name that everybody knows (use several words that do not belong together)", ErrPolicy)
	}
	return nil
}

// Short reports that an accepted password is shorter than Recommended: worth a
// remark, no refusal.
func Short(password secret.Value) bool {
	return utf8.RuneCountInString(norm.NFC.String(string(password.Expose()))) < Recommended
}

// words are the context words, and the local parts of addresses among them.
func words(context []string) []string {
	var out []string
	for _, w := range context {
		w = strings.ToLower(w)
		local, _, _ := strings.Cut(w, "@")
		for _, part := range []string{w, local} {
			if utf8.RuneCountInString(part) >= minContext {
				out = append(out, part)
			}
		}
	}
	return out
}

// derived reports that a password is a context word, again and again, with fewer
// than MinLength characters around it: the word itself is worth nothing.
func derived(lower string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(lower, w) {
			continue
		}
		rest := strings.ReplaceAll(lower, w, "")
		if utf8.RuneCountInString(rest) < MinLength && !strings.ContainsFunc(rest, unicode.IsLetter) {
			return true
		}
	}
	return false
}

// repeats reports that a text is one piece of up to three characters, again and
// again: "aaaaaaaa", "abcabcabc".
func repeats(text string) bool {
	r := []rune(text)
	for period := 1; period <= 3; period++ {
		same := true
		for i := period; i < len(r) && same; i++ {
			same = r[i] == r[i-period]
		}
		if same {
			return true
		}
	}
	return false
}

// runs reports that every character is the neighbour of the one before, in one
// direction: "12345678", "hgfedcba".
func runs(text string) bool {
	r := []rune(text)
	for _, step := range [...]rune{1, -1} {
		same := true
		for i := 1; i < len(r) && same; i++ {
			same = r[i] == r[i-1]+step
		}
		if same {
			return true
		}
	}
	return false
}

func listed(lower string) bool {
	_, found := slices.BinarySearch(common[:], lower)
	return found
}
