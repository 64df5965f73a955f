package e2e_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// vaultServer is a real Vault or OpenBao in its development mode, with everything in memory.
type vaultServer struct {
	t      *testing.T
	URL    string
	CA     string // file with its authority; "" without TLS
	client *http.Client
}

func startVault(t *testing.T) *vaultServer {
	t.Helper()
	return startVaultAs(t, false)
}

// startVaultAs starts one over TLS, with an authority that it makes for itself, or without.
func startVaultAs(t *testing.T, overTLS bool) *vaultServer {
	t.Helper()
	bin := os.Getenv("SANMON_TEST_VAULT")
	for _, name := range []string{"vault", "bao"} {
		if path, err := exec.LookPath(name); bin == "" && err == nil {
			bin = path
		}
	}
	if bin == "" {
		t.Skip("no Vault or OpenBao (put one into PATH, or name it in SANMON_TEST_VAULT)")
	}
	addr := fmt.Sprintf("127.0.0.1:%d", closedPort(t))
	v := &vaultServer{t: t, URL: "http://" + addr, client: &http.Client{Transport: &http.Transport{}}}
	cmd := exec.Command(bin, "server", "-dev", "-dev-root-token-id=root", "-dev-listen-address="+addr, "-dev-no-store-token")
	cmd.Dir = t.TempDir()
	if overTLS {
		cmd.Args = append(cmd.Args, "-dev-tls", "-dev-tls-cert-dir="+cmd.Dir)
		v.URL, v.CA = "https://"+addr, filepath.Join(cmd.Dir, "vault-ca.pem")
	}
	p, err := harness.StartProcess("vault", cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	eventually(t, 30*time.Second, func() bool {
		if pem, err := os.ReadFile(v.CA); overTLS && err == nil {
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(pem)
			v.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
		}
		res, err := v.client.Get(v.URL + "/v1/sys/health")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == 200
	})
	return v
}

// do asks Vault as its root.
func (v *vaultServer) do(method, path string, body any) map[string]any {
	v.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequest(method, v.URL+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", "root")
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var out map[string]any
	if res.StatusCode >= 300 {
		v.t.Fatalf("vault %s %s: %d", method, path, res.StatusCode)
	}
	_ = json.NewDecoder(res.Body).Decode(&out)
	data, _ := out["data"].(map[string]any)
	return data
}

func (v *vaultServer) put(name, value string) {
	v.t.Helper()
	v.do("POST", "secret/data/sanmon/"+name, map[string]any{"data": map[string]string{"v": value}})
}

// TestRealVault: a real server. AppRole with tokens of a few seconds, new versions of a
// secret, revoked tokens, a policy that takes the secret away, and a sealed server.
func TestRealVault(t *testing.T) {
	t.Parallel()
	v := startVault(t)
	v.put("master", strings.Repeat("0123456789abcdef", 4))
	v.put("metrics", "metrics-token-1")
	policy := func(capability string) {
		v.do("PUT", "sys/policies/acl/sanmon", map[string]string{"policy": `path "secret/data/sanmon/*" { capabilities = ["` + capability + `"] }`})
	}
	policy("read")
	v.do("POST", "sys/auth/approle", map[string]string{"type": "approle"})
	v.do("POST", "auth/approle/role/sanmon", map[string]any{"token_policies": "sanmon", "token_ttl": "3s", "token_max_ttl": "6s"})
	role := v.do("GET", "auth/approle/role/sanmon/role-id", nil)["role_id"]
	id := v.do("POST", "auth/approle/role/sanmon/secret-id", map[string]any{})["secret_id"]

	g := harness.NewGate(t, harness.Options{Upstream: plainBackend(t), Routes: oneRoute,
		Top: fmt.Sprintf("metrics: { token: \"vault://secret/sanmon/metrics#v\" }\nsecrets: { interval: 1s, vault: { address: %q, approle: { role_id: %q, secret_id: file:./sid } } }\n", v.URL, role)})
	g.WriteFile(t, "sid", fmt.Sprint(id, "\n"))
	config, err := os.ReadFile(g.Path)
	if err != nil {
		t.Fatal(err)
	}
	g.WriteConfig(t, strings.Replace(string(config), "file:./data/master.key", `"vault://secret/sanmon/master#v"`, 1))
	g.Start(t)
	metrics := func(token string) bool {
		r, _ := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d/metrics", g.Admin), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode == 200
	}
	if !metrics("metrics-token-1") {
		t.Fatal("the token of Vault is not that of the metrics")
	}
	v.put("metrics", "metrics-token-2")
	eventually(t, 10*time.Second, func() bool { return metrics("metrics-token-2") && !metrics("metrics-token-1") })

	time.Sleep(7 * time.Second) // the first token cannot be renewed any more
	v.put("metrics", "metrics-token-3")
	eventually(t, 10*time.Second, func() bool { return metrics("metrics-token-3") })

	v.do("PUT", "sys/leases/revoke-prefix/auth/approle/login", nil) // every token of the gate, behind its back
	v.put("metrics", "metrics-token-4")
	eventually(t, 10*time.Second, func() bool { return metrics("metrics-token-4") })

	policy("deny")
	g.LogWith(t, 15*time.Second, map[string]any{"level": "WARN", "setting": "metrics.token"})
	if !metrics("metrics-token-4") {
		t.Error("the last good value does not hold while the policy denies it")
	}
	policy("read")
	v.put("metrics", "metrics-token-5")
	eventually(t, 10*time.Second, func() bool { return metrics("metrics-token-5") })

	v.do("PUT", "sys/seal", nil)
	if err := g.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	g.LogWith(t, 15*time.Second, map[string]any{"level": "WARN", "msg": "SIGHUP: not every secret could be read again; the last good values stay in use"})
	if !metrics("metrics-token-5") {
		t.Error("the last good value does not hold while Vault is sealed")
	}
	want(t, "the gate goes on", g.Client(t).Get(t, "/"), 200, "")
	for _, secret := range []string{"metrics-token", fmt.Sprint(id), "hvs."} {
		if strings.Contains(g.Output(), secret) {
			t.Errorf("%q is logged", secret)
		}
	}
}
