package dbsc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// The lives. A cookie lives for longer than the five minutes that Chromium's quota of six
// signatures in nine minutes needs; it asks for the next one two minutes before the end. The
// browser drops it before it is worth nothing here: it counts from when it got the cookie, and
// would show one on the way to its end instead of asking for the next. A registration follows
// a login at once.
const (
	CookieLife   = 10 * time.Minute
	CookieAge    = CookieLife - 30*time.Second // in the browser
	RefreshLife  = 2 * time.Minute             // of a challenge: a browser may send one proof more than once
	RegisterLife = 5 * time.Minute
	clockLead    = 30 * time.Second // of another node
)

// Binder makes and checks what binds a browser. It is safe for concurrent use.
type Binder struct{ Ring *secret.Ring } // any ring of 32-byte keys; labels keep uses apart

// purpose tells what a MAC is for.
type purpose string

const (
	register purpose = "register"
	refresh  purpose = "refresh"
	bound    purpose = "cookie"
)

// Registration is a challenge for the key of a new session.
func (b *Binder) Registration(sid string, now time.Time) string { return b.issue(register, sid, now) }

// Challenge is a challenge for the key that a session is bound to.
func (b *Binder) Challenge(sid string, now time.Time) string { return b.issue(refresh, sid, now) }

// Cookie is the value of the short-lived cookie of a session.
func (b *Binder) Cookie(sid string, now time.Time) secret.Value {
	return secret.NewString(b.issue(bound, sid, now))
}

// Bound reports until when a cookie proves that the browser has the key of the session; false
// when it does not.
func (b *Binder) Bound(sid, cookie string, now time.Time) (until time.Time, ok bool) {
	made, ok := b.made(bound, sid, cookie)
	until = made.Add(CookieLife)
	return until, ok && now.Before(until) && made.Sub(now) <= clockLead
}

// fresh reports whether a challenge is ours and young.
func (b *Binder) fresh(p purpose, sid, challenge string, life time.Duration, now time.Time) bool {
	made, ok := b.made(p, sid, challenge)
	return ok && now.Sub(made) < life && made.Sub(now) <= clockLead
}

// A token is base64url of: version of the key[4] ‖ seconds[8] ‖ MAC[32].
const (
	tokenBytes = 4 + 8 + 32
	tokenChars = (tokenBytes*8 + 5) / 6
)

func (b *Binder) issue(p purpose, sid string, now time.Time) string {
	key := b.Ring.Current()
	t := binary.BigEndian.AppendUint32(make([]byte, 0, tokenBytes), uint32(key.Version))
	t = binary.BigEndian.AppendUint64(t, uint64(now.Unix()))
	t = append(t, mac(key.Value, p, sid, t)...)
	return base64.RawURLEncoding.EncodeToString(t)
}

// made is when we made a token for that purpose and session; false when we did not.
func (b *Binder) made(p purpose, sid, token string) (time.Time, bool) {
	if len(token) != tokenChars || sid == "" {
		return time.Time{}, false
	}
	t, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(t) != tokenBytes {
		return time.Time{}, false
	}
	key, ok := b.Ring.Version(int(binary.BigEndian.Uint32(t)))
	if !ok || !hmac.Equal(t[12:], mac(key.Value, p, sid, t[:12])) {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(t[4:])), 0), true
}

func mac(key secret.Value, p purpose, sid string, stamp []byte) []byte {
	m := hmac.New(sha256.New, key.Expose())
	m.Write([]byte("sanmon/dbsc/v1\x00" + string(p) + "\x00" + sid + "\x00"))
	m.Write(stamp)
	return m.Sum(nil)
}
