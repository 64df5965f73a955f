package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sanmon-gate/sanmon/internal/config"
)

const landingYAML = `version: 1
public_url: http://localhost:8080
upstreams: { app: { url: "http://127.0.0.1:9" } }
routes:
  - { id: home, match: { path: "/" }, boundary: public }
  - { id: acs, match: { path: "/saml/acs", methods: [POST] }, boundary: public, limit: { rate: 10/s, per: network }, cross_site: { reason: "the identity provider posts people back", cookies: [sessionid] } }
`

// check names the routes where other sites may change something.
func TestPostureNamesCrossSite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sanmon.yaml")
	if err := os.WriteFile(path, []byte(landingYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := &environment{config: path, stdout: &out, stderr: &out}
	c, gate, err := env.compiled()
	if err != nil {
		t.Fatal(err)
	}
	p := postureOf(c, gate, time.Now())
	if d := cmp.Diff([]string{"acs (POST /saml/acs)"}, p.CrossSite); d != "" {
		t.Error(d)
	}
	if p.HSTS != "" {
		t.Errorf("plain http has HSTS: %s", p.HSTS)
	}
	if err := env.printPosture(p); err != nil {
		t.Fatal(err)
	}
	if want := "open to other sites, as declared:\n  acs (POST /saml/acs)\n"; !strings.Contains(out.String(), want) {
		t.Errorf("%q is not in\n%s", want, out.String())
	}
}

// check says which step of the ramp is in force and when the next comes.
func TestPostureOfHSTS(t *testing.T) {
	const year = "max-age=31536000; includeSubDomains"
	ramp := config.TLS{HSTS: 365 * 24 * time.Hour, Ramp: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		tls       config.TLS
		now, want string
	}{
		{config.TLS{}, "2026-12-01T00:00:00Z", ""},
		{config.TLS{HSTS: 365 * 24 * time.Hour}, "2026-12-01T00:00:00Z", year},
		{ramp, "2026-11-30T00:00:00Z", "max-age=86400 until 2026-12-08T00:00:00Z, then max-age=2592000"},
		{ramp, "2026-12-08T00:00:00Z", "max-age=2592000 until 2027-01-07T00:00:00Z, then " + year},
		{ramp, "2027-01-07T00:00:00Z", year},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := hstsPosture(&config.Config{TLS: tt.tls}, now); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.now, got, tt.want)
		}
	}
}

// A reload may change what answers say, not what listens.
func TestReloadMayChangeHSTS(t *testing.T) {
	a := config.TLS{SelfSigned: true, HSTS: time.Hour}
	b := config.TLS{SelfSigned: true, HSTS: 365 * 24 * time.Hour, Ramp: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	if a.Listening() != b.Listening() {
		t.Error("HSTS counts as listening")
	}
	if b.SelfSigned = false; a.Listening() == b.Listening() {
		t.Error("the certificate does not count as listening")
	}
}

// check reads the certificate that serve would need.
func TestCheckReadsTheCertificate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sanmon.yaml")
	var out bytes.Buffer
	if code := run(t.Context(), []string{"init", "-c", path}, strings.NewReader(""), &out, &out); code != exitOK {
		t.Fatalf("init: exit %d, %s", code, out.String())
	}
	text := strings.Replace(landingYAML, "http://localhost:8080", "https://app.example.com", 1) +
		"master_key: file:" + filepath.Join(filepath.Dir(path), "data", "master.key") + "\ntls: { cert_file: cert.pem, key_file: key.pem }\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	code := run(t.Context(), []string{"check", "-c", path}, strings.NewReader(""), &out, &out)
	if want := fmt.Sprintf("%s:%d:19: tls.cert_file: open %s", path, strings.Count(text, "\n"), filepath.Join(dir, "cert.pem")); code != exitFailed || !strings.Contains(out.String(), want) {
		t.Errorf("exit %d, %q; want %q", code, out.String(), want)
	}
}
