// Package secret holds the one type for values that must never be printed, and
// the sealing of those that have to be stored.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/xml"
	"fmt"
	"log/slog"
)

// Redacted is what every sink prints instead of a secret.
const Redacted = "[REDACTED]"

// Value is a secret. It prints as Redacted in every verb, encoder and logger. The
// bytes sit behind a pointer to a pointer, because fmt reaches unexported fields
// without calling methods: there it prints what one pointer to a struct points to
// when the verb does not fit (%s, %q, %t), but never follows a second one. The zero
// value is the empty secret. A Value is immutable, comparable by identity and safe
// for concurrent use.
type Value struct{ p **box }

type box struct{ b []byte }

// keep makes a Value of b itself.
func keep(b []byte) Value {
	p := &box{b}
	return Value{&p}
}

// New returns a secret with a copy of b.
func New(b []byte) Value {
	return keep(append([]byte(nil), b...))
}

// NewString returns a secret with the bytes of s.
func NewString(s string) Value { return keep([]byte(s)) }

// Expose returns the bytes. It is the only reader: whoever calls it must not
// keep, change or print them.
func (v Value) Expose() []byte {
	if v.p == nil {
		return nil
	}
	return (*v.p).b
}

// Empty reports whether the secret has no bytes.
func (v Value) Empty() bool { return len(v.Expose()) == 0 }

// Equal compares in time that depends on the lengths only.
func (v Value) Equal(w Value) bool { return subtle.ConstantTimeCompare(v.Expose(), w.Expose()) == 1 }

// Hash is the SHA-256 of the bytes.
func (v Value) Hash() [32]byte { return sha256.Sum256(v.Expose()) }

// Format implements fmt.Formatter for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// String implements fmt.Stringer.
func (v Value) String() string { return Redacted }

// GoString implements fmt.GoStringer.
func (v Value) GoString() string { return Redacted }

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements encoding.TextMarshaler.
func (v Value) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + Redacted + `"`), nil }

// MarshalXML implements xml.Marshaler.
func (v Value) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	return e.EncodeElement(Redacted, start)
}

// GobEncode implements gob.GobEncoder: a secret does not travel.
func (v Value) GobEncode() ([]byte, error) { return []byte(Redacted), nil }
