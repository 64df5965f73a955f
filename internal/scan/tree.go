package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
)

// maxFile is how much of one file is read, in bytes; of a longer one the rest is noted.
const maxFile = 64 << 20

// Path scans a file or a tree. Symbolic links within a tree are not followed.
func (s *Scanner) Path(ctx context.Context, r *Report, root string) error {
	if _, err := os.Stat(root); err != nil {
		return fmt.Errorf("scan %q: %w (name a file or directory that exists)", root, err)
	}
	names, parts := make(chan string), make([]Report, min(runtime.GOMAXPROCS(0), maxReaders))
	var readers sync.WaitGroup
	for i := range parts {
		readers.Go(func() {
			var room []byte // of the file before
			for name := range names {
				b, err := readFile(name, room)
				if err != nil {
					parts[i].note(err)
				}
				s.file(&parts[i], root, name, b)
				if cap(b) <= maxRoom {
					room = b[:0]
				}
			}
		})
	}
	err := s.walk(ctx, r, root, names)
	close(names)
	readers.Wait()
	for i := range parts {
		r.join(&parts[i])
	}
	slices.Sort(r.Notes)
	return err
}

// maxRoom is how much of a buffer is kept for the next file, in bytes.
const maxRoom = 1 << 20

// maxReaders is how many files are read at once: each may take the bound of one file.
const maxReaders = 8

// walk gives names the files of a tree.
func (s *Scanner) walk(ctx context.Context, r *Report, root string, names chan<- string) error {
	hidden := packed{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.note(err)
			return nil
		}
		if d.IsDir() {
			if name != root && s.skips(d.Name()) {
				r.Skipped = append(r.Skipped, shownPath(name))
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() && name != root {
			return nil
		}
		hidden.add(name)
		names <- name
		return nil
	})
	if note := hidden.note(root); note != "" {
		r.Notes = append(r.Notes, note)
	}
	return err
}

// file scans under the name below the root, so that where a tree lies says nothing about
// what is in it, and reports the name as it was given.
func (s *Scanner) file(r *Report, root, name string, b []byte) {
	rel, err := filepath.Rel(root, name)
	if err != nil || rel == "." {
		rel = filepath.Base(name)
	}
	f, a := len(r.Findings), len(r.Allowed)
	s.Text(r, filepath.ToSlash(rel), b)
	for i := f; i < len(r.Findings); i++ {
		r.Findings[i].File = shownPath(name)
	}
	for i := a; i < len(r.Allowed); i++ {
		r.Allowed[i].File = shownPath(name)
	}
}

// skips names directories that others wrote, and the objects of git, which are compressed.
func (s *Scanner) skips(dir string) bool {
	switch dir {
	case ".git", ".hg", ".svn":
		return true
	case "node_modules", "vendor", "site-packages", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache", ".cache":
		return !s.all
	}
	return false
}

// readFile reads a file up to the bound of one, into room if that is large enough.
func readFile(name string, room []byte) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not hold us
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file, not read", name)
	}
	if unpacked(name) != "" {
		z, err := unpack(name, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w (not read)", name, err)
		}
		defer func() { _ = z.Close() }()
		return readInto(z, name, room)
	}
	if size := info.Size(); size < maxFile && int(size) >= cap(room) { // one byte more, to see the end
		room = make([]byte, 0, size+1)
	}
	return readInto(f, name, room)
}

// errLong says that a text was longer than what is read.
var errLong = errors.New("longer than 64 MiB: the rest was not read")

// Read reads a text up to the bound of one file. What was read is good beside an error.
func Read(in io.Reader, name string) ([]byte, error) {
	return readInto(in, name, make([]byte, 0, 64<<10))
}

// readInto is Read into b, which grows where it must.
func readInto(in io.Reader, name string, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(512, len(b)/4))
		}
		n, err := in.Read(b[len(b):min(cap(b), maxFile+1)])
		b = b[:len(b)+n]
		if len(b) > maxFile {
			b, err = b[:maxFile], errLong
		}
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, fmt.Errorf("%s: %w", name, err)
		}
	}
}
