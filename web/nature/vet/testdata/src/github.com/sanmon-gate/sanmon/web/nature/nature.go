// Package nature stands in for the real one.
package nature

type (
	Output   struct{}
	Text     struct{ s string }
	URL      struct{ s string }
	Markdown struct{ s string }
	HTML     struct{ s string }
)

func (*Output) View(v any) (any, error)       { return nil, nil }
func (*Output) Marshal(v any) ([]byte, error) { return nil, nil }
func (*Output) Check(v ...any) error          { return nil }
