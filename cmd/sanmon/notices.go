package main

import (
	"context"
	"time"

	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/throttle"
	"github.com/sanmon-gate/sanmon/internal/portal"
	"github.com/sanmon-gate/sanmon/internal/post"
)

// newNotices counts letters about changes: five an hour of a kind to a person. Kinds are
// counted apart, so that many letters about something harmless keep none about something
// else back.
func newNotices() *throttle.Throttle {
	five := throttle.Limit{Failures: 5, Window: time.Hour}
	return throttle.New(throttle.Options{Account: five, Network: five})
}

// changed tells a person of a change that was made on the account page. It waits for nobody.
func (l *letters) changed(n portal.Notice) {
	s := l.site.Load()
	if s == nil || s.server == nil {
		return
	}
	key := n.User + " " + n.Change
	counted, err := l.notices.Begin(n.At, throttle.Attempt{Account: key, Network: key})
	if err != nil {
		l.logger.Warn("no letter about a change of an account: there were five within an hour", "change", n.Change, "user", n.User)
		return
	}
	counted.Failed(n.At)
	facts := post.Facts{Site: s.host, URL: s.url + portal.AccountPath, Device: n.Device, Network: session.Network(n.Network).String(), At: moment(n.At)}
	ok := l.queue.Post(func(context.Context) (*post.Letter, error) {
		return post.Write(n.Email, n.Lang, post.Kind(n.Change), facts)
	})
	if !ok {
		l.logger.Error("no letter about a change of an account: too many letters wait (does the mail server of login.smtp answer?)", "change", n.Change, "user", n.User)
	}
}
