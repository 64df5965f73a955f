package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
	"golang.org/x/term"
)

// printJSON writes v as one indented JSON value.
func (e *environment) printJSON(v any) error {
	enc := json.NewEncoder(e.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// tell says what was done: v to a program, the sentence to a person.
func (e *environment) tell(v any, format string, args ...any) error {
	if e.json {
		return e.printJSON(v)
	}
	_, err := fmt.Fprintf(e.stdout, format+"\n", args...)
	return err
}

// printTable writes rows below a heading, in columns.
func (e *environment) printTable(heading string, rows [][]string) error {
	w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
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

const maxPassword = 4096

// readPassword reads a password: one line of standard input with fromStdin, else
// from the terminal, twice, without echo.
func (e *environment) readPassword(fromStdin bool) (secret.Value, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(e.stdin, maxPassword+2)).ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return secret.Value{}, fmt.Errorf("read the password from standard input: %w", err)
		}
		line = trimNewline(line)
		if len(line) == 0 || len(line) > maxPassword {
			return secret.Value{}, errors.New("standard input has no password in its first line (pipe it in: printf '%s' \"$PASSWORD\" | sanmon …)")
		}
		return secret.New(line), nil
	}
	in, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return secret.Value{}, usageError{errors.New("standard input is no terminal (use --password-stdin)")}
	}
	first, err := e.prompt(in, "Password: ")
	if err != nil {
		return secret.Value{}, err
	}
	second, err := e.prompt(in, "Again: ")
	if err != nil {
		return secret.Value{}, err
	}
	if !first.Equal(second) {
		return secret.Value{}, errors.New("the two passwords differ (try again)")
	}
	return first, nil
}

func (e *environment) prompt(in *os.File, text string) (secret.Value, error) {
	_, _ = fmt.Fprint(e.stderr, text)
	b, err := term.ReadPassword(int(in.Fd()))
	_, _ = fmt.Fprintln(e.stderr)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read the password: %w", err)
	}
	return secret.New(b), nil
}

func trimNewline(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}
