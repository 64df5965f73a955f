package password

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	"github.com/sanmon-gate/sanmon/secret"
)

// What a hash of another program may cost. Each bound admits what Django's own hashers
// have written so far (6.1: 1,500,000 iterations, 100 MiB and 8 lanes, cost 12, N=2^14)
// and room for what an operator has raised; a row beyond it is refused, because whoever
// can write the store must not be able to stop the gate with it.
const (
	maxIterations = 4_000_000
	maxBcryptCost = 14
	maxScrypt     = 64 << 20 // bytes: 128·N·r
	maxScryptWork = 1 << 21  // N·r·p
	maxLanes      = 8
)

// Importable says whether Verify can take a hash that another program has made. It knows
// the forms of Django (django.contrib.auth.hashers): pbkdf2_sha256, argon2, bcrypt_sha256,
// bcrypt and scrypt; and our own. The error quotes nothing of the hash.
func Importable(hash secret.Value) error {
	_, err := parseStored(string(hash.Expose()))
	return err
}

// Foreign reports whether a stored hash was made by another program, so that verifying it
// takes another time than one of ours.
func Foreign(hash secret.Value) bool {
	return !hash.Empty() && !strings.HasPrefix(string(hash.Expose()), "$argon2id$")
}

// stored is a parsed hash of any form.
type stored struct {
	own   *phc // nil: another program's
	heavy bool // needs far more memory than one of ours
	check func(password []byte) bool
}

func parseStored(s string) (stored, error) {
	if len(s) > maxPHC {
		return stored{}, errFormat
	}
	if strings.HasPrefix(s, "$") {
		p, err := parse(s)
		return stored{own: &p}, err
	}
	name, rest, _ := strings.Cut(s, "$")
	switch name {
	case "pbkdf2_sha256":
		return parsePBKDF2(rest)
	case "argon2":
		return parseArgon2("$" + rest)
	case "bcrypt_sha256":
		return parseBcrypt(rest, true)
	case "bcrypt":
		return parseBcrypt(rest, false)
	case "scrypt":
		return parseScrypt(rest)
	}
	return stored{}, errors.New("stored password hash has a scheme that is not supported (reset the password)")
}

// parsePBKDF2 reads iterations$salt$tag.
func parsePBKDF2(s string) (stored, error) {
	f := strings.Split(s, "$")
	if len(f) != 3 || f[1] == "" {
		return stored{}, errFormat
	}
	n, err := count(f[0], 1, maxIterations)
	if err != nil {
		return stored{}, err
	}
	tag, err := padded(f[2], sha256.Size)
	if err != nil {
		return stored{}, err
	}
	return stored{check: func(password []byte) bool {
		got, err := pbkdf2.Key(sha256.New, string(password), []byte(f[1]), n, len(tag))
		return err == nil && hmac.Equal(got, tag)
	}}, nil
}

// parseArgon2 reads a PHC string whose lanes may be Django's eight, and its argon2i of
// versions before 3.2.
func parseArgon2(s string) (stored, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[2] != phcVersion || f[1] != "argon2id" && f[1] != "argon2i" {
		return stored{}, errFormat
	}
	costs, err := parseParamsWithin(f[3], params{ceiling.memory, ceiling.time, maxLanes})
	if err != nil {
		return stored{}, err
	}
	salt, err1 := decode(f[4], minSalt, maxSalt)
	tag, err2 := decode(f[5], minTag, maxTag)
	if err := errors.Join(err1, err2); err != nil {
		return stored{}, errFormat
	}
	derive := argon2.IDKey
	if f[1] == "argon2i" {
		derive = argon2.Key
	}
	return stored{heavy: costs.memory > 2*standard.memory, check: func(password []byte) bool {
		return hmac.Equal(derive(password, salt, costs.time, costs.memory, costs.threads, uint32(len(tag))), tag)
	}}, nil
}

// parseBcrypt reads a hash of bcrypt, which begins with "$" itself. Django's bcrypt_sha256
// hashes the hexadecimal SHA-256, so that nothing is cut at 72 bytes.
func parseBcrypt(s string, digest bool) (stored, error) {
	if !strings.HasPrefix(s, "$2a$") && !strings.HasPrefix(s, "$2b$") && !strings.HasPrefix(s, "$2y$") || len(s) != 60 {
		return stored{}, errFormat
	}
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil {
		return stored{}, errFormat
	}
	if cost > maxBcryptCost {
		return stored{}, errCost
	}
	return stored{check: func(password []byte) bool {
		if digest {
			sum := sha256.Sum256(password)
			password = []byte(hex.EncodeToString(sum[:]))
		}
		return bcrypt.CompareHashAndPassword([]byte(s), password) == nil
	}}, nil
}

// parseScrypt reads N$salt$r$p$tag.
func parseScrypt(s string) (stored, error) {
	f := strings.Split(s, "$")
	if len(f) != 5 || f[1] == "" {
		return stored{}, errFormat
	}
	n, err1 := count(f[0], 2, maxScrypt)
	r, err2 := count(f[2], 1, maxScrypt)
	p, err3 := count(f[3], 1, maxScryptWork)
	if err := errors.Join(err1, err2, err3); err != nil {
		return stored{}, err
	}
	if n&(n-1) != 0 {
		return stored{}, errFormat
	}
	if 128*n > maxScrypt/r || n > maxScryptWork/r/p {
		return stored{}, errCost
	}
	tag, err := padded(f[4], 64)
	if err != nil {
		return stored{}, err
	}
	return stored{heavy: 128*n*r > 2*1024*int(standard.memory), check: func(password []byte) bool {
		got, err := scrypt.Key(password, []byte(f[1]), n, r, p, len(tag))
		return err == nil && hmac.Equal(got, tag)
	}}, nil
}

var errCost = errors.New("stored password hash costs more than is allowed (reset the password)")

// count reads a number without sign or leading zero.
func count(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s || n < least {
		return 0, errFormat
	}
	if n > most {
		return 0, errCost
	}
	return n, nil
}

// padded decodes base64 with padding, as Django writes it.
func padded(s string, size int) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != size || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: its tag is not %d bytes", errFormat, size)
	}
	return b, nil
}
