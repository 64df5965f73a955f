package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/spf13/cobra"
)

// routeView is one line of the boundary map.
type routeView struct {
	ID       string   `json:"id"`
	Host     string   `json:"host"`
	Path     string   `json:"path"`
	Methods  []string `json:"methods"`
	Boundary []string `json:"boundary"`
	Effect   string   `json:"effect"`
	CSRF     string   `json:"csrf"`
	Require  []string `json:"require"`
	Limit    *string  `json:"limit"`
	Network  []string `json:"network"`
	Upstream string   `json:"upstream"`

	HTMLFields []string `json:"html_fields,omitempty"` // fields that may carry markup, as "body html(ugc)"
}

func routesCommand(env *environment) *cobra.Command {
	var diff bool
	var approve string
	c := &cobra.Command{
		Use: "routes", Short: "Print the boundary map: who may reach what, by which credential, with which effect", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case diff:
				return env.diff(c.Context(), approve)
			case approve != "":
				return usageError{errors.New("--approve needs --diff")}
			}
			conf, gate, err := env.compiled()
			if err != nil {
				return err
			}
			views := make([]routeView, 0, len(gate.Routes))
			for i, r := range gate.Routes {
				view := viewRoute(conf.Routes[i], r.Host, r.AllMethods(), r.Boundary.String())
				if r.Fields != nil {
					view.HTMLFields = r.Fields.HTML()
				}
				views = append(views, view)
			}
			if env.json {
				return env.printJSON(views)
			}
			return env.printRoutes(views)
		},
	}
	c.Flags().BoolVar(&diff, "diff", false, "compare with the backends' OpenAPI documents and with what clients ask for")
	c.Flags().StringVar(&approve, "approve", "", "with --diff: put the document with this hash in force, as --diff prints it")
	return env.withJSON(c)
}

func viewRoute(r *config.Route, host string, methods []string, boundary string) routeView {
	v := routeView{
		ID: r.ID, Host: host, Path: r.Path, Methods: methods, Boundary: strings.Split(boundary, ","),
		Effect: effectOf(r, methods), CSRF: csrfOf(r, boundary), Require: list(r.Require), Network: []string{}, Upstream: r.Upstream,
	}
	for _, n := range r.Network {
		v.Network = append(v.Network, n.String())
	}
	if len(r.Limits) > 0 {
		all := make([]string, len(r.Limits))
		for i, l := range r.Limits {
			all[i] = fmt.Sprintf("%s per %s", l, l.Per)
		}
		text := strings.Join(all, ", ")
		v.Limit = &text
	}
	return v
}

// effectOf is read or write; a route whose methods differ writes.
func effectOf(r *config.Route, methods []string) string {
	if r.Effect != "" {
		return r.Effect
	}
	for _, m := range methods {
		if m != "GET" && m != "HEAD" && m != "OPTIONS" {
			return "write"
		}
	}
	return "read"
}

// csrfOf is the kind of token that a session needs; "none" where nothing rests on a
// cookie.
func csrfOf(r *config.Route, boundary string) string {
	if !strings.Contains(boundary, "session") && !strings.Contains(boundary, "app") {
		return "none"
	}
	return or(r.CSRF.Kind, "session")
}

func (e *environment) printRoutes(views []routeView) error {
	rows := make([][]string, 0, len(views))
	for _, v := range views {
		limit := ""
		if v.Limit != nil {
			limit = *v.Limit
		}
		rows = append(rows, []string{v.ID, strings.Join(v.Methods, ","), v.Path, strings.Join(v.Boundary, ","), v.Effect, v.CSRF, strings.Join(v.Require, ","), limit, strings.Join(v.Network, ","), v.Upstream})
	}
	if err := e.printTable("ID METHODS PATH BOUNDARY EFFECT CSRF REQUIRE LIMIT NETWORK UPSTREAM", rows); err != nil {
		return err
	}
	e.printNames("fields that may carry markup:", markupOf(views))
	return nil
}

// markupOf lists the fields that may carry markup (M7).
func markupOf(views []routeView) []string {
	var all []string
	for _, v := range views {
		for _, f := range v.HTMLFields {
			all = append(all, v.ID+": "+f)
		}
	}
	return all
}
