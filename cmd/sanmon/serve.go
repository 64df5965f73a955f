package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/feed"
	"github.com/sanmon-gate/sanmon/internal/logline"
	"github.com/sanmon-gate/sanmon/internal/metrics"
	"github.com/sanmon-gate/sanmon/internal/periodic"
	"github.com/sanmon-gate/sanmon/internal/server"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/internal/trail"
	"github.com/sanmon-gate/sanmon/internal/wire"
	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
)

func serveCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the gate", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := config.Load(env.config)
			if err != nil {
				return env.configError(err)
			}
			return serve(c.Context(), conf, env.log, nil)
		},
	}
}

// serve runs the gate until ctx ends. ready, if not nil, is called when it accepts
// connections.
func serve(ctx context.Context, c *config.Config, stderr io.Writer, ready func(*node)) error {
	lines := logline.New(stderr)
	defer func() { _ = lines.Flush() }()
	level := new(slog.LevelVar)
	logger := newLogger(lines, c.Log, level)
	for _, w := range c.Warnings {
		logger.Warn("configuration", "warning", w.Error())
	}
	secrets := newLive(c, logger)
	store, err := secrets.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	n, err := newNode(ctx, c, store, secrets, lines, logger, level)
	if err != nil {
		return err
	}
	return n.run(ctx, ready)
}

// node is one running gate.
type node struct {
	config   atomic.Pointer[config.Config]
	live     *live
	layers   *layers
	metrics  *metrics.Metrics
	follower *feed.Follower
	handler  *server.Handler
	refusals *server.Refusals
	trail    *trail.Keeper
	alerts   *alert.Dispatcher
	public   *wire.Server
	admin    *http.Server // nil: off
	adminOn  net.Listener
	lines    *logline.Writer
	logger   *slog.Logger
	level    *slog.LevelVar // of logger and request lines; a reload changes it

	anchor atomic.Int32 // how the comparison with audit.anchor ended: anchorCompared, …

	generation uint64     // of the last compiled configuration
	reloading  sync.Mutex // guards generation
}

// newNode compiles everything and binds the listeners.
func newNode(ctx context.Context, c *config.Config, store *storage.DB, secrets *live, lines *logline.Writer, logger *slog.Logger, level *slog.LevelVar) (*node, error) {
	n := &node{live: secrets, metrics: metrics.New(version), lines: lines, logger: logger, level: level}
	n.config.Store(c)
	after, err := store.LastChange(ctx)
	if err != nil {
		return nil, err
	}
	n.follower = &feed.Follower{
		Source: store, Notify: store.WaitChange, After: after, Logger: logger,
		Apply: func(ctx context.Context, ch feed.Change) { n.layers.apply(ctx, ch) },
		Reset: n.distrustMemory,
	}
	if n.layers, err = openLayers(ctx, c, store, logger, n.follower.Stale, n.staleKeys); err != nil {
		return nil, err
	}
	n.layers.held = newHolder(n.live)
	if err := errors.Join(n.live.limiter(ctx, c, n.layers.shared), n.live.followMaster(ctx, c, store, n.layers.master)); err != nil {
		return nil, err
	}
	n.layers.pages.Counted = n.metrics.Violation
	n.alerts = n.alertsOf(c, store, logger)
	journal := watchedJournal{store, n.alerts}
	n.layers.login.Journal = journal
	n.refusals = &server.Refusals{Journal: journal, Logger: logger}
	n.trail = n.trailOf(c, store, journal)
	if err := n.notRolledBack(ctx, c, store); err != nil {
		return nil, err
	}
	accountant := &server.Accountant{Metrics: n.metrics, Lines: lines, Scrub: redact.Line, Refusals: n.refusals, Level: level, Text: c.Log.Format == "text", Unrouted: n.layers.traffic.Add}
	n.handler = &server.Handler{Account: accountant.Account}
	if err := n.use(c); err != nil {
		return nil, err
	}
	n.gauges()
	return n, errors.Join(n.listenPublic(c), n.listenAdmin(c))
}

