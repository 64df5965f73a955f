package login

import (
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// TestEvenTimes: where hashes of another program take longer than ours, every no is held
// back, that of a user who is disabled and whose password was right, too: it looks like the
// others, and must not tell by its time that the password is good. Only a lower
// bound is asked for, which no machine is too slow for.
func TestEvenTimes(t *testing.T) {
	w := newWorld(t)
	w.Hasher.Learn(bg, []secret.Value{secret.NewString(
		"pbkdf2_sha256$2000000$salt$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")})
	for _, who := range []string{"alice@example.com", "nobody@example.com", "dora@example.com"} {
		pw := "a wrong password"
		if who == "dora@example.com" {
			pw = right
		}
		began := time.Now()
		if _, err := w.Login(bg, try(who, pw), t0); err == nil {
			t.Fatalf("%s is let in", who)
		}
		if no := time.Since(began); no < 100*time.Millisecond {
			t.Errorf("%s: no after %v, want 100ms or more", who, no)
		}
	}
}
