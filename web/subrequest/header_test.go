package subrequest

import (
	"testing"

	"github.com/sanmon-gate/sanmon/web/headers"
)

// honest passes over what may be forwarded: no identity may be among that.
func TestIdentitiesAreNeverForwarded(t *testing.T) {
	for _, name := range identities {
		for _, n := range []string{name, name + "X"} {
			if n[len(n)-1] == '-' || n == name+"X" && name[len(name)-1] != '-' {
				continue // not a name, or another one
			}
			if headers.Forwardable(n) {
				t.Errorf("%s may be forwarded, and is an identity", n)
			}
		}
	}
	for in, want := range map[string]string{"remote_user": "Remote-User", "Remote.User": "Remote-User", "X_ORIGINAL_URL": "X-Original-Url", "sanmon~assertion": "Sanmon-Assertion", "Accept": "Accept"} {
		if got := folded(in); got != want {
			t.Errorf("folded(%q) = %q, want %q", in, got, want)
		}
	}
}