func (n *node) gauges() {
	n.metrics.Gauge("sanmon_feed_age_seconds", "Time since the change feed was last known to be current.", func() float64 { return n.follower.Age().Seconds() })
	n.metrics.Gauge("sanmon_keys", "API keys in memory.", func() float64 { return float64(n.layers.index.Len()) })
	n.metrics.Gauge("sanmon_keys_held", "API keys in memory that are refused until a person decides, because the store was restored.", func() float64 { return float64(n.layers.index.Held()) })
	n.metrics.Gauge("sanmon_key_index_age_seconds", "Time since the API keys in memory were last known to be those of the store.", func() float64 { return n.keysAge().Seconds() })
	n.metrics.Gauge("sanmon_sessions_cached", "Sessions in memory.", func() float64 { return float64(n.layers.keeper.Len()) })
	n.metrics.Gauge("sanmon_tokens_cached", "Verified access tokens in memory.", func() float64 { return float64(n.layers.access.Len()) })
	for word := range n.layers.keeper.Counts() {
		n.metrics.Counter("sanmon_session_signals_total", "What happened to session cookies that somebody may want to look at.", "signal", word, func() float64 { return float64(n.layers.keeper.Counts()[word]) })
	}
	for word := range n.layers.grants.Counts() {
		n.metrics.Counter("sanmon_refresh_total", "Refresh tokens that were presented, by what became of them.", "verdict", word, func() float64 { return float64(n.layers.grants.Counts()[word]) })
	}
	n.metrics.Gauge("sanmon_limit_identities", "Identities that limits remember.", func() float64 { return float64(n.layers.limits.Len()) })
	limiterGauges(n.metrics, n.layers.shared)
	n.metrics.Gauge("sanmon_html_fields", "Declared fields of routes that may carry markup.", func() float64 { return float64(len(server.HTMLFields(n.handler.State().Gate))) })
	n.metrics.Gauge("sanmon_openapi_waiting", "Upstreams whose OpenAPI document has changed and waits for approval.", func() float64 { return float64(n.layers.documents.Waiting()) })
	n.metrics.Gauge("sanmon_openapi_missing", "Upstreams whose requests should be judged by an OpenAPI document that is not there.", func() float64 { return float64(n.layers.documents.Missing()) })
	n.metrics.Gauge("sanmon_secret_age_seconds", "Time since the secret that was not confirmed for longest was read and found good.", func() float64 { return n.live.keeper.Age().Seconds() })
	n.trailGauges()
	n.layers.letters.gauges(n.metrics)
	n.alertGauges()
	n.metrics.Gauge("sanmon_tunnels", "Open WebSockets and streams.", func() float64 { return float64(n.layers.tunnels.Len()) })
}

// use compiles a configuration and puts it in force.
func (n *node) use(c *config.Config) error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	return n.put(c)
}

// again compiles the configuration in use once more, after a file that it names changed.
func (n *node) again() error {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	return n.put(n.config.Load())
}

// put is use; n.reloading is held.
func (n *node) put(c *config.Config) error {
	if _, err := checkAlerts(context.Background(), c); err != nil {
		return err
	}
	n.layers.held.begin()
	receiver, err := receiverOf(c, n.layers.held.hold("alerts.secret", c.Alerts.Secret).value)
	if err != nil {
		return err
	}
	state, err := n.layers.compile(c, n.generation+1)
	if err != nil {
		return err
	}
	if err := n.layers.keeper.Configure(n.layers.sessionOptions(c)); err != nil {
		return err
	}
	if err := n.layers.configureTokens(c); err != nil {
		return err
	}
	if err := n.layers.index.Foreign(c.Keys.Foreign); err != nil {
		return err
	}
	n.layers.documents.Configure(context.Background(), documentsOf(c))
	n.configureAlerts(receiver)
	n.layers.held.settle()
	n.generation++
	n.config.Store(c)
	n.level.Set(levelOf(c.Log))
	if old := n.handler.Use(state); old != nil {
		for _, backend := range old.Backends {
			backend.Close()
		}
		// What stays open was let in by rules that may not hold any more; clients of
		// sockets and streams come again by themselves.
		if cut := n.layers.tunnels.CloseAll(); cut > 0 {
			n.logger.Info("open connections were cut, so that the new configuration judges them", "count", cut)
		}
	}
	return nil
}

// run serves until ctx ends. The listeners accept when ready is called.
func (n *node) run(ctx context.Context, ready func(*node)) error {
	group, ctx := errgroup.WithContext(ctx)
	// What keeps memory and store true ends last, after the last request.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var helpers sync.WaitGroup
	for _, helper := range n.helpers() {
		helpers.Go(func() {
			if err := helper(background); err != nil && background.Err() == nil {
				n.logger.Error("a background task ended", "error", err)
			}
		})
	}
	group.Go(func() error { return n.public.Serve(ctx) })
	if n.admin != nil {
		group.Go(func() error { return n.serveAdmin(ctx) })
	}
	group.Go(func() error { n.watch(ctx); return nil })
	group.Go(func() error { n.watchApproved(ctx); return nil })
	n.record(ctx, audit.ConfigLoaded, fmt.Sprintf("hash=%x", n.config.Load().Hash))
	n.always("ready", "public", n.public.Addr().String(), "admin", addr(n.adminOn), "public_url", n.config.Load().PublicURL, "version", version)
	if ready != nil {
		ready(n)
	}
	err := group.Wait()
	n.layers.tunnels.CloseAll()
	n.always("stopped")
	stop()
	helpers.Wait()
	n.lastCheckpoint()
	return err
}

