package sanmon_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sanmon-gate/sanmon"

// The packages of the house by their first directory. A package that is in no list fails
// TestEveryPackageHasAPlace: a new room is built on purpose.
var (
	ground = []string{"exchange", "caller", "refusal", "secret", "audit", "change"}
	layers = []string{"web", "identity", "keys"}
	around = []string{"", "policy", "internal", "cmd", "e2e", "bench", "waf", "store"}
)

// arrow is one import of a package of ours by a file.
type arrow struct {
	file string // slash-separated, from the root
	from string // directory of the file; "" is the root
	to   string // import path; without the module when it is ours
	ours bool
	test bool
}

// mayImport says whether a file that is no test may import a package of ours.
func mayImport(from, to string) error {
	src, dst := top(from), top(to)
	switch {
	case dst == "cmd" || (dst == "e2e" && src != "e2e" && src != "bench") || (dst == "bench" && src != "bench"):
		return fmt.Errorf("nobody imports %s", dst)
	case dst == "waf" && src != "waf" && src != "cmd":
		return fmt.Errorf("only cmd knows the web application firewall, behind its build tag: it is a module of its own")
	case src == "waf" && dst != "waf" && dst != "web" && !slices.Contains(ground, dst):
		return fmt.Errorf("the web application firewall stands on the ground floor and beside web")
	case isStorageEngine(to) && src != "cmd" && !strings.HasPrefix(from, "internal/storage") && !strings.HasPrefix(from, "store/"):
		return fmt.Errorf("only cmd knows a database, and the public packages that open one")
	case dst == "store" && src != "store":
		return fmt.Errorf("store is for programs of others: ours use what a layer declares")
	case src == "store" && dst == "internal" && !strings.HasPrefix(to, "internal/storage") && to != "internal/feed":
		return fmt.Errorf("store shows the database and its feed, and nothing else of what is inside")
	case to == "internal/upstream" && from != "internal/proxy":
		return fmt.Errorf("only the forwarder knows the engine towards the backend (docs/design/0002-the-upstream-engine.md)")
	case (from == "internal/upstream" || from == "internal/octets") && to != "internal/octets":
		return fmt.Errorf("the engine towards the backend knows bytes and nothing of ours")
	case slices.Contains(ground, src) && !slices.Contains(ground, dst):
		return fmt.Errorf("the ground floor imports nothing of ours but itself")
	case slices.Contains(layers, src) && dst != src && !slices.Contains(ground, dst):
		return fmt.Errorf("a layer stands on the ground floor only; layers are siblings")
	case src == "policy" && dst != "policy" && !slices.Contains(ground, dst) && !slices.Contains(layers, dst):
		return fmt.Errorf("policy joins the layers and sees nothing around them")
	case src == "" && (dst == "internal" || dst == ""):
		return fmt.Errorf("the gate joins layers and policy and sees nothing around them")
	}
	return nil
}

func isStorageEngine(pkg string) bool {
	return pkg == "internal/storage/sqlite" || pkg == "internal/storage/postgres"
}

func top(dir string) string { first, _, _ := strings.Cut(dir, "/"); return first }

// isWrapper tells the files in which a layer may know net/http: the thin wrappers that
// stand beside a decision, and what asks another server.
func isWrapper(file string) bool {
	name := path.Base(file)
	return name == "handler.go" || name == "remote.go" || strings.HasSuffix(name, "_handler.go")
}

func TestArrowsPointInward(t *testing.T) {
	for _, a := range imports(t) {
		if !a.ours || a.test {
			continue
		}
		if err := mayImport(a.from, a.to); err != nil {
			t.Errorf("%s imports %s: %v", a.file, a.to, err)
		}
	}
}

func TestDecisionsDoNotKnowNetHTTP(t *testing.T) {
	for _, a := range imports(t) {
		decides := slices.Contains(layers, top(a.from)) || top(a.from) == "policy" || a.from == "internal/upstream"
		if decides && !a.test && !isWrapper(a.file) && (a.to == "net/http" || strings.HasPrefix(a.to, "net/http/")) {
			t.Errorf("%s imports %s: decisions read exchange.Request (move the wrapper to handler.go)", a.file, a.to)
		}
	}
}

func TestOnlyCommandsKnowTheirLibrary(t *testing.T) {
	for _, a := range imports(t) {
		if (a.to == "github.com/spf13/cobra" || a.to == "github.com/spf13/pflag") && top(a.from) != "cmd" {
			t.Errorf("%s imports %s: only cmd knows the command line", a.file, a.to)
		}
	}
}

func TestEveryPackageHasAPlace(t *testing.T) {
	for _, a := range imports(t) {
		if first := top(a.from); !slices.Contains(slices.Concat(ground, layers, around), first) {
			t.Errorf("%s: the house has no room %q (see docs/design/0001-the-gate.md)", a.file, first)
		}
	}
}

