// Package totp makes and checks time-based one-time codes as authenticator apps show
// them: RFC 6238 with HMAC-SHA-1, six digits and steps of 30 seconds, the only form that
// all apps understand. A code is good once, in its own step or one beside it.
package totp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// What the codes are made of.
const (
	SecretSize = 20 // bytes: the size of the hash (RFC 4226, Section 4, R6: 160 bits recommended)
	Digits     = 6
	Period     = 30 * time.Second // RFC 6238, Section 5.2

	// Skew is how many steps a code may be early or late: one, for the clock of a phone
	// and the time of typing (RFC 6238, Section 5.2).
	Skew = 1
)

// NewSecret makes a secret of SecretSize random bytes.
func NewSecret() secret.Value {
	var raw [SecretSize]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return secret.New(raw[:])
}

// Step is the number of the step that a time is in, counted from 1970 (RFC 6238,
// Section 4.2).
func Step(now time.Time) int64 { return now.Unix() / int64(Period/time.Second) }

// Code returns the code of a step (RFC 4226, Section 5.3).
func Code(key secret.Value, step int64) string { return truncated(key, step, Digits) }

// truncated is Code with a number of digits, for the vectors of RFC 6238.
func truncated(key secret.Value, step int64, digits int) string {
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac := hmac.New(sha1.New, key.Expose())
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	number := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	modulus := uint32(1)
	for range digits {
		modulus *= 10
	}
	return fmt.Sprintf("%0*d", digits, number%modulus)
}

// Verify returns the step of a code that is good at a time and was not used yet: last is
// the step of the last code that was taken, and only later ones are (RFC 6238, Section
// 5.2: "the verifier MUST NOT accept the second attempt of the OTP"; ASVS 6.5.1). The
// caller stores the step with a condition, so that of two at the same time one wins.
// Every step is compared, whatever matched before. Blanks in a code are ignored.
func Verify(key secret.Value, code string, now time.Time, last int64) (step int64, ok bool) {
	digits, proper := digitsOf(code)
	if key.Empty() || !proper {
		return 0, false
	}
	at := Step(now)
	for s := at - Skew; s <= at+Skew; s++ {
		same := subtle.ConstantTimeCompare([]byte(Code(key, s)), []byte(digits)) == 1
		if same && s > last && !ok {
			step, ok = s, true
		}
	}
	return step, ok
}

// Looks reports whether code has the form of a code: six digits, with or without blanks.
func Looks(code string) bool {
	_, ok := digitsOf(code)
	return ok
}

func digitsOf(code string) (string, bool) {
	if len(code) > 4*Digits {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		if r == ' ' || r == '\u3000' || r == '\t' {
			return -1
		}
		if r >= '０' && r <= '９' { // what a Japanese keyboard types
			return r - '０' + '0'
		}
		return r
	}, code)
	if len(code) != Digits {
		return "", false
	}
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return "", false
		}
	}
	return code, true
}

// Text writes a secret as people type it into an app: base32 in groups of four.
func Text(key secret.Value) string {
	plain := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key.Expose())
	var b strings.Builder
	for i := 0; i < len(plain); i += 4 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(plain[i:min(i+4, len(plain))])
	}
	return b.String()
}

// URI is what the QR code for an app holds: otpauth://totp/ISSUER:ACCOUNT?secret=…, with
// the parameters that differ from no app's defaults left out. It contains the secret.
func URI(issuer, account string, key secret.Value) secret.Value {
	// A colon separates issuer and account, so neither may have one.
	clean := func(s string) string { return strings.ReplaceAll(s, ":", " ") }
	label := url.PathEscape(clean(issuer)) + ":" + url.PathEscape(clean(account))
	return secret.NewString("otpauth://totp/" + label + "?secret=" + strings.ReplaceAll(Text(key), " ", "") +
		"&issuer=" + url.PathEscape(clean(issuer)))
}
