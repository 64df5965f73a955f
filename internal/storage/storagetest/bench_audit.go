package storagetest

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/internal/storage"
)

// BenchAudited is one change with its event and the same change without, in turns, so that
// both meet the same machine. It reports the median of each, and the ratio: what the audit
// trail costs. A session is rotated, which is written to the feed either way.
func BenchAudited(b *testing.B, db *storage.DB) {
	ctx, n := b.Context(), 0
	if err := db.CreatePrincipal(ctx, usr("usr_1", "alice"), event(audit.UserAdded)); err != nil {
		b.Fatal(err)
	}
	if err := db.CreateSession(ctx, ses("a", "usr_1", 0), 10, event(audit.LoginOK)); err != nil {
		b.Fatal(err)
	}
	up, secret := session.Raised{Event: event(audit.LoginOK)}, hash("a")
	up.Event.RequestID = "cna9ze9zx6srf0wskbwdbjccbf" // that it can be found by
	var took [2][]time.Duration
	rotate := func(up *session.Raised) time.Duration {
		n++
		next, at := hash(fmt.Sprint(n)), t0.Add(time.Duration(n)*time.Millisecond)
		begun := time.Now()
		if err := db.RotateSession(ctx, "a", secret, next, rotator, at, at, up); err != nil {
			b.Fatal(err)
		}
		secret = next
		return time.Since(begun)
	}
	for b.Loop() {
		took[0] = append(took[0], rotate(nil))
		took[1] = append(took[1], rotate(&up))
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2].Nanoseconds())
	}
	bare, audited := median(took[0]), median(took[1])
	b.ReportMetric(bare/1000, "µs-without")
	b.ReportMetric(audited/1000, "µs-with")
	b.ReportMetric(audited/bare, "ratio")
}

// BenchVerify verifies a trail of the given number of events, which make inserts from
// outside, and reports the time per event and the memory at its highest.
func BenchVerify(b *testing.B, db *storage.DB, events int, outside func(rows []tree.Row) error) {
	fill(b, events, outside)
	var peak uint64
	var stats runtime.MemStats
	for b.Loop() {
		r, err := (&tree.Verifier{Source: db}).Run(b.Context())
		if err != nil || r.Verdict != tree.Intact || r.Records != int64(events) {
			b.Fatalf("%+v, %v", r, err)
		}
		runtime.ReadMemStats(&stats)
		peak = max(peak, stats.Sys)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
	b.ReportMetric(float64(peak)/(1<<20), "MiB")
}

// BenchRequest finds the events of one request in a trail of the given number of events.
func BenchRequest(b *testing.B, db *storage.DB, events int, outside func(rows []tree.Row) error) {
	fill(b, events, outside)
	for b.Loop() {
		found, err := db.RequestEvents(b.Context(), requestOf(int64(events/2)), 10)
		if err != nil || len(found) != 1 || found[0].Seq != int64(events/2) {
			b.Fatalf("%+v, %v", found, err)
		}
	}
}

func requestOf(seq int64) string { return fmt.Sprintf("cna9ze9zx6srf0wsk%09d", seq) }

// fill makes a trail with its tree.
func fill(b *testing.B, events int, outside func(rows []tree.Row) error) {
	var h tree.Hasher
	var t tree.Builder
	rows := make([]tree.Row, 0, 1000)
	for seq := int64(1); seq <= int64(events); seq++ {
		ev := audit.Event{
			Seq: seq, At: t0.Add(time.Duration(seq) * time.Second), Event: audit.AccessRefused, Subject: "usr_mmw3DG3lYUKg2afKChXJ", SID: "ses_2JzJpgGsv1TMZq5ENEQw",
			Route: "notes-read", Network: "203.0.113.0/24", RequestID: requestOf(seq), Detail: "code=rate_limited count=2",
		}
		rows = append(rows, tree.Row{Event: ev, Hashes: tree.Join(t.Add(h.Leaf(&ev)))})
		if len(rows) == cap(rows) || seq == int64(events) {
			if err := outside(rows); err != nil {
				b.Fatal(err)
			}
			rows = rows[:0]
		}
	}
}
