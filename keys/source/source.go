// Package source fetches secrets from where a reference says they are, so that no
// configuration ever holds one. A reference is the whole value, never a part of a
// string: env:NAME, file:PATH, cred:NAME, age:PATH, or a place elsewhere: vault://…,
// awssm://… and gcpsm://…, each of which a package beside this one asks.
//
// A Resolver follows a reference once. A Keeper follows it again while the program runs,
// keeps the last good value, and lets a new one be tried before it counts.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// MaxSize is how long a secret may be, in bytes.
const MaxSize = 64 << 10

// forms is the remedy of everything that is no reference.
const forms = "write env:NAME, file:PATH or cred:NAME"

// DefaultTimeout bounds following one reference, in all.
const DefaultTimeout = 10 * time.Second

// Errors to test for.
var (
	// ErrLiteral says that a secret was written where a reference belongs.
	ErrLiteral = errors.New("it is not a reference; if it is the secret itself, take it out of the configuration and replace the secret (" + forms + ")")
	// ErrLater says that the reference is of a kind that this version cannot read.
	ErrLater = errors.New("this version does not read it (fetch the secret into a file, as a sidecar or init container does, and write file:PATH; or start under: sops exec-env)")
	// ErrAbsent says that there is nothing where the reference points.
	ErrAbsent = errors.New("it does not exist")

	errMarked = errors.New("it begins with a byte order mark, as editors and shells of Windows write one (save it as UTF-8 without one)")
)

// kind is the scheme of a reference.
type kind string

const (
	env  kind = "env"
	file kind = "file"
	cred kind = "cred"
	aged kind = "age"

	vault kind = "vault"
	awssm kind = "awssm"
	gcpsm kind = "gcpsm"
)

// later are the schemes of other versions.
var later = [...]string{"azkv://", "sops:"}

// Remote fetches secrets from elsewhere. Its errors name reason and remedy, and never a
// value. It is safe for concurrent use.
type Remote interface {
	Fetch(ctx context.Context, at Location) (secret.Value, error)
}

// Resolver fetches secrets. The zero value reads the process's environment and
// resolves relative paths against the working directory. It is safe for concurrent
// use.
type Resolver struct {
	// Base is what relative paths of file: are relative to: the directory of the
	// configuration file.
	Base string
	// Lookup finds an environment variable; nil means os.LookupEnv.
	Lookup func(string) (string, bool)
	// Identity is the reference of the identities that age:PATH is decrypted with.
	Identity string
	// Shared takes files that everybody can read: a token that the platform writes into a
	// container has the mode that it chooses, 0644 in a pod of Kubernetes without runAsUser and
	// fsGroup.
	Shared bool
	// Vault, AWS and GCP are asked for vault://, awssm:// and gcpsm://; nil: nobody is.
	Vault, AWS, GCP Remote
	// Timeout bounds following one reference; 0: DefaultTimeout.
	Timeout time.Duration
}

// Valid reports what is wrong with a reference, without following it and without
// repeating it: it may be a secret by mistake.
func Valid(ref string) error {
	_, _, err := parse(ref)
	return err
}

// Resolve fetches the secret that ref points to. An empty one is an error. The
// result never holds the newline that editors leave at the end of a file.
//
// The environment is inherited by child processes and shown by some tools, so file:
// and cred: are better. Credentials of systemd do not change while a service runs
// (systemd.exec(5)): rotating one means a restart.
func (r *Resolver) Resolve(ctx context.Context, ref string) (secret.Value, error) {
	return r.resolve(ctx, ref, trimNewline)
}

