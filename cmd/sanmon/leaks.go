package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/keys/leak"
	"github.com/sanmon-gate/sanmon/secret"
)

// maxReport bounds what the possession of a key is proven with.
const maxReport = 4 << 10

// revokeKey ends the key that the client holds in its hand: possession is the right
// to revoke. The answer is the same whether there was anything to revoke.
func (l *layers) revokeKey(w http.ResponseWriter, r *http.Request, p *sanmon.Passage) error {
	key := presentedKey(r)
	if apikey.Looks([]byte(key)) || l.index.Looks(key) {
		if _, err := l.service.Report(r.Context(), secret.NewString(key), "holder", "by possession of the key, from "+p.Addr.String(), time.Now()); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// presentedKey finds the key in {"key": …}, in a form field or in the Bearer header.
func presentedKey(r *http.Request) string {
	if scheme, key, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(key)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxReport))
	if err != nil {
		return ""
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media == "application/json" {
		var report struct {
			Key string `json:"key"`
		}
		if json.Unmarshal(body, &report) != nil {
			return ""
		}
		return report.Key
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return ""
	}
	return form.Get("key")
}

// scanned makes the receiver of GitHub's secret scanning; nil where it is off.
func (l *layers) scanned(c *config.Config) func(http.ResponseWriter, *http.Request, *sanmon.Passage) error {
	if !c.Leaks.GitHub.On {
		return nil
	}
	var token func(context.Context) (secret.Value, error)
	if ref := c.Leaks.GitHub.Token; ref != "" {
		token = l.held.hold("leaks.github.token", ref).value
	}
	g := &leak.GitHub{Keys: &leak.Keys{Fetch: leak.HTTPFetch(keyClient(), c.Leaks.GitHub.Keys, token)}, Revoker: reported{l.service}, Logger: l.logger}
	return func(w http.ResponseWriter, r *http.Request, _ *sanmon.Passage) error { return g.Serve(w, r) }
}

// keyClient asks one address and goes nowhere else.
func keyClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:   5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			DisableKeepAlives: true, // asked once a day
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("it redirects, which is not followed")
		},
	}
}

// reported ends what a service found. Layers do not know each other: this joins keys and
// leak reports.
type reported struct{ service *apikey.Service }

// Revoke implements leak.Revoker.
func (r reported) Revoke(ctx context.Context, token secret.Value, detail string, now time.Time) (leak.Found, error) {
	k, err := r.service.Report(ctx, token, "github", detail, now)
	return leak.Found{Ours: k.Ours, Revoked: k.Revoked, ID: k.ID}, err
}
