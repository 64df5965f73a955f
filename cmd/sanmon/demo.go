package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/demo"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
)

func demoCommand(env *environment) *cobra.Command {
	var port int
	var keep string
	c := &cobra.Command{
		Use: "demo", Short: "Run the gate in front of a small application, with everything on", Args: exactly(0),
		Long: "Run the gate in front of a small application on localhost, with everything switched on and\nnothing to configure. It prints an account, an API key and commands to try. What it stores is\nremoved when it ends, unless --dir names a folder.",
		RunE: func(c *cobra.Command, _ []string) error {
			if port < 0 || port > 65534 { // the next one is that of the metrics
				return usageError{fmt.Errorf("--port %d is no port (use 1 to 65534, or 0 for any free one)", port)}
			}
			return env.demo(c.Context(), port, keep)
		},
	}
	c.Flags().IntVar(&port, "port", 8080, "port of the gate; another one is taken when it is in use")
	c.Flags().StringVar(&keep, "dir", "", "folder for configuration and store, kept afterwards")
	return c
}

const (
	demoEmail   = "ada@example.com"
	demoService = "importer"
)

func (e *environment) demo(ctx context.Context, port int, keep string) error {
	dir, err := demoDir(keep)
	if err != nil {
		return err
	}
	if keep == "" {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	backend, err := startDemoBackend()
	if err != nil {
		return err
	}
	defer func() { _ = backend.Close() }()
	c, err := demoConfig(dir, port, backend.addr)
	if err != nil {
		return err
	}
	return serve(ctx, c, e.log, func(n *node) {
		if err := e.demoReady(ctx, c, n); err != nil {
			n.logger.Error("the demo account could not be made", "error", err)
		}
	})
}

func demoDir(keep string) (string, error) {
	if keep == "" {
		return os.MkdirTemp("", "sanmon-demo-")
	}
	return filepath.Abs(keep)
}

// demoBackend is the guarded application on a port of its own.
type demoBackend struct {
	*http.Server
	addr string
}

func startDemoBackend() (*demoBackend, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: demo.New(whoOf).Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.Serve(l) }() // ends with Close
	return &demoBackend{s, l.Addr().String()}, nil
}

// whoOf reads the name from the assertion. The demo's backend listens on loopback for
// the gate alone, so it does not verify the signature; a real one does.
func whoOf(r *http.Request) string {
	parts := strings.Split(r.Header.Get("Sanmon-Assertion"), ".")
	if len(parts) != 3 {
		return ""
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var who struct{ Email, Name string }
	if json.Unmarshal(claims, &who) != nil {
		return ""
	}
	return or(who.Email, who.Name)
}

// demoConfig writes the configuration of the demo.
func demoConfig(dir string, port int, backend string) (*config.Config, error) {
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return nil, err
	}
	port, err := freePort(port)
	if err != nil {
		return nil, err
	}
	admin, err := freePort(port + 1)
	if err != nil {
		return nil, err
	}
	if err := source.WriteMaster(filepath.Join(dir, "data", "master.key")); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	path := filepath.Join(dir, "sanmon.yaml")
	text := fmt.Sprintf(demoYAML, port, port, admin, backend)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return config.Load(path)
}

// freePort returns want, or any free port when it is taken.
func freePort(want int) (int, error) {
	for _, port := range []int{want, 0} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		port = l.Addr().(*net.TCPAddr).Port
		return port, l.Close()
	}
	return 0, errors.New("no free port on 127.0.0.1")
}

