package alert

import (
	"testing"

	"github.com/sanmon-gate/sanmon/audit"
)

// BenchmarkSort looks through a page of a trail in which nothing is worth an alert, as
// every node does behind everything that is written.
func BenchmarkSort(b *testing.B) {
	events := make([]audit.Event, page)
	for i := range events {
		events[i] = audit.Event{Seq: int64(i), At: t0, Event: audit.AccessRefused, Detail: "code=key_invalid count=7 last=2026-11-25T12:00:00Z also=req,req,req"}
	}
	b.ReportAllocs()
	for b.Loop() {
		if found, _ := Sort(events, t0); len(found) != 0 {
			b.Fatal("found")
		}
	}
}

// BenchmarkRaise is what a request pays whose event could not be written.
func BenchmarkRaise(b *testing.B) {
	d := &Dispatcher{}
	d.Configure(nobody{})
	b.ReportAllocs()
	for b.Loop() {
		d.Raise(AuditFailed, "step=write")
	}
}

// nobody takes nothing: Raise does not send.
type nobody struct{ Receiver }
