package main

import (
	"time"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// staleKeys reports that revocations have not been heard of for longer than the
// configuration in force allows: keys are then read from the store, or refused.
func (n *node) staleKeys() bool { return n.follower.Age() > n.config.Load().Keys.MaxAge }

// keysAge is how long ago the keys in memory were last known to be those of the store.
func (n *node) keysAge() time.Duration { return max(n.follower.Age(), n.layers.index.Doubtful()) }

// keysUnder makes keys as a configuration allows.
func (l *layers) keysUnder(c *config.Config) *apikey.Service {
	s := *l.service
	s.MaxLifetime = c.Keys.MaxTTL
	return &s
}
