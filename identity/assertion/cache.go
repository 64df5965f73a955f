package assertion

import (
	"time"

	"github.com/sanmon-gate/sanmon/caller"
)

// maxUpstreams is how many assertions are kept per credential: one per upstream.
const maxUpstreams = 4

// For returns an assertion about c for an upstream: the one in c's slot while it
// says exactly what is true now and is younger than Reuse, else a new one. generation
// is that of the configuration; scopes is called for a new one only. A hit allocates
// nothing.
func (m *Minter) For(upstream string, c *caller.Caller, generation uint64, scopes func() []string, now time.Time) (string, error) {
	seconds := now.Unix()
	stamp := generation<<16 | uint64(m.version(now))&0xffff
	var kept *caller.Assertion
	if c.Slot != nil {
		kept = c.Slot.Assertion.Load()
	}
	for a := kept; a != nil; a = a.Next {
		if a.Upstream == upstream && m.holds(a, c, stamp, seconds) {
			return a.JWT, nil
		}
	}
	jwt, err := m.Mint(upstream, c, scopes(), roles(c), now)
	if err != nil || c.Slot == nil {
		return jwt, err
	}
	c.Slot.Assertion.Store(&caller.Assertion{Upstream: upstream, Generation: stamp, Principal: c.Principal, Credential: c.Credential,
		AuthTime: c.AuthTime.Unix(), MintedAt: seconds, JWT: jwt, Next: others(kept, upstream, maxUpstreams-1)})
	return jwt, nil
}

// holds reports that a is still what would be minted. Rights are shared and never
// change, so that equal pointers are equal rights.
func (m *Minter) holds(a *caller.Assertion, c *caller.Caller, stamp uint64, now int64) bool {
	age := now - a.MintedAt
	return a.Principal == c.Principal && a.Credential == c.Credential && a.Generation == stamp &&
		a.AuthTime == c.AuthTime.Unix() && age >= 0 && age < int64(m.o.Reuse/time.Second)
}

// version is that of the key that signs; 0 is none.
func (m *Minter) version(now time.Time) int {
	if key, err := m.keys.At(now).Signer(); err == nil {
		return key.Version
	}
	return 0
}

// others copies the assertions for other upstreams, at most n. What is kept in a
// slot is shared and never changed.
func others(a *caller.Assertion, upstream string, n int) *caller.Assertion {
	for a != nil && a.Upstream == upstream {
		a = a.Next
	}
	if a == nil || n == 0 {
		return nil
	}
	copied := *a
	copied.Next = others(a.Next, upstream, n-1)
	return &copied
}
