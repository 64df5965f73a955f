package peers_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sanmon-gate/sanmon/keys/source"
	asking "github.com/sanmon-gate/sanmon/keys/source/ask"
	"github.com/sanmon-gate/sanmon/keys/source/gcp"
)

// cloud is a metadata server and Secret Manager that keeps what it was asked.
type cloud struct {
	mu    sync.Mutex
	asked map[string]bool // method, path and the fields that count
}

// versions are what is there; a number is the status that is answered instead.
var versions = map[string]any{
	"projects/p/secrets/s/versions/latest": "the latest", "projects/p/secrets/s/versions/7": "the seventh",
	"projects/my-project.example/secrets/a_b-C9/versions/latest": "odd name", "projects/123456789012/secrets/s/versions/live": "by alias",
	"projects/p/secrets/denied/versions/latest": 403, "projects/p/secrets/gone/versions/latest": 404, "projects/p/secrets/off/versions/1": 400, "projects/p/secrets/busy/versions/latest": 429, "projects/p/secrets/down/versions/latest": 500,
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.asked[fmt.Sprintf("%s %s flavor=%q auth=%q", r.Method, r.URL.Path, r.Header.Get("Metadata-Flavor"), r.Header.Get("Authorization"))] = true
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/token") {
		w.Header().Set("Metadata-Flavor", "Google")
		_, _ = io.WriteString(w, `{"access_token":"ya29.token","expires_in":3599,"token_type":"Bearer"}`)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/computeMetadata/") { // who the account is, which google-auth asks as well
		w.Header().Set("Metadata-Flavor", "Google")
		_, _ = io.WriteString(w, `{"email":"robot@p.iam.gserviceaccount.com","scopes":["https://www.googleapis.com/auth/cloud-platform"],"aliases":["default"]}`)
		return
	}
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/"), ":access")
	switch v := versions[name].(type) {
	case string:
		sum := crc32.Checksum([]byte(v), crc32.MakeTable(crc32.Castagnoli))
		_, _ = fmt.Fprintf(w, `{"name":%q,"payload":{"data":%q,"dataCrc32c":"%d"}}`, name, base64.StdEncoding.EncodeToString([]byte(v)), sum)
	case int:
		w.WriteHeader(v)
		_, _ = fmt.Fprintf(w, `{"error":{"code":%d,"message":"no"}}`, v)
	default:
		w.WriteHeader(418)
	}
}

func (c *cloud) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Sorted(maps.Keys(c.asked))
	c.asked = map[string]bool{}
	return all
}

// TestGoogleClient: Google's own client, with tokens by google-auth, asks the same servers for
// the same things as ours, and reads the same out of the answers.
func TestGoogleClient(t *testing.T) {
	t.Parallel()
	there := &cloud{asked: map[string]bool{}}
	s := httptest.NewServer(there)
	t.Cleanup(s.Close)
	names := slices.Sorted(maps.Keys(versions))
	var theirs []struct {
		Status int
		Value  string
		CRC    int64
		Error  string
	}
	ask(t, "google_client.py", map[string]any{"host": strings.TrimPrefix(s.URL, "http://"), "names": names}, &theirs)
	asked := there.taken()
	send := asking.With(s.Client())
	r := &source.Resolver{GCP: &gcp.Client{API: s.URL, Metadata: s.URL, Get: func(ctx context.Context, method, url string, header map[string]string) (int, []byte, error) {
		return send(ctx, method, url, header, nil)
	}}}
	for i, name := range names {
		v, err := r.Resolve(t.Context(), "gcpsm://"+name)
		switch want, known := versions[name].(string); {
		case theirs[i].Value != want || known != (theirs[i].Status == 200) || theirs[i].Status < 0:
			t.Errorf("%s: Google's client has %+v, which is not what is there", name, theirs[i])
		case known && (err != nil || string(v.Expose()) != want):
			t.Errorf("%s: %q, %v; want %q", name, v.Expose(), err, want)
		case !known && err == nil:
			t.Errorf("%s: no error, Google's client has %d", name, theirs[i].Status)
		}
	}
	ours := there.taken()
	for _, one := range ours {
		if !slices.Contains(asked, one) {
			t.Errorf("we ask %s, which Google's client does not:\n%s", one, strings.Join(asked, "\n"))
		}
	}
	for _, one := range asked {
		if strings.Contains(one, "/v1/") && strings.Contains(one, "secrets") && !slices.Contains(ours, one) {
			t.Errorf("Google's client asks %s, and we do not:\n%s", one, strings.Join(ours, "\n"))
		}
	}
	if len(ours) != len(versions)+1 { // each, and one token for all
		t.Errorf("we asked %d things:\n%s", len(ours), strings.Join(ours, "\n"))
	}
}
