package server

import (
	"math/rand/v2"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/exchange"
)

// IDs makes request ids. Its zero value is ready.
type IDs struct{}

const idLetters = "0123456789abcdefghjkmnpqrstvwxyz"

// New returns 26 characters with 128 random bits. They are unique, not secret: the
// generator is the runtime's ChaCha8.
func (IDs) New() string {
	var b [26]byte
	hi, lo := rand.Uint64(), rand.Uint64()
	for i := range 13 {
		b[i] = idLetters[hi&31]
		b[13+i] = idLetters[lo&31]
		hi, lo = hi>>5, lo>>5
	}
	return string(b[:])
}

// of keeps the id that a trusted proxy gave the request, else makes one.
func (ids IDs) of(g *sanmon.Gate, r *exchange.Request) string {
	if given := r.Fields.Values("X-Request-Id"); len(given) == 1 && wellFormed(given[0]) && g.Clients.Trusts(r.Peer) && !g.Keys.InURL(given[0]) {
		return given[0] // many proxies hand on what the client sent: a key must not get into the trail
	}
	return ids.New()
}

func wellFormed(id string) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}
