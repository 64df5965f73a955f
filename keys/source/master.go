package source

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sanmon-gate/sanmon/secret"
)

// DecodeMaster reads a master key: 32 bytes as they are, 64 hexadecimal digits, or
// 44 characters of padded base64 (RFC 4648, Section 4). Which one it is follows from
// the length alone. A key of one repeated byte is refused: it is a placeholder.
func DecodeMaster(v secret.Value) (secret.Value, error) {
	b, err := decodeMaster(v.Expose())
	if err != nil {
		return secret.Value{}, err
	}
	defer clear(b)
	if same(b) {
		return secret.Value{}, errors.New("the master key is one byte repeated, a placeholder (make a real one with: sanmon init)")
	}
	return secret.New(b), nil
}

func decodeMaster(text []byte) ([]byte, error) {
	out := make([]byte, 0, 48)
	switch len(text) {
	case secret.MasterSize:
		return append(out, text...), nil
	case hex.EncodedLen(secret.MasterSize):
		out, err := hex.AppendDecode(out, text)
		if err != nil {
			return nil, errors.New("the master key has 64 characters but is not hexadecimal")
		}
		return out, nil
	case base64.StdEncoding.EncodedLen(secret.MasterSize):
		out, err := base64.StdEncoding.Strict().AppendDecode(out, text)
		if err != nil || len(out) != secret.MasterSize {
			return nil, errors.New("the master key has 44 characters but is not base64 of 32 bytes")
		}
		return out, nil
	}
	return nil, fmt.Errorf("the master key has %d bytes (32 raw bytes, 64 hexadecimal digits or 44 characters of base64 are accepted)", len(text))
}

func same(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}

// ResolveMaster is Resolve for a master key: 32 bytes that are no text stay what they are, also
// where the last one is that of a line end, as it is in one of 128 random keys.
func (r *Resolver) ResolveMaster(ctx context.Context, ref string) (secret.Value, error) {
	return r.resolve(ctx, ref, trimMaster)
}

// trimMaster takes one line end off, but none that belongs to a raw key. Text keeps the rule of
// every other secret, so that 31 characters and a line end are no key.
func trimMaster(b []byte) []byte {
	short := trimNewline(b)
	if len(short) >= secret.MasterSize || printable(short) {
		return short
	}
	switch ended := len(b) == secret.MasterSize+1 && b[secret.MasterSize] == '\n'; {
	case len(b) == secret.MasterSize:
		return b
	case ended: // a raw key that ends in a carriage return, and a line end
		return b[:secret.MasterSize]
	}
	return short
}

// printable reports whether b is a line of ASCII: of 31 random bytes, one in 10^13 is.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// Master fetches and decodes the master key that ref points to.
func (r *Resolver) Master(ctx context.Context, ref string) (*secret.Master, error) {
	v, err := r.ResolveMaster(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	key, err := DecodeMaster(v)
	if err != nil {
		return nil, fmt.Errorf("secret %s: %w", ref, err)
	}
	return secret.NewMaster(key)
}

// WriteMaster makes a master key and writes it to path in hexadecimal, readable for
// its owner only. It never replaces a file, because every sealed secret would be
// lost with the old key; fs.ErrExist says that there is one. When it returns nil the
// key is on disk.
func WriteMaster(path string) error {
	key := make([]byte, secret.MasterSize)
	defer clear(key)
	if _, err := io.ReadFull(rand.Reader, key); err != nil {
		return fmt.Errorf("make master key: %w", err)
	}
	text := append(hex.AppendEncode(nil, key), '\n')
	defer clear(text)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("master key %s exists and is kept (remove it yourself only if nothing was sealed with it): %w", path, fs.ErrExist)
	}
	if err != nil {
		return fmt.Errorf("write master key: %w", err)
	}
	if err := finish(f, text); err != nil {
		_ = os.Remove(path) // half a key is worse than none
		return fmt.Errorf("write master key %s: %w", path, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("write master key %s: %w", path, err)
	}
	return nil
}

// finish writes and makes it last.
func finish(f *os.File, text []byte) error {
	_, err := f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes a new directory entry last (fsync(2)).
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
