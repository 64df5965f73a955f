//go:build !waf

package main

import (
	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
)

// firewall is nil: this binary has none, and refuses a configuration that wants one.
func firewall() func(config.WAF) (sanmon.Inspector, error) { return nil }
