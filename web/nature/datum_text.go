package nature

import (
	"errors"
	"log/slog"
)

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.s), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Text) UnmarshalText(b []byte) error { t.s = string(b); return nil }

// MarshalText implements encoding.TextMarshaler; an address that must not be followed
// becomes "".
func (a URL) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: input is refused as by NewURL.
func (a *URL) UnmarshalText(b []byte) error {
	address, err := NewURL(string(b))
	if err == nil {
		*a = address
	}
	return err
}

// MarshalText implements encoding.TextMarshaler: it writes the source.
func (m Markdown) MarshalText() ([]byte, error) { return []byte(m.s), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Markdown) UnmarshalText(b []byte) error { m.s = string(b); return nil }

// MarshalText fails: encoding/json and its like know no policy. Marshal of an Output
// does.
func (m HTML) MarshalText() ([]byte, error) {
	return nil, errors.New("markup has no policy here (put it out with Marshal or View of a nature.Output, or read Raw)")
}

// UnmarshalText implements encoding.TextUnmarshaler: it keeps markup as it came.
func (m *HTML) UnmarshalText(b []byte) error { m.s = string(b); return nil }

// LogValue implements slog.LogValuer, because MarshalText fails.
func (m HTML) LogValue() slog.Value { return slog.StringValue(m.s) }
