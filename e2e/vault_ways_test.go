package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/e2e/harness"
)

// reviewer is the one address of a Kubernetes API server that Vault asks whether a service
// account's token is good (Kubernetes API, authentication.k8s.io/v1, TokenReview).
type reviewer struct {
	mu    sync.Mutex
	good  map[string]string // token to the user it is of
	asked int
}

func (k *reviewer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct{ Spec struct{ Token string } }
	if r.Method != "POST" || r.URL.Path != "/apis/authentication.k8s.io/v1/tokenreviews" || r.Header.Get("Authorization") != "Bearer "+reviewerToken || json.NewDecoder(r.Body).Decode(&in) != nil {
		w.WriteHeader(403)
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	status := map[string]any{"authenticated": false}
	if user, ok := k.good[in.Spec.Token]; ok {
		status = map[string]any{"authenticated": true, "audiences": []string{"https://kubernetes.default.svc"}, "user": map[string]any{"username": user, "uid": "1e0b6d7c-0000-4000-8000-000000000001"}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status})
}

func (k *reviewer) only(token, user string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.good = map[string]string{token: user}
}

const reviewerToken = "eyJhbGciOiJFUzI1NiJ9.e30.reviewer"

// accountToken is a service account's token as a cluster issues one (RFC 7519; ES256), bound to
// a pod by its id.
func accountToken(t *testing.T, account, id string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	claims, _ := json.Marshal(map[string]any{"aud": []string{"https://kubernetes.default.svc"}, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "iss": "https://kubernetes.default.svc", "jti": id,
		"sub": "system:serviceaccount:shop:" + account, "kubernetes.io": map[string]any{"namespace": "shop", "serviceaccount": map[string]string{"name": account, "uid": "1e0b6d7c-0000-4000-8000-000000000001"}}})
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"k1"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// vaultGate is a gate whose metrics token is at ref, and that reaches Vault as secrets says.
func vaultGate(t *testing.T, upstream, ref, how string) *harness.Gate {
	t.Helper()
	return harness.NewGate(t, harness.Options{Upstream: upstream, Routes: oneRoute,
		Top: fmt.Sprintf("metrics: { token: %q }\nsecrets: { interval: 1s, vault: { %s } }\n", ref, how)})
}

func metricsWith(t *testing.T, g *harness.Gate, token string) bool {
	t.Helper()
	r, err := http.NewRequest("GET", fmt.Sprintf("http://127.0.0.1:%d/metrics", g.Admin), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == 200
}

// TestRealVaultOverTLS: a real server with an authority of its own, both versions of the
// key-value engine, and every way to name the wrong thing: none starts, each says why.
func TestRealVaultOverTLS(t *testing.T) {
	t.Parallel()
	v := startVaultAs(t, true)
	v.put("metrics", "metrics-token-1")
	v.put("metrics", "metrics-token-2")
	v.do("POST", "secret/data/sanmon/number", map[string]any{"data": map[string]any{"v": 5432}})
	v.put("deleted", "x")
	v.do("DELETE", "secret/data/sanmon/deleted", nil)
	v.do("POST", "sys/mounts/old", map[string]any{"type": "kv", "options": map[string]string{"version": "1"}})
	v.do("POST", "old/app/metrics", map[string]string{"v": "metrics-token-old"})
	v.do("POST", "sys/mounts/bytes", map[string]any{"type": "transit"})
	upstream := plainBackend(t)
	foreign, _, _ := certificate(t)
	reach := func(ca string) string {
		return fmt.Sprintf("address: %q, token: file:./token%s", v.URL, ca)
	}
	known := fmt.Sprintf(", tls_ca: %q", v.CA)
	for _, row := range []struct{ ref, ca, token, err string }{
		{"vault://secret/sanmon/metrics#v", known, "metrics-token-2", ""},
		{"vault://secret/sanmon/metrics#v?version=1", known, "metrics-token-1", ""},
		{"vault://old/app/metrics#v?kv=1", known, "metrics-token-old", ""},
		{"vault://old/app/metrics#v", known, "", "add ?kv=1"},
		{"vault://secret/sanmon/metrics#v?kv=1", known, "", "leave ?kv=1 out"},
		{"vault://secret/sanmon/metrics#none", known, "", "no field of that name"},
		{"vault://secret/sanmon/metrics#v?version=9", known, "", "does not exist"},
		{"vault://secret/sanmon/nothing#v", known, "", "does not exist"},
		{"vault://secret/sanmon/deleted#v", known, "", "does not exist"},
		{"vault://secret/sanmon/number#v", known, "", "the field is no text"},
		{"vault://nowhere/x#v", known, "", "look at mount and path"},
		{"vault://bytes/x#v", known, "", "look at mount and path"},
		{"vault://secret/sanmon/metrics#v", known + ", namespace: team-a", "metrics-token-2", ""}, // only Vault Enterprise and OpenBao have them: this one ignores it
		{"vault://secret/sanmon/metrics#v", "", "", "secrets.vault.tls_ca"},
		{"vault://secret/sanmon/metrics#v", fmt.Sprintf(", tls_ca: %q", foreign), "", "secrets.vault.tls_ca"},
	} {
		g := vaultGate(t, upstream, row.ref, reach(row.ca))
		g.WriteFile(t, "token", "root\n")
		if row.err != "" {
			if out, exited, _ := g.TryStart(t, 20*time.Second); !exited || !strings.Contains(out, row.err) || strings.Contains(out, "metrics-token") || strings.Contains(out, "panic") {
				t.Errorf("%s%s: exited %v, want %q:\n%s", row.ref, row.ca, exited, row.err, out)
			}
			continue
		}
		g.Start(t)
		if !metricsWith(t, g, row.token) {
			t.Errorf("%s: the token of the metrics is another one", row.ref)
		}
		g.Stop()
	}
}

// TestRealVaultKubernetes: Vault's own Kubernetes method, which asks a token review of ours.
// The token of the pod is one that everybody can read, is exchanged while the gate runs, and
// one of another account signs nobody in.
func TestRealVaultKubernetes(t *testing.T) {
	t.Parallel()
	v := startVault(t)
	k := &reviewer{}
	cluster := httptest.NewServer(k)
	t.Cleanup(cluster.Close)
	v.put("metrics", "metrics-token-1")
	v.do("PUT", "sys/policies/acl/sanmon", map[string]string{"policy": `path "secret/data/sanmon/*" { capabilities = ["read"] }`})
	v.do("POST", "sys/auth/pods", map[string]string{"type": "kubernetes"})
	v.do("POST", "auth/pods/config", map[string]any{"kubernetes_host": cluster.URL, "token_reviewer_jwt": reviewerToken, "disable_local_ca_jwt": true})
	v.do("POST", "auth/pods/role/sanmon", map[string]any{"bound_service_account_names": "gate", "bound_service_account_namespaces": "shop", "audience": "https://kubernetes.default.svc", "token_policies": "sanmon", "token_ttl": "3s", "token_max_ttl": "5s"})

	g := vaultGate(t, plainBackend(t), "vault://secret/sanmon/metrics#v", fmt.Sprintf("address: %q, kubernetes: { role: sanmon, mount: pods, jwt: file:./jwt }", v.URL))
	jwt := func(token string) { // as the kubelet does: another file, renamed
		t.Helper()
		path := filepath.Join(g.Dir, "jwt")
		if err := os.WriteFile(path+".new", []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path+".new", 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	first, second, other := accountToken(t, "gate", "1"), accountToken(t, "gate", "2"), accountToken(t, "other", "3")
	k.only(other, "system:serviceaccount:shop:other")
	jwt(other)
	if out, exited, _ := g.TryStart(t, 20*time.Second); !exited || !strings.Contains(out, "sign in by Kubernetes: the server refuses it") || strings.Contains(out, other) {
		t.Errorf("with the account of another: exited %v\n%s", exited, out)
	}
	k.only(first, "system:serviceaccount:shop:gate")
	jwt(first)
	g.Start(t)
	if !metricsWith(t, g, "metrics-token-1") {
		t.Fatal("the token of Vault is not that of the metrics")
	}
	k.only(second, "system:serviceaccount:shop:gate") // the first one has ended
	g.LogWith(t, 20*time.Second, map[string]any{"level": "WARN", "setting": "metrics.token"})
	if !metricsWith(t, g, "metrics-token-1") {
		t.Error("the last good value does not hold while nobody can sign in")
	}
	v.put("metrics", "metrics-token-2")
	jwt(second)
	eventually(t, 20*time.Second, func() bool { return metricsWith(t, g, "metrics-token-2") })
	for _, hidden := range []string{first, second, "metrics-token", "hvs."} {
		if strings.Contains(g.Output(), hidden) {
			t.Errorf("%.20s is logged", hidden)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked < 3 {
		t.Errorf("Vault asked for %d reviews", k.asked)
	}
}

// TestRealVaultSecretID: a secret id that is used up or ended signs in no more, which is said
// and changes nothing; another one in the file does, without a restart.
func TestRealVaultSecretID(t *testing.T) {
	t.Parallel()
	v := startVault(t)
	v.put("metrics", "metrics-token-1")
	v.do("PUT", "sys/policies/acl/sanmon", map[string]string{"policy": `path "secret/data/sanmon/*" { capabilities = ["read"] }`})
	v.do("POST", "sys/auth/machines", map[string]string{"type": "approle"})
	v.do("POST", "auth/machines/role/sanmon", map[string]any{"token_policies": "sanmon", "token_ttl": "2s", "token_max_ttl": "4s", "secret_id_num_uses": 1})
	role := v.do("GET", "auth/machines/role/sanmon/role-id", nil)["role_id"]
	id := func() string {
		return fmt.Sprint(v.do("POST", "auth/machines/role/sanmon/secret-id", map[string]any{})["secret_id"])
	}
	g := vaultGate(t, plainBackend(t), "vault://secret/sanmon/metrics#v", fmt.Sprintf("address: %q, approle: { role_id: %q, secret_id: file:./sid, mount: machines }", v.URL, role))
	g.WriteFile(t, "sid", id())
	g.Start(t)
	g.LogWith(t, 20*time.Second, map[string]any{"level": "WARN", "setting": "metrics.token"}) // its only use was the start
	if !metricsWith(t, g, "metrics-token-1") {
		t.Error("the last good value does not hold while nobody can sign in")
	}
	v.put("metrics", "metrics-token-2")
	again := id()
	g.WriteFile(t, "sid", again)
	eventually(t, 20*time.Second, func() bool { return metricsWith(t, g, "metrics-token-2") })
	if !strings.Contains(g.Output(), "sign in by AppRole: the server refuses it") || strings.Contains(g.Output(), again) {
		t.Errorf("what went wrong is not said, or too much is:\n%s", g.Output())
	}
	if err := g.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	want(t, "the gate goes on", g.Client(t).Get(t, "/"), 200, "")
}