// TestNothingRunsOnImport: no init function anywhere, so that importing a package does
// nothing.
func TestNothingRunsOnImport(t *testing.T) {
	eachFile(t, 0, func(file string, f *ast.File, _ *token.FileSet) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function", file)
			}
		}
	})
}

// TestNobodyLogsGlobally: loggers are fields.
func TestNobodyLogsGlobally(t *testing.T) {
	global := []string{"Debug", "Info", "Warn", "Error", "Log", "Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Default", "SetDefault"}
	eachFile(t, 0, func(file string, f *ast.File, fset *token.FileSet) {
		if strings.HasSuffix(file, "_test.go") || top(file) == "bench" {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if pkg, name, ok := call(n); ok && (pkg == "log" || pkg == "slog") && slices.Contains(global, name) {
				t.Errorf("%s: %s.%s uses the global logger", fset.Position(n.Pos()), pkg, name)
			}
			return true
		})
	})
}

// exposes lists the files that may read a secret's bytes, and what for. Everything else
// passes secrets on as they are.
var exposes = map[string]string{
	"secret/value.go":                         "compares and hashes it",
	"secret/seal.go":                          "encrypts with it",
	"secret/reseal.go":                        "encrypts it with another key",
	"identity/adopt/box.go":                   "seals what a backend knows a visitor by",
	"identity/adopt/held.go":                  "sends it to the backend",
	"identity/adopt/jar.go":                   "reads and writes the jar that is sealed",
	"identity/dbsc/binder.go":                 "authenticates challenges and cookies with it",
	"identity/session/app.go":                 "seals the jar of a session",
	"release_app.go":                          "judges the session that a login at a backend just made",
	"cmd/sanmon/demo.go":                      "prints the throw-away account and key of the demo, once",
	"cmd/sanmon/key_issue.go":                 "prints a new key, once",
	"identity/dpop/nonce.go":                  "authenticates nonces with it",
	"identity/keyset/key.go":                  "signs with it",
	"identity/oauth/client.go":                "bounds the secret of a client, and reads its public keys",
	"identity/oauth/expose.go":                "puts tokens and codes into the answers to whom they are for",
	"identity/factor/service.go":              "seals the secret of an app, hashes recovery codes",
	"identity/login/second.go":                "seals the secret of an app that is being enrolled",
	"identity/passkey/ceremonies.go":          "reads the state of a ceremony",
	"identity/ticket/ticket.go":               "reads what a ticket carries",
	"identity/totp/totp.go":                   "makes codes with it, and shows it to its owner",
	"identity/password/check.go":              "judges a new password",
	"identity/password/hasher.go":             "hashes a password, and reads a stored hash",
	"identity/password/even.go":               "reads stored hashes of other programs",
	"identity/password/legacy.go":             "reads stored hashes of other programs",
	"identity/password/rules.go":              "judges a new password",
	"identity/federation/provider.go":         "shows the client secret to the provider, and reads what a ticket carries",
	"internal/post/server.go":                 "shows the password to the mail server",
	"internal/storage/link.go":                "stores a password hash",
	"cmd/sanmon/letters.go":                   "writes a link into a letter",
	"cmd/sanmon/user_link.go":                 "prints a link, once",
	"identity/refresh/token.go":               "derives refresh tokens with it",
	"identity/session/digest.go":              "derives the next session secret with it",
	"identity/throttle/devices.go":            "authenticates device cookies with it",
	"identity/throttle/throttle.go":           "hashes the names of counts with it",
	"internal/portal/account_factors.go":      "seals the secret of an app that is being enrolled",
	"internal/portal/flash.go":                "shows recovery codes and a new key, once",
	"internal/portal/second.go":               "draws the secret of an app",
	"internal/portal/cookies.go":              "writes the session cookie",
	"internal/portal/credentials.go":          "bounds the length of a password",
	"internal/portal/login.go":                "judges the session that a login just made",
	"internal/server/admin.go":                "compares the token of the metrics",
	"internal/webhook/keys.go":                "signs messages with it",
	"internal/trail/signer.go":                "signs checkpoints of the audit trail with it",
	"internal/storage/postgres/password.go":   "logs in to the database",
	"internal/storage/storagetest/planted.go": "plants keys, in tests",
	"internal/storage/principal.go":           "stores a password hash",
	"internal/storage/principal_change.go":    "stores a password hash",
	"internal/storage/principal_password.go":  "stores a password hash",
	"keys/apikey/foreign.go":                  "reads a key that is imported",
	"keys/apikey/mac.go":                      "authenticates keys with it",
	"keys/apikey/report.go":                   "reads a key that was reported",
	"keys/apikey/service.go":                  "authenticates a key that was just made",
	"keys/leak/github.go":                     "hashes a reported credential for the answer",
	"keys/leak/http_handler.go":               "sends a token of GitHub with a question to GitHub",
	"keys/limit/valkey/password.go":           "logs in to the server",
	"keys/source/master.go":                   "decodes the master key",
	"keys/source/aws/sign.go":                 "signs requests to AWS with it",
	"keys/source/aws/credentials.go":          "asks a container for credentials with it",
	"keys/source/gcp/gcp.go":                  "sends Secret Manager its token",
	"keys/source/vault/token.go":              "signs in to Vault with it",
	"keys/source/vault/remote.go":             "sends Vault its token",
	"keys/source/age.go":                      "decrypts a file with the identity",
	"keys/source/file.go":                     "takes the line end off",
	"keys/source/source.go":                   "bounds the length of a fetched secret",
	"web/csrf/mac.go":                         "authenticates CSRF tokens with it",
}

