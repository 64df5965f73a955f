package trail

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An endpoint that says what it keeps is read; of one that does not, it is known whether
// asking again makes sense. No error names the URL.
func TestWebhookRead(t *testing.T) {
	var status int
	var body string
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Method
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	h := NewWebhook(srv.URL + "/put?token=hush")
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string // of the answer
		silent bool
		later  bool
	}{
		{"kept", 200, "{}\n", "{}\n", false, false},
		{"empty", 200, "", "", false, false},
		{"nothing kept yet", 204, "", "", false, false},
		{"redirect", 302, "{}", "", true, false},
		{"no such address", 404, "", "", true, false},
		{"takes POST only", 405, "", "", true, false},
		{"not implemented", 501, "", "", true, false},
		{"asked too often", 429, "", "", true, true},
		{"broken", 500, "", "", true, true},
		{"too long", 200, strings.Repeat("x", 1<<20+1), "", true, false},
	} {
		status, body = c.status, c.body
		text, err := h.Read(t.Context())
		no, silent := errors.AsType[*Unreadable](err)
		if string(text) != c.want || silent != c.silent || silent && no.Later != c.later || !silent && err != nil {
			t.Errorf("%s: %.20q, %v", c.name, text, err)
		}
	}
	if got != http.MethodGet {
		t.Errorf("asked with %s", got)
	}
	srv.Close()
	_, err := h.Read(t.Context())
	if no, silent := errors.AsType[*Unreadable](err); !silent || !no.Later || strings.Contains(err.Error(), "hush") {
		t.Errorf("nobody there: %v", err)
	}
}
