package alert

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
)

var t0 = time.Date(2026, 11, 25, 12, 0, 0, 123456000, time.UTC)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name   audit.Name
		detail string
		want   Type
	}{
		{"refresh.reuse", "class=stale client=mobile presented=1 current=4", RefreshReuse},
		{"refresh.refused", "class=mismatch client=mobile presented=4 current=4", RefreshMisuse},
		{"refresh.refused", "class=ahead client=mobile presented=9 current=4", RefreshMisuse},
		{"refresh.refused", "class=revoked client=mobile presented=4 current=4", ""},
		{"refresh.refused", "class=strange client=class=ahead! presented=4 current=4", ""},
		{"refresh.retried", "class=redelivered client=mobile presented=3 current=4", ""},
		{"refresh.retried", "class=redelivered client=mobile presented=3 current=4 often=true", RefreshMisuse},
		{"session.revoked", "reason=reuse", SessionReuse},
		{"session.revoked", "reason=reuse class=stale", SessionReuse},
		{"session.revoked", "reason=reuse class=recent_prev", SessionReuse},
		{"session.revoked", "reason=reuse by=ses_1", ""}, // it is told as refresh.reuse
		{"session.revoked", "reason=logout", ""},
		{"session.limit", "at_max=notify live=3 max=2", SessionLimit}, {"session.limit", "at_max=deny live=2 max=2", ""},
		{"token.revoked", "reason=code_replay client=mobile", CodeReuse},
		{"token.revoked", "reason=code_replay parent=ses_1", ""},
		{"token.revoked", "reason=reuse parent=ses_1", ""},
		{"key.canary", "", KeyCanary}, {"key.reported", "by possession of the key", KeyReported}, {"key.revoked", "", ""}, {"key.held", "reason=rolled_back count=3", KeyHeld}, {"key.accepted", "", ""},
		{"login.throttled", "full=account", LoginThrottled}, {"login.failed", "the password is wrong", ""},
		{"access.refused", "code=rate_limited count=1 limit=failures", CallerThrottled},
		{"access.refused", "code=rate_limited count=1", ""}, {"access.refused", "code=rate_limited count=1 limit=network", ""},
		{"audit.verify_failed", "verdict=tampered records=9 first_bad=3 findings=1 uid=0", AuditFailed}, {"audit.verify_failed", "verdict=not_verifiable uid=0", ""}, {"audit.exported", "from=1 to=9 count=9 uid=0", ""},
		{"audit.failed", "step=sign", AuditFailed}, {"config.refused", "", ConfigRefused}, {"config.loaded", "", ""}, {"factor.flagged", "", FactorFlagged},
		{"logout", "", ""}, {"", "", ""},
	} {
		got, worth := Of(audit.Event{Event: c.name, Detail: c.detail})
		if got != c.want || worth != (c.want != "") {
			t.Errorf("%s %q: %q, want %q", c.name, c.detail, got, c.want)
		}
	}
}

// Every type says what it means.
func TestSummaries(t *testing.T) {
	seen := map[string]Type{}
	for _, k := range []Type{SessionReuse, SessionLimit, RefreshReuse, RefreshMisuse, CodeReuse, FactorFlagged, KeyCanary, KeyReported, KeyHeld, LoginThrottled, CallerThrottled, AuditFailed, ConfigRefused, FeedStale, KeysStale, Test} {
		s := k.summary()
		if len(s) < 20 || seen[s] != "" || s == Type("x").summary() {
			t.Errorf("%s: %q", k, s)
		}
		seen[s] = k
	}
}

