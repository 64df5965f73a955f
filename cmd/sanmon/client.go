package main

import (
	"strings"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/spf13/cobra"
)

func clientCommand(env *environment) *cobra.Command {
	return group("client", "Show the OAuth clients of the configuration", clientList(env))
}

// clientView is a client for a person or a program to read. How it proves who it is has a
// name here, and no value.
type clientView struct {
	ID           string   `json:"id"`
	Type         string   `json:"type"`
	Proof        string   `json:"proof"` // "none", "secret" or "jwks"
	RedirectURIs []string `json:"redirect_uris"`
	Scopes       []string `json:"scopes"`
	Grants       []string `json:"grants"`
	Service      string   `json:"service"`
	Introspect   bool     `json:"introspect"`
	DPoP         string   `json:"dpop"` // "optional" or "required"
}

func viewClient(c *config.Client) clientView {
	v := clientView{ID: c.ID, Type: "public", Proof: "none", RedirectURIs: list(c.RedirectURIs), Scopes: list(c.Scopes), Grants: list(c.Grants),
		Service: c.Service, Introspect: c.Introspect, DPoP: "optional"}
	if c.Confidential {
		v.Type = "confidential"
	}
	switch {
	case c.Secret != "":
		v.Proof = "secret"
	case c.JWKS != "":
		v.Proof = "jwks"
	}
	if c.DPoP {
		v.DPoP = "required"
	}
	return v
}

func clientList(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "list", Short: "List OAuth clients", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			c, err := config.Load(env.config)
			if err != nil {
				return env.configError(err)
			}
			views, rows := []clientView{}, [][]string{}
			for _, client := range c.Clients {
				v := viewClient(client)
				views = append(views, v)
				rows = append(rows, []string{v.ID, v.Type, v.Proof, strings.Join(v.Grants, ","), strings.Join(v.Scopes, ","), strings.Join(v.RedirectURIs, ",")})
			}
			if env.json {
				return env.printJSON(views)
			}
			return env.printTable("ID TYPE PROOF GRANTS SCOPES REDIRECTS", rows)
		},
	})
}
