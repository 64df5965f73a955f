package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/identity/link"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/metrics"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/post"
	"github.com/sanmon-gate/sanmon/internal/storage"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// letters sends people links and notices. What of it the configuration decides is in site.
type letters struct {
	store   *storage.DB
	service *login.Service
	notices *throttle.Throttle
	queue   *post.Queue
	logger  *slog.Logger
	site    atomic.Pointer[site]
}

// site is what a configuration says about letters and passwords.
type site struct {
	url, host string
	server    *post.Server // nil: no letters
	rules     password.Rules
	passwords bool
	signup    bool
	roles     []string // of who signs up
	filter    filterFile
}

// filterFile tells one state of the file of login.blocklist from another.
type filterFile struct {
	name string
	size int64
	at   time.Time
}

var errNoServer = errors.New("no mail server is configured any more (login.smtp)")

func newLetters(store *storage.DB, service *login.Service, logger *slog.Logger) *letters {
	l := &letters{store: store, service: service, logger: logger}
	l.notices = throttle.New(throttle.Options{})
	l.queue = post.NewQueue(func(ctx context.Context, letter post.Letter) error {
		if s := l.site.Load(); s != nil && s.server != nil {
			return s.server.Deliver(ctx, letter)
		}
		return errors.Join(post.ErrPermanent, errNoServer)
	}, logger)
	service.Rules = func() password.Rules {
		if s := l.site.Load(); s != nil {
			return s.rules
		}
		return password.Rules{}
	}
	service.Arrived = l.arrived
	return l
}

// siteOf reads what a configuration says. The filter is read again only when its file has
// changed.
func (l *letters) siteOf(c *config.Config, h *holder) (*site, error) {
	s := &site{
		url: c.PublicURL, host: c.PublicHost, server: mailServer(c, h),
		rules:     password.Rules{Length: c.Login.PasswordLength, Words: []string{c.PublicHost}},
		passwords: c.Login.Password, signup: c.Login.Signup, roles: c.Login.SignupRoles,
	}
	if info, err := os.Stat(c.Login.Blocklist); err == nil {
		s.filter = filterFile{c.Login.Blocklist, info.Size(), info.ModTime()}
	}
	if old := l.site.Load(); old != nil && s.filter.name != "" && old.filter == s.filter {
		s.rules.Filter = old.rules.Filter
		return s, nil
	}
	var err error
	s.rules.Filter, err = openFilter(c.Login.Blocklist)
	return s, err
}

// mailServer is the server of login.smtp; nil when there is none.
func mailServer(c *config.Config, h *holder) *post.Server {
	m := c.Login.SMTP
	if m.Host == "" {
		return nil
	}
	s := &post.Server{Host: m.Host, Port: m.Port, TLS: m.TLS, Plain: m.Plain(), User: m.User, From: m.From}
	if m.Password != "" {
		password := h.hold("login.smtp.password", m.Password)
		s.Password, s.Refused = password.value, password.refused
	}
	return s
}

// mailbox is letters with one configuration, for the portal.
type mailbox struct {
	*letters
	now *site
}

// box is nil where nobody has a password.
func (l *letters) box(s *site) portal.Letters {
	if !s.passwords {
		return nil
	}
	return mailbox{l, s}
}

func (m mailbox) links() *login.Links {
	return &login.Links{Store: m.store, Service: m.service, Roles: m.now.roles}
}

// Mail implements portal.Letters.
func (m mailbox) Mail() bool { return m.now.server != nil }

// Length implements portal.Letters.
func (m mailbox) Length() int { return m.now.rules.Length }

// Signup implements portal.Letters.
func (m mailbox) Signup() bool { return m.now.signup }

