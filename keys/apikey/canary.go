package apikey

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/keys/network"
)

// maxAlarms bounds the alarms that wait to be written: each canary raises one a minute at
// most, whoever uses it.
const maxAlarms = 256

// spring raises the alarm of a canary key whose whole secret was presented. The request is
// refused like that of any other key that is not valid, and does not wait.
func (x *Index) spring(e *entry, from netip.Addr, now time.Time) error {
	if x.uses.mark(e, e.used(), from, now) {
		ev := audit.Event{At: now, Event: audit.KeyCanary, Subject: e.owner, KeyID: e.id, Network: network.Key(from),
			Detail: "from=" + from.String() + " (whoever has it has read the place where it was laid)"}
		select {
		case x.alarms <- ev:
		default:
			x.report(fmt.Errorf("canary key %s was used from %s, and there are too many alarms to write", e.id, from))
		}
	}
	return refuse("API key %s is a canary: nobody should have it (find out where it was laid, and who has been there from %s)", e.id, from)
}

// sound writes one alarm. An alarm that cannot be written is reported, and raised again by
// the next use.
func (x *Index) sound(ctx context.Context, ev audit.Event) {
	if x.o.Alarm == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := x.o.Alarm(ctx, ev); err != nil {
		x.report(fmt.Errorf("canary key %s was used from %s, and that could not be written: %w", ev.KeyID, ev.Network, err))
		if id, err := ParseID(ev.KeyID); err == nil {
			if e := x.lookup(id); e != nil {
				e.used().minute.Store(0)
			}
		}
	}
}
