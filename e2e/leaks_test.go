package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// TestGitHubSecretScanning: a signed message ends the key that it reports, within this
// node's next request; nothing else does. The list of public keys is served here in the
// form that GitHub documents.
func TestGitHubSecretScanning(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"public_keys": []map[string]any{{
			"key_identifier": "bcb53661", "is_current": true,
			"key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		}}})
	}))
	t.Cleanup(hub.Close)
	app := harness.SharedBackend(t, harness.FastAPI)
	g := harness.StartGate(t, harness.Options{
		Upstream: app.URL, Top: "leaks: { github: { receive: true, keys: \"" + hub.URL + "\" } }",
		Routes: "  - { id: notes, match: { path: /notes, methods: [GET] }, boundary: key, require: [\"notes:read\"] }\n",
	})
	c := g.Client(t)
	k := g.AddKey(t, "service:reports", "--role", "reader")
	eventually(t, time.Second, func() bool { return c.Get(t, "/notes", "X-Api-Key", k.Key).Status == 200 })

	const at = "/.sanmon/secret-scanning/github"
	body := fmt.Sprintf(`[{"token":%q,"type":"sanmon_api_key","url":"https://github.com/o/r/blob/c/.env","source":"content"}]`, k.Key)
	sign := func(body string) string {
		sum := sha256.Sum256([]byte(body))
		sig, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(sig)
	}
	send := func(body, id, signature string) harness.Answer {
		return c.Post(t, at, "application/json", body, "Github-Public-Key-Identifier", id, "Github-Public-Key-Signature", signature)
	}
	want(t, "without a signature", c.Post(t, at, "application/json", body), 401, "token_invalid")
	want(t, "with the signature of another body", send(body, "bcb53661", sign(body+" ")), 401, "token_invalid")
	want(t, "with a key that GitHub does not have", send(body, "ffffffff", sign(body)), 401, "token_invalid")
	want(t, "10 MB", send(strings.Repeat(" ", 10<<20)+body, "bcb53661", sign(body)), 413, "body_too_large")
	want(t, "signed and no report", send("{}", "bcb53661", sign("{}")), 422, "input_invalid")
	want(t, "GET", c.Get(t, at), 405, "method_not_allowed")
	want(t, "the key after forged reports", c.Get(t, "/notes", "X-Api-Key", k.Key), 200, "")

	a := send(body, "bcb53661", sign(body))
	sum := sha256.Sum256([]byte(k.Key))
	if want := fmt.Sprintf(`[{"token_hash":%q,"token_type":"sanmon_api_key","label":"true_positive"}]`, hex.EncodeToString(sum[:])); a.Status != 200 || strings.TrimSpace(string(a.Body)) != want {
		t.Fatalf("%d %s, want %s", a.Status, a.Body, want)
	}
	want(t, "the key after the report", c.Get(t, "/notes", "X-Api-Key", k.Key), 401, "key_invalid")
	trail := g.CLI(t, "", "audit", "export")
	if !strings.Contains(trail, `"event":"key.reported"`) || !strings.Contains(trail, `"event":"key.revoked"`) || strings.Contains(trail, k.Key[22:54]) {
		t.Error("the trail does not say what was reported, or says too much")
	}
}
