package storage

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds at rest, in bytes. PostgreSQL indexes no value above 2.6 KiB.
const (
	maxText = 4096 // free text: cut
	maxName = 1024 // ids, names, entries of lists: refused
)

// micros is a time at rest: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is micros for the time of an ending. The zero time would say "not ended",
// so it is refused.
func moment(t time.Time) (int64, error) {
	if at := micros(t); at > 0 {
		return at, nil
	}
	return 0, fmt.Errorf("time %s cannot be stored as an ending (pass the time of the change)", t)
}

// at reads a time at rest.
func at(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// clean reports whether both databases can hold s as it is.
func clean(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// holdable reports whether s can be an id or a name at rest.
func holdable(s string) bool { return len(s) <= maxName && clean(s) }

// exact refuses values that could not be stored as they are.
func exact(what string, values ...string) error {
	for _, v := range values {
		if !holdable(v) {
			return fmt.Errorf("%s: %.80q holds NUL or invalid UTF-8 or more than %d bytes (not every database keeps it as it is)", what, v, maxName)
		}
	}
	return nil
}

// text makes a free text storable: it belongs to a record that must not be lost
// because somebody sent odd bytes.
func text(s string) string {
	if !clean(s) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	if len(s) <= maxText {
		return s
	}
	cut := maxText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// encodeList is a list at rest.
func encodeList(what string, list []string) (string, error) {
	if len(list) == 0 {
		return "[]", nil
	}
	if err := exact(what, list...); err != nil {
		return "", err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(list); err != nil {
		return "", fmt.Errorf("encode %s: %w", what, err)
	}
	return strings.TrimSuffix(buf.String(), "\n"), nil
}

// decodeList reads a list at rest.
func decodeList(what, s string) ([]string, error) {
	if s == "[]" {
		return nil, nil
	}
	var list []string
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, fmt.Errorf("decode stored %s: %w (the row was changed by other means)", what, err)
	}
	return list, nil
}

// encodeHash is a SHA-256 or MAC at rest; the zero hash is NULL.
func encodeHash(h [32]byte) any {
	if h == [32]byte{} {
		return nil
	}
	return h[:]
}

// hashOfNothing stands where a row must have the hash of a secret and there is none: 256
// random bits, to which nobody has anything that hashes.
func hashOfNothing() (h [32]byte) {
	_, _ = rand.Read(h[:]) // never fails: crypto/rand ends the program instead
	return h
}

// decodeHash reads a hash at rest; NULL is the zero hash.
func decodeHash(what string, b []byte) (h [32]byte, err error) {
	if b != nil && len(b) != len(h) {
		return h, fmt.Errorf("stored %s has %d bytes, want %d (the row was changed by other means)", what, len(b), len(h))
	}
	copy(h[:], b)
	return h, nil
}
