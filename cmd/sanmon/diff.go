package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/openapi"
	"github.com/sanmon-gate/sanmon/web/schema"
)

// diffView is what configuration, documents and traffic do not agree about.
type diffView struct {
	Upstreams     []upstreamView    `json:"upstreams"`
	OnlyInTraffic []openapi.Request `json:"only_in_traffic"` // neither configuration nor document has these
}

// upstreamView compares one backend's document with the configuration.
type upstreamView struct {
	Upstream            string              `json:"upstream"`
	Document            *documentView       `json:"document"` // null: none could be read
	Error               string              `json:"error,omitempty"`
	Pinned              string              `json:"pinned,omitempty"` // hash of the document in force
	Waiting             bool                `json:"waiting"`          // Document is not the one in force
	Differences         []schema.Difference `json:"differences"`      // from the one in force to Document
	OnlyInDocument      []operationView     `json:"only_in_document"` // no route takes these
	OnlyInConfiguration []routeGap          `json:"only_in_configuration"`
	Unjudged            []operationView     `json:"unjudged"`
}

type documentView struct {
	From       string `json:"from"` // "backend", "file" or "store"
	Hash       string `json:"hash"`
	Version    string `json:"version"`
	Title      string `json:"title"`
	Operations int    `json:"operations"`
}

type operationView struct {
	Method      string `json:"method"`
	Path        string `json:"path"`
	OperationID string `json:"operation_id,omitempty"`
	Requests    int64  `json:"requests,omitempty"` // that no route took
	Reason      string `json:"reason,omitempty"`
}

type routeGap struct {
	ID      string   `json:"id"`
	Methods []string `json:"methods"`
	Path    string   `json:"path"`
}

// diff compares, and approves the document with the given hash, "" for none.
func (e *environment) diff(ctx context.Context, approve string) error {
	conf, gate, err := e.compiled()
	if err != nil {
		return err
	}
	return e.with(ctx, func(ctx context.Context, o *opened) error {
		d := differ{conf: conf, gate: gate, store: o.store, approve: strings.ToLower(approve)}
		view, err := d.run(ctx)
		if err != nil {
			return err
		}
		if e.json {
			return e.printJSON(view)
		}
		return e.printDiff(view, d.approved)
	})
}

// differ compares one configuration.
type differ struct {
	conf  *config.Config
	gate  *sanmon.Gate
	store interface {
		openapi.Store
		openapi.RequestStore
	}
	approve  string
	approved bool
	requests []openapi.Request
}

func (d *differ) run(ctx context.Context) (diffView, error) {
	view := diffView{Upstreams: []upstreamView{}, OnlyInTraffic: []openapi.Request{}}
	var err error
	if d.requests, err = d.store.Requests(ctx); err != nil {
		return view, err
	}
	for _, name := range slices.Sorted(maps.Keys(d.conf.Upstreams)) {
		if d.conf.Upstreams[name].OpenAPI == "" {
			continue
		}
		one, err := d.upstream(ctx, d.conf.Upstreams[name])
		if err != nil {
			return view, err
		}
		view.Upstreams = append(view.Upstreams, one)
	}
	for _, r := range d.requests {
		if _, routed := d.route(r.Method, r.Path, ""); !routed {
			view.OnlyInTraffic = append(view.OnlyInTraffic, r)
		}
	}
	if d.approve != "" && !d.approved {
		return view, hinted{fmt.Errorf("no backend serves a changed OpenAPI document whose hash begins with %q", d.approve), "compare first: sanmon routes --diff"}
	}
	if len(view.Upstreams)+len(view.OnlyInTraffic) == 0 {
		return view, hinted{errors.New("no upstream has an OpenAPI document"), "add upstreams.NAME.openapi: the URL or file of its document"}
	}
	return view, nil
}

// upstream compares one backend's newest document.
func (d *differ) upstream(ctx context.Context, up *config.Upstream) (upstreamView, error) {
	v := upstreamView{Upstream: up.Name, Differences: []schema.Difference{}, OnlyInDocument: []operationView{}, OnlyInConfiguration: []routeGap{}, Unjudged: []operationView{}}
	source := sourceOf(up)
	pinned, seen, err := d.store.Pins(ctx, up.Name)
	if err != nil {
		return v, err
	}
	doc, raw, from := d.newest(ctx, source, pinned, seen, &v)
	if doc == nil {
		return v, nil
	}
	v.Document = &documentView{from, shortHash(doc.Hash), doc.Version, doc.Title, len(doc.Operations)}
	if !source.File() && !pinned.Empty() {
		v.Pinned = shortHash(pinned.Hash())
		if v.Waiting = pinned.Hash() != doc.Hash; v.Waiting {
			if old, err := schema.Parse(pinned.Source); err == nil {
				v.Differences = append(v.Differences, schema.Differences(old, doc)...)
			}
		}
	}
	if err := d.accept(ctx, &v, openapi.Pin{Upstream: up.Name, Source: raw, At: time.Now()}); err != nil {
		return v, err
	}
	d.compare(up.Name, doc, &v)
	return v, nil
}

