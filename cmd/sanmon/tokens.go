package main

import (
	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/secret"
)

// openTokens makes what issues and what judges access tokens.
func (l *layers) openTokens(c *config.Config) (err error) {
	keys := keyset.New(l.rings[secret.PurposeToken], token.Type)
	if l.access, err = token.New(keys, l.keeper, l.accessOptions(c)); err != nil {
		return err
	}
	l.issuer, err = token.NewMinter(keys, tokenOptions(c))
	return err
}

// configureTokens follows a reload. A shorter life holds for tokens of before, too.
func (l *layers) configureTokens(c *config.Config) error {
	if err := l.grants.Configure(l.grantOptions(c)); err != nil {
		return err
	}
	if err := l.issuer.Configure(tokenOptions(c)); err != nil {
		return err
	}
	return l.access.Configure(l.accessOptions(c))
}

func tokenOptions(c *config.Config) token.Options {
	return token.Options{Issuer: c.PublicURL, TTL: c.Token.AccessTTL}
}

func (l *layers) accessOptions(c *config.Config) token.KeeperOptions {
	return token.KeeperOptions{Options: tokenOptions(c), Confirm: l.grants.Confirm}
}
