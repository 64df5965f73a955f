package e2e_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestProviderSecretChanges: the client's secret changes at a provider that the tests did not
// write. The sign-in that meets it is refused with invalid_client (RFC 6749, Section 5.2), the
// secret is read again, and the same code is redeemed with the new one. Nothing else could have
// brought it: the source is asked once an hour.
func TestProviderSecretChanges(t *testing.T) {
	t.Parallel()
	const first, second, third = "hunter2 hunter2 hunter2", "a+b c%d/&=:hunter3", "hunter4-hunter4-hunter4"
	port := closedPort(t)
	k := &kv{values: map[string]string{"oidc": first}}
	server := httptest.NewServer(k)
	t.Cleanup(server.Close)
	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: "  - { id: home, match: { path: \"/\" }, boundary: session }\n",
		Top: fmt.Sprintf("login: { oidc: [ { name: corp, issuer: \"http://127.0.0.1:%d\", client_id: sanmon, client_secret: \"vault://secret/sanmon/oidc#v\", create: true } ] }\n", port) +
			fmt.Sprintf("secrets: { interval: 1h, vault: { address: %q, approle: { role_id: r-1, secret_id: file:./sid } } }\n", server.URL)})
	g.WriteFile(t, "sid", "s-1\n")
	p := startProvider(t, port, g.URL+"/.sanmon/login/oidc/corp/callback")
	g.Start(t)
	signIn := func(what string, in bool, said ...string) {
		t.Helper()
		s := newSurfer(t)
		back := s.signIn(g.URL+begins, "ada")
		from := len(p.Lines(0))
		to, page, status := s.open("GET", back, nil)
		if (to == g.URL+"/") != in || !in && (to != "" || strings.Contains(page, "invalid_client")) {
			t.Errorf("%s = %d to %q\n%.600s", what, status, to, page)
		}
		if got := p.tokens(from); !slices.Equal(got, said) {
			t.Errorf("%s: the provider said %q, want %q", what, got, said)
		}
	}
	signIn("the first secret", true, "granted")
	p.setSecret(second)
	signIn("changed at the provider only", false, "invalid_client")
	k.set("oidc", second, false)
	signIn("changed in both places", true, "invalid_client", "granted")
	signIn("from then on", true, "granted")
	p.setSecret(third)
	k.set("oidc", third, true) // sealed
	signIn("the source is away", false, "invalid_client")
	k.set("oidc", "also-wrong-hunter5", false)
	signIn("another one that is wrong, too", false, "invalid_client", "invalid_client")
	k.set("oidc", third, false)
	signIn("right at last", true, "invalid_client", "granted")
	for _, hidden := range []string{"hunter", "hvs.x"} {
		if strings.Contains(g.Output(), hidden) {
			t.Errorf("%q is in the log", hidden)
		}
	}
	if !strings.Contains(g.Output(), "invalid_client") {
		t.Errorf("the log does not say why:\n%s", g.Output())
	}
}
