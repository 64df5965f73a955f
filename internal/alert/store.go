package alert

import (
	"context"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

// Store keeps alerts of the audit trail. All nodes share it; times that nodes compare are
// by the clock that they share.
type Store interface {
	// AlertDesk returns up to which event the trail was sorted, and its last event.
	AlertDesk(ctx context.Context) (sorted, last int64, err error)
	// Events returns up to limit events with a number above after, lowest first.
	Events(ctx context.Context, after int64, limit int) ([]audit.Event, error)
	// AddAlerts moves the desk from one event to another and, in the same transaction,
	// adds what was found between them: to the alert of the type that was not tried yet,
	// else as a new one, due at once or quiet after the one before. ErrSorted: another
	// node was first, and nothing was written.
	AddAlerts(ctx context.Context, from, to int64, found []Group, quiet time.Duration) error
	// TakeAlert returns the alert that has waited longest for a try, counts the try and
	// keeps the alert from others for lease. False: none is due.
	TakeAlert(ctx context.Context, lease time.Duration) (Alert, bool, error)
	// SettleAlert writes what became of a try. One of a node that took longer than its
	// lease changes nothing, unless the alert was delivered.
	SettleAlert(ctx context.Context, a Alert, o Outcome) error
	// AlertsWaiting counts the alerts that are on their way.
	AlertsWaiting(ctx context.Context) (int64, error)
}

// ErrSorted says that the desk stands elsewhere.
var ErrSorted = errors.New("another node has looked through these events")

// Outcome is what became of a try.
type Outcome struct {
	Delivered bool
	Dead      bool          // nobody tries any more
	Wait      time.Duration // until the next try
	Failure   string        // why it failed, without address or secret
}

// State is where an alert is.
type State string

// The states.
const (
	Waiting   State = "waiting"
	Delivered State = "delivered"
	Dead      State = "dead" // it could not be delivered within a day
)

// Entry is an alert for people.
type Entry struct {
	Alert
	State   State
	Done    time.Time // when it was delivered or given up; zero: it waits
	Next    time.Time // when it is tried next
	Failure string    // of the last try that failed
}
