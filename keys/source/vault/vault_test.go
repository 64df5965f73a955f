package vault_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/keys/source/vault"
	"github.com/sanmon-gate/sanmon/secret"
)

const canary = "c4nary-v4lue-that-must-not-be-shown"

// server behaves as the HTTP API of Vault does for what is asked of it here: paths, headers,
// status codes and bodies are those of developer.hashicorp.com/vault/api-docs (system, auth/
// token, auth/approle, auth/kubernetes, secret/kv/kv-v1, secret/kv/kv-v2).
type server struct {
	mu        sync.Mutex
	now       time.Time
	tokens    map[string]time.Time // to when each ends
	namespace string
	sealed    bool
	lease     time.Duration
	max       time.Time // no renewal beyond it
	logins    int
	renewals  int
	requests  int
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	body, _ := io.ReadAll(r.Body)
	in := map[string]string{}
	_ = json.Unmarshal(body, &in)
	switch {
	case s.sealed:
		fail(w, 503, "Vault is sealed")
	case r.Header.Get("X-Vault-Request") != "true":
		fail(w, 412, "missing X-Vault-Request")
	case r.Header.Get("X-Vault-Namespace") != s.namespace:
		fail(w, 404)
	case r.Method == "POST" && r.URL.Path == "/v1/auth/approle/login":
		s.login(w, in["role_id"] == "role-1" && in["secret_id"] == "secret-id-1", "invalid role or secret ID")
	case r.Method == "POST" && r.URL.Path == "/v1/auth/k8s/prod/login":
		s.login(w, in["role"] == "sanmon" && in["jwt"] == "jwt-1", "invalid JWT "+in["jwt"])
	case strings.HasPrefix(r.URL.Path, "/v1/auth/") && strings.HasSuffix(r.URL.Path, "/login"):
		fail(w, 404, "no handler for route "+r.URL.Path)
	case !s.tokens[r.Header.Get("X-Vault-Token")].After(s.now):
		fail(w, 403, "permission denied")
	case r.Method == "POST" && r.URL.Path == "/v1/auth/token/renew-self":
		s.renewals++
		until := s.now.Add(s.lease)
		if until.After(s.max) {
			until = s.max
		}
		s.tokens[r.Header.Get("X-Vault-Token")] = until
		s.auth(w, r.Header.Get("X-Vault-Token"), until)
	case r.Method != "GET":
		fail(w, 405, "unsupported operation")
	default:
		s.read(w, r)
	}
}

func (s *server) login(w http.ResponseWriter, ok bool, no string) {
	s.logins++
	if !ok {
		fail(w, 400, no)
		return
	}
	token := fmt.Sprintf("hvs.%d-%s", s.logins, canary)
	s.tokens[token] = s.now.Add(s.lease)
	s.auth(w, token, s.tokens[token])
}

func (s *server) auth(w http.ResponseWriter, token string, until time.Time) {
	answer(w, map[string]any{"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "data": nil, "auth": map[string]any{
		"client_token": token, "accessor": "a", "policies": []string{"default"}, "token_type": "service",
		"lease_duration": int(until.Sub(s.now).Seconds()), "renewable": true, "entity_id": "e", "orphan": true,
	}})
}

