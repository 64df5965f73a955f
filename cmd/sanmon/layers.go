package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/change"
	"github.com/sanmon-gate/sanmon/identity/assertion"
	"github.com/sanmon-gate/sanmon/identity/dbsc"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/identity/token"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/openapi"
	"github.com/sanmon-gate/sanmon/internal/periodic"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/proxy"
	"github.com/sanmon-gate/sanmon/internal/rollout"
	"github.com/sanmon-gate/sanmon/internal/server"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/limit/valkey"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// layers are the parts of the gate that hold state. They live as long as the
// process; a reload changes only what they are asked to do.
type layers struct {
	store     *storage.DB
	stale     func() bool // the change feed is behind
	master    *secret.Master
	rings     map[string]*secret.Ring
	unloaded  unloaded // rings that wait to be read again
	people    *principal.Directory
	keeper    *session.Keeper
	index     *apikey.Index
	service   *apikey.Service
	minter    *assertion.Minter
	access    *token.Keeper
	issuer    *token.Minter
	grants    *refresh.Service
	tokens    *csrf.Tokens
	login     *login.Service
	letters   *letters
	providers map[string]*provider // of the last compiled configuration
	limits    *limit.Table
	held      *holder         // secrets of mail server, providers and receivers
	shared    *valkey.Limiter // nil: limits are counted by this node alone
	reports   *limit.Policy   // what a network may report
	pages     *rollout.Log
	documents *openapi.Keeper
	traffic   *openapi.Traffic
	tunnels   *proxy.Tunnels
	logger    *slog.Logger

	authorization *authorization

	firewall func(config.WAF) (sanmon.Inspector, error)
}

// openLayers reads keys and principals into memory. stale reports that the change
// feed is behind, staleKeys that it is too far behind for API keys.
func openLayers(ctx context.Context, c *config.Config, store *storage.DB, logger *slog.Logger, stale, staleKeys func() bool) (*layers, error) {
	master, err := fittingMaster(ctx, c, store)
	if err != nil {
		return nil, err
	}
	l := &layers{stale: stale, store: store, master: master, rings: map[string]*secret.Ring{}, limits: limit.NewTable(0), tunnels: &proxy.Tunnels{}, logger: logger, firewall: firewall()}
	if l.shared, err = openLimiter(ctx, c, logger); err != nil {
		return nil, err
	}
	l.pages = &rollout.Log{Store: store, Logger: logger}
	l.documents, l.traffic = openapi.New(store, logger), &openapi.Traffic{Store: store, Logger: logger}
	if l.reports, err = limit.NewPolicy("report", server.ReportRate()); err != nil {
		return nil, err
	}
	if err := prepareKeys(ctx, store, master); err != nil {
		return nil, err
	}
	for _, purpose := range purposes {
		if l.rings[purpose], err = secret.LoadRing(ctx, store, master, purpose, maker(purpose)); err != nil {
			return nil, err
		}
	}
	l.people = principal.NewDirectory(store, principal.Options{Stale: stale})
	if l.keeper, err = session.New(store, l.people, l.sessionOptions(c)); err != nil {
		return nil, err
	}
	if err := l.openKeys(c, staleKeys); err != nil {
		return nil, err
	}
	if l.minter, err = assertion.New(l.rings[secret.PurposeAssertion], assertion.Options{Issuer: c.PublicURL}); err != nil {
		return nil, err
	}
	if err := l.openGrants(c); err != nil {
		return nil, err
	}
	if err := l.openAuthorization(c.Store.Driver != "sqlite"); err != nil {
		return nil, err
	}
	if err := l.openTokens(c); err != nil {
		return nil, err
	}
	l.tokens = &csrf.Tokens{Ring: l.rings[secret.PurposeCSRF], Origin: c.PublicURL, Spent: store}
	l.login = &login.Service{
		Users: store, Sessions: l.keeper, Hasher: password.New(password.Options{After: tidy()}), Throttle: throttle.NewShared(throttle.Options{Offset: store.Offset}, store, l.rings[secret.PurposeDevice]),
		Devices: throttle.Devices{Ring: l.rings[secret.PurposeDevice]}, Journal: store,
		Factors: &factor.Service{Store: store, Master: master}, Office: &ticket.Office{Master: master, Spent: store}, Passkeys: store,
	}
	l.letters = newLetters(store, l.login, logger)
	if err := l.learnHashes(ctx); err != nil {
		return nil, err
	}
	return l, frugally(func() error { return l.index.Load(ctx) })
}

// openKeys makes what judges API keys. It reads none yet.
func (l *layers) openKeys(c *config.Config, stale func() bool) (err error) {
	l.index, err = apikey.NewIndex(l.store, l.pepperOptions(apikey.Options{
		Env: apikey.Env(c.Environment), Owners: owners{l.people}, Stale: stale,
		Failed: func(err error) { l.logger.Warn("something about API keys could not be read or written", "error", err) },
		Alarm: func(ctx context.Context, ev audit.Event) error {
			l.logger.Error("a canary key was used: somebody has read the place where it was laid", "key_id", ev.KeyID, "network", ev.Network)
			return l.store.Record(ctx, ev)
		},
	}))
	l.service = &apikey.Service{Store: l.store, Peppers: l.rings[secret.PurposePepper], Index: l.index}
	return err
}

