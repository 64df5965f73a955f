package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/keys/source/ask"
	"github.com/sanmon-gate/sanmon/keys/source/aws"
	"github.com/sanmon-gate/sanmon/keys/source/gcp"
	"github.com/sanmon-gate/sanmon/keys/source/vault"
	"github.com/sanmon-gate/sanmon/secret"
)

// resolver follows secret references, whose paths the configuration has completed.
func resolver(c *config.Config) *source.Resolver {
	r := &source.Resolver{Identity: c.Secrets.Age}
	if c.Secrets.Vault.Address != "" {
		r.Vault = vaultOf(c.Secrets.Vault)
	}
	client, err := sourceClient("")
	if err != nil {
		r.AWS, r.GCP = broken{err}, broken{err}
		return r
	}
	send := ask.With(client)
	get := func(ctx context.Context, method, url string, header map[string]string) (int, []byte, error) {
		return send(ctx, method, url, header, nil)
	}
	chain := &aws.Chain{Lookup: os.LookupEnv, Get: get, Read: func(ctx context.Context, path string) (secret.Value, error) {
		return (&source.Resolver{Shared: true}).Resolve(ctx, "file:"+path)
	}}
	r.AWS = &aws.Client{Region: c.Secrets.AWS.Region, Endpoint: c.Secrets.AWS.Endpoint, Credentials: chain.Credentials,
		Post: func(ctx context.Context, endpoint string, header map[string]string, body []byte) (int, []byte, error) {
			return send(ctx, "POST", endpoint, header, body)
		}}
	r.GCP = &gcp.Client{Get: get}
	return r
}

// vaultOf makes the client of a Vault server. It connects to nothing yet; what is wrong with
// the file of authorities is said when it is first asked.
func vaultOf(v config.Vault) source.Remote {
	client, err := sourceClient(v.CA)
	if err != nil {
		return broken{err}
	}
	local := &source.Resolver{} // what it signs in with is on this machine
	held := func(ref string) vault.Held {
		return func(ctx context.Context) (secret.Value, error) { return local.Resolve(ctx, ref) }
	}
	var sign vault.SignIn
	switch {
	case v.RoleID != "":
		sign = vault.AppRole(v.AppRoleMount, v.RoleID, held(v.SecretID))
	case v.Role != "":
		local.Shared = true
		sign = vault.Kubernetes(v.KubernetesMount, v.Role, held(v.JWT))
	default:
		sign = vault.WithToken(held(v.Token))
	}
	return &vault.Client{Do: vault.HTTP(client, v.Address, v.Namespace), SignIn: sign}
}

// broken is a source that cannot be asked.
type broken struct{ err error }

// Fetch implements source.Remote.
func (b broken) Fetch(context.Context, source.Location) (secret.Value, error) {
	return secret.Value{}, b.err
}

// sourceClient asks sources of secrets: bounded in every wait, and through no proxy, which
// could read what is fetched without TLS.
func sourceClient(ca string) (*http.Client, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("secrets.vault.tls_ca: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("secrets.vault.tls_ca: " + ca + " has no certificate (write PEM)")
		}
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: (&net.Dialer{Timeout: 3 * time.Second}).DialContext, TLSClientConfig: t, TLSHandshakeTimeout: 3 * time.Second,
		ResponseHeaderTimeout: 8 * time.Second, MaxResponseHeaderBytes: 64 << 10, MaxConnsPerHost: 8, MaxIdleConnsPerHost: 1, IdleConnTimeout: 2 * time.Minute, ForceAttemptHTTP2: true,
	}}, nil
}
