package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sanmon-gate/sanmon/internal/terminal"
)

// printJSON writes v as one indented JSON value.
func (e *environment) printJSON(v any) error {
	enc := json.NewEncoder(terminal.JSON{To: e.stdout})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// tell says what was done: v to a program, the sentence to a person.
func (e *environment) tell(v any, format string, args ...any) error {
	if e.json {
		return e.printJSON(v)
	}
	_, err := fmt.Fprintf(e.screen(), format+"\n", args...)
	return err
}

// printTable writes rows below a heading, in columns.
func (e *environment) printTable(heading string, rows [][]string) error {
	w := tabwriter.NewWriter(e.screen(), 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// stamp writes a time as RFC 3339, "" when it is not set.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// stampOrNil is stamp for JSON: null when the time is not set.
func stampOrNil(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := stamp(t)
	return &s
}

// list is never null in JSON.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
