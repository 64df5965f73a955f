package apikey

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
)

// tie is what the MAC of a key binds beside the key itself: what it may do, until when,
// and for whom. Whoever can write the database but has no pepper can neither plant a key
// nor widen one. The zero tie is that of a key from before ties.
type tie struct {
	bound bool
	owner string
	until int64 // microseconds since 1970, 0: for ever; an earlier end is not bound
	kind  byte
	terms digest // of roles, scopes, networks and limit
}

type digest = [sha256.Size]byte

// The kinds of keys. They are stored.
const (
	kindOurs    byte = 0
	kindCanary  byte = 1
	kindForeign byte = 2
)

// tieOf is the tie of a record.
func tieOf(r *Record) tie {
	return tie{r.Bound, r.Owner, micros(r.Until), kindOf(r), termsOf(r)}
}

func kindOf(r *Record) byte {
	switch {
	case r.Canary:
		return kindCanary
	case r.Foreign:
		return kindForeign
	}
	return kindOurs
}

// termsOf hashes what a key allows, each list and each entry with its length before it, so
// that no two terms are written alike.
func termsOf(r *Record) digest {
	b := make([]byte, 0, 256)
	for _, list := range [...][]string{r.Roles, r.Scopes, texts(r.Networks), {r.Limit}} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
		for _, s := range list {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
		}
	}
	return sha256.Sum256(b)
}

func texts(networks []netip.Prefix) []string {
	out := make([]string, len(networks))
	for i, p := range networks {
		out[i] = p.String()
	}
	return out
}

// appendTo writes t for the MAC. The owner has no fixed length and comes last.
func (t *tie) appendTo(b []byte) []byte {
	b = append(b, t.terms[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(t.until))
	return append(append(b, t.kind), t.owner...)
}