// newest reads the document where it is, else takes what was seen last.
func (d *differ) newest(ctx context.Context, source openapi.Source, pinned, seen openapi.Pin, v *upstreamView) (*schema.Document, []byte, string) {
	raw, err := source.Fetch(ctx)
	if err == nil {
		var doc *schema.Document
		if doc, err = schema.Parse(raw); err == nil {
			if source.File() {
				return doc, raw, "file"
			}
			return doc, raw, "backend"
		}
	}
	v.Error = err.Error()
	for _, p := range []openapi.Pin{seen, pinned} {
		if doc, err := schema.Parse(p.Source); err == nil && !source.File() {
			return doc, p.Source, "store"
		}
	}
	return nil, nil, ""
}

// minApproval is how much of a hash a person has to type.
const minApproval = 8

// accept puts a document in force when its hash is the one that was approved.
func (d *differ) accept(ctx context.Context, v *upstreamView, p openapi.Pin) error {
	hash := fmt.Sprintf("%x", p.Hash())
	if d.approve == "" || len(d.approve) < minApproval || !strings.HasPrefix(hash, d.approve) || !v.Waiting {
		return nil
	}
	if _, err := d.store.PinSeen(ctx, p, openapi.Event(audit.OpenAPIChanged, "cli", p)); err != nil {
		return err
	}
	if err := d.store.PinApprove(ctx, v.Upstream, p.Hash(), openapi.Event(audit.OpenAPIApproved, "cli", p)); err != nil {
		return err
	}
	d.approved, v.Waiting, v.Pinned = true, false, shortHash(p.Hash())
	return nil
}

func shortHash(h [32]byte) string { return fmt.Sprintf("%x", h[:8]) }

// compare finds what only one of document and configuration has. Requests of operations
// are counted there and not as traffic that nobody knows.
func (d *differ) compare(upstream string, doc *schema.Document, v *upstreamView) {
	documented := map[string]map[string]bool{} // by route: its methods
	for _, o := range doc.Operations {
		if o.Unjudged != nil {
			v.Unjudged = append(v.Unjudged, operationView{o.Method, o.Path, o.ID, 0, o.Unjudged.Error()})
		}
		id, ok := d.route(o.Method, o.Path, upstream)
		if !ok {
			v.OnlyInDocument = append(v.OnlyInDocument, operationView{o.Method, o.Path, o.ID, d.asked(o), ""})
			continue
		}
		if documented[id] == nil {
			documented[id] = map[string]bool{}
		}
		documented[id][o.Method] = true
	}
	for i, r := range d.gate.Routes {
		if r.Upstream != upstream {
			continue
		}
		if missing := undocumented(d.conf.Routes[i].AnyMethod, r.AllMethods(), documented[r.ID]); len(missing) > 0 {
			v.OnlyInConfiguration = append(v.OnlyInConfiguration, routeGap{r.ID, missing, r.Path})
		}
	}
}

// undocumented lists the methods of a route that no operation has. HEAD comes with GET,
// and OPTIONS is never described.
func undocumented(anyMethod bool, methods []string, documented map[string]bool) []string {
	if anyMethod && len(documented) > 0 {
		return nil
	}
	var missing []string
	for _, m := range methods {
		if !documented[m] && m != "OPTIONS" && !(m == "HEAD" && (documented["GET"] || slices.Contains(methods, "GET"))) {
			missing = append(missing, m)
		}
	}
	return missing
}

// asked takes the requests of an operation out of those that nobody knows.
func (d *differ) asked(o *schema.Operation) int64 {
	var n int64
	rest := d.requests[:0:0]
	for _, r := range d.requests {
		if r.Method == o.Method && alike(r.Path, o.Path) {
			n += r.Count
		} else {
			rest = append(rest, r)
		}
	}
	d.requests = rest
	return n
}

// alike reports whether a path of traffic can be one of a template.
func alike(path, template string) bool {
	a, b := strings.Split(path, "/"), strings.Split(template, "/")
	return slices.EqualFunc(a, b, func(x, y string) bool { return x == y || strings.Contains(y, "{") })
}

// sample stands for any value of a path parameter.
const sample = "00sanmon00"

// route finds the route that takes requests of a template, on any host of the upstream,
// "" for every upstream.
func (d *differ) route(method, template, upstream string) (id string, ok bool) {
	segments := strings.Split(template, "/")
	for i, s := range segments {
		if before, rest, open := strings.Cut(s, "{"); open {
			_, after, _ := strings.Cut(rest, "}")
			segments[i] = before + sample + after
		}
	}
	path := strings.Join(segments, "/")
	for _, host := range d.hosts() {
		i, _, err := d.gate.Table.Match(host, method, path)
		if err == nil && (upstream == "" || d.gate.Routes[i].Upstream == upstream) {
			return d.gate.Routes[i].ID, true
		}
	}
	return "", false
}

func (d *differ) hosts() []string {
	hosts := []string{d.gate.Host}
	for _, r := range d.gate.Routes {
		if !slices.Contains(hosts, r.Host) {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}
