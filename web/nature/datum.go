package nature

import (
	"database/sql/driver"
	"fmt"
)

// Text is a datum of nature text. Like the other data types here it is a struct,
// so that neither a conversion nor a constant makes HTML of it.
type Text struct{ s string }

// URL is a datum of nature url.
type URL struct{ s string }

// Markdown is a datum of nature markdown: source, not markup.
type Markdown struct{ s string }

// HTML is a datum of nature html: markup as it came, sanitised when it goes out.
type HTML struct{ s string }

// NewText declares s to be text.
func NewText(s string) Text { return Text{s} }

// NewMarkdown declares s to be Markdown source.
func NewMarkdown(s string) Markdown { return Markdown{s} }

// NewHTML declares s to be markup. It goes out through an Output only, which applies
// the policy that the field names.
func NewHTML(s string) HTML { return HTML{s} }

// NewURL returns s as an address, or says why it is none that may be followed. "" is
// no address and no error.
func NewURL(s string) (URL, error) {
	if s != "" && FilterURL(s) == "" {
		return URL{}, fmt.Errorf("the address is not an absolute one of http, https or mailto (leave it out, or write https://…)")
	}
	return URL{s}, nil
}

// String returns the text.
func (t Text) String() string { return t.s }

// String returns the address, "" when it must not be followed.
func (a URL) String() string { return FilterURL(a.s) }

// String returns the source.
func (m Markdown) String() string { return m.s }

// Raw returns the markup as it came, for an editor or another check. In a template it
// is escaped.
func (m HTML) Raw() string { return m.s }

// String returns the markup as it came; html/template escapes it.
func (m HTML) String() string { return m.s }

// Value implements driver.Valuer: the database keeps data as they came.
func (t Text) Value() (driver.Value, error) { return t.s, nil }

// Value implements driver.Valuer.
func (a URL) Value() (driver.Value, error) { return a.s, nil }

// Value implements driver.Valuer.
func (m Markdown) Value() (driver.Value, error) { return m.s, nil }

// Value implements driver.Valuer.
func (m HTML) Value() (driver.Value, error) { return m.s, nil }

// Scan implements sql.Scanner. For a column that may be NULL use sql.Null[nature.Text].
func (t *Text) Scan(src any) error { return scan(&t.s, AsText, src) }

// Scan implements sql.Scanner. An address that must not be followed can be read, and
// goes nowhere from there.
func (a *URL) Scan(src any) error { return scan(&a.s, AsURL, src) }

// Scan implements sql.Scanner.
func (m *Markdown) Scan(src any) error { return scan(&m.s, AsMarkdown, src) }

// Scan implements sql.Scanner.
func (m *HTML) Scan(src any) error { return scan(&m.s, AsHTML, src) }

func scan(into *string, n Nature, src any) error {
	switch v := src.(type) {
	case string:
		*into = v
	case []byte:
		*into = string(v)
	case nil:
		return fmt.Errorf("scan a datum of nature %s: the column is NULL (use sql.Null, or NOT NULL)", n)
	default:
		return fmt.Errorf("scan a datum of nature %s: the column holds %T (use a column of text)", n, src)
	}
	return nil
}