// Ask implements portal.Letters. Who has the address is found out in the background.
func (m mailbox) Ask(ctx context.Context, kind link.Kind, lang string, a portal.Attempt) error {
	links := m.links()
	send, err := links.Ask(ctx, kind, a.Email, a.Network, a.Now)
	if err != nil || !send {
		return err
	}
	from := login.Attempt{Addr: a.Network, RequestID: a.RequestID}
	ok := m.queue.Post(func(ctx context.Context) (*post.Letter, error) {
		return m.answer(ctx, links, kind, lang, a.Email, from)
	})
	if !ok {
		return &refusal.Refusal{Code: refusal.Busy, RetryAfter: time.Minute, Reason: "too many letters wait to be sent (does the mail server of login.smtp answer?)"}
	}
	return nil
}

// answer writes the letter for who has an address.
func (m mailbox) answer(ctx context.Context, links *login.Links, kind link.Kind, lang, email string, from login.Attempt) (*post.Letter, error) {
	user, err := m.store.PrincipalByName(ctx, principal.User, email)
	known := err == nil
	if err != nil && !errors.Is(err, principal.ErrNotFound) {
		return nil, err
	}
	facts := post.Facts{Site: m.now.host}
	switch {
	case kind == link.Signup && known:
		facts.URL = m.now.url + portal.ResetPath
		return post.Write(email, lang, post.Present, facts)
	case kind == link.Reset && !known:
		return nil, nil
	case kind == link.Reset && user.Disabled:
		return post.Write(email, lang, post.NoReset, facts)
	}
	text, err := links.Issue(ctx, kind, user, email, user.ID, from, time.Now())
	if err != nil {
		return nil, err
	}
	return linkLetter(email, lang, kind, m.now, text)
}

// linkLetter writes a letter with a link.
func linkLetter(to, lang string, kind link.Kind, s *site, text secret.Value) (*post.Letter, error) {
	facts := post.Facts{Site: s.host, URL: portal.LinkURL(s.url, string(text.Expose())), Hours: "30m"}
	letter := post.Reset
	switch kind {
	case link.Invite:
		letter, facts.Hours = post.Invite, "72h"
	case link.Signup:
		letter, facts.Hours = post.Signup, "24h"
	}
	return post.Write(to, lang, letter, facts)
}

// Open implements portal.Letters.
func (m mailbox) Open(ctx context.Context, text string, now time.Time) (link.Record, error) {
	return m.links().Open(ctx, text, now)
}

// Set implements portal.Letters.
func (m mailbox) Set(ctx context.Context, text string, next secret.Value, lang string, a portal.Attempt) (link.Record, error) {
	r, err := m.links().SetPassword(ctx, text, next, login.Attempt{Addr: a.Network, RequestID: a.RequestID}, a.Now)
	if err == nil && r.Kind == link.Reset && m.Mail() {
		m.queue.Post(func(context.Context) (*post.Letter, error) {
			return post.Write(r.Email, lang, post.Changed, post.Facts{Site: m.now.host, At: moment(a.Now)})
		})
	}
	return r, err
}

// arrived tells a person of a login from a device that was not known. Accounts are new for
// an hour: then every device is.
func (l *letters) arrived(user principal.Record, a login.Attempt, now time.Time) {
	s := l.site.Load()
	if s == nil || s.server == nil || now.Sub(user.CreatedAt) < time.Hour || l.enough(string(post.Device), user.ID, now) {
		return
	}
	facts := post.Facts{
		Site: s.host, URL: s.url + portal.AccountPath, Device: session.Device(a.UserAgent),
		Network: session.Network(a.Addr).String(), At: moment(now),
	}
	l.queue.Post(func(context.Context) (*post.Letter, error) { return post.Write(user.Name, a.Lang, post.Device, facts) })
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// gauges count letters.
func (l *letters) gauges(m *metrics.Metrics) {
	for word, of := range map[string]func() int64{
		"sent":      func() int64 { n, _, _ := l.queue.Counts(); return n },
		"failed":    func() int64 { _, n, _ := l.queue.Counts(); return n },
		"discarded": func() int64 { _, _, n := l.queue.Counts(); return n },
	} {
		m.Counter("sanmon_letters_total", "Letters to people, by what became of them.", "outcome", word, func() float64 { return float64(of()) })
	}
}
