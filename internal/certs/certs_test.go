package certs

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair writes a pair for host and returns its paths.
func pair(t *testing.T, dir, host string) (cert, key string) {
	t.Helper()
	c, err := SelfSigned(host, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return cert, key
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func name(t *testing.T, f *Files) string {
	t.Helper()
	c, err := f.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.Subject.CommonName
}

func TestARenewedPairIsTakenUpAndABrokenOneIsNot(t *testing.T) {
	dir := t.TempDir()
	f, err := Open(pair(t, dir, "first.example.com:8443"))
	if err != nil {
		t.Fatal(err)
	}
	_, key := pair(t, dir, "second.example.com")
	if got := name(t, f); got != "first.example.com" {
		t.Errorf("looked again at once: %s", got)
	}
	f.looked = time.Time{} // ten seconds later
	if got := name(t, f); got != "second.example.com" {
		t.Errorf("the renewed pair was not taken up: %s", got)
	}
	write(t, key, []byte("half writ"))
	f.looked = time.Time{}
	if got := name(t, f); got != "second.example.com" {
		t.Errorf("a broken pair: %s", got)
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "a.example.com")
	other, _ := pair(t, t.TempDir(), "b.example.com")
	for _, tt := range []struct{ cert, key, want string }{
		{filepath.Join(dir, "none.pem"), key, "tls.cert_file"}, {cert, filepath.Join(dir, "none.pem"), "tls.key_file"}, {other, key, "no pair"},
	} {
		if _, err := Open(tt.cert, tt.key); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want an error with %q", err, tt.want)
		}
	}
}

func TestSelfSignedIsForTheHostAndLoopback(t *testing.T) {
	for _, tt := range []struct{ hostport, host string }{
		{"app.example.com", "app.example.com"}, {"app.example.com:8443", "app.example.com"}, {"192.0.2.7:8443", "192.0.2.7"}, {"[2001:db8::1]:8443", "2001:db8::1"},
	} {
		c, err := SelfSigned(tt.hostport, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{tt.host, "localhost", "127.0.0.1", "::1"} {
			if err := leaf.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", tt.hostport, err)
			}
		}
	}
	if _, err := SelfSigned("", time.Now()); err == nil {
		t.Error("a certificate for nobody was made")
	}
}