func TestSort(t *testing.T) {
	events := []audit.Event{
		{Seq: 1, At: t0.Add(-25 * time.Hour), Event: audit.RefreshReuse}, // nobody was there to be told
		{Seq: 2, At: t0, Event: audit.RefreshReuse}, {Seq: 3, At: t0, Event: audit.Logout},
		{Seq: 4, At: t0.Add(time.Second), Event: audit.KeyReported}, {Seq: 5, At: t0.Add(2 * time.Second), Event: audit.RefreshReuse},
	}
	groups, old := Sort(events, t0.Add(-24*time.Hour))
	if len(groups) != 2 || old != 1 {
		t.Fatalf("%+v, %d too old", groups, old)
	}
	if g := groups[0]; g.Type != RefreshReuse || g.Count != 2 || g.From != 2 || g.To != 5 || !g.First.Equal(t0) || !g.Last.Equal(t0.Add(2*time.Second)) || len(g.Events) != 2 {
		t.Errorf("%+v", g)
	}
	if g := groups[1]; g.Type != KeyReported || g.Count != 1 || g.From != 4 || g.To != 4 {
		t.Errorf("%+v", g)
	}
}

// The message is bounded, has the members of the specification, and holds no credential
// that somebody managed to get into a field.
func TestBody(t *testing.T) {
	const key = "smk_live_abcdefghijkl_0123456789abcdefghijABCDEFGHIJ_000000"
	var g Group
	for i := range 20000 {
		g.Join(single(KeyReported, audit.Event{Seq: int64(i + 1), At: t0, Event: audit.KeyReported, Detail: strings.Repeat("é<", 4000) + key, Subject: "password=hunter2hunter2",
			Network: strings.Repeat("n", 5000)}))
	}
	b := Alert{ID: "msg_1", Group: g}.Body("https://app.example.com", "")
	if len(b) > 20<<10 {
		t.Errorf("%d bytes", len(b))
	}
	if strings.Contains(string(b), "hunter2hunter2") || strings.Contains(string(b), key[22:50]) {
		t.Errorf("%s", b)
	}
	var m struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			Gate, Summary string
			Count         int64
			First, Last   time.Time
			Trail         struct{ From, To int64 }
			Events        []audit.Event
		}
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	if m.Type != "key.reported" || !m.Timestamp.Equal(t0) || m.Data.Gate != "https://app.example.com" || m.Data.Count != 20000 || m.Data.Trail.From != 1 || m.Data.Trail.To != 20000 || len(m.Data.Events) != 10 {
		t.Errorf("%+v", m)
	}
	small := string(Alert{ID: "msg_1", Group: Group{Type: FeedStale, Count: 1, First: t0, Last: t0, Events: nil}}.Body("https://g", "node-1"))
	if want := `{"type":"feed.stale","timestamp":"2026-11-25T12:00:00.123456Z","data":{"gate":"https://g","node":"node-1","summary":"A node does not learn of changes: it asks the store about everything, or refuses. Is the database reachable?","count":1,"first":"2026-11-25T12:00:00.123456Z","last":"2026-11-25T12:00:00.123456Z","events":[]}}`; small != want {
		t.Errorf("%s\nwant %s", small, want)
	}
}

// What cannot be a JSON time is told all the same.
func TestBodyWithAnImpossibleTime(t *testing.T) {
	b := Alert{Group: Group{Type: KeyReported, Count: 3, First: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}}.Body("https://g", "")
	if !json.Valid(b) || !strings.Contains(string(b), `"type":"key.reported"`) || !strings.Contains(string(b), `"count":3`) {
		t.Errorf("%s", b)
	}
}

func TestBackoff(t *testing.T) {
	whole := Backoff{Jitter: func(d time.Duration) time.Duration { return d }}
	for _, c := range []struct {
		n    int
		want time.Duration
	}{{1, 5 * time.Second}, {2, 10 * time.Second}, {3, 20 * time.Second}, {6, 160 * time.Second}, {7, 5 * time.Minute}, {19, 5 * time.Minute}, {500, 5 * time.Minute}, {0, 5 * time.Second}} {
		if got := whole.after(c.n); got != c.want {
			t.Errorf("after %d failures %v, want %v", c.n, got, c.want)
		}
		for range 20 {
			if got := (Backoff{}).after(c.n); got < c.want/2 || got > c.want {
				t.Errorf("after %d failures %v with jitter", c.n, got)
			}
		}
	}
}
