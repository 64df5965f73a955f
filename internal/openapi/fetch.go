package openapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/web/schema"
)

// fetchTimeout bounds reading one document.
const fetchTimeout = 10 * time.Second

// Source is where the document of an upstream is.
type Source struct {
	Upstream string
	Location string // URL, or path of a file
	TLSCA    string // file with the authorities of an https URL; "" system
}

// File reports whether the document is a file of the operator's: that is not pinned,
// because it changes as the configuration does.
func (s Source) File() bool { return !strings.Contains(s.Location, "://") }

// Fetch reads the document, at most schema.MaxDocument bytes of it. A URL is asked
// directly, past any proxy and never through the public listener, and no redirect is
// followed: the address in the configuration is the only one that is trusted.
func (s Source) Fetch(ctx context.Context) ([]byte, error) {
	if s.File() {
		f, err := os.Open(s.Location)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		return bounded(f)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Location, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/yaml;q=0.9, */*;q=0.1")
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", res.Status)
	}
	return bounded(res.Body)
}

func (s Source) client() (*http.Client, error) {
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if s.TLSCA != "" {
		pem, err := os.ReadFile(s.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("tls_ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("tls_ca has no certificate")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	refuse := func(*http.Request, []*http.Request) error { return errors.New("it redirects, which is not followed") }
	return &http.Client{Transport: transport, CheckRedirect: refuse, Timeout: fetchTimeout}, nil
}

func bounded(r io.Reader) ([]byte, error) {
	src, err := io.ReadAll(io.LimitReader(r, schema.MaxDocument+1))
	if err == nil && len(src) > schema.MaxDocument {
		err = fmt.Errorf("it is larger than %d MiB", schema.MaxDocument>>20)
	}
	return src, err
}