func (s *server) read(w http.ResponseWriter, r *http.Request) {
	two := func(version int, data any) {
		answer(w, map[string]any{"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "auth": nil, "data": map[string]any{
			"data": data, "metadata": map[string]any{"version": version, "destroyed": false, "deletion_time": "", "created_time": "2026-01-01T00:00:00Z", "custom_metadata": nil}}})
	}
	switch r.URL.Path + "?" + r.URL.RawQuery {
	case "/v1/secret/data/app/db?":
		two(3, map[string]any{"password": canary, "empty": "", "port": 5432, "nothing": nil, "list": []string{canary}})
	case "/v1/secret/data/app/db?version=2":
		two(2, map[string]any{"password": "older"})
	case "/v1/secret/data/app/deleted?":
		w.WriteHeader(404)
		_, _ = io.WriteString(w, `{"request_id":"r","data":{"data":null,"metadata":{"version":1,"deletion_time":"2026-01-01T00:00:00Z","destroyed":false}}}`)
	case "/v1/secret/data/app/softly?":
		two(1, nil)
	case "/v1/kv/app/db?":
		answer(w, map[string]any{"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 2764800, "auth": nil, "data": map[string]any{"password": "one"}})
	case "/v1/database/creds/role?":
		answer(w, map[string]any{"lease_id": "database/creds/role/x", "renewable": true, "lease_duration": 3600, "data": map[string]any{"password": canary, "username": "v-1"}})
	case "/v1/secret/data/denied?":
		fail(w, 403, "1 error occurred: permission denied, "+canary)
	case "/v1/secret/data/standby?":
		fail(w, 473)
	case "/v1/secret/data/odd?":
		fail(w, 418, canary)
	case "/v1/secret/data/moved?":
		w.Header().Set("Location", "http://203.0.113.1/v1/secret/data/moved")
		w.WriteHeader(307)
	case "/v1/secret/data/huge?":
		_, _ = w.Write(bytes.Repeat([]byte("x"), 2<<20))
	case "/v1/secret/data/noise?":
		_, _ = io.WriteString(w, "<html>"+canary)
	case "/v1/secret/data/cut?":
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"data":`)
	default:
		fail(w, 404)
	}
}

func answer(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }

func fail(w http.ResponseWriter, status int, errs ...string) {
	w.WriteHeader(status)
	if errs == nil {
		errs = []string{}
	}
	answer(w, map[string]any{"errors": errs})
}

// world is a server with TLS and a client of it.
type world struct {
	*server
	client *vault.Client
	r      *source.Resolver
	url    string
	http   *http.Client
}

func held(text string) vault.Held {
	return func(context.Context) (secret.Value, error) { return secret.NewString(text), nil }
}

func build(t *testing.T, sign vault.SignIn) *world {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	s := &server{now: now, tokens: map[string]time.Time{"root": now.Add(24 * time.Hour)}, namespace: "team-a", lease: time.Hour, max: now.Add(100 * time.Hour)}
	ts := httptest.NewTLSServer(s)
	t.Cleanup(ts.Close)
	w := &world{server: s, url: ts.URL, http: ts.Client()}
	w.client = &vault.Client{Do: vault.HTTP(ts.Client(), ts.URL, "team-a"), SignIn: sign, Now: func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now }}
	w.r = &source.Resolver{Vault: w.client}
	return w
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func TestFetch(t *testing.T) {
	w := build(t, vault.WithToken(held("root")))
	for _, tt := range []struct{ ref, want, err string }{
		{"vault://secret/app/db#password", canary, ""},
		{"vault://secret/app/db#password?version=2", "older", ""},
		{"vault://secret/app/db?version=2#password", "older", ""},
		{"vault://kv/app/db#password?kv=1", "one", ""},
		{"vault://secret/app/db#nosuch", "", "no field of that name"},
		{"vault://secret/app/db#empty", "", "it is empty"},
		{"vault://secret/app/db#port", "", "no text"},
		{"vault://secret/app/db#nothing", "", "no text"},
		{"vault://secret/app/db#list", "", "no text"},
		{"vault://secret/app/deleted#password", "", "kv=1"},
		{"vault://secret/app/softly#password", "", "was deleted"},
		{"vault://secret/nowhere#password", "", "does not exist"},
		{"vault://kv/app/db#password", "", "add ?kv=1"},
		{"vault://secret/app/db#password?kv=1", "", "leave ?kv=1 out"},
		{"vault://database/creds/role#password?kv=1", "", "a new credential for each reading"},
		{"vault://secret/denied#password", "", "let the policy"},
		{"vault://secret/standby#password", "", "standby"},
		{"vault://secret/odd#password", "", "status 418"},
		{"vault://secret/moved#password", "", "redirects"},
		{"vault://secret/huge#password", "", "more than 1048576 bytes"},
		{"vault://secret/noise#password", "", "no JSON"},
		{"vault://secret/cut#password", "", "cannot be reached"},
	} {
		v, err := w.r.Resolve(t.Context(), tt.ref)
		if tt.err == "" && (err != nil || string(v.Expose()) != tt.want) {
			t.Errorf("%s: %q, %v", tt.ref, v.Expose(), err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), tt.ref) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: %v, want an error with %q and the reference, without the value", tt.ref, err, tt.err)
		}
	}
	w.sealed = true
	if _, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password"); err == nil || !strings.Contains(err.Error(), "unseal") {
		t.Errorf("sealed: %v", err)
	}
}

func TestSignIn(t *testing.T) {
	for name, tt := range map[string]struct {
		sign vault.SignIn
		err  string
	}{
		"token":               {vault.WithToken(held("root")), ""},
		"wrong token":         {vault.WithToken(held(canary)), "let the policy"},
		"no token":            {vault.WithToken(func(context.Context) (secret.Value, error) { return secret.Value{}, errors.New("gone") }), "token: gone"},
		"approle":             {vault.AppRole("approle", "role-1", held("secret-id-1")), ""},
		"approle, wrong":      {vault.AppRole("approle", "role-1", held(canary)), "used up"},
		"approle, elsewhere":  {vault.AppRole("/else/", "role-1", held("secret-id-1")), "not mounted"},
		"kubernetes":          {vault.Kubernetes("k8s/prod", "sanmon", held("jwt-1")), ""},
		"kubernetes, wrong":   {vault.Kubernetes("k8s/prod", "sanmon", held(canary)), "sign in by Kubernetes"},
		"kubernetes, no file": {vault.Kubernetes("k8s/prod", "sanmon", func(context.Context) (secret.Value, error) { return secret.Value{}, source.ErrAbsent }), "does not exist"},
	} {
		v, err := build(t, tt.sign).r.Resolve(t.Context(), "vault://secret/app/db#password")
		if tt.err == "" && (err != nil || string(v.Expose()) != canary) {
			t.Errorf("%s: %v", name, err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: %v, want an error with %q", name, err, tt.err)
		}
	}
}

// A token lives its lease, is renewed before it ends, and replaced when it cannot be.
func TestTokenLife(t *testing.T) {
	w := build(t, vault.AppRole("approle", "role-1", held("secret-id-1")))
	step := func(what string, logins, renewals int) {
		t.Helper()
		if _, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if w.logins != logins || w.renewals != renewals {
			t.Errorf("%s: %d logins and %d renewals, want %d and %d", what, w.logins, w.renewals, logins, renewals)
		}
	}
	step("first", 1, 0)
	step("again", 1, 0)
	w.later(39 * time.Minute)
	step("before two thirds", 1, 0)
	w.later(2 * time.Minute)
	step("after two thirds", 1, 1)
	w.later(2 * time.Hour)
	step("after the end", 2, 1)
	for token := range w.tokens { // somebody revokes it
		delete(w.tokens, token)
	}
	step("revoked", 3, 1)
	w.max = w.now.Add(41 * time.Minute) // the largest life is nearly over
	w.later(41 * time.Minute)
	step("cannot be renewed", 4, 2)
}

// Many who ask at once sign in once.
func TestSignInOnce(t *testing.T) {
	w := build(t, vault.AppRole("approle", "role-1", held("secret-id-1")))
	var all sync.WaitGroup
	var bad atomic.Int32
	for range 30 {
		all.Go(func() {
			if _, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password"); err != nil {
				bad.Add(1)
			}
		})
	}
	all.Wait()
	if bad.Load() != 0 || w.logins != 1 {
		t.Errorf("%d failed, %d logins", bad.Load(), w.logins)
	}
}

// The token that a Vault Agent exchanged is taken when the one before is refused.
func TestExchangedToken(t *testing.T) {
	current := "root"
	w := build(t, vault.WithToken(func(context.Context) (secret.Value, error) { return secret.NewString(current), nil }))
	if _, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password"); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.tokens = map[string]time.Time{"next": w.now.Add(time.Hour)}
	w.mu.Unlock()
	if _, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password"); err == nil {
		t.Error("a revoked token works")
	}
	current = "next"
	if _, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password"); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	w := build(t, vault.WithToken(held("root")))
	w.client.Do = vault.HTTP(http.DefaultClient, w.url, "team-a") // does not know the authority
	_, err := w.r.Resolve(t.Context(), "vault://secret/app/db#password")
	if err == nil || !strings.Contains(err.Error(), "tls_ca") || w.requests != 0 {
		t.Errorf("%v after %d requests", err, w.requests)
	}
	w.client.Do = vault.HTTP(w.http, w.url, "team-b")
	if _, err = w.r.Resolve(t.Context(), "vault://secret/app/db#password"); !errors.Is(err, source.ErrAbsent) {
		t.Errorf("another namespace: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.client.Fetch(ended, source.Location{Path: "secret/app/db", Field: "password"}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{"data":{"data":{"f":"x"}}}`, `{"data":null}`, `{"auth":{"client_token":"t","lease_duration":-1}}`, `[]`, ``, `{"data":{"data":[]}}`, `{"lease_id":1}`} {
		f.Add(s, 200)
	}
	f.Fuzz(func(t *testing.T, body string, status int) {
		c := &vault.Client{SignIn: vault.AppRole("a", "b", held("x")), Do: func(context.Context, vault.Call) (vault.Answer, error) {
			return vault.Answer{Status: status, Body: []byte(body)}, nil
		}}
		v, err := c.Fetch(t.Context(), source.Location{Path: "a/b", Field: "f"})
		if err == nil && status != 200 || err != nil && !v.Empty() {
			t.Fatalf("status %d, %q: %v", status, body, err)
		}
	})
}

// A path that the policy denies does not leave a token behind for each attempt, and does not
// keep other paths from being read; a token that somebody revoked is still replaced at once.
func TestDeniedMakesNoTokens(t *testing.T) {
	w := build(t, vault.AppRole("approle", "role-1", held("secret-id-1")))
	read := func(path, want string) {
		t.Helper()
		_, err := w.r.Resolve(t.Context(), "vault://secret/"+path+"#password")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	for range 20 {
		read("denied", "let the policy")
		read("app/db", "")
	}
	if w.logins != 2 { // the first one, and one because the token might have been revoked
		t.Errorf("%d logins, want 2", w.logins)
	}
	for range 60 { // an hour of secrets.interval, 1m; its tokens are not due to be renewed
		w.later(time.Minute)
		read("denied", "let the policy")
	}
	if w.logins > 12 {
		t.Errorf("%d logins in an hour", w.logins)
	}
	w.later(time.Hour) // quiet
	read("app/db", "")
	logins := w.logins
	for token := range w.tokens {
		delete(w.tokens, token)
	}
	read("app/db", "")
	if w.logins != logins+1 {
		t.Errorf("a revoked token was replaced by %d", w.logins-logins)
	}
}
