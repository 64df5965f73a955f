package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// MaxSize is the size of the largest file that is read, in bytes.
const MaxSize = 1 << 20

// errTooLarge is what reading a larger file says.
var errTooLarge = errors.New("the file is larger than 1 MiB (is this the right file?)")

// Load reads and validates a file. The error is an Errors when the file could be
// read; all its faults are in it.
func Load(path string) (*Config, error) {
	src, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, src)
}

// Parse validates src as the content of the file path, which need not exist: it is
// named in errors, and relative paths in src are relative to its directory. The
// error is an Errors. Parse reads no other file and opens no connection; the clock
// only decides whether observe_all has passed.
func Parse(path string, src []byte) (*Config, error) { return parse(path, src, time.Now()) }

func parse(path string, src []byte, now time.Time) (*Config, error) {
	r := &report{file: path}
	if !checkSource(r, src) {
		return nil, r.err()
	}
	root := readTree(r, src)
	if root == nil {
		return nil, r.err()
	}
	b := &builder{report: r, path: path, now: now, decoder: decoder{r}}
	c := b.config(root)
	if err := r.err(); err != nil {
		return nil, err
	}
	c.Hash = sha256.Sum256(src)
	c.Warnings = sorted(r.warnings)
	c.written = b.written
	return c, nil
}

// readFile reads at most MaxSize bytes of a regular file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("read configuration: %w (give the file to the user that Sanmon runs as, or let that user's group read it)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read configuration: %s is not a regular file (name the file itself: -c FILE)", path)
	}
	src, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(src) > MaxSize {
		return nil, fmt.Errorf("read configuration: %s: %w", path, errTooLarge)
	}
	return src, nil
}
