package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/webhook"
	"github.com/sanmon-gate/sanmon/secret"
)

// receiverOf is who gets alerts; nil: nobody.
func receiverOf(c *config.Config, signing func(context.Context) (secret.Value, error)) (*webhook.Client, error) {
	if c.Alerts.Webhook == "" {
		return nil, nil
	}
	r, err := webhook.New(c.Alerts.Webhook, signing)
	if err != nil {
		return nil, fmt.Errorf("alerts.webhook: %w", err)
	}
	return r, nil
}

// checkAlerts reads the signing secret, so that a missing one is found before the start.
func checkAlerts(ctx context.Context, c *config.Config) (*webhook.Client, error) {
	if _, err := signingKeys(ctx, c); err != nil {
		return nil, c.Fault(c.Alerts.Secret, fmt.Errorf("alerts.secret: %w", err))
	}
	return receiverOf(c, alertSecret(c))
}

// alertSecret reads alerts.secret each time.
func alertSecret(c *config.Config) func(context.Context) (secret.Value, error) {
	return func(ctx context.Context) (secret.Value, error) { return resolver(c).Resolve(ctx, c.Alerts.Secret) }
}

// signingKeys are what posted checkpoints are signed with; none without alerts.secret.
func signingKeys(ctx context.Context, c *config.Config) (webhook.Keys, error) {
	if c.Alerts.Secret == "" {
		return webhook.Keys{}, nil
	}
	v, err := resolver(c).Resolve(ctx, c.Alerts.Secret)
	if err != nil {
		return webhook.Keys{}, err
	}
	return webhook.ParseKeys(v)
}

// alertsOf sends alerts of a running server.
func (n *node) alertsOf(c *config.Config, store *storage.DB, logger *slog.Logger) *alert.Dispatcher {
	host, _ := os.Hostname() // a name for people; "" will do
	return &alert.Dispatcher{
		Store: store, Gate: c.PublicURL, Node: host, Logger: logger,
		Conditions: []alert.Condition{
			{Type: alert.FeedStale, On: n.follower.Stale, Detail: "the change feed of the store has not been read for more than 5 s"},
			{Type: alert.KeysStale, On: func() bool { return n.keysAge() > n.config.Load().Keys.MaxAge }, Detail: "longer than keys.max_age"},
		},
	}
}

// configureAlerts puts the receiver of a configuration in force.
func (n *node) configureAlerts(r *webhook.Client) {
	if r == nil {
		n.alerts.Configure(nil)
		return
	}
	n.alerts.Configure(r)
}

func (n *node) alertGauges() {
	n.metrics.Gauge("sanmon_alerts_waiting", "Alerts on their way to the receiver, of all nodes.", func() float64 { return float64(n.alerts.Counts().Waiting) })
	for result, read := range map[string]func(alert.Counts) int64{
		"delivered": func(c alert.Counts) int64 { return c.Delivered },
		"failed":    func(c alert.Counts) int64 { return c.Failed },
		"dead":      func(c alert.Counts) int64 { return c.Dead },
		"too_old":   func(c alert.Counts) int64 { return c.TooOld },
	} {
		n.metrics.Total("sanmon_alerts_total", "What became of alerts: delivered, failed (tries), dead (given up after a day), too_old (events that nobody was told of in time).", "result", result,
			func() float64 { return float64(read(n.alerts.Counts())) })
	}
}

// watchedJournal keeps events and raises an alert when it cannot: then the trail itself
// cannot say so.
type watchedJournal struct {
	store  *storage.DB
	alerts *alert.Dispatcher
}

// Record implements the journals of the layers around it.
func (j watchedJournal) Record(ctx context.Context, ev audit.Event) error {
	err := j.store.Record(ctx, ev)
	if err != nil && ctx.Err() == nil {
		j.alerts.Raise(alert.AuditFailed, "step=write event="+string(ev.Event))
	}
	return err
}

// alertTime bounds a test alert.
const alertTime = webhook.Timeout + 5*time.Second
