package server

import (
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Record is what is known of a request when it is over, for metrics, log and audit:
// step 12. It is valid during the call that receives it.
type Record struct {
	Request *exchange.Request
	Passage *sanmon.Passage
	Status  int              // of the answer; 0 when none could be given
	Refusal *refusal.Refusal // nil when the request passed
	Gone    bool             // the client left before the answer
	Aborted error            // why the answer was cut after its head; nil when it was not
	Started time.Time
	Took    time.Duration
}
