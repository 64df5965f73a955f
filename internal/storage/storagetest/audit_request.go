package storagetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/internal/storage"
)

// numbersOf are the events that name a request.
func numbersOf(t *testing.T, db *storage.DB, id string, limit int) string {
	t.Helper()
	var seqs []int64
	for _, ev := range must(db.RequestEvents(t.Context(), id, limit))(t) {
		seqs = append(seqs, ev.Seq)
	}
	return strings.Trim(fmt.Sprint(seqs), "[]")
}

// auditRequest: a request is found by its id, whether an event is about it or names it
// among others.
func auditRequest(t *testing.T, open Open) {
	db, _ := open(t)
	long := strings.Repeat("i", audit.MaxRequestID)
	for _, ev := range []audit.Event{
		{Event: audit.AccessRefused, RequestID: "one", Detail: "code=key_invalid count=1"},
		{Event: audit.AccessRefused, RequestID: "two", Detail: "code=key_invalid count=4 last=2026-11-25T12:00:00Z also=three,one,two,three limit=route"},
		{Event: audit.Logout},
		{Event: audit.LoginOK, RequestID: "one"},
		{Event: audit.AccessRefused, RequestID: long, Detail: "code=busy count=2 also=" + long + "," + long + "x,,"},
		{Event: audit.AccessRefused, RequestID: long + "x", Detail: "code=busy count=1"},
		{Event: audit.KeyCreated, Detail: "note=also=one"}, // no word of its own
	} {
		ok(t, db.Record(t.Context(), ev))
	}
	for _, c := range []struct {
		id    string
		limit int
		want  string
	}{
		{"one", 9, "1 2 4"}, {"one", 2, "1 2"}, {"one", 0, ""}, {"one", -1, ""}, {"two", 9, "2"}, {"three", 9, "2"}, {"", 9, ""}, {"One", 9, ""},
		{"one\x00", 9, ""}, {"%", 9, ""}, {"three,one", 9, ""}, {long, 9, "5"}, {long + "x", 9, ""},
	} {
		if got := numbersOf(t, db, c.id, c.limit); got != c.want {
			t.Errorf("%.9q, at most %d: events %q, want %q", c.id, c.limit, got, c.want)
		}
	}
	var last []string
	for _, ev := range must(db.NewestEvents(t.Context(), 3))(t) {
		last = append(last, fmt.Sprint(ev.Seq))
	}
	if got := strings.Join(last, " "); got != "7 6 5" {
		t.Errorf("the newest are %q", got)
	}
}

// OldRequests runs the migration that makes the index over events of before it: they are
// found then, and what no request id ever was stops nothing.
func OldRequests(t *testing.T, db *storage.DB, outside func(string) error) {
	files := must(filepath.Glob("migrations/*_requests.sql"))(t)
	if len(files) != 1 {
		t.Fatalf("the migration is one of %q", files)
	}
	ok(t, outside("DROP TABLE audit_also"), outside("DROP INDEX audit_by_request"))
	for i, detail := range []string{"", "code=busy count=2 also=b", "code=busy count=9 last=x also=c,d,c,,d limit=route", `code=busy count=3 also="],[`, "note=1 also="} {
		ok(t, outside(fmt.Sprintf("INSERT INTO audit VALUES (%d, 0, 'access.refused', '', '', '', '', '', '', 'r%d', '%s', NULL)", i+1, i+1, detail)))
	}
	ok(t, outside(string(must(os.ReadFile(files[0]))(t))))
	for id, want := range map[string]string{"r1": "1", "r5": "5", "b": "2", "c": "3", "d": "3", "x": "", "limit": ""} {
		if got := numbersOf(t, db, id, 9); got != want {
			t.Errorf("%q: events %q, want %q", id, got, want)
		}
	}
}
