package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/spf13/cobra"
)

func initCommand(env *environment) *cobra.Command {
	var upstream, public, openapi string
	c := &cobra.Command{
		Use: "init [--upstream URL]", Short: "Write a first configuration and make the keys", Args: exactly(0),
		Example: "  sanmon init --upstream http://127.0.0.1:8000",
		RunE: func(c *cobra.Command, _ []string) error {
			return env.init(c.Context(), upstream, public, openapi)
		},
	}
	c.Flags().StringVar(&upstream, "upstream", "", "base URL of the backend (default http://127.0.0.1:8000)")
	c.Flags().StringVar(&public, "public-url", "", "origin that browsers see (default http://localhost:8080)")
	c.Flags().StringVar(&openapi, "openapi", "", "OpenAPI document to make the routes from: a file, or a URL (default: openapi.json of the upstream, if it has one)")
	return c
}

func (e *environment) init(ctx context.Context, upstream, public, openapi string) error {
	if _, err := os.Lstat(e.config); !errors.Is(err, fs.ErrNotExist) {
		return hinted{fmt.Errorf("%s exists already", e.config), "edit it, or choose another name with -c FILE"}
	}
	o := config.StarterOptions{Upstream: strings.TrimSuffix(upstream, "/"), PublicURL: public}
	if err := o.Check(); err != nil {
		return usageError{err}
	}
	if err := e.describe(ctx, &o, openapi); err != nil {
		return err
	}
	text, err := config.Starter(o)
	if err != nil {
		return err
	}
	c, err := config.Parse(e.config, text)
	if err != nil {
		return fmt.Errorf("the configuration that was made is not valid: %w", err)
	}
	if err := makeMaster(c); err != nil {
		return err
	}
	if err := writeNew(e.config, text); err != nil {
		return err
	}
	return e.initStore(ctx, c)
}

// describe finds the backend's OpenAPI document.
func (e *environment) describe(ctx context.Context, o *config.StarterOptions, openapi string) error {
	switch {
	case openapi != "" && !strings.Contains(openapi, "://"):
		doc, err := os.ReadFile(openapi)
		o.OpenAPI = doc
		return err
	case openapi != "":
		doc, err := fetch(ctx, openapi)
		o.OpenAPI, o.OpenAPIURL = doc, openapi
		return err
	case o.Upstream == "":
		return nil
	}
	at := o.Upstream + "/openapi.json"
	doc, err := fetch(ctx, at)
	if err != nil {
		_, _ = fmt.Fprintf(e.stderr, "note: no OpenAPI document at %s (%v); one closed route for everything is written instead\n", at, err)
		return nil
	}
	o.OpenAPI, o.OpenAPIURL = doc, at
	return nil
}

const maxDocument = 8 << 20

func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK || !strings.Contains(res.Header.Get("Content-Type"), "json") {
		return nil, fmt.Errorf("it answered %s, %s", res.Status, or(res.Header.Get("Content-Type"), "no type"))
	}
	doc, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err == nil && len(doc) > maxDocument {
		err = errors.New("it is larger than 8 MiB")
	}
	return doc, err
}

// makeMaster makes the master key unless there is one.
func makeMaster(c *config.Config) error {
	path, ok := strings.CutPrefix(c.MasterKey, "file:")
	if !ok {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("directory of the master key: %w", err)
	}
	if err := source.WriteMaster(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// initStore makes the store, so that the first user can be added.
func (e *environment) initStore(ctx context.Context, c *config.Config) error {
	store, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	if err := store.Close(); err != nil {
		return err
	}
	at := ""
	if e.config != "sanmon.yaml" {
		at = " -c " + e.config
	}
	_, err = fmt.Fprintf(e.screen(), `wrote %s (%d routes) and %s

next:
  1. look at the routes:      sanmon%s routes
  2. add the first admin:     sanmon%s user add --email you@example.com --role admin
  3. run the gate:            sanmon%s serve
  4. open in a browser:       %s
`, e.config, len(c.Routes), c.MasterKey, at, at, at, c.PublicURL+firstPage(c.Routes))
	return err
}

// firstPage is the path of something that is there: not every API has a front page. The
// account page is always.
func firstPage(routes []*config.Route) string {
	page := portal.AccountPath
	for _, r := range slices.Backward(routes) {
		switch readable := len(r.Methods) == 0 || slices.Contains(r.Methods, http.MethodGet); {
		case readable && (r.Path == "/" || r.Path == "/{rest...}"):
			return ""
		case readable && !strings.Contains(r.Path, "{"):
			page = r.Path
		}
	}
	return page
}
