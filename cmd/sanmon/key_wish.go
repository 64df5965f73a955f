package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/keys/network"
)

// keyWish is what the commands that make or take over a key are told.
type keyWish struct {
	owner, expires, environment, note string
	roles, scopes, networks, limits   []string
}

// wishUse is how it stands in the line of use.
const wishUse = "--owner E|service:NAME [--role R]... [--scope S]... [--network CIDR]... [--limit 10/m]... [--expires 90d] [--note TEXT]"

func (k *keyWish) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&k.owner, "owner", "", "e-mail address of a user, or service:NAME (made by its first key)")
	f.StringArrayVar(&k.roles, "role", nil, "role that the key may use; may be repeated")
	f.StringArrayVar(&k.scopes, "scope", nil, "scope that the key may use; may be repeated")
	f.StringArrayVar(&k.networks, "network", nil, "network that the key may be used from; may be repeated")
	f.StringArrayVar(&k.limits, "limit", nil, "limit of the key itself, as in 10/m, quota:10000/d, quota:200000/month or concurrency:4; may be repeated, and all hold")
	f.StringVar(&k.expires, "expires", "90d", "time until it ends, as in 90d, or never")
	f.StringVar(&k.environment, "env", "", "live or test (default: the server's environment)")
	f.StringVar(&k.note, "note", "", "for people: what the key is for")
}

// check finds what is missing, before anything is opened.
func (k *keyWish) check() error {
	if k.owner == "" {
		return usageError{errors.New("--owner is missing (an e-mail address, or service:NAME)")}
	}
	if !strings.HasPrefix(k.owner, servicePrefix) && !strings.Contains(k.owner, "@") && !strings.HasPrefix(k.owner, "usr_") {
		return usageError{fmt.Errorf("--owner %q is no e-mail address (a program is written service:NAME)", k.owner)}
	}
	return nil
}

// spec is the wish as the key service takes it, but for the owner.
func (k *keyWish) spec(c *cobra.Command, o *opened) (apikey.Spec, error) {
	spec := apikey.Spec{Roles: k.roles, Scopes: k.scopes, Limit: strings.Join(k.limits, ","), Env: apikey.Env(or(k.environment, o.config.Environment)), Note: k.note}
	for _, n := range k.networks {
		prefix, err := network.Parse(n)
		if err != nil {
			return spec, usageError{fmt.Errorf("--network: %w", err)}
		}
		spec.Networks = append(spec.Networks, prefix)
	}
	switch {
	case k.expires == "never":
		spec.Forever = true
	case c.Flags().Changed("expires"):
		life, err := config.ParseDuration(k.expires)
		if err != nil || life <= 0 {
			return spec, usageError{fmt.Errorf("--expires %q is no time (write 90d, 12h, or never)", k.expires)}
		}
		spec.Lifetime = life
	} // else the usual, or the longest that is allowed
	return spec, o.knownRoles(spec.Roles)
}
