package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/identity/keyset"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/refusal"
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
	b := &believed{stale: l.stale, load: func(ctx context.Context) error {
		return l.rings[secret.PurposeToken].Load(ctx, l.store, l.master)
	}}
	return token.KeeperOptions{Options: tokenOptions(c), Confirm: l.grants.Confirm, Believe: b.check, Binding: l.binding(c)}
}

// keyAge is how old the keys in memory may be while the change feed is behind: that is
// how long a dropped key can go on there.
const keyAge = time.Second

// believed reads keys again while the change feed is behind, because a key that was
// dropped meanwhile would go on. A store that does not answer closes the door.
type believed struct {
	stale func() bool
	load  func(context.Context) error
	read  atomic.Int64 // when the last successful reading began, nanoseconds
	mu    sync.Mutex   // one reading at a time
}

func (b *believed) check(ctx context.Context) error {
	if !b.stale() || time.Since(time.Unix(0, b.read.Load())) < keyAge {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(time.Unix(0, b.read.Load())) < keyAge {
		return nil
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := b.load(ctx); err != nil {
		return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Second, Err: err,
			Reason: "the change feed is behind, and the keys of access tokens could not be read (is the database reachable?)"}
	}
	b.read.Store(began.UnixNano())
	return nil
}
