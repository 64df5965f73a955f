package server

import (
	"sync/atomic"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// maxAhead bounds what all requests together may have read of their bodies before they
// are forwarded, beyond the small beginning that each may have, in bytes.
const maxAhead = 128 << 20

// aheadStep is how much is reserved at once: a slow client reserves what it sent.
const aheadStep = csrf.Window

// room counts the bytes of bodies that are held. It is safe for concurrent use.
type room struct{ used atomic.Int64 }

// take reserves n bytes, false when there is no room for them.
func (r *room) take(n int) bool {
	if r == nil {
		return true
	}
	if r.used.Add(int64(n)) > maxAhead {
		r.used.Add(-int64(n))
		return false
	}
	return true
}

func (r *room) give(n int) {
	if r != nil && n > 0 {
		r.used.Add(-int64(n))
	}
}

// errFull is not kept with the body: without being judged it can still be forwarded.
func errFull() error {
	return refusal.New(refusal.Busy, "bodies that are being judged take up %d MiB already (lower input.max_body, or judge fewer routes)", maxAhead>>20)
}
