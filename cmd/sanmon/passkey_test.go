package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/audit"
)

// TestMalformedPasskeysFillNoTrail: the answer of no authenticator is not a failed login
// that anybody may write down as often as the network's limit allows.
func TestMalformedPasskeysFillNoTrail(t *testing.T) {
	g := startGate(t, t.TempDir(), "step_up")
	for _, response := range []string{`{}`, `null`, `"x"`, `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}`} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", g.public+"/.sanmon/login/passkey", strings.NewReader(`{"ticket":"x","response":`+response+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "localhost:8080"
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", response, res.StatusCode)
		}
	}
	all, err := g.layers.store.Events(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range all {
		if ev.Event == audit.LoginFailed {
			t.Errorf("event %d: %s", ev.Seq, ev.Detail)
		}
	}
}
