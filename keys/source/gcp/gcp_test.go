package gcp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/keys/source/ask"
)

const canary = "c4nary-v4lue-that-must-not-be-shown"

// cloud is the metadata server and Secret Manager, as far as they are asked.
type cloud struct {
	mu     sync.Mutex
	token  string // the one that is good
	tokens int
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/token" {
		if r.Header.Get("Metadata-Flavor") != "Google" {
			w.WriteHeader(403)
			return
		}
		c.tokens++
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":3599,"token_type":"Bearer"}`, c.token)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+c.token {
		w.WriteHeader(401)
		_, _ = io.WriteString(w, `{"error":{"code":401,"message":"`+canary+`"}}`)
		return
	}
	version := func(data, sum string) {
		_, _ = fmt.Fprintf(w, `{"name":"projects/1/secrets/s/versions/3","payload":{"data":%q,"dataCrc32c":%q}}`, data, sum)
	}
	switch r.URL.Path {
	case "/v1/projects/p/secrets/s/versions/latest:access":
		version("MTIzNDU2Nzg5", "3808858755") // "123456789": 0xE3069283, the check value of CRC-32C
	case "/v1/projects/p/secrets/s/versions/2:access":
		version("eyJrIjoidiJ9", "") // {"k":"v"}
	case "/v1/projects/p/secrets/damaged/versions/latest:access":
		version("MTIzNDU2Nzg4", "3808858755")
	case "/v1/projects/p/secrets/denied/versions/latest:access":
		w.WriteHeader(403)
	case "/v1/projects/p/secrets/disabled/versions/latest:access":
		w.WriteHeader(400)
	case "/v1/projects/p/secrets/noise/versions/latest:access":
		_, _ = io.WriteString(w, "<html>"+canary)
	default:
		w.WriteHeader(404)
	}
}

func TestFetch(t *testing.T) {
	there := &cloud{token: "ya29.one"}
	s := httptest.NewServer(there)
	t.Cleanup(s.Close)
	send := ask.With(s.Client())
	now := time.Unix(1_800_000_000, 0)
	c := &Client{API: s.URL, Metadata: s.URL, Now: func() time.Time { return now }, Get: func(ctx context.Context, method, url string, header map[string]string) (int, []byte, error) {
		return send(ctx, method, url, header, nil)
	}}
	r := &source.Resolver{GCP: c}
	for _, tt := range []struct{ ref, want, err string }{
		{"gcpsm://projects/p/secrets/s", "123456789", ""},
		{"gcpsm://projects/p/secrets/s/versions/2", `{"k":"v"}`, ""},
		{"gcpsm://projects/p/secrets/s/versions/2#k", "v", ""},
		{"gcpsm://projects/p/secrets/s/versions/2#none", "", "no field"},
		{"gcpsm://projects/p/secrets/s#k", "", "no JSON object"},
		{"gcpsm://projects/p/secrets/damaged", "", "checksum"},
		{"gcpsm://projects/p/secrets/denied", "", "secretAccessor"},
		{"gcpsm://projects/p/secrets/disabled", "", "disabled or destroyed"},
		{"gcpsm://projects/p/secrets/nowhere", "", "does not exist"},
		{"gcpsm://projects/p/secrets/noise", "", "no JSON"},
	} {
		v, err := r.Resolve(t.Context(), tt.ref)
		if tt.err == "" && (err != nil || string(v.Expose()) != tt.want) {
			t.Errorf("%s: %q, %v", tt.ref, v.Expose(), err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: %v, want an error with %q", tt.ref, err, tt.err)
		}
	}
	if there.tokens != 1 {
		t.Errorf("%d tokens were asked for", there.tokens)
	}
	there.mu.Lock()
	there.token = "ya29.two" // the one before is refused: it is replaced once
	there.mu.Unlock()
	if v, err := r.Resolve(t.Context(), "gcpsm://projects/p/secrets/s"); err != nil || string(v.Expose()) != "123456789" || there.tokens != 2 {
		t.Errorf("%v after %d tokens", err, there.tokens)
	}
	now = now.Add(59 * time.Minute)
	if _, err := r.Resolve(t.Context(), "gcpsm://projects/p/secrets/s"); err != nil || there.tokens != 3 {
		t.Errorf("near its end: %v after %d tokens", err, there.tokens)
	}
	c.Metadata = "http://127.0.0.1:1"
	c.held.Store(nil)
	if _, err := r.Resolve(t.Context(), "gcpsm://projects/p/secrets/s"); err == nil || !strings.Contains(err.Error(), "metadata server") {
		t.Errorf("not on Google Cloud: %v", err)
	}
}
