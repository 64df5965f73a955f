package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/metrics"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/limit/valkey"
	"github.com/sanmon-gate/sanmon/secret"
)

// openLimiter makes the client of a shared limiter, nil for limiter: local. It connects to
// nothing: a server that is not there yet is no reason not to start.
func openLimiter(ctx context.Context, c *config.Config, logger *slog.Logger) (*valkey.Limiter, error) {
	if c.Limiter.Local() {
		return nil, nil
	}
	password, err := limiterPassword(ctx, c)
	if err != nil {
		return nil, err
	}
	o, err := limiterOptions(c, password, logger)
	if err != nil {
		return nil, err
	}
	return valkey.New(o)
}

func limiterOptions(c *config.Config, password secret.Value, logger *slog.Logger) (o valkey.Options, err error) {
	o = valkey.Options{
		Address: c.Limiter.Address, Database: c.Limiter.Database, User: c.Limiter.User, Password: password, Timeout: c.Limiter.Timeout,
		Namespace: c.PublicURL, Logger: logger,
	}
	if c.Limiter.TLS {
		o.TLS, err = limiterTLS(c.Limiter.CA)
	}
	return o, err
}

func limiterPassword(ctx context.Context, c *config.Config) (secret.Value, error) {
	if c.Limiter.Password == "" {
		return secret.Value{}, nil
	}
	v, err := resolver(c).Resolve(ctx, c.Limiter.Password)
	if err != nil {
		return secret.Value{}, fmt.Errorf("limiter password: %w", err)
	}
	return v, nil
}

func limiterTLS(ca string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca == "" {
		return t, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("limiter.tls_ca: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("limiter.tls_ca: %s has no certificate (write PEM)", ca)
	}
	return t, nil
}

// shared is l as the gate wants it: nil for none, and no interface that holds a nil.
func shared(l *valkey.Limiter) limit.Shared {
	if l == nil {
		return nil
	}
	return l
}

// limiterGauges exposes how the shared limiter fares.
func limiterGauges(m *metrics.Metrics, l *valkey.Limiter) {
	if l == nil {
		return
	}
	m.Gauge("sanmon_limiter_open", "1 while the limiter does not answer and limits are counted by this node alone.", func() float64 {
		if l.Open() {
			return 1
		}
		return 0
	})
	for result, read := range map[string]func(valkey.Counts) uint64{
		"admitted": func(c valkey.Counts) uint64 { return c.Admitted },
		"refused":  func(c valkey.Counts) uint64 { return c.Refused },
		"failed":   func(c valkey.Counts) uint64 { return c.Failed },
		"skipped":  func(c valkey.Counts) uint64 { return c.Skipped },
	} {
		m.Total("sanmon_limiter_questions_total", "Questions to the shared limiter; failed and skipped ones were decided by this node alone.", "result", result, func() float64 { return float64(read(l.Counts())) })
	}
}

// limiterState says for sanmon check where limits are counted, and whether that answers.
func limiterState(ctx context.Context, c *config.Config) (where, warning string, err error) {
	l, err := openLimiter(ctx, c, slog.New(slog.DiscardHandler))
	if l == nil {
		return c.Limiter.String(), "", err
	}
	defer func() { _ = l.Close() }()
	if failed := l.Probe(ctx); failed != nil {
		warning = fmt.Sprintf("limiter: %s does not answer within %s (%v); until it does, every node counts for itself", c.Limiter, c.Limiter.Timeout, failed)
	}
	return c.Limiter.String(), warning, nil
}

// tendLimiter notices when a shared limiter that was gone is back, until ctx ends.
func (l *layers) tendLimiter(ctx context.Context) error {
	if l.shared == nil {
		return nil
	}
	return l.shared.Run(ctx)
}