func (r *Resolver) resolve(ctx context.Context, ref string, trim trimming) (secret.Value, error) {
	k, name, err := parse(ref)
	if err != nil {
		return secret.Value{}, fmt.Errorf("secret reference: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return secret.Value{}, fmt.Errorf("secret %s: %w", ref, err)
	}
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v, err := r.fetch(ctx, k, name, trim)
	if err == nil && v.Empty() {
		err = errors.New("it is empty (was it written completely?)")
	}
	if err == nil && marked(v.Expose()) {
		err = errMarked
	}
	if err != nil {
		return secret.Value{}, fmt.Errorf("secret %s: %w", ref, err)
	}
	return v, nil
}

func (r *Resolver) fetch(ctx context.Context, k kind, name string, trim trimming) (secret.Value, error) {
	switch k {
	case env:
		return r.environment(name)
	case file:
		refused := ofOthers
		if r.Shared {
			refused = toWrite
		}
		return read(ctx, r.path(name), refused, trim)
	case aged:
		return r.decrypt(ctx, r.path(name), trim)
	case vault:
		return ask(ctx, r.Vault, name, parseVault, "secrets.vault is not configured (add its address)")
	case awssm:
		return ask(ctx, r.AWS, name, parseAWS, "this program was built without it")
	case gcpsm:
		return ask(ctx, r.GCP, name, parseGCP, "this program was built without it")
	}
	dir, ok := r.lookup("CREDENTIALS_DIRECTORY")
	if !ok || dir == "" {
		return secret.Value{}, errors.New("CREDENTIALS_DIRECTORY is not set (run under systemd with LoadCredential=, or write file:PATH)")
	}
	return read(ctx, filepath.Join(dir, name), anyMode, trim) // systemd sees to the permissions
}

func (r *Resolver) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.Base, name)
}

// ask fetches from elsewhere.
func ask(ctx context.Context, from Remote, name string, parse func(string) (Location, error), missing string) (secret.Value, error) {
	if from == nil {
		return secret.Value{}, errors.New(missing)
	}
	at, err := parse(name)
	if err != nil {
		return secret.Value{}, err
	}
	v, err := from.Fetch(ctx, at)
	if err == nil && len(v.Expose()) > MaxSize {
		return secret.Value{}, fmt.Errorf("it is longer than %d bytes", MaxSize)
	}
	return v, err
}

func (r *Resolver) environment(name string) (secret.Value, error) {
	v, ok := r.lookup(name)
	if !ok {
		return secret.Value{}, fmt.Errorf("%w (set the environment variable %s)", ErrAbsent, name)
	}
	if len(v) > MaxSize {
		return secret.Value{}, fmt.Errorf("it is longer than %d bytes", MaxSize)
	}
	return secret.NewString(v), nil
}

func (r *Resolver) lookup(name string) (string, bool) {
	if r.Lookup != nil {
		return r.Lookup(name)
	}
	return os.LookupEnv(name)
}

// parse takes a reference apart. Only of a well-formed one may the text be shown.
func parse(ref string) (kind, string, error) {
	for _, s := range later {
		if strings.HasPrefix(ref, s) {
			return "", "", fmt.Errorf("%s… is of a later version: %w", s, ErrLater)
		}
	}
	scheme, name, ok := strings.Cut(ref, ":")
	if !ok {
		return "", "", ErrLiteral
	}
	switch k := kind(scheme); k {
	case env:
		return k, name, checkEnv(name)
	case file:
		return k, name, checkPath(name)
	case cred:
		return k, name, checkCred(name)
	case aged:
		return k, name, checkAge(name)
	case vault, awssm, gcpsm:
		name, ok := strings.CutPrefix(name, "//")
		if !ok {
			return "", "", ErrLiteral
		}
		_, err := map[kind]func(string) (Location, error){vault: parseVault, awssm: parseAWS, gcpsm: parseGCP}[k](name)
		if err != nil {
			err = fmt.Errorf("%s://…: %w", k, err)
		}
		return k, name, err
	}
	return "", "", ErrLiteral
}

// checkEnv accepts the names of POSIX (Base Definitions, Section 8.1).
func checkEnv(name string) error {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return errors.New("env: needs the name of an environment variable (letters, digits and _, as in env:SANMON_MASTER_KEY)")
		}
	}
	if name == "" {
		return errors.New("env: needs the name of an environment variable (as in env:SANMON_MASTER_KEY)")
	}
	return nil
}

func checkPath(path string) error {
	if path == "" || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\x00\n\r") {
		return errors.New("file: needs a path (as in file:./data/master.key)")
	}
	return nil
}

func checkAge(path string) error {
	if checkPath(path) != nil {
		return errors.New("age: needs the path of an encrypted file (as in age:./secrets/db.age)")
	}
	return nil
}

// checkCred accepts what systemd does: a file name, nothing that leads elsewhere.
func checkCred(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\\\x00\n\r") {
		return errors.New("cred: needs the name of a credential, no path (as in cred:master-key)")
	}
	return nil
}
