package session

import (
	"crypto/hmac"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// The mark of a secret says whose secret it was and from when, so that a copy is known for
// one when the row has long forgotten it. It is when[7] ‖ tag[16] ‖ the sid without "ses_",
// where when is the RotatedAt of the row that had the secret, in microseconds since 1970,
// big-endian, and tag the beginning of a MAC over seed, sid and when: nobody but us can
// make one, so that a guess ends no session.
const (
	whenBytes = 7
	tagBytes  = 16
	sidPrefix = "ses_"
	sidBytes  = 20
	markBytes = whenBytes + tagBytes + sidBytes
)

// mark appends the mark to a seed. A sid that is none of secret.NewID's has none.
func mark(key secret.Value, sid string, at time.Time, seed []byte) []byte {
	id, ours := strings.CutPrefix(sid, sidPrefix)
	if !ours || len(id) != sidBytes {
		return seed
	}
	var when [whenBytes]byte
	us := uint64(at.UnixMicro())
	for i := range when {
		when[i] = byte(us >> (8 * (whenBytes - 1 - i)))
	}
	tag := tag(key, seed, when[:], id)
	return append(append(append(seed, when[:]...), tag[:]...), id...)
}

func tag(key secret.Value, seed, when []byte, id string) (t [tagBytes]byte) {
	mac := keyed(key, "sanmon/session/mark/v1")
	mac.Write(seed) // all of fixed sizes
	mac.Write(when)
	mac.Write([]byte(id))
	copy(t[:], mac.Sum(nil))
	return t
}

// origin reads the mark of a secret: which session it was made for, and when. Not ok says
// that it has none that was made with a key of the ring.
func (o *Options) origin(h decoded) (sid string, at time.Time, ok bool) {
	if o.Ring == nil || h.n != markedBytes {
		return "", time.Time{}, false
	}
	seed, rest := h.buf[:seedBytes], h.buf[seedBytes:]
	when, shown, id := rest[:whenBytes], rest[whenBytes:whenBytes+tagBytes], string(rest[whenBytes+tagBytes:])
	us := uint64(0)
	for _, b := range when {
		us = us<<8 | uint64(b)
	}
	for _, key := range o.Ring.All() {
		if t := tag(key.Value, seed, when, id); hmac.Equal(t[:], shown) {
			return sidPrefix + id, time.UnixMicro(int64(us)), true
		}
	}
	return "", time.Time{}, false
}
