// Package exchange is the neutral view of one request that every layer reads.
//
// The layers never see net/http: whichever engine parsed the bytes fills a
// Request, and the layers return decisions. They only read it, so the value that
// is judged is the value that is forwarded.
package exchange

import (
	"iter"
	"net/netip"
	"time"
)

// Proto is the protocol version a request arrived by.
type Proto uint8

// The protocol versions that are served.
const (
	HTTP11 Proto = iota
	HTTP10
	HTTP2
)

// Fields is read access to the header fields of one message. Names are in
// canonical form ("X-Api-Key", as net/textproto writes them). The slices belong
// to the engine: they must be neither changed nor kept.
type Fields interface {
	// Values returns every value of the named field in the order of arrival,
	// nil when it is absent.
	Values(name string) []string
	// All ranges over every field once.
	All() iter.Seq2[string, []string]
}

// Header adapts a map in the shape of http.Header to Fields, without copying.
type Header map[string][]string

// Values implements Fields.
func (h Header) Values(name string) []string { return h[name] }

// All implements Fields.
func (h Header) All() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for name, values := range h {
			if !yield(name, values) {
				return
			}
		}
	}
}

// First returns the first value of the named field, "" when it is absent. Use it
// only where a second value cannot change a decision.
func First(f Fields, name string) string {
	if v := f.Values(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// Request is what a layer may know of a request. It is filled once, before the
// first judgement, and not changed afterwards. It is safe for concurrent reading.
type Request struct {
	ID     string     // request id, as in X-Request-Id
	Method string     // method token, as received
	Target string     // request-target, byte for byte as received
	Host   string     // Host or :authority, as received
	Proto  Proto      // protocol version
	Secure bool       // the bytes arrived over TLS at our own listener
	Peer   netip.Addr // address of the transport peer, unmapped (never ::ffff:a.b.c.d)
	Fields Fields     // header fields
	Length int64      // declared length of the body in bytes; 0 none, -1 unknown
	Now    time.Time  // the one clock reading that all judgements of this request use
}
