package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/periodic"
)

// watchApproved puts the file of csp.approved in force when it changes. What is wrong
// with it is logged, and what was in force stays.
func (n *node) watchApproved(ctx context.Context) {
	known := approvedHash(n.config.Load())
	periodic.Do(ctx, config.DefaultInterval, func() {
		c := n.config.Load()
		now := approvedHash(c)
		if now == known {
			return
		}
		known = now
		if err := n.again(); err != nil {
			n.metrics.Reload("refused")
			n.logger.Error("the changed file of csp.approved is refused; the one before stays in force", "error", err)
			return
		}
		n.metrics.Reload("ok")
		n.logger.Info("csp.approved reloaded", "file", c.CSP.Approved)
	})
}

// approvedHash tells contents apart; a file that is not there has one, too.
func approvedHash(c *config.Config) [32]byte {
	if c.CSP.Approved == "" {
		return [32]byte{}
	}
	src, err := os.ReadFile(c.CSP.Approved)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sha256.Sum256([]byte(err.Error()))
	}
	return sha256.Sum256(src)
}
