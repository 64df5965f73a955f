package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The proxies that ask the gate instead of standing behind it.
const (
	Nginx = "nginx"
	Caddy = "caddy"
)

// StartFront starts nginx or Caddy, unprivileged, on a port, with the configuration of
// docs/forward-auth, in front of a backend, asking a gate at an address. The names and addresses of that
// file are replaced, and nothing else. It skips where the proxy is not installed.
func StartFront(t testing.TB, kind string, port int, asked, backend string) *Process {
	t.Helper()
	bin, err := exec.LookPath(kind)
	if err != nil {
		t.Skipf("no %s (scripts/testdeps.sh)", kind)
	}
	dir, err := os.MkdirTemp("", "sanmon-front-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cert, key := writeCertificate(t, dir)
	site, host := "localhost:"+strconv.Itoa(port), strings.TrimPrefix(backend, "http://")
	var cmd *exec.Cmd
	if kind == Nginx {
		conf := readDoc(t, "nginx.conf", "443 ssl", "127.0.0.1:"+strconv.Itoa(port)+" ssl", "app.example.com", "localhost",
			"/etc/sanmon/tls/fullchain.pem", cert, "/etc/sanmon/tls/key.pem", key, "127.0.0.1:8443", asked, "127.0.0.1:8000", host)
		path := writeFile(t, dir, "nginx.conf", "daemon off;\nworker_processes 1;\npid "+dir+"/pid;\nerror_log stderr warn;\nevents { worker_connections 256; }\nhttp {\naccess_log off;\n"+
			"client_body_temp_path "+dir+"/b;\nproxy_temp_path "+dir+"/p;\nfastcgi_temp_path "+dir+"/f;\nuwsgi_temp_path "+dir+"/u;\nscgi_temp_path "+dir+"/s;\n"+conf+"}\n")
		cmd = exec.Command(bin, "-p", dir, "-c", path, "-e", "stderr")
	} else {
		conf := readDoc(t, "Caddyfile", "app.example.com {", site+" {\n\ttls "+cert+" "+key, "127.0.0.1:8443", asked, "127.0.0.1:8000", host)
		path := writeFile(t, dir, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n"+conf)
		cmd = exec.Command(bin, "run", "--config", path, "--adapter", "caddyfile")
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	}
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t, dir)}
	p, err := StartProcess(kind, cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("%s:\n%s", kind, tail(p.Output(), 40))
		}
	})
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(25 * time.Millisecond) {
		if done, err := p.Exited(); done {
			t.Fatalf("%s ended: %v\n%s", kind, err, p.Output())
		}
		if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			_ = c.Close()
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen\n%s", kind, p.Output())
		}
	}
}

// Direct is the address at which the gate itself listens, whatever stands in front.
func (g *Gate) Direct() string { return "127.0.0.1:" + strconv.Itoa(g.Port) }

// readDoc reads a file of docs/forward-auth, with replacements that must all be in it.
func readDoc(t testing.TB, name string, replace ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(Root(), "docs", "forward-auth", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("docs/forward-auth/%s has no %q", name, replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return text
}

func writeFile(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// writeCertificate makes a certificate for localhost.
func writeCertificate(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, dir, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))),
		writeFile(t, dir, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})))
}
