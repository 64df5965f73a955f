package main

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/trail"
	"github.com/sanmon-gate/sanmon/secret"
)

// trailOf signs the audit trail of a running server.
func (n *node) trailOf(c *config.Config, store *storage.DB, journal trail.Journal) *trail.Keeper {
	return &trail.Keeper{
		Signer: &trail.Signer{Store: store, Ring: n.layers.rings[secret.PurposeAudit], Actor: "system"}, Sink: sinkOf(c, n.config.Load), Journal: journal, Recorded: store.Recorded, Logger: n.logger,
	}
}

func (n *node) trailGauges() {
	n.metrics.Gauge("sanmon_audit_unsigned_seconds", "Time since the audit trail was last known to be signed.", func() float64 { return n.trail.Age(time.Now()).Seconds() })
	n.metrics.Gauge("sanmon_audit_anchor_compared", "Whether the store was compared with audit.anchor when the server started, or since: 0 without one, and where the endpoint does not say what it keeps.", func() float64 {
		if n.config.Load().Audit.Anchor == "" || n.anchor.Load() != anchorCompared {
			return 0
		}
		return 1
	})
	n.metrics.Gauge("sanmon_audit_failures", "Tries to sign or to anchor the audit trail that failed, since the start.", func() float64 { return float64(n.trail.Failures()) })
	n.metrics.Gauge("sanmon_audit_anchors_replaced", "Checkpoints that newer ones replaced before they were anchored, since the start.", func() float64 { return float64(n.trail.Dropped()) })
}

// lastCheckpointTime bounds how long the end of the server waits for its last checkpoint.
const lastCheckpointTime = 5 * time.Second

// lastCheckpoint signs what the server wrote to its end.
func (n *node) lastCheckpoint() {
	ctx, cancel := context.WithTimeout(context.Background(), lastCheckpointTime)
	defer cancel()
	n.trail.Close(ctx)
}
