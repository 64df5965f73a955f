package storagetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/internal/rollout"
)

func group(blocked string, n int64, first, last time.Duration, sample string) rollout.Reports {
	return rollout.Reports{
		Group: rollout.Group{Route: "notes", Directive: "script-src-elem", Blocked: blocked, Disposition: "report"},
		First: t0.Add(first), Last: t0.Add(last), Count: n, Sample: sample,
	}
}

// pagesAdd: whoever saw something, counts add up, spans join, first samples stay.
func pagesAdd(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	script := func(n, reflected int64, last time.Duration, visitors ...int64) rollout.Script {
		return rollout.Script{Route: "notes", Hash: "sha256-x", First: t0, Last: t0.Add(last), Count: n, Reflected: reflected, Visitors: visitors, Sample: "let x"}
	}
	view := rollout.Views{Route: "notes", First: t0, Last: t0.Add(time.Hour), Count: 2}
	ok(t, db.AddSeen(ctx, rollout.Seen{
		Reports: []rollout.Reports{group("inline", 2, time.Minute, time.Hour, ""), group("https://a.example", 1, 0, 0, "")},
		Scripts: []rollout.Script{script(3, 1, time.Minute, -5, 9)}, Views: []rollout.Views{view},
	}))
	ok(t, db.AddSeen(ctx, rollout.Seen{
		Reports: []rollout.Reports{group("inline", 5, 0, time.Minute, "alert(1)")},
		Scripts: []rollout.Script{script(1, 0, time.Hour, 9, 12)}, Views: []rollout.Views{view},
	}))
	ok(t, db.AddSeen(ctx, rollout.Seen{Reports: []rollout.Reports{group("inline", 1, time.Hour, 2*time.Hour, "other")}}))
	ok(t, db.AddSeen(ctx, rollout.Seen{}))
	equal(t, must(db.Seen(ctx))(t), rollout.Seen{
		Reports: []rollout.Reports{group("inline", 8, 0, 2*time.Hour, "alert(1)"), group("https://a.example", 1, 0, 0, "")},
		Scripts: []rollout.Script{script(4, 1, time.Hour, -5, 9, 12)},
		Views:   []rollout.Views{{Route: "notes", First: t0, Last: t0.Add(time.Hour), Count: 4}},
	})
	wantTrail(t, db, "", "")
}

// pagesBounded: visitors of one script are told apart up to a number, odd bytes are made
// storable, and what is old or too much goes.
func pagesBounded(t *testing.T, open Open) {
	db, outside := open(t)
	ctx, now := t.Context(), time.Now()
	s := rollout.Script{Route: "notes", Hash: "sha256-x", First: now, Last: now, Count: 1, Sample: "a\x00\xff"}
	for i := range int64(rollout.MaxVisitors + 5) {
		s.Visitors = []int64{i}
		ok(t, db.AddSeen(ctx, rollout.Seen{Scripts: []rollout.Script{s}}))
	}
	seen := must(db.Seen(ctx))(t)
	if n := len(seen.Scripts[0].Visitors); n != rollout.MaxVisitors || seen.Scripts[0].Sample != "a\uFFFD\uFFFD" {
		t.Errorf("%d visitors, sample %q", n, seen.Scripts[0].Sample)
	}
	var many []rollout.Reports
	for i := range 5003 {
		r := group(fmt.Sprintf("https://%04d.example", i), 1, 0, 0, "")
		r.First, r.Last = now, now.Add(time.Duration(i)*time.Microsecond)
		many = append(many, r)
	}
	for part := range slices.Chunk(many, 500) { // as a server writes them: one call has a time limit
		ok(t, db.AddSeen(ctx, rollout.Seen{Reports: part}))
	}
	ok(t, db.Maintain(ctx))
	if seen = must(db.Seen(ctx))(t); len(seen.Reports) != 5000 || seen.Reports[0].Blocked != "https://5002.example" || len(seen.Scripts) != 1 {
		t.Errorf("%d groups, the latest is %q", len(seen.Reports), seen.Reports[0].Blocked)
	}
	ok(t, outside("UPDATE csp_report SET last_seen = 1"), outside("UPDATE csp_script SET last_seen = 1"), db.Maintain(ctx))
	if seen = must(db.Seen(ctx))(t); !seen.Empty() {
		t.Errorf("left: %d reports, %d scripts", len(seen.Reports), len(seen.Scripts))
	}
}

// racePages: nodes that write at the same time lose nothing.
func racePages(t *testing.T, open Open) {
	db, _ := open(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				if err := db.AddSeen(t.Context(), rollout.Seen{Reports: []rollout.Reports{group("b", 1, 0, 0, ""), group("a", 1, 0, 0, "")}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, r := range must(db.Seen(t.Context()))(t).Reports {
		if r.Count != 40 {
			t.Errorf("%s: %d", r.Blocked, r.Count)
		}
	}
}
