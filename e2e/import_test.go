package e2e_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// hashers makes hashes of a password at the costs that Django has by itself, as the columns
// of auth_user.
const hashers = `
from django.conf import settings
names = ["PBKDF2", "Argon2", "BCryptSHA256", "BCrypt", "Scrypt"]
settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers." + n + "PasswordHasher" for n in names])
import csv, django, sys
django.setup()
from django.contrib.auth.hashers import make_password
out = csv.writer(sys.stdout)
out.writerow(["email", "password", "is_active"])
for name in ["pbkdf2_sha256", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"]:
    out.writerow([name + "@example.com", make_password(sys.argv[1], hasher=name), "t"])
out.writerow(["nobody@example.com", make_password(None), "t"])
out.writerow(["off@example.com", make_password(sys.argv[1]), "f"])
`

// TestImportFromDjango: people come with the hashes that Django has made, sign in with the
// password that they have, and are hashed anew by that.
func TestImportFromDjango(t *testing.T) {
	t.Parallel()
	table, err := exec.Command(harness.Python(t), "-c", hashers, harness.Password).Output()
	if err != nil {
		t.Fatal(err)
	}
	g := factorsGate(t, "")
	g.AddUser(t, "off@example.com", "reader") // is here already
	var v struct {
		Added, WithoutPassword int
		Present                []string
	}
	g.CLIJSON(t, &v, string(table), "user", "import", "-", "--role", "writer")
	if v.Added != 6 || len(v.Present) != 1 {
		t.Fatalf("%+v", v)
	}
	for _, name := range []string{"pbkdf2_sha256", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"} {
		email := name + "@example.com"
		want(t, name+" with a wrong password", g.Client(t).TryLogin(t, email, "another password 123"), 401, "login_failed")
		for range 2 { // by Django's hash, then by ours
			if me := signedIn(t, g, email).Session(t, ""); len(me.Roles) != 1 || me.Roles[0] != "writer" {
				t.Errorf("%s: roles %v", name, me.Roles)
			}
		}
	}
	want(t, "without a password", g.Client(t).TryLogin(t, "nobody@example.com", harness.Password), 401, "login_failed")
	if n := strings.Count(g.CLI(t, "", "audit", "export"), "hashed at the present cost"); n != 5 {
		t.Errorf("%d hashes were made anew", n)
	}
	bad := strings.Replace(string(table), "pbkdf2_sha256$", "md5$", 1)
	if r := g.Run(t, bad, "user", "import", "-"); r.Exit != 1 || !strings.Contains(r.Stderr, "line 2:") || strings.Contains(r.Stderr, "$") {
		t.Errorf("a hash that is none: %d %s", r.Exit, r.Stderr)
	}
}
