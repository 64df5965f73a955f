// Package certs brings the certificate of the public listener: from files that are
// read again when they change, or made on the spot for a try.
package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// recheck is how often the files are looked at, at most, and only when somebody
// connects.
const recheck = 10 * time.Second

// Files is a certificate in two PEM files. A renewed pair is taken up by itself; a
// broken one is ignored while the one before still stands. It is safe for concurrent
// use.
type Files struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]

	mu      sync.Mutex
	looked  time.Time
	content [32]byte
}

// Open reads the pair.
func Open(cert, key string) (*Files, error) {
	f := &Files{cert: cert, key: key}
	if err := f.load(); err != nil {
		return nil, err
	}
	f.looked = time.Now()
	return f, nil
}

// Certificate is for tls.Config.GetCertificate.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if f.mu.TryLock() {
		if now := time.Now(); now.Sub(f.looked) >= recheck {
			f.looked = now
			_ = f.load() // a pair that is half written is read again later
		}
		f.mu.Unlock()
	}
	return f.current.Load(), nil
}

func (f *Files) load() error {
	cert, err := os.ReadFile(f.cert)
	if err != nil {
		return fmt.Errorf("tls.cert_file: %w (create it, or correct the path)", err)
	}
	key, err := os.ReadFile(f.key)
	if err != nil {
		return fmt.Errorf("tls.key_file: %w (create it, or correct the path)", err)
	}
	sum := sha256.Sum256(bytes.Join([][]byte{cert, key}, []byte{0}))
	if sum == f.content && f.current.Load() != nil {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("tls: %s and %s are no pair of certificate and key: %w", f.cert, f.key, err)
	}
	f.content = sum
	f.current.Store(&pair)
	return nil
}

// SelfSigned makes a certificate for a host (host[:port]) and the names of this
// machine's loopback, valid for 90 days. Browsers warn about it.
func SelfSigned(hostport string, now time.Time) (tls.Certificate, error) {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "" {
		return tls.Certificate{}, errors.New("self-signed certificate: the public URL has no host")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("self-signed certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("self-signed certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host, Organization: []string{"Sanmon self-signed"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else {
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("self-signed certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
