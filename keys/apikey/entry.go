package apikey

import (
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/keys/network"
)

// entry is one key in memory: about 80 bytes, because there may be a million. It is
// not changed once published; a changed key gets a new one.
type entry struct {
	id      string
	owner   string
	terms   *terms // shared by keys on the same terms
	expires int64  // microseconds since 1970; 0: never
	until   int64  // the latest that expires may be; 0: never
	mac     MAC
	pepper  int32
	test    bool
	state   state
	bound   bool // mac is of key and tie
	kind    byte
	use     atomic.Pointer[use] // nil until the key is first used
}

// state is what people decided about a key. One byte: entries are counted in millions.
type state byte

const (
	stateAlive state = iota
	stateHeld        // waits for a person
	stateRevoked
)

func stateOf(r *Record) state {
	switch {
	case !r.RevokedAt.IsZero():
		return stateRevoked
	case r.Held():
		return stateHeld
	}
	return stateAlive
}

// terms is what a key allows: few different ones among many keys.
type terms struct {
	rights   *caller.Rights
	networks []netip.Prefix
	limit    *limit.Own // nil for none
	broken   string
	digest   digest
}

// use is what only keys in use need.
type use struct {
	slot   caller.Slot
	minute atomic.Int64 // of the last use, minutes since 1970
	// network is where it was last used from, as network.Key writes it.
	network atomic.Pointer[string]
	marked  atomic.Bool  // waits to be written
	remac   atomic.Int32 // version of the pepper that the key waits to be moved to; 0: none
}

// used returns the entry's use, making it once.
func (e *entry) used() *use {
	if u := e.use.Load(); u != nil {
		return u
	}
	u := &use{}
	if e.use.CompareAndSwap(nil, u) {
		return u
	}
	return e.use.Load()
}

// waits is 1 for a key that waits for a person, 0 for others and for none.
func (e *entry) waits() int64 {
	if e == nil || e.state != stateHeld {
		return 0
	}
	return 1
}

func (e *entry) env() Env {
	if e.test {
		return Test
	}
	return Live
}

// interner makes entries of records and lets those on the same terms share them.
// It is not safe for concurrent use.
type interner struct {
	rights map[string]*caller.Rights
	terms  map[string]*terms
	owners map[string]string
	max    int // entries of each map; beyond it a value is simply not shared
	buf    []byte
}

func newInterner() *interner {
	return &interner{map[string]*caller.Rights{}, map[string]*terms{}, map[string]string{}, 1 << 16, nil}
}

// fill makes e the entry of r.
func (in *interner) fill(e *entry, r *Record) {
	e.id = strings.Clone(r.ID)
	e.owner = in.owner(r.Owner)
	e.terms = in.share(r)
	e.expires = micros(r.ExpiresAt)
	e.mac = r.MAC
	e.pepper = int32(r.Pepper)
	e.test = r.Env == string(Test)
	e.state = stateOf(r)
	e.until, e.bound, e.kind = micros(r.Until), r.Bound, kindOf(r)
}

// tie is what the entry's MAC binds.
func (e *entry) tie() tie {
	return tie{e.bound, e.owner, e.until, e.kind, e.terms.digest}
}

func (in *interner) owner(s string) string {
	if o, ok := in.owners[s]; ok {
		return o
	}
	o := strings.Clone(s)
	if len(in.owners) < in.max {
		in.owners[o] = o
	}
	return o
}

// share returns the terms of r.
func (in *interner) share(r *Record) *terms {
	in.buf = appendList(appendList(in.buf[:0], r.Roles), r.Scopes)
	names := len(in.buf)
	for _, p := range r.Networks {
		in.buf = append(p.AppendTo(in.buf), 0)
	}
	in.buf = append(append(in.buf, 1), r.Limit...)
	if t, ok := in.terms[string(in.buf)]; ok {
		return t
	}
	t := &terms{rights: in.shareRights(in.buf[:names], r)}
	for _, p := range r.Networks {
		t.networks = append(t.networks, network.Unmap(p))
	}
	t.limit, t.broken = compile(r.Limit)
	t.digest = termsOf(r)
	if len(in.terms) < in.max {
		in.terms[string(in.buf)] = t
	}
	return t
}

func (in *interner) shareRights(names []byte, r *Record) *caller.Rights {
	if x, ok := in.rights[string(names)]; ok {
		return x
	}
	x := &caller.Rights{Roles: clone(r.Roles), Scopes: clone(r.Scopes)}
	if len(in.rights) < in.max {
		in.rights[string(names)] = x
	}
	return x
}

// compile reads a stored limit. One that cannot be read makes the key unusable,
// not unlimited.
func compile(s string) (*limit.Own, string) {
	own, err := limit.ParseOwn(s)
	if err != nil {
		return nil, err.Error()
	}
	return own, ""
}

func appendList(b []byte, names []string) []byte {
	for _, n := range names {
		b = append(append(b, n...), 0)
	}
	return append(b, 1)
}

func clone(s []string) []string {
	if len(s) == 0 {
		return nil
	}
	out := make([]string, len(s))
	for i := range s {
		out[i] = strings.Clone(s[i])
	}
	return out
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// sameLimit reports whether two terms have the same limit.
func sameLimit(a, b *terms) bool {
	return a.limit.String() == b.limit.String() && a.broken == b.broken
}
