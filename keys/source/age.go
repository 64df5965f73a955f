package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/sanmon-gate/sanmon/secret"
)

// maxAge bounds an encrypted file: the secret, its header and armour.
const maxAge = 2*MaxSize + 16<<10

// decrypt reads a file that age encrypted to one of our identities, armoured or not
// (age-encryption.org/v1). It may be readable for everybody.
func (r *Resolver) decrypt(ctx context.Context, path string, trim trimming) (secret.Value, error) {
	if r.Identity == "" {
		return secret.Value{}, errors.New("there is no identity to decrypt it with (write secrets.age: file:PATH)")
	}
	held, err := r.Resolve(ctx, r.Identity)
	if err != nil {
		return secret.Value{}, fmt.Errorf("identity: %w", err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(held.Expose()))
	if err != nil { // the library quotes lines
		return secret.Value{}, fmt.Errorf("identity %s: %s", r.Identity, noIdentity(held.Expose()))
	}
	sealed, err := readSized(ctx, path, anyMode, maxAge)
	if err != nil {
		return secret.Value{}, err
	}
	if marked(sealed.Expose()) {
		return secret.Value{}, errMarked
	}
	var in io.Reader = bytes.NewReader(sealed.Expose())
	if armoured(sealed.Expose()) {
		in = armor.NewReader(in)
	}
	plain, err := age.Decrypt(in, identities...)
	if err != nil {
		return secret.Value{}, fmt.Errorf("it is %s (encrypt it with: age -r RECIPIENT)", r.closed(err))
	}
	b, err := io.ReadAll(io.LimitReader(plain, MaxSize+1))
	defer clear(b)
	switch {
	case err != nil:
		return secret.Value{}, errors.New("it was cut or changed after it was encrypted (write a new file and rename it over the old one)")
	case len(b) > MaxSize:
		return secret.Value{}, fmt.Errorf("it is longer than %d bytes (is it the right file?)", MaxSize)
	}
	return secret.New(trim(b)), nil
}

func armoured(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte(armor.Header)) }

// noIdentity says what a file is that should hold identities.
func noIdentity(b []byte) string {
	if armoured(b) || bytes.HasPrefix(b, []byte("age-encryption.org/")) {
		return "it is itself encrypted, and a server has nobody to ask for a passphrase (decrypt it where only the server reads it, with: age -d)"
	}
	if bytes.Contains(b, []byte("PRIVATE KEY-----")) {
		return "SSH keys are not read (make an identity with: age-keygen)"
	}
	return "it holds no age identities (make one with: age-keygen)"
}

// closed says why no identity opens a file, by how it was encrypted (C2SP age, native types).
func (r *Resolver) closed(err error) string {
	if none, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		for _, t := range none.StanzaTypes {
			if t == "scrypt" {
				return "encrypted with a passphrase, and a server has nobody to ask for one"
			}
		}
		if strings.HasPrefix(strings.Join(none.StanzaTypes, " "), "ssh-") {
			return "encrypted to an SSH key, which is not read"
		}
	}
	return "not encrypted to the identity of " + r.Identity + ", or was changed"
}
