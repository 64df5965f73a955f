package server

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Admin serves the admin listener: health, metrics and public keys, for operators
// and backends inside.
type Admin struct {
	Metrics http.Handler
	// Token is who may read the metrics, as of now; nil: everybody who reaches the listener.
	Token func() (secret.Value, error)
	JWKS  func() []byte // public keys of Sanmon-Assertion
	NewID func() string
	Ready func(context.Context) error // nil when the store answers
	Stale func() bool                 // the change feed is behind
	Log   *slog.Logger
}

// Handler serves the listener.
func (a *Admin) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeStatus(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /metrics", a.metrics)
	for _, path := range []string{"GET /jwks.json", "GET /.sanmon/jwks.json"} {
		mux.HandleFunc(path, (&Front{JWKS: a.JWKS}).ServeJWKS)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		a.refuse(w, refusal.New(refusal.RouteUnknown, "the admin listener has no %s", r.URL.Path))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer a.rescue()
		mux.ServeHTTP(w, r)
	})
}

// rescue tells the operator of a panic, by its type and place and never by its value, which
// may hold anything. What was asked gets no answer: the connection is cut.
func (a *Admin) rescue() {
	cause := recover()
	if cause == nil {
		return
	}
	if cause != http.ErrAbortHandler {
		a.Log.Error("a handler of the admin listener panicked", "error", fault(cause).Err)
	}
	panic(http.ErrAbortHandler)
}

// ready says whether this node can judge requests: its store answers and its memory
// is true.
func (a *Admin) ready(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.Ready(r.Context()) != nil:
		writeStatus(w, http.StatusServiceUnavailable, "the store does not answer")
	case a.Stale():
		writeStatus(w, http.StatusServiceUnavailable, "the change feed is behind")
	default:
		writeStatus(w, http.StatusOK, "ready")
	}
}

func (a *Admin) metrics(w http.ResponseWriter, r *http.Request) {
	if a.Token != nil {
		token, err := a.Token()
		if err != nil {
			a.refuse(w, &refusal.Refusal{Code: refusal.Busy, Reason: "the token of the metrics is not known", RetryAfter: time.Minute, Err: err})
			return
		}
		_, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if subtle.ConstantTimeCompare([]byte(given), token.Expose()) != 1 {
			no := refusal.New(refusal.LoginRequired, "metrics need the token of metrics.token")
			no.Challenge = "Bearer"
			a.refuse(w, no)
			return
		}
	}
	a.Metrics.ServeHTTP(w, r)
}

func writeStatus(w http.ResponseWriter, status int, text string) {
	writeJSON(w, "application/json", status, map[string]string{"status": text})
}

func (a *Admin) refuse(w http.ResponseWriter, no *refusal.Refusal) {
	if no.Challenge != "" {
		w.Header().Set("WWW-Authenticate", no.Challenge)
	}
	id := a.NewID()
	w.Header().Set("X-Request-Id", id)
	writeJSON(w, "application/problem+json", no.Status(), map[string]any{
		"type": "about:blank", "title": no.Title(), "status": no.Status(), "code": no.Code, "request_id": id,
	})
}

func writeJSON(w http.ResponseWriter, contentType string, status int, v any) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that left needs no answer
}
