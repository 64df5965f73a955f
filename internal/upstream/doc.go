// Package upstream speaks HTTP/1.1 to one backend: it writes a request and reads the head
// of the answer on the goroutine that asks, over a pool of connections that are kept
// alive. See docs/design/0002-the-upstream-engine.md.
//
// Its reader is strict (RFC 9112): what has two readings has none here, and the
// connection ends with it. A connection is used again only when its last answer ended
// where its framing said, nothing followed, and nothing has arrived since; after an answer
// to HEAD, behind which some servers send content all the same, never.
//
// It carries requests whose body is in memory. Upgrades, streamed bodies and TLS are left
// to http.Transport.
package upstream

import (
	"errors"
	"time"
)

// ErrTimeout says that no head of an answer came within Request.Timeout.
var ErrTimeout = errors.New("no answer in time")

// Malformed says what is wrong with an answer, in words of our own: the backend's bytes
// are never quoted, for they may be a Set-Cookie.
type Malformed string

func (m Malformed) Error() string { return "malformed answer: " + string(m) }

// ErrRequest says that a request cannot be written as it is: a field or the request line
// holds bytes that would be read as something else.
type ErrRequest string

func (e ErrRequest) Error() string { return "the request cannot be sent: " + string(e) }

// Bounds on what a broken backend may cost.
const (
	maxHead      = 64 << 10 // bytes of the head of an answer, and of its trailer section
	maxFields    = 256      // field lines of a head, and of a trailer section
	maxInterim   = 8        // 1xx answers before the one that counts
	maxChunkLine = 4 << 10  // bytes of a chunk-size line with its extensions
	maxExcess    = 16 << 10 // bytes of framing that chunks may have beyond a fair share
	readBuffer   = 8 << 10  // bytes of a connection's buffer that are kept between answers
	wideBuffer   = 32 << 10 // of one that is lent for an answer where the last one was large
	keptRequest  = 16 << 10 // the same of what it writes
)

// Options describe a backend and the pool of its connections. All are to be set.
type Options struct {
	Address     string        // host:port, to dial
	DialTimeout time.Duration // bounds connecting
	// IdleTimeout is how long a connection is kept without use. It has to be shorter than
	// the backend's own keep-alive.
	IdleTimeout time.Duration
	MaxIdle     int // connections kept without use
}
