package tree

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says that a trail had this root when it had this many events.
type Checkpoint struct {
	Origin string // name of the trail, and of its keys
	Size   int64
	Root   tlog.Hash
}

// Bounds of a note that is read.
const (
	MaxNote   = 16 << 10
	maxOrigin = 256
)

// String is the text that is signed: origin, size and root on a line each
// (c2sp.org/tlog-checkpoint, Note text).
func (c Checkpoint) String() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + c.Root.String() + "\n"
}

// Sign returns the signed note (c2sp.org/signed-note).
func (c Checkpoint) Sign(by note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.String()}, by)
	if err != nil {
		return "", fmt.Errorf("sign the checkpoint of %d events: %w", c.Size, err)
	}
	return string(signed), nil
}

// The ways in which a note is not a checkpoint of ours.
var (
	ErrMalformed  = errors.New("not a checkpoint (it has three lines, an empty one and signatures)")
	ErrForged     = errors.New("the signature of the checkpoint does not fit it")
	ErrUnknownKey = errors.New("the checkpoint is signed by no key that is known here")
)

// Open checks the signature of a note and reads it. Lines behind the root, which other
// logs may have, are signed and not read. The error is ErrMalformed, ErrForged or
// ErrUnknownKey; with the latter two the Checkpoint says what the note claims.
func Open(signed string, keys note.Verifiers) (Checkpoint, error) {
	if len(signed) > MaxNote {
		return Checkpoint{}, ErrMalformed
	}
	text, _, ok := strings.Cut(signed, "\n\n")
	if !ok {
		return Checkpoint{}, ErrMalformed
	}
	c, err := parse(text)
	if err != nil {
		return c, err
	}
	n, err := note.Open([]byte(signed), keys)
	if _, unknown := errors.AsType[*note.UnverifiedNoteError](err); unknown {
		return c, ErrUnknownKey
	}
	if _, wrong := errors.AsType[*note.InvalidSignatureError](err); wrong {
		return c, ErrForged
	}
	if err != nil {
		return c, ErrMalformed
	}
	if !slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == c.Origin }) {
		return c, ErrUnknownKey // a key of another trail
	}
	return c, nil
}

func parse(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 3 || lines[0] == "" || len(lines[0]) > maxOrigin || strings.ContainsAny(lines[0], " \t\r+") {
		return c, ErrMalformed
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return c, ErrMalformed
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return c, ErrMalformed
	}
	return Checkpoint{lines[0], size, tlog.Hash(root)}, nil
}

// signer signs notes with a key that never is a text.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

// NewSigner signs for an origin, which has neither spaces nor "+".
func NewSigner(origin string, key ed25519.PrivateKey) (note.Signer, error) {
	public, err := PublicKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("key of %q: %w", origin, err)
	}
	return signer{v, key}, nil
}

// Sign implements note.Signer.
func (s signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// PublicKey is the text of a key with which others verify: NAME+HASH+KEY
// (c2sp.org/signed-note, Verifier keys).
func PublicKey(origin string, key ed25519.PublicKey) (string, error) {
	s, err := note.NewEd25519VerifierKey(origin, key)
	if err != nil {
		return "", fmt.Errorf("key of %q: %w", origin, err)
	}
	return s, nil
}

// Keys reads public keys, one a line.
func Keys(text string) (note.Verifiers, error) {
	var all []note.Verifier
	for line := range strings.FieldsSeq(text) {
		v, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("%.100q is no public key of a trail (print it with: sanmon audit key)", line)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no public key (print it with: sanmon audit key)")
	}
	return note.VerifierList(all...), nil
}

// PublicKeys are keys that sign for whatever trail they are found in; those of a database
// are, because its master key vouches for them.
type PublicKeys []ed25519.PublicKey

// Verifier implements note.Verifiers.
func (keys PublicKeys) Verifier(name string, hash uint32) (note.Verifier, error) {
	for _, key := range keys {
		public, err := PublicKey(name, key)
		if err != nil {
			break
		}
		if v, err := note.NewVerifier(public); err == nil && v.KeyHash() == hash {
			return v, nil
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}
