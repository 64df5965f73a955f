package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/secret"
)

// readTimeout bounds the reading of one file: a network file system may hang.
const readTimeout = 5 * time.Second

// Permissions that a secret file must not give.
const (
	ofOthers fs.FileMode = 0o026 // read by all, written by others than the owner
	toWrite  fs.FileMode = 0o022 // written by others than the owner
	anyMode  fs.FileMode = 0
)

// read reads a secret file. Symbolic links are followed, because Kubernetes swaps
// secrets by swapping one; what counts is the file at the end.
func read(ctx context.Context, path string, refused fs.FileMode, trim trimming) (secret.Value, error) {
	v, err := readSized(ctx, path, refused, MaxSize)
	if err != nil {
		return v, err
	}
	return secret.New(trim(v.Expose())), nil
}

// readSized reads a file of at most limit bytes, as it is.
func readSized(ctx context.Context, path string, refused fs.FileMode, limit int64) (secret.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	type result struct {
		v   secret.Value
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := readNow(path, refused, limit)
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		return secret.Value{}, fmt.Errorf("it could not be read in time (is the file system reachable?): %w", ctx.Err())
	}
}

func readNow(path string, refused fs.FileMode, limit int64) (secret.Value, error) {
	// Look before opening: to open a named pipe would wait for a writer.
	info, err := os.Stat(path)
	if err != nil {
		return secret.Value{}, explain(err, path)
	}
	if err := checkMode(info, path, refused); err != nil {
		return secret.Value{}, err
	}
	f, err := os.Open(path)
	if err != nil {
		return secret.Value{}, explain(err, path)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil { // the opened file is the one that is judged
		return secret.Value{}, explain(err, path)
	}
	if err := checkMode(info, path, refused); err != nil {
		return secret.Value{}, err
	}
	return readAll(f, info.Size(), limit)
}

// readAll reads what the file had when it was opened, and refuses one that changes.
func readAll(f *os.File, size, limit int64) (secret.Value, error) {
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	defer clear(b)
	if err != nil {
		return secret.Value{}, fmt.Errorf("read: %w", err)
	}
	if int64(len(b)) > limit {
		return secret.Value{}, fmt.Errorf("it is longer than %d bytes (is it the right file?)", limit)
	}
	if int64(len(b)) != size {
		return secret.Value{}, errors.New("it changed while it was read (write a new file and rename it over the old one)")
	}
	return secret.New(b), nil
}

// checkMode refuses what is no file of its owner alone.
func checkMode(info fs.FileInfo, path string, refused fs.FileMode) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return fmt.Errorf("%s is a directory (name the file in it)", path)
	case !mode.IsRegular():
		return fmt.Errorf("%s is no regular file (%s)", path, mode.Type())
	case mode.Perm()&refused&0o004 != 0:
		return fmt.Errorf("every user can read %s, mode %04o (run: chmod 600 %s)", path, mode.Perm(), path)
	case mode.Perm()&refused&0o022 != 0:
		return fmt.Errorf("others than its owner can write %s, mode %04o (run: chmod 600 %s)", path, mode.Perm(), path)
	}
	return nil
}

// explain says what to do about the usual errors.
func explain(err error, path string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w (create it, or correct the path)", path, ErrAbsent)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user (give it to the user that Sanmon runs as): %w", path, fs.ErrPermission)
	}
	return err
}

// trimming takes off what an editor left at the end of a file.
type trimming func([]byte) []byte

// trimNewline takes one line end off.
func trimNewline(b []byte) []byte {
	b, _ = bytes.CutSuffix(b, []byte("\n"))
	b, _ = bytes.CutSuffix(b, []byte("\r"))
	return b
}

// marked reports whether a text begins with a byte order mark, of UTF-8 or UTF-16. It is no
// part of any secret, and would make a good one wrong. Bytes that are no text may begin so: a
// master key of 32 random ones does once in 65536 times.
func marked(b []byte) bool {
	if rest, ok := bytes.CutPrefix(b, []byte("\xef\xbb\xbf")); ok {
		return utf8.Valid(rest)
	}
	zero := 0 // where the bytes of ASCII have their upper half
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		zero = 1
	case !bytes.HasPrefix(b, []byte("\xfe\xff")):
		return false
	}
	for i := 2; i < len(b); i++ {
		if i%2 == zero && b[i] != 0 {
			return false
		}
	}
	return true
}