// binderOf binds sessions to keys of browsers; nil: dbsc is off.
func binderOf(c *config.Config, ring *secret.Ring) *dbsc.Binder {
	if c.DBSC == "off" {
		return nil
	}
	return &dbsc.Binder{Ring: ring}
}

func (l *layers) sessionOptions(c *config.Config) session.Options {
	ring := l.rings[secret.PurposeSession]
	return session.Options{
		Binder: binderOf(c, ring), BindRequired: c.DBSC == "required",
		Idle: c.Session.Idle, Absolute: c.Session.Absolute, Rotate: c.Session.Rotate,
		Race: window(c.Token.Race), Redeliver: window(c.Token.Redeliver), MaxPerUser: c.Session.MaxPerUser,
		AtMax: session.AtMax(c.Session.AtMax), Crowded: l.crowded,
		Network: session.Policy(c.Session.Network), Ring: ring, Master: l.master, Stale: l.stale, Offset: l.store.Offset,
		Signal: l.store.Record, Log: l.logger,
	}
}

// apply makes a change of the feed true in memory.
func (l *layers) apply(ctx context.Context, ch change.Change) {
	l.people.Apply(ch)
	l.keeper.Apply(ch)
	l.index.Apply(ctx, ch)
	switch ch.Kind {
	case change.Session:
		l.cutSession(ctx, ch.ID)
	case change.Key: // revoked, or ends sooner
		l.cut(ch.ID)
	case change.Principal: // disabled, or with other rights: what is allowed is opened again
		l.cut(ch.ID)
	case change.Document:
		l.documents.Apply(ch.ID)
	case change.Keyset:
		if ring := l.rings[ch.ID]; ring != nil {
			if err := ring.Load(ctx, l.store, l.master); err != nil {
				l.unloaded.add(ch.ID)
				l.logger.Error("a server key could not be loaded; the ones before stay in use, and it is tried again every second", "purpose", ch.ID, "error", err)
			}
		}
	}
}

// reset drops everything from memory, when the feed cannot say what changed.
func (l *layers) reset(ctx context.Context) {
	l.people.Flush()
	l.keeper.Flush()
	l.tunnels.CloseAll()
	l.documents.Reset()
	if err := l.index.Load(ctx); err != nil {
		l.logger.Error("keys could not be loaded; each is read from the store until they are", "error", err)
	}
	for purpose := range l.rings {
		l.apply(ctx, change.Change{Kind: change.Keyset, ID: purpose})
	}
}

// cutSession ends the sockets of a session that is no more.
func (l *layers) cutSession(ctx context.Context, sid string) {
	r, err := l.store.SessionBySID(ctx, sid)
	if err == nil && r.RevokedAt.IsZero() {
		return
	}
	l.cut(sid)
}

// cut ends the sockets of a session, a key or a principal.
func (l *layers) cut(id string) {
	if n := l.tunnels.Close(id); n > 0 {
		l.logger.Info("connections were cut: who opened them has ended or changed", "id", id, "count", n)
	}
}

// owners tells the key layer who is behind a key; the layers do not know each other.
type owners struct{ people *principal.Directory }

// Owner implements apikey.Owners.
func (o owners) Owner(ctx context.Context, id string) (apikey.Owner, error) {
	p, err := o.people.Get(ctx, id)
	if errors.Is(err, principal.ErrNotFound) {
		return apikey.Owner{}, apikey.ErrNoOwner
	}
	if err != nil {
		return apikey.Owner{}, err
	}
	name := p.Name
	if p.Kind == principal.Service {
		name = servicePrefix + p.Name
	}
	return apikey.Owner{Rights: p.Rights, Name: name, Email: p.Email, Disabled: p.Disabled}, nil
}

// cookiesOf says how our cookies are made under a public URL.
func cookiesOf(c *config.Config) portal.Cookies {
	k := portal.Cookies{Insecure: strings.HasPrefix(c.PublicURL, "http://"), SameSite: http.SameSiteLaxMode}
	if c.Session.SameSite == "strict" {
		k.SameSite = http.SameSiteStrictMode
	}
	return k
}

// maintain prunes what is no longer needed, every few minutes.
func (l *layers) maintain(ctx context.Context) error {
	periodic.Do(ctx, 5*time.Minute, func() {
		l.login.Throttle.Sweep(time.Now())
		l.letters.notices.Sweep(time.Now())
		if err := l.store.Maintain(ctx); err != nil && ctx.Err() == nil {
			l.logger.Warn("old rows could not be pruned; tried again in five minutes", "error", err)
		}
	})
	return nil
}