// helpers are what runs beside the requests.
func (n *node) helpers() []func(context.Context) error {
	l := n.layers
	return []func(context.Context) error{
		n.lines.Run, n.hangup, tune,
		n.follower.Run, l.store.FollowClock, l.maintain, n.cutUnconfirmed,
		n.refusals.Run, n.trail.Run, n.compareLater, n.alerts.Run,
		l.keeper.Run, l.access.Run, l.grants.Run, l.letters.queue.Run,
		l.index.Run, n.warnForeign, l.limits.Run, l.tendLimiter,
		l.tendKeys, l.reloadKeys, n.live.keeper.Run, l.held.try,
		l.pages.Run, l.documents.Run, l.traffic.Run,
	}
}

func addr(l net.Listener) string {
	if l == nil {
		return "off"
	}
	return l.Addr().String()
}

// watch reloads the configuration when its file changes.
func (n *node) watch(ctx context.Context) {
	c := n.config.Load()
	if c.Path == "" {
		<-ctx.Done()
		return
	}
	config.Watch(ctx, c.Path, c.Hash, 0, func(c *config.Config, err error) {
		if err == nil {
			err = n.reload(c)
		}
		if err != nil {
			n.metrics.Reload("refused")
			n.logger.Error("the changed configuration is refused; the one before stays in force", "error", err)
			n.record(ctx, audit.ConfigRefused, "")
			return
		}
		n.metrics.Reload("ok")
		n.logger.Info("configuration reloaded", "hash", fmt.Sprintf("%x", c.Hash[:8]))
		n.record(ctx, audit.ConfigLoaded, fmt.Sprintf("hash=%x", c.Hash))
	})
}

// reload puts a configuration in force, unless it changes what only a start can.
func (n *node) reload(c *config.Config) error {
	if old := n.config.Load(); c.Listen != old.Listen || c.TLS.Listening() != old.TLS.Listening() || c.Store != old.Store || c.Limiter != old.Limiter || c.Secrets != old.Secrets || c.PublicURL != old.PublicURL || c.Environment != old.Environment ||
		c.Metrics != old.Metrics || c.Audit != old.Audit || c.Log.Format != old.Log.Format {
		return errors.New("public_url, environment, listen, tls, store, limiter, secrets, metrics, audit and log.format cannot change while the server runs (restart it)")
	}
	if old := n.config.Load(); c.MasterKey != old.MasterKey || !slices.Equal(c.MasterOthers, old.MasterOthers) {
		ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
		defer cancel()
		change, err := n.changeMaster(ctx, c)
		if err != nil {
			return err
		}
		return errors.Join(n.use(c), change()) // the new key opens what the old one did: it does no harm where the rest is refused
	}
	return n.use(c)
}

func (n *node) record(ctx context.Context, name audit.Name, detail string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := (watchedJournal{n.layers.store, n.alerts}).Record(ctx, audit.Event{At: time.Now(), Event: name, Actor: "system", Detail: detail}); err != nil {
		n.logger.Error("audit event could not be written", "event", string(name), "error", err)
	}
}

// unconfirmed is how long a socket or stream may stay open while nothing can be learned
// of revocations.
const unconfirmed = 30 * time.Second

// cutUnconfirmed ends what stays open while the feed is behind: new requests fail
// closed then, and old connections must not live on for ever.
func (n *node) cutUnconfirmed(ctx context.Context) error {
	periodic.Do(ctx, time.Second, func() {
		if n.follower.Age() < unconfirmed {
			return
		}
		if cut := n.layers.tunnels.CloseAll(); cut > 0 {
			n.logger.Warn("open connections were cut: the store has not confirmed for 30 s that they may go on", "count", cut)
		}
	})
	return nil
}

// always logs what others wait for, whatever the level.
func (n *node) always(msg string, args ...any) {
	level := n.level.Level()
	n.level.Set(min(level, slog.LevelInfo))
	n.logger.Info(msg, args...)
	n.level.Set(level)
}

func levelOf(o config.Log) slog.Level {
	level := slog.LevelInfo
	_ = level.UnmarshalText([]byte(strings.ToUpper(o.Level))) // the configuration has checked it
	return level
}

// newLogger logs JSON lines through the last net. Format text is for people.
func newLogger(lines *logline.Writer, o config.Log, level *slog.LevelVar) *slog.Logger {
	level.Set(levelOf(o))
	options := &slog.HandlerOptions{Level: level}
	out := redact.NewWriter(lines)
	if o.Format == "text" {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}
