package main

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/post"
)

// noticesOf is how many letters of one kind about their account go to a person, by each node.
// Kinds are counted apart, so that many letters about something harmless keep none about
// something else back; and nobody fills the queue, which all people have together, by what is
// done to one account.
var noticesOf = throttle.Limit{Failures: 5, Window: time.Hour}

// crowded tells a person of a login that found no place free: whoever it was has shown all
// that the person signs in with.
func (l *layers) crowded(user principal.Record, m session.Meta, c session.Crowd) {
	kind := post.Full // the log has the refusal
	if !c.Refused {
		kind = post.Crowded
		l.logger.Warn("a person has more sessions than one may have", "user", user.ID, "live", c.Live, "max", c.Max, "request_id", m.RequestID)
	}
	l.letters.changed(portal.Notice{Change: string(kind), User: user.ID, Email: user.Name, Lang: m.Lang, Device: m.Device, Network: m.From, At: c.At})
}

// enough reports that a person has got what letters of a kind there are in an hour.
func (l *letters) enough(kind, user string, now time.Time) bool {
	wait, err := l.notices.Take(context.Background(), now, kind, user, noticesOf)
	if err != nil || wait > 0 {
		l.logger.Warn("no letter about an account: there were five of the kind within an hour", "kind", kind, "user", user)
		return true
	}
	return false
}

// changed tells a person of something that concerns the account, such as a change that was
// made on its page. It waits for nobody.
func (l *letters) changed(n portal.Notice) {
	s := l.site.Load()
	if s == nil || s.server == nil || l.enough(n.Change, n.User, n.At) {
		return
	}
	facts := post.Facts{Site: s.host, URL: s.url + portal.AccountPath, Device: n.Device, Network: session.Network(n.Network).String(), At: moment(n.At)}
	ok := l.queue.Post(func(context.Context) (*post.Letter, error) {
		return post.Write(n.Email, n.Lang, post.Kind(n.Change), facts)
	})
	if !ok {
		l.logger.Error("no letter about an account: too many letters wait (does the mail server of login.smtp answer?)", "about", n.Change, "user", n.User)
	}
}
