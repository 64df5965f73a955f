package refresh

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/secret"
)

// Options of a Service. Zero values take the default that is named.
type Options struct {
	Ring *secret.Ring // secret.PurposeRefresh: what tokens are derived from; required

	Idle     time.Duration // longest pause between two rotations; 14 days
	Absolute time.Duration // longest life of a grant, whatever happens; 30 days (ASVS 5.0, 10.4.8)

	// Race is how long after a rotation the former token is answered with an access
	// token; 10 s. Redeliver is how long it is answered with the same successor, as long
	// as nobody has shown to hold that; 60 s. Both from the rotation, not from a retry.
	Race, Redeliver time.Duration
	Cap             int // how often the former token is answered, per rotation; 64

	MaxPerUser int           // live grants of one person; those seen longest ago end; 100
	CodeLife   time.Duration // life of an authorization code; 60 s, at most 10 min (RFC 6749, Section 4.1.2)

	// Offset is the clock that all nodes share (the database's) less ours. Windows are
	// shorter than clocks differ. nil: one node, or one clock.
	Offset func() time.Duration
	// Ended is told of sessions that ended here, before the call that ended them returns;
	// other nodes learn of it by the feed. nil: nobody needs to know.
	Ended func(sids []string)
	// Alert is told of what somebody should look at: theft, a store that went back in
	// time, a token with another key, retries too often, a replayed code. It is called
	// after the change was made and must return at once. nil: the audit trail is enough.
	Alert func(audit.Event)
	// Log gets what happens outside of any request. nil discards.
	Log *slog.Logger
}

const (
	storeTimeout = 5 * time.Second
	confirmEvery = 100 * time.Millisecond // how long a mark waits for others, so that one transaction writes all
	confirmAgain = time.Second
	confirmQueue = 4096
	confirmKnown = 100_000 // grants whose last mark is remembered
)

func (o Options) complete() (Options, error) {
	o.Idle = or(o.Idle, 14*24*time.Hour)
	o.Absolute = or(o.Absolute, 30*24*time.Hour)
	o.Race = or(o.Race, 10*time.Second)
	o.Redeliver = or(o.Redeliver, 60*time.Second)
	o.Cap = or(o.Cap, 64)
	o.MaxPerUser = or(o.MaxPerUser, 100)
	o.CodeLife = or(o.CodeLife, 60*time.Second)
	if o.Offset == nil {
		o.Offset = func() time.Duration { return 0 }
	}
	if o.Ended == nil {
		o.Ended = func([]string) {}
	}
	if o.Alert == nil {
		o.Alert = func(audit.Event) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, o.check()
}

func (o Options) check() error {
	var errs []error
	if o.Ring == nil || len(o.Ring.All()) == 0 {
		errs = append(errs, errors.New("refresh tokens need a ring with a key (load secret.PurposeRefresh)"))
	}
	if o.Idle < 0 || o.Absolute < 0 || o.Race < 0 || o.Redeliver < 0 || o.Cap < 0 || o.MaxPerUser < 0 || o.CodeLife < 0 {
		errs = append(errs, errors.New("a limit of refresh tokens is negative (leave it out for its default)"))
	}
	if o.Race > o.Redeliver {
		errs = append(errs, fmt.Errorf("token.race %v is longer than token.redeliver %v (make it shorter)", o.Race, o.Redeliver))
	}
	if o.CodeLife > 10*time.Minute {
		errs = append(errs, fmt.Errorf("an authorization code that lives for %v is too easily stolen (at most 10m)", o.CodeLife))
	}
	return errors.Join(errs...)
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// network is an address as grants compare it: /24 of IPv4, /48 of IPv6; "" for none.
func network(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