const demoYAML = `version: 1
public_url: http://localhost:%d
listen: { public: "127.0.0.1:%d", admin: "127.0.0.1:%d" }
store: sqlite:./data/sanmon.db
master_key: file:./data/master.key
upstreams:
  app: { url: "http://%s", timeout: 30s }
roles:
  reader: ["notes:read"]
  writer: ["notes:read", "notes:write"]
  admin: ["*"]
routes:
  - { id: home,   match: { path: "/" },                 boundary: public }
  - { id: static, match: { path: "/static/{rest...}" }, boundary: public }
  - { id: notes,  match: { path: "/notes", methods: [GET] }, boundary: [session], require: ["notes:read"] }
  - id: notes-write
    match: { path: "/notes", methods: [POST] }
    boundary: [session]
    require: ["notes:write"]
    limit: { rate: 20/m, burst: 10, per: caller }
    input: { max_body: 64KiB, types: [application/x-www-form-urlencoded] }
  - id: notes-delete
    match: { path: "/notes/{id}/delete", methods: [POST] }
    boundary: [session]
    require: ["notes:write"]
    fresh: 10m
  - { id: events, match: { path: "/events", methods: [GET] }, boundary: [session], require: ["notes:read"] }
  - id: api-read
    match: { path: "/api/notes", methods: [GET] }
    boundary: [session, key]
    require: ["notes:read"]
    limit: { rate: 60/m, burst: 20, per: caller }
  - id: api-write
    match: { path: "/api/notes", methods: [POST] }
    boundary: [session, key]
    require: ["notes:write"]
    limit: { rate: 5/m, burst: 5, per: caller }
    input: { max_body: 64KiB, types: [application/json] }
  - { id: me, match: { path: "/api/me", methods: [GET] }, boundary: [session, key] }
`

// demoReady makes an account and a key, and says what to try.
func (e *environment) demoReady(ctx context.Context, c *config.Config, n *node) error {
	typed := secret.NewString(secret.Random62(16))
	now := time.Now()
	accounts := login.Administration{Store: n.layers.store, Hasher: password.New(password.Options{})}
	_, err := accounts.AddUser(ctx, login.NewUser{Email: demoEmail, Password: typed, Roles: []string{"writer"}, Actor: "cli"}, now)
	if errors.Is(err, principal.ErrExists) {
		_, err = accounts.Reset(ctx, demoEmail, typed, "cli", now)
	}
	if err != nil {
		return err
	}
	owner, err := n.layers.store.PrincipalByName(ctx, principal.Service, demoService)
	if errors.Is(err, principal.ErrNotFound) {
		owner = principal.Record{ID: secret.NewID("svc_"), Kind: principal.Service, Name: demoService, Roles: []string{"writer"}, CreatedAt: now}
		err = n.layers.store.CreatePrincipal(ctx, owner, audit.Event{At: now, Event: audit.ServiceRoles, Actor: "cli", Detail: "created; roles=writer"})
	}
	if err != nil {
		return err
	}
	_, key, err := n.layers.service.Create(ctx, apikey.Spec{Owner: owner.ID, Env: apikey.Live, Roles: []string{"reader"}, Lifetime: 24 * time.Hour}, "cli", now)
	if err != nil {
		return err
	}
	return e.sayDemo(c, n, typed, key)
}

func (e *environment) sayDemo(c *config.Config, n *node, typed, key secret.Value) error {
	_, err := fmt.Fprintf(e.screen(), demoText, c.PublicURL, demoEmail, typed.Expose(), key.Expose(),
		c.PublicURL, key.Expose(), c.PublicURL, key.Expose(), c.PublicURL, c.PublicURL, c.PublicURL, c.PublicURL, key.Expose(), addr(n.adminOn),
		c.Path)
	return err
}

const demoText = `
  Sanmon guards a small application.   Open  %s

    account   %s   password   %s
    API key   %s   (role reader)

  Try:
    1. read with the key                     curl -i %s/api/notes -H 'Authorization: Bearer %s'
    2. write with it: permission_missing     curl -i %s/api/notes -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{"title":"hi"}'
    3. nobody: login_required                curl -i %s/api/notes
    4. two meanings: target_ambiguous        curl -i --path-as-is %s/static/../notes
    5. another site's page: origin_foreign   curl -i -X POST %s/notes -H 'Origin: https://evil.example' -H 'Cookie: sanmon=x'
    6. a key in an address: credential_in_url  curl -i '%s/api/notes?key=%s'
    7. metrics                               curl -s http://%s/metrics | grep sanmon_
    8. who may do what                       sanmon -c %s routes     (in another terminal)

  Ctrl-C ends it.

`