func TestSecretsAreReadInFewPlaces(t *testing.T) {
	found := map[string]bool{}
	eachFile(t, 0, func(file string, f *ast.File, fset *token.FileSet) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) != 0 {
				return true
			}
			if s, ok := c.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Expose" {
				found[file] = true
				if exposes[file] == "" {
					t.Errorf("%s: Expose is called in a file that is not on the list (pass the secret.Value on, or add the file with its reason)", fset.Position(n.Pos()))
				}
			}
			return true
		})
	})
	for _, file := range slices.Sorted(maps.Keys(exposes)) {
		if !found[file] {
			t.Errorf("%s is on the list and reads no secret (remove it)", file)
		}
	}
}

// TestRules holds the rules themselves to account: each must be able to say no.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"web/csrf", "refusal", true}, {"web/csrf", "web/target", true}, {"web/csrf", "identity/session", false},
		{"keys/limit", "identity/session", false}, {"identity/login", "identity/password", true}, {"identity/login", "policy", false},
		{"caller", "refusal", true}, {"caller", "web/target", false}, {"secret", "internal/config", false},
		{"policy", "caller", true}, {"policy", "web/target", true}, {"policy", "internal/config", false}, {"web/csrf", "policy", false},
		{"", "policy", true}, {"", "keys/limit", true}, {"", "internal/config", false}, {"keys/apikey", "internal/storage", false},
		{"internal/server", "", true}, {"internal/server", "web/csrf", true}, {"internal/server", "cmd/sanmon", false},
		{"internal/server", "internal/storage/sqlite", false}, {"internal/storage/storagetest", "internal/storage/sqlite", true},
		{"cmd/sanmon", "internal/storage/postgres", true}, {"store/sqlite", "internal/storage/sqlite", true}, {"store", "internal/storage/sqlite", false},
		{"store", "internal/feed", true}, {"store", "internal/config", false}, {"internal/server", "store", false}, {"identity/session", "store/sqlite", false},
		{"e2e", "internal/storage/sqlite", false}, {"internal/server", "e2e/harness", false},
		{"", "waf", false}, {"web/target", "waf", false}, {"internal/server", "waf", false}, {"cmd/sanmon", "waf", true},
		{"internal/proxy", "internal/upstream", true}, {"internal/server", "internal/upstream", false}, {"internal/upstream", "internal/octets", true}, {"internal/upstream", "refusal", false},
		{"waf", "web/headers", true}, {"waf", "refusal", true}, {"waf", "", false}, {"waf", "internal/config", false},
	} {
		if err := mayImport(c.from, c.to); (err == nil) != c.ok {
			t.Errorf("mayImport(%q, %q) = %v, want allowed %v", c.from, c.to, err, c.ok)
		}
	}
}

// call tells a call of a package's function by its name, as far as syntax can.
func call(n ast.Node) (pkg, name string, ok bool) {
	c, isCall := n.(*ast.CallExpr)
	if !isCall {
		return "", "", false
	}
	s, isSel := c.Fun.(*ast.SelectorExpr)
	if !isSel {
		return "", "", false
	}
	x, isIdent := s.X.(*ast.Ident)
	if !isIdent || x.Obj != nil { // a variable of that name is no package
		return "", "", false
	}
	return x.Name, s.Sel.Name, true
}

// imports reads the imports of every Go file of the module.
func imports(t *testing.T) []arrow {
	t.Helper()
	var all []arrow
	eachFile(t, parser.ImportsOnly, func(file string, f *ast.File, _ *token.FileSet) {
		from := path.Dir(file)
		if from == "." {
			from = ""
		}
		for _, spec := range f.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			rest, ours := strings.CutPrefix(to, module+"/")
			if to == module {
				rest, ours = "", true
			}
			if !ours {
				rest = to
			}
			all = append(all, arrow{file, from, rest, ours, strings.HasSuffix(file, "_test.go")})
		}
	})
	if len(all) < 50 {
		t.Fatalf("only %d imports found: the walk is broken", len(all))
	}
	return all
}

func eachFile(t *testing.T, mode parser.Mode, visit func(file string, f *ast.File, fset *token.FileSet)) {
	t.Helper()
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "vendor") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(base, ".go") {
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, mode)
		if err != nil {
			return err
		}
		visit(filepath.ToSlash(name), f, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
