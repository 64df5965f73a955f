package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// griefProvider is an OpenID provider whose token endpoint repeats what it was sent: code,
// verifier and the client's secret.
type griefProvider struct {
	URL   string
	asked atomic.Int32
	ways  int
}

func startGriefProvider(t *testing.T) *griefProvider {
	t.Helper()
	p := &griefProvider{ways: 6}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func (p *griefProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path != "/token" {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/jwks",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"}, "keys": []string{}})
		return
	}
	body, _ := io.ReadAll(r.Body)
	_, secret, _ := r.BasicAuth()
	plain, _ := url.QueryUnescape(secret)
	text := fmt.Sprintf("%s %s %s", r.Header.Get("Authorization"), plain, body)
	quoted, _ := json.Marshal(text)
	switch p.asked.Add(1) % int32(p.ways) {
	case 0: // RFC 6749, Section 5.2
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":%s,"error_uri":%s}`, quoted, quoted)
	case 1:
		w.WriteHeader(http.StatusBadRequest)
		alone, _ := json.Marshal(plain) // no word before it by which it could be known
		_, _ = fmt.Fprintf(w, `{"error":%s}`, alone)
	case 2:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, text)
	case 3: // no JSON, and a token that is none
		_, _ = io.WriteString(w, text)
	case 4:
		_, _ = fmt.Fprintf(w, `{"access_token":"x","token_type":"Bearer","id_token":%s}`, quoted)
	default:
		w.Header().Set("Location", p.URL+"/else?"+url.QueryEscape(text))
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// provider has people sign in at the provider, which gives codes and no tokens.
func (s *stage) provider(t *testing.T, p *griefProvider) {
	t.Helper()
	for n := range p.ways {
		c := s.g.Client(t)
		a := c.Get(t, begins, opened...)
		to, err := url.Parse(a.Header.Get("Location"))
		if err != nil || to.Query().Get("state") == "" {
			t.Fatalf("to the provider = %d %q", a.Status, a.Header.Get("Location"))
		}
		for name, v := range to.Query() {
			if n == 0 && (name == "state" || name == "nonce") {
				s.plant("the "+name+" of a sign-in", v[0], v[0])
			}
		}
		code := planted(fmt.Sprintf("a code of the provider (%d)", n))
		s.plant(code.what, code.value, code.core)
		back := begins + "/callback?" + url.Values{"code": {code.value}, "state": {to.Query().Get("state")}}.Encode()
		site := strings.Replace(strings.Join(opened, "\n"), "same-origin", "cross-site", 1)
		for range 2 { // the second time, the state is spent
			s.request(t, c, "GET", back, "", strings.Split(site, "\n")...)
		}
		s.request(t, c, "GET", begins+"/callback?error="+url.QueryEscape(code.value)+"&error_description="+url.QueryEscape(code.value)+"&state=x", "", opened...)
	}
	if got := int(p.asked.Load()); got < p.ways {
		t.Errorf("the provider was asked %d times, want %d at least", got, p.ways)
	}
}
