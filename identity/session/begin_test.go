package session

import (
	"context"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/refusal"
)

func (w world) stepUp(cookie string, user principal.Record, at time.Time) (string, Record) {
	w.t.Helper()
	v, r, err := w.StepUp(bg, cookie, user, Meta{From: away}, at)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(v.Expose()), r
}

func TestStepUpKeepsTheSession(t *testing.T) {
	w := newWorld(t, Options{})
	old, sid := w.begin(t0)
	w.want(old, t0, "")
	at := t0.Add(5 * time.Minute)
	next, r := w.stepUp(old, alice, at)
	if r.SID != sid || !r.ExpiresAt.Equal(t0.Add(24*time.Hour)) || next == old {
		t.Fatalf("sid %s, end %v: want the same sid and end, and a new secret", r.SID, r.ExpiresAt)
	}
	c, _, code := w.judgeFrom(next, away, at) // the network it was stepped up in is known now
	if code != "" || !c.AuthTime.Equal(at) {
		t.Errorf("got %q, auth time %v, want %v", code, c.AuthTime, at)
	}
	c, renew, code := w.judge(old, at.Add(9*time.Second))
	if code != "" || !c.AuthTime.Equal(t0) || renew {
		t.Errorf("former secret: %q, auth time %v, renew %v; want the former auth time and no renewal", code, c.AuthTime, renew)
	}
	if w.renew(old, at.Add(9*time.Second)) != "" {
		t.Error("the former secret led to the new one")
	}
	w.want(old, at.Add(10*time.Second), refusal.LoginRequired)
	if w.store.count(audit.LoginOK) != 2 {
		t.Error("want two login.ok events")
	}
}

func TestStepUpOfAnUnconfirmedLogin(t *testing.T) {
	w := newWorld(t, Options{})
	old, _ := w.begin(t0)
	at := t0.Add(time.Minute)
	w.stepUp(old, alice, at)
	w.want(old, at.Add(11*time.Second), refusal.LoginRequired) // Race, not Redeliver
}

func TestAnotherPersonEndsTheSession(t *testing.T) {
	w := newWorld(t, Options{})
	old, sid := w.begin(t0)
	next, r := w.stepUp(old, bob, t0)
	if r.SID == sid {
		t.Fatal("Bob got Alice's session")
	}
	w.want(old, t0, refusal.LoginRequired)
	c, _, _ := w.judgeFrom(next, away, t0)
	if c.Subject != "usr_bob" {
		t.Errorf("subject %q, want usr_bob", c.Subject)
	}
	if w.store.row(sid).RevokeReason != "replaced" {
		t.Errorf("reason %q, want replaced", w.store.row(sid).RevokeReason)
	}
}

func TestStepUpNeverAdoptsWhatTheClientBrought(t *testing.T) {
	w := newWorld(t, Options{})
	dead, sid := w.begin(t0)
	_, _ = w.End(bg, sid, ReasonLogout, Meta{}, t0)
	for _, cookie := range []string{"", "garbage", dead, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		next, r := w.stepUp(cookie, alice, t0)
		if next == cookie || r.SID == sid {
			t.Errorf("%q was taken over", cookie)
		}
	}
	late := t0.Add(2 * time.Hour)
	idle, sid2 := w.begin(t0)
	if _, r := w.stepUp(idle, alice, late); r.SID == sid2 {
		t.Error("an expired session was revived")
	}
}

func TestStepUpDuringARotation(t *testing.T) {
	w := newWorld(t, Options{})
	old, sid := w.begin(t0)
	at := t0.Add(rotate)
	w.renew(old, at) // by a request at the same time
	next, r := w.stepUp(old, alice, at)
	if r.SID != sid {
		t.Error("the session was lost")
	}
	w.want(next, at, "")
}

func TestDisabledPeopleGetNoSession(t *testing.T) {
	w := newWorld(t, Options{})
	off := alice
	off.Disabled = true
	_, _, err := w.StepUp(bg, "", off, Meta{}, t0)
	if refusal.From(err).Code != refusal.LoginFailed {
		t.Errorf("got %v, want login_failed", err)
	}
}

