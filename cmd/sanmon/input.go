package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/sanmon-gate/sanmon/secret"
)

// input opens a file for reading; "-" is standard input.
func (e *environment) input(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(e.stdin), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the input: %w (name a file that can be read, or - for standard input)", err)
	}
	return f, nil
}

// maxPassword is the longest secret that is read, in bytes.
const maxPassword = 4096

// readPassword reads a password: one line of standard input with fromStdin, else
// from the terminal, twice, without echo.
func (e *environment) readPassword(fromStdin bool) (secret.Value, error) {
	if fromStdin {
		line, err := e.firstLine()
		if err != nil {
			return secret.Value{}, err
		}
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

// firstLine is the first line of standard input, without its end (LF or CRLF).
func (e *environment) firstLine() ([]byte, error) {
	line, err := bufio.NewReader(io.LimitReader(e.stdin, maxPassword+2)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), nil
}
