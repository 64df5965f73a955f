package openapi

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"
)

func TestShape(t *testing.T) {
	for _, row := range []struct{ path, want string }{
		{"/", "/"}, {"/notes", "/notes"}, {"/notes/12", "/notes/{id}"}, {"/api/v2/users/me", "/api/v2/users/me"},
		{"/u/123e4567-e89b-12d3-a456-426614174000", "/u/{id}"}, {"/reset/kJ8sd72hD9sKq1", "/reset/{id}"}, {"/wp-login.php", "/wp-login.php"},
		{"/a%b/<script>", "/{id}/{id}"}, {"/メモ", "/{id}"}, {"/averyveryveryverylongsegmentofletters", "/{id}"}, {"/a/b/c/d/e/f/g/h/i/j/k/l/m/n", "/a/b/c/d/e/f/g/h/i/j/k/l/{rest...}"},
		{"/x/", "/x/"}, {"/2026/11", "/{id}/{id}"}, {"/me@example.com", "/{id}"},
	} {
		if got := Shape(row.path); got != row.want {
			t.Errorf("Shape(%q) = %q, want %q", row.path, got, row.want)
		}
	}
}

type requests struct {
	all []Request
	err error
}

func (r *requests) AddRequests(_ context.Context, all []Request) error {
	r.all = append(r.all, all...)
	return r.err
}
func (r *requests) Requests(context.Context) ([]Request, error) { return r.all, nil }

func TestTrafficIsBounded(t *testing.T) {
	store := &requests{}
	traffic := &Traffic{Store: store, Logger: slog.New(slog.DiscardHandler)}
	t0 := time.Unix(1000, 0)
	traffic.Add("GET", "/notes/1", t0)
	traffic.Add("GET", "/notes/2", t0.Add(time.Second))
	traffic.Add("SUBSCRIBE", "/notes/2", t0)
	for i := range 5 * MaxRequests {
		traffic.Add("GET", "/"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676%26)), t0)
	}
	traffic.flush(t.Context())
	if len(store.all) != MaxRequests {
		t.Errorf("%d places are kept", len(store.all))
	}
	found := 0
	for _, r := range store.all {
		if r == (Request{"GET", "/notes/{id}", 2, t0, t0.Add(time.Second)}) || r == (Request{"OTHER", "/notes/{id}", 1, t0, t0}) {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%v", store.all[:3])
	}
	store.err = errors.New("away")
	traffic.Add("GET", "/x", t0)
	traffic.flush(t.Context()) // what cannot be written is let go
	if traffic.flush(t.Context()); len(traffic.seen) != 0 {
		t.Error("it piles up")
	}
}
