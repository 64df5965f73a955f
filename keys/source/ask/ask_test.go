package ask_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/keys/source/ask"
)

func TestAsk(t *testing.T) {
	redirected := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			redirected = true
		case "/huge":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1<<20+1))
		case "/cut":
			w.Header().Set("Content-Length", "9")
			_, _ = io.WriteString(w, "cut")
		default:
			body, _ := io.ReadAll(r.Body)
			w.WriteHeader(418)
			_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("X-Secret")+" "+string(body))
		}
	}))
	defer s.Close()
	send := ask.With(s.Client())
	header := map[string]string{"x-secret": "s3cret", "host": "evil.example"}
	if status, answer, err := send(t.Context(), "POST", s.URL+"/", header, []byte("body")); status != 418 || string(answer) != "POST s3cret body" || err != nil {
		t.Errorf("%d %q %v", status, answer, err)
	}
	for path, want := range map[string]string{"/moved?q=s3cret": "redirects", "/huge?q=s3cret": "more than", "/cut?q=s3cret": "cannot be reached"} {
		if _, answer, err := send(t.Context(), "GET", s.URL+path, header, nil); err == nil || answer != nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if redirected {
		t.Error("a redirect was followed")
	}
	for _, bad := range []string{"http://127.0.0.1:1/?q=s3cret", "http://a b/?q=s3cret", ":"} {
		if _, _, err := send(t.Context(), "GET", bad, nil, nil); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := send(ended, "GET", s.URL, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
