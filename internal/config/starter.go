package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// StarterOptions say what the first sanmon.yaml is for. The zero value guards a
// backend on port 8000 for http://localhost:8080.
type StarterOptions struct {
	Upstream   string // base URL of the backend; "" http://127.0.0.1:8000
	PublicURL  string // origin that browsers see; "" http://localhost:8080
	OpenAPI    []byte // OpenAPI 3 document in JSON; nil none: one route for everything
	OpenAPIURL string // where the document came from; "" it is not recorded
	MasterKey  string // reference; "" file:./data/master.key
	Store      string // "" sqlite:./data/sanmon.db
}

// Starter returns the text of a good first configuration: closed, with comments,
// and valid by Parse. The error names the option that does not fit.
func Starter(o StarterOptions) ([]byte, error) {
	o = o.withDefaults()
	if err := o.Check(); err != nil {
		return nil, err
	}
	public, err := publicURL().parse(o.PublicURL)
	if err != nil {
		return nil, err
	}
	var found []operation
	var skipped []string
	if o.OpenAPI != nil {
		if found, skipped, err = operations(o.OpenAPI); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	o.head(&b, public.(site))
	starterRoutes(&b, found, skipped)
	if _, err := Parse("sanmon.yaml", []byte(b.String())); err != nil {
		return nil, fmt.Errorf("make a first configuration: %w", err)
	}
	return []byte(b.String()), nil
}

// Check judges the addresses alone, before anything asks one of them. The error names
// the one that does not fit, and the remedy.
func (o StarterOptions) Check() error {
	o = o.withDefaults()
	if _, err := publicURL().parse(o.PublicURL); err != nil {
		return fmt.Errorf("public URL: %s", remedied(err))
	}
	if _, err := upstreamURL().parse(o.Upstream); err != nil {
		return fmt.Errorf("upstream: %s", remedied(err))
	}
	return nil
}

// remedied is the text of a fault outside of a file, with its remedy as in one.
func remedied(err error) string {
	if w, ok := errors.AsType[wrong](err); ok && w.remedy != "" {
		return w.message + " (" + w.remedy + ")"
	}
	return err.Error()
}

func (o StarterOptions) withDefaults() StarterOptions {
	for _, d := range []struct {
		field *string
		def   string
	}{
		{&o.Upstream, "http://127.0.0.1:8000"}, {&o.PublicURL, "http://localhost:8080"},
		{&o.MasterKey, "file:./data/master.key"}, {&o.Store, "sqlite:./data/sanmon.db"},
	} {
		if *d.field == "" {
			*d.field = d.def
		}
	}
	// A backend is named by its origin; what people paste often ends in a slash.
	if u, err := url.Parse(o.Upstream); err == nil && u.Path == "/" {
		o.Upstream = strings.TrimSuffix(o.Upstream, "/")
	}
	return o
}

// head writes everything above the routes.
func (o StarterOptions) head(b *strings.Builder, public site) {
	fmt.Fprintf(b, `# Sanmon: docs/configuration.md explains every key, sanmon check judges this file.
version: 1

# The exact origin that browsers see.
public_url: %s
`, quote(public.String()))
	port := public.port
	switch {
	case public.scheme == "http" && port == "":
		port = "80"
	case port == "":
		port = "8443"
	}
	if public.scheme == "http" {
		loopback := strings.Replace(public.host, "localhost", "127.0.0.1", 1)
		fmt.Fprintf(b, "listen: { public: \"%s:%s\", admin: \"127.0.0.1:9443\" }\n", loopback, port)
	} else {
		fmt.Fprintf(b, `listen: { public: ":%s", admin: "127.0.0.1:9443" }

# A self-signed certificate is for trying things out. For people, use one of:
#   tls: { cert_file: /etc/sanmon/tls/fullchain.pem, key_file: /etc/sanmon/tls/key.pem }
#   tls: { behind_proxy: true }   # with client_ip: { trusted_proxies: ["10.0.0.0/8"] }
tls: { self_signed: true }
`, port)
	}
	openapi := ""
	if o.OpenAPIURL != "" {
		openapi = ", openapi: " + quote(o.OpenAPIURL)
	}
	fmt.Fprintf(b, `
# Users, sessions and keys. The master key seals the secrets in it: keep a copy apart.
store: %s
master_key: %s

# The application that is guarded. Only Sanmon should be able to reach it.
upstreams:
  app: { url: %s%s }

# What each role may do; "*" is every scope that this file names. Give one with: sanmon user add --email you@example.com --role admin
roles:
  admin: ["*"]

`, quote(o.Store), quote(o.MasterKey), quote(o.Upstream), openapi)
}

// starterRoutes writes the route table: one per operation, or one for everything.
func starterRoutes(b *strings.Builder, found []operation, skipped []string) {
	b.WriteString(`# Who may reach what. What no route matches is refused; the longest literal wins.
# boundary: session (signed-in people), key (programs with an API key), or public.
routes:
  # Files that everybody may see: style sheets, scripts, images.
  - { id: static, match: { path: "/static/{rest...}" }, boundary: public }
`)
	for _, why := range skipped {
		fmt.Fprintf(b, "  # left out: %s\n", comment(why))
	}
	if len(found) == 0 {
		b.WriteString(`
  # Everything else is for signed-in people. Name parts of it in routes of their own,
  # with what they require: require: ["notes:read"]
  - { id: everything, match: { path: "/{rest...}" }, boundary: session }
`)
		return
	}
	for _, op := range found {
		if op.summary != "" {
			fmt.Fprintf(b, "\n  # %s\n", comment(op.summary))
		} else {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "  - { id: %s, match: { path: %s, methods: [%s] }, boundary: session }\n", quote(op.id), quote(op.path), op.method)
	}
	b.WriteString(`
  # What the OpenAPI document does not name is refused. To let signed-in people
  # through to it, too:
  # - { id: everything-else, match: { path: "/{rest...}" }, boundary: session }
`)
}

// quote writes a double-quoted scalar with the two escapes of this file.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// comment makes a text fit to stand behind a #.
func comment(s string) string {
	s = strings.Map(func(c rune) rune {
		if unprintable(c) || c == '\uFFFD' {
			return ' '
		}
		return c
	}, s)
	if strings.Contains(s, pem) || ownKey.MatchString(s) {
		return "(not shown)"
	}
	if r := []rune(s); len(r) > 100 {
		s = string(r[:100]) + "…"
	}
	return s
}
