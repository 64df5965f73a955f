package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/openapi"
)

// documentsPin: the first is approved, a changed one waits, and only what was seen can be
// approved.
func documentsPin(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	pin := func(src string) openapi.Pin { return openapi.Pin{Upstream: "app", Source: []byte(src), At: t0} }
	first, second, third := pin("one"), pin("two\x00\xff"), pin("three")
	equal(t, must(db.PinFirst(ctx, first, event(audit.OpenAPIPinned)))(t), true)
	equal(t, must(db.PinFirst(ctx, second, event(audit.OpenAPIPinned)))(t), false)
	equal(t, must(db.PinSeen(ctx, third, event(audit.OpenAPIChanged)))(t), true)
	equal(t, must(db.PinSeen(ctx, second, event(audit.OpenAPIChanged)))(t), true)
	equal(t, must(db.PinSeen(ctx, second, event(audit.OpenAPIChanged)))(t), false)
	approved, seen, err := db.Pins(ctx, "app")
	ok(t, err)
	equal(t, []openapi.Pin{approved, seen}, []openapi.Pin{first, second})
	if err := db.PinApprove(ctx, "app", third.Hash(), event(audit.OpenAPIApproved)); !errors.Is(err, openapi.ErrNotSeen) {
		t.Fatalf("a document that was replaced was approved: %v", err)
	}
	ok(t, db.PinApprove(ctx, "app", second.Hash(), event(audit.OpenAPIApproved)))
	approved, seen, err = db.Pins(ctx, "app")
	ok(t, err)
	equal(t, string(approved.Source), string(second.Source))
	equal(t, seen.Empty(), true)
	approved, seen, err = db.Pins(ctx, "other")
	ok(t, err)
	equal(t, approved.Empty() && seen.Empty(), true)
	wantTrail(t, db, "document:app document:app document:app document:app", "openapi.pinned openapi.changed openapi.changed openapi.approved")
}

// requestsBounded: counts add up, spans join, and the most frequent stay.
func requestsBounded(t *testing.T, open Open) {
	db, _ := open(t)
	ctx := t.Context()
	seen := func(path string, n int64, first, last time.Duration) openapi.Request {
		return openapi.Request{Method: "GET", Path: path, Count: n, First: t0.Add(first), Last: t0.Add(last)}
	}
	ok(t, db.AddRequests(ctx, []openapi.Request{seen("/b", 2, time.Minute, time.Hour), seen("/a/{id}", 5, 0, 0)}))
	ok(t, db.AddRequests(ctx, []openapi.Request{seen("/b", 1, 0, time.Minute)}))
	equal(t, must(db.Requests(ctx))(t), []openapi.Request{seen("/a/{id}", 5, 0, 0), seen("/b", 3, 0, time.Hour)})
	flood := make([]openapi.Request, openapi.MaxRequests)
	for i := range flood {
		flood[i] = seen(fmt.Sprintf("/x/%04d", i), 1, 0, 0)
	}
	ok(t, db.AddRequests(ctx, flood))
	all := must(db.Requests(ctx))(t)
	equal(t, len(all), openapi.MaxRequests)
	equal(t, all[:2], []openapi.Request{seen("/a/{id}", 5, 0, 0), seen("/b", 3, 0, time.Hour)})
	wantTrail(t, db, "", "")
}
