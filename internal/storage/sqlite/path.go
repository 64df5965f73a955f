package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// place makes the directory and the file of a database and returns its absolute
// path. The file is made here, because SQLite gives its companions (-wal, -shm) the
// mode of the file, and the file the mode of the process.
func place(path string) (string, error) {
	if path == "" || strings.HasPrefix(path, ":") || strings.HasPrefix(path, "file:") || strings.IndexByte(path, 0) >= 0 {
		return "", fmt.Errorf("open the store: %q is not the path of a file (write sqlite:./data/sanmon.db)", path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("open the store %s: %w (start sanmon in a directory that exists)", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return "", explain(full, err)
	}
	f, err := os.OpenFile(full, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", explain(full, err)
	}
	return full, errors.Join(tighten(f), f.Close())
}

// tighten takes the file from everybody but its owner.
func tighten(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return explain(f.Name(), err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("open the store %s: it is not a regular file (name a file)", f.Name())
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := f.Chmod(0o600); err != nil {
		return explain(f.Name(), err)
	}
	return nil
}

// dsn is the address for the driver. Every connection waits for other writers,
// and a commit is on the disk when it returns: synchronous=FULL with a write-ahead
// log survives a power cut (sqlite.org/pragma.html#pragma_synchronous).
func dsn(path string, timeout time.Duration, writes bool) string {
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds()),
		"journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "trusted_schema(0)",
		"journal_size_limit(67108864)",
	}}
	if writes {
		q.Set("_txlock", "immediate")
	} else {
		q.Set("_pragma", fmt.Sprintf("busy_timeout(%d)", timeout.Milliseconds()))
		q.Add("_pragma", "query_only(1)")
		q.Add("_pragma", "trusted_schema(0)")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// explain names the path, the reason and the remedy.
func explain(path string, err error) error {
	remedy := remedyFor(err)
	switch {
	case remedy != "":
	case errors.Is(err, fs.ErrPermission):
		remedy = "let the user of sanmon write the directory and the file"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist):
		remedy = "name a file in a directory that can be made"
	default:
		return fmt.Errorf("open the store %s: %w", path, err)
	}
	return fmt.Errorf("open the store %s: %w (%s)", path, err, remedy)
}
