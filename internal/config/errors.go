package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one fault of a configuration file, in its place. It never contains a
// secret, even where the fault is a secret written in clear.
type Error struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
	Remedy  string // "" where the message says it all
}

// Error gives file:line:column: message (remedy).
func (e Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Remedy != "" {
		s += " (" + e.Remedy + ")"
	}
	return s
}

// Errors are all faults of a file, in the order of their places.
type Errors []Error

// Error gives one fault a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find an Error.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i := range e {
		all[i] = e[i]
	}
	return all
}

// Sorted is e in the order of the places, or nil where there is none.
func (e Errors) Sorted() error {
	if len(e) == 0 {
		return nil
	}
	return Errors(sorted(e))
}

// maxErrors bounds a report: beyond it, the file is something else altogether.
const maxErrors = 200

// position is a place in the file, both from 1.
type position struct{ line, column int }

// report collects what is wrong with one file.
type report struct {
	file     string
	columns  []int // characters of each line
	errors   Errors
	warnings []Error
}

// fault adds an error at a place.
func (r *report) fault(at position, remedy, format string, args ...any) {
	switch n := len(r.errors); {
	case n < maxErrors:
		r.errors = append(r.errors, r.at(at, remedy, format, args...))
	case n == maxErrors:
		r.errors = append(r.errors, r.at(at, "mend the others first", "there are more than %d faults; this is the first of the rest", maxErrors))
	}
}

// warn adds a warning at a place.
func (r *report) warn(at position, remedy, format string, args ...any) {
	if len(r.warnings) < maxErrors {
		r.warnings = append(r.warnings, r.at(at, remedy, format, args...))
	}
}

func (r *report) at(at position, remedy, format string, args ...any) Error {
	at = r.clamp(at)
	return Error{r.file, at.line, at.column, fmt.Sprintf(format, args...), remedy}
}

// clamp holds a place inside the file: editors jump to it. What is missing at the
// end is said to be one column behind it.
func (r *report) clamp(at position) position {
	at.line = max(min(at.line, len(r.columns)), 1)
	last := 0
	if at.line <= len(r.columns) {
		last = r.columns[at.line-1]
	}
	return position{at.line, max(min(at.column, last+1), 1)}
}

// err returns the sorted errors without repetitions, or nil.
func (r *report) err() error { return r.errors.Sorted() }

func sorted(list []Error) []Error {
	slices.SortStableFunc(list, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(list)
}