func TestRunWritesMarksAndExpiry(t *testing.T) {
	w := newWorld(t, Options{Rotate: -1, Now: func() time.Time { return t0 }})
	cookie, sid := w.begin(t0)
	gone, goneSID := w.begin(t0)
	w.want(gone, t0.Add(2*time.Hour), refusal.SessionExpired)
	w.want(cookie, t0.Add(30*time.Minute), "")
	ctx, cancel := context.WithCancel(bg)
	cancel()
	if err := w.Run(ctx); err != nil { // ends at once, and writes what is left
		t.Fatal(err)
	}
	if r := w.store.row(sid); !r.LastSeenAt.Equal(t0.Add(30*time.Minute)) || !r.Confirmed {
		t.Errorf("last seen %v, confirmed %v", r.LastSeenAt, r.Confirmed)
	}
	if r := w.store.row(goneSID); r.RevokeReason != "idle" || w.store.count(audit.SessionExpired) != 1 {
		t.Errorf("reason %q, %d session.expired events", r.RevokeReason, w.store.count(audit.SessionExpired))
	}
	w.want(gone, t0.Add(2*time.Hour), refusal.SessionExpired) // revoked now, and still says expired
	touches := w.store.touches
	_ = w.Run(ctx)
	if w.store.touches != touches {
		t.Error("unchanged marks were written again")
	}
}

func TestMarksSurviveAStoreThatWasDown(t *testing.T) {
	w := newWorld(t, Options{Now: func() time.Time { return t0 }})
	cookie, sid := w.begin(t0)
	w.want(cookie, t0.Add(time.Minute), "")
	w.want(cookie, t0.Add(time.Minute), "")
	fresh, freshSID := w.begin(t0)
	w.want(fresh, t0, "") // teaches nothing but that the secret arrived
	w.store.fail(errDown)
	w.flush(bg)
	w.store.fail(nil)
	w.flush(bg)
	if !w.store.row(freshSID).Confirmed {
		t.Error("the confirmation is lost")
	}
	if got := w.store.row(sid).LastSeenAt; !got.Equal(t0.Add(time.Minute)) {
		t.Errorf("last seen %v", got)
	}
}

func TestADeletedSessionIsForgotten(t *testing.T) {
	w := newWorld(t, Options{Now: func() time.Time { return t0 }})
	cookie, sid := w.begin(t0)
	w.want(cookie, t0.Add(time.Minute), "")
	w.store.mu.Lock()
	delete(w.store.rows, sid)
	w.store.mu.Unlock()
	w.flush(bg)
	if w.Len() != 0 {
		t.Error("it is still in memory")
	}
	w.want(cookie, t0.Add(time.Minute), refusal.LoginRequired)
}

func TestMemoryLetsGoOfDeadSessions(t *testing.T) {
	now := t0
	w := newWorld(t, Options{Now: func() time.Time { return now }})
	cookie, _ := w.begin(t0)
	w.want(cookie, t0, "")
	w.flush(bg)
	now = t0.Add(2 * time.Hour)
	w.flush(bg)
	if w.Len() != 0 {
		t.Errorf("%d sessions in memory, want 0", w.Len())
	}
}

// A session ends when its time has run out although nobody asks for it; not while another
// node has seen it.
func TestSessionsLapse(t *testing.T) {
	now := t0
	w := newWorld(t, Options{Rotate: -1, Absolute: 3 * time.Hour, Now: func() time.Time { return now }})
	quiet, quietSID := w.begin(t0)
	busy, busySID := w.begin(t0)
	w.want(quiet, t0, "")
	w.want(busy, t0, "")
	for _, at := range []time.Duration{0, time.Hour, time.Hour + 59*time.Second} {
		now = t0.Add(at)
		w.flush(bg)
		if r := w.store.row(quietSID); !r.RevokedAt.IsZero() {
			t.Fatalf("ended %v after the last request", at)
		}
	}
	other := w.node()
	other.want(busy, t0.Add(time.Hour-time.Minute), "")
	other.flush(bg)
	now = t0.Add(time.Hour + time.Minute)
	w.flush(bg)
	if r := w.store.row(quietSID); r.RevokeReason != ReasonIdle || w.store.count(audit.SessionExpired) != 1 {
		t.Errorf("reason %q, %d session.expired", r.RevokeReason, w.store.count(audit.SessionExpired))
	}
	if r := w.store.row(busySID); !r.RevokedAt.IsZero() {
		t.Error("a session that another node has seen was ended")
	}
	now = t0.Add(3 * time.Hour)
	w.want(busy, t0.Add(2*time.Hour-2*time.Minute), "")
	w.flush(bg)
	if r := w.store.row(busySID); r.RevokeReason != ReasonExpired {
		t.Errorf("at the absolute end: %q", r.RevokeReason)
	}
}

func TestDevice(t *testing.T) {
	for _, c := range [][2]string{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on Linux"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0", "Edge on Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15", "Safari on macOS"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/129.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"},
		{"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36", "Chrome on Android"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPhone"},
		{"curl/8.5.0", "curl"}, {"", "unknown device"}, {"<script>alert(1)</script>", "unknown device"}, {"Something on Linux", "unknown browser on Linux"},
	} {
		if got := Device(c[0]); got != c[1] {
			t.Errorf("%q: got %q, want %q", c[0], got, c[1])
		}
	}
}
