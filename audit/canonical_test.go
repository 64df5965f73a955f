package audit

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The bytes are a format at rest: typed from docs/formats.md, never from the code.
func TestCanonical(t *testing.T) {
	at := time.Date(2026, 11, 25, 13, 0, 0, 123456789, time.FixedZone("", 3600))
	for _, c := range []struct {
		name string
		ev   Event
		want string
	}{
		{"all", Event{7, at, LoginFailed, "usr_1", "system", "ses_1", "k1", "notes", "203.0.113.0/24", "r1", "reason=password"},
			`{"seq":7,"at":"2026-11-25T12:00:00.123456Z","event":"login.failed","subject":"usr_1","actor":"system","sid":"ses_1","key_id":"k1","route":"notes","network":"203.0.113.0/24","request_id":"r1","detail":"reason=password"}`},
		{"nothing", Event{Seq: 1, At: time.Unix(0, 0), Event: Logout},
			`{"seq":1,"at":"1970-01-01T00:00:00.000000Z","event":"logout","subject":"","actor":"","sid":"","key_id":"","route":"","network":"","request_id":"","detail":""}`},
		{"escapes", Event{Seq: 1, At: time.Unix(0, 0), Event: Logout, Detail: "\"\\/\b\t\n\f\r\x01\x1f\x7f<&>é\u2028😀"},
			`{"seq":1,"at":"1970-01-01T00:00:00.000000Z","event":"logout","subject":"","actor":"","sid":"","key_id":"","route":"","network":"","request_id":"","detail":"\"\\/\b\t\n\f\r\u0001\u001f` + "\x7f<&>é\u2028😀" + `"}`},
	} {
		if got := string(c.ev.AppendCanonical(nil)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

// What is written is JSON that says the event, and is read back only as it was written.
func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := func(name string) string { return rapid.String().Draw(rt, name) }
		ev := Event{
			Seq: rapid.Int64().Draw(rt, "seq"), At: time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(rt, "at")).UTC(), Event: Name(s("event")),
			Subject: s("subject"), Actor: s("actor"), SID: s("sid"), KeyID: s("key"), Route: s("route"), Network: s("network"),
			RequestID: s("request"), Detail: s("detail"),
		}
		line := ev.AppendCanonical(nil)
		var plain Event
		if err := json.Unmarshal(line, &plain); err != nil || plain != ev {
			rt.Fatalf("%s reads as %+v, %v", line, plain, err)
		}
		if got, err := ParseCanonical(line); err != nil || got != ev {
			rt.Fatalf("%s reads as %+v, %v", line, got, err)
		}
		for _, bad := range []string{" " + string(line), string(line) + " ", string(line[:len(line)-1]) + `,"x":1}`, ""} {
			if _, err := ParseCanonical([]byte(bad)); !errors.Is(err, ErrNotCanonical) {
				rt.Fatalf("%q: %v", bad, err)
			}
		}
	})
}

func FuzzParseCanonical(f *testing.F) {
	f.Add([]byte(`{"seq":1,"at":"1970-01-01T00:00:00.000000Z","event":"logout","subject":"","actor":"","sid":"","key_id":"","route":"","network":"","request_id":"","detail":""}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if ev, err := ParseCanonical(line); err == nil && string(ev.AppendCanonical(nil)) != string(line) {
			t.Errorf("%q is taken and is not canonical", line)
		}
	})
}
