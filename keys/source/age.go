package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/sanmon-gate/sanmon/secret"
)

// maxAge bounds an encrypted file: the secret, its header and armour.
const maxAge = 2*MaxSize + 16<<10

// decrypt reads a file that age encrypted to one of our identities, armoured or not
// (age-encryption.org/v1). It may be readable for everybody.
func (r *Resolver) decrypt(ctx context.Context, path string) (secret.Value, error) {
	if r.Identity == "" {
		return secret.Value{}, errors.New("there is no identity to decrypt it with (write secrets.age: file:PATH)")
	}
	held, err := r.Resolve(ctx, r.Identity)
	if err != nil {
		return secret.Value{}, fmt.Errorf("identity: %w", err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(held.Expose()))
	if err != nil { // the library quotes lines
		return secret.Value{}, fmt.Errorf("identity %s: it holds no age identities (make one with: age-keygen)", r.Identity)
	}
	sealed, err := readSized(ctx, path, false, maxAge)
	if err != nil {
		return secret.Value{}, err
	}
	var in io.Reader = bytes.NewReader(sealed.Expose())
	if bytes.HasPrefix(bytes.TrimSpace(sealed.Expose()), []byte(armor.Header)) {
		in = armor.NewReader(in)
	}
	plain, err := age.Decrypt(in, identities...)
	if err != nil {
		return secret.Value{}, fmt.Errorf("it is not encrypted to the identity of %s, or was changed (encrypt it with: age -r RECIPIENT)", r.Identity)
	}
	b, err := io.ReadAll(io.LimitReader(plain, MaxSize+1))
	defer clear(b)
	switch {
	case err != nil:
		return secret.Value{}, errors.New("it was cut or changed after it was encrypted (write a new file and rename it over the old one)")
	case len(b) > MaxSize:
		return secret.Value{}, fmt.Errorf("it is longer than %d bytes (is it the right file?)", MaxSize)
	}
	return secret.New(trimNewline(b)), nil
}
