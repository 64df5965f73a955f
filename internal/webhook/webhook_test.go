package webhook

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// The vectors are those of the reference libraries: signed by "standardwebhooks" of PyPI.
func TestSign(t *testing.T) {
	for _, c := range []struct{ secret, id, body, signature string }{
		{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_p5jXN8AQM9LWM0D4loKWxJek", `{"test": 2432232314}`,
			"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,"},
	} {
		k, err := ParseKeys(secret.NewString(c.secret))
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		k.Sign(h, c.id, time.Unix(1614265330, 999), []byte(c.body))
		if got := h.Get("webhook-signature"); !strings.HasPrefix(got, c.signature) || len(got) != len(c.signature)+44*strings.Count(c.secret, " ") {
			t.Errorf("%q", got)
		}
		if h.Get("webhook-id") != c.id || h.Get("webhook-timestamp") != "1614265330" {
			t.Errorf("%v", h)
		}
	}
}

func TestSecretsAreJudged(t *testing.T) {
	of := func(n int) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("k", n)))
	}
	for _, c := range []struct {
		secret string
		ok     bool
	}{
		{of(24), true}, {of(64), true}, {of(32) + " " + of(24) + "\n", true}, {of(23), false}, {of(65), false}, {"", false}, {"whsec_", false},
		{strings.TrimPrefix(of(32), "whsec_"), false}, {"whsk_" + of(32)[6:], false}, {of(32)[:40] + "!", false}, {strings.TrimRight(of(32), "="), false},
		{of(32) + " hunter2", false}, {strings.Repeat(of(32)+" ", 5), false},
	} {
		_, err := ParseKeys(secret.NewString(c.secret))
		if (err == nil) != c.ok {
			t.Errorf("%.12q…: %v", c.secret, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "a2tra2")) {
			t.Errorf("the error says the secret: %v", err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKeys(secret.NewString(s))
		if err != nil {
			return
		}
		for i, word := range strings.Fields(s) {
			if again := "whsec_" + base64.StdEncoding.EncodeToString(k.keys[i].Expose()); again != word {
				t.Errorf("%q was read as %q", word, again)
			}
		}
	})
}

func TestAddress(t *testing.T) {
	for _, c := range []struct {
		address string
		ok      bool
	}{
		{"https://hooks.example.com/a?b=c", true}, {"https://10.1.2.3/", true}, {"http://localhost:8080/", true}, {"http://127.0.0.1/", true}, {"http://[::1]:9/", true},
		{"http://hooks.example.com/", false}, {"http://10.1.2.3/", false}, {"http://localhost.example.com/", false}, {"https://me:pw@h/", false}, {"https://me@h/", false},
		{"https://h/#a", false}, {"ftp://h/", false}, {"file:///etc/passwd", false}, {"//h/", false}, {"h/x", false}, {"", false}, {"https:///x", false}, {"https://h/a b", false},
		{"https://h/%zz", false}, {"javascript:alert(1)", false}, {"http://127.0.0.1.nip.io/", false},
	} {
		if _, err := Address(c.address); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.address, err)
		}
	}
}

// Whatever a name leads to, some addresses get nothing.
func TestAdmit(t *testing.T) {
	for _, c := range []struct {
		address      string
		https, plain bool
	}{
		{"203.0.113.1:443", true, false}, {"10.0.0.1:443", true, false}, {"127.0.0.1:80", true, true}, {"[::1]:80", true, true}, {"[::ffff:127.0.0.1]:80", true, true},
		{"169.254.169.254:80", false, false}, {"[::ffff:169.254.169.254]:443", false, false}, {"[fe80::1]:443", false, false}, {"0.0.0.0:443", false, false}, {"[::]:443", false, false},
		{"224.0.0.1:443", false, false}, {"[ff02::1]:443", false, false}, {"[2001:db8::1]:443", true, false}, {"nonsense", false, false},
	} {
		if err := admit(false)("tcp", c.address, nil); (err == nil) != c.https {
			t.Errorf("https to %s: %v", c.address, err)
		}
		if err := admit(true)("tcp", c.address, nil); (err == nil) != c.plain {
			t.Errorf("http to %s: %v", c.address, err)
		}
	}
}

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func client(t *testing.T, address string) *Client {
	t.Helper()
	c, err := New(address, func(context.Context) (secret.Value, error) { return secret.NewString(key), nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPost(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var asked int
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		k, _ := ParseKeys(secret.NewString(key))
		if r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("webhook-id") != "msg_1" ||
			r.Header.Get("webhook-signature") != k.signatures("msg_1."+r.Header.Get("webhook-timestamp")+".", body) {
			t.Errorf("%s %v %s", r.Method, r.Header, body)
		}
		w.WriteHeader(204)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect) })
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(429)
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "99999999")
		w.WriteHeader(503)
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 64<<10)) })
	for _, c := range []struct {
		path   string
		status int
		after  time.Duration
	}{{"/ok", 0, 0}, {"/moved", 307, 0}, {"/busy", 429, 2 * time.Minute}, {"/long", 503, 24 * time.Hour}, {"/huge", 0, 0}, {"/none?token=hunter2", 404, 0}} {
		err := client(t, srv.URL+c.path).Post(t.Context(), "msg_1", []byte(`{"a":1}`))
		f, failed := errors.AsType[*Failure](err)
		if failed == (c.path == "/ok") {
			t.Fatalf("%s: %v", c.path, err)
		}
		if failed && (f.Status != c.status || f.After != c.after || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), srv.URL)) {
			t.Errorf("%s: %+v", c.path, f)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times: trying again is for others", asked)
	}
}

func TestNobodyThere(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	err := client(t, srv.URL+"/?token=hunter2").Post(t.Context(), "msg_1", nil)
	if f, ok := errors.AsType[*Failure](err); !ok || f.Status != 0 || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client(t, srv.URL).Post(ctx, "msg_1", nil); err == nil {
		t.Error("sent in the end")
	}
}

// A secret that cannot be read any more does not stop messages; one that never could does.
func TestTheLastGoodSecretIsUsed(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("webhook-signature"), "v1,") {
			w.WriteHeader(401)
		}
	}))
	defer srv.Close()
	gone := false
	c, err := New(srv.URL, func(context.Context) (secret.Value, error) {
		if gone {
			return secret.Value{}, errors.New("gone")
		}
		return secret.NewString(key), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	gone = true
	if err := c.Post(t.Context(), "msg_1", nil); err == nil {
		t.Error("sent without a signature")
	}
	gone = false
	if err := c.Post(t.Context(), "msg_1", nil); err != nil {
		t.Error(err)
	}
	gone = true
	if err := c.Post(t.Context(), "msg_1", nil); err != nil {
		t.Error(err)
	}
}

// A receiver that says nothing is given up; one that has answered is believed, whatever it
// goes on to say.
func TestASlowReceiver(t *testing.T) {
	end := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/endless" {
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
		}
		<-end
	}))
	defer srv.Close()
	defer close(end)
	c := client(t, srv.URL+"/silent")
	c.client.Timeout = 50 * time.Millisecond
	err := c.Post(t.Context(), "msg_1", nil)
	if f, ok := errors.AsType[*Failure](err); !ok || f.Status != 0 || !strings.Contains(f.Reason, "does not answer within 10s") {
		t.Errorf("%v", err)
	}
	if err := client(t, srv.URL+"/endless").Post(t.Context(), "msg_1", nil); err != nil {
		t.Errorf("it has answered 200: %v", err)
	}
}
