package main

import (
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/secret"
)

// openGrants makes what begins, rotates and ends grants.
func (l *layers) openGrants(c *config.Config) (err error) {
	l.grants, err = refresh.New(l.store, l.grantOptions(c))
	return err
}

func (l *layers) grantOptions(c *config.Config) refresh.Options {
	return refresh.Options{
		Ring: l.rings[secret.PurposeRefresh], Idle: c.Token.RefreshIdle, Absolute: c.Token.RefreshAbsolute,
		Race: window(c.Token.Race), Redeliver: window(c.Token.Redeliver), Offset: l.store.Offset, Ended: l.ended, Alert: l.alert, Log: l.logger,
	}
}

// window is a window of the configuration, where 0 is none; to the layers 0 is their
// default.
func window(d time.Duration) time.Duration { return max(d, 1) }

// ended makes the end of sessions true in memory before the feed does.
func (l *layers) ended(sids []string) {
	for _, sid := range sids {
		l.keeper.Apply(change.Change{Kind: change.Session, ID: sid})
		l.cut(sid)
	}
}

// alert puts what somebody should look at where it is seen: the audit trail has it
// already.
func (l *layers) alert(ev audit.Event) {
	l.logger.Warn("a refresh token or an authorization code was misused", "event", string(ev.Event), "subject", ev.Subject,
		"sid", ev.SID, "network", ev.Network, "request_id", ev.RequestID, "detail", ev.Detail)
}
