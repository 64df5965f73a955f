package refresh

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// The state machine, one row a line: generation presented and current, age of the
// rotation, and what else is so.
func TestJudge(t *testing.T) {
	key := [32]byte{1}
	for _, c := range []struct {
		p, g int64
		age  time.Duration
		is   string
		want Verdict
	}{
		{3, 3, time.Hour, "", Rotated}, {0, 0, time.Hour, "", Rotated}, {3, 3, 0, "confirmed", Rotated},
		{2, 3, 0, "", Redelivered}, {2, 3, 60 * time.Second, "", Redelivered}, {2, 3, 60*time.Second + 1, "", Theft},
		{2, 3, 0, "confirmed", AccessOnly}, {2, 3, 10 * time.Second, "confirmed", AccessOnly}, {2, 3, 10*time.Second + 1, "confirmed", Theft},
		{2, 3, -90 * time.Second, "", Redelivered}, {1, 3, 0, "", Theft}, {0, 3, 0, "", Theft}, {0, 3, 0, "confirmed", Theft},
		{4, 3, 0, "", Ahead}, {9, 3, 0, "confirmed", Ahead},
		{2, 3, 0, "63", Redelivered}, {2, 3, 0, "64", Capped}, {2, 3, 61 * time.Second, "64", Theft}, {3, 3, 0, "64", Rotated},
		{2, 3, 0, "away", Strange}, {2, 3, 0, "confirmed away", Strange}, {3, 3, 0, "away", Rotated}, {2, 3, time.Hour, "away", Theft},
		{2, 3, 0, "away there", Redelivered}, {2, 3, 0, "nowhere", Strange},
		{2, 3, 0, "other kind", Strange}, {2, 3, 0, "confirmed other kind", Strange}, {3, 3, 0, "other kind", Rotated}, {2, 3, time.Hour, "other kind", Theft},
		{2, 3, 0, "other kind rotated so", Redelivered}, {2, 3, 0, "no kind", Redelivered}, {2, 3, 0, "other kind of old", Redelivered},
		{3, 3, 0, "revoked", Revoked}, {1, 3, 0, "revoked", Revoked}, {4, 3, 0, "revoked", Revoked},
		{3, 3, 0, "expired", Expired}, {1, 3, 0, "expired", Expired}, {3, 3, 0, "idle", Expired}, {3, 3, 0, "expired revoked", Revoked}, {3, 3, 0, "idle swept", Expired},
		{3, 3, 0, "other client", Mismatch}, {3, 3, 0, "bound", Mismatch}, {1, 3, 0, "bound", Mismatch}, {3, 3, 0, "bound proven", Rotated},
		{3, 3, 0, "proven", Rotated}, {3, 3, 0, "other client revoked", Mismatch},
	} {
		a := Attempt{Gen: c.p, Client: "mobile", Network: "203.0.113.0/24", Agent: "other/other", At: noon, Race: 10 * time.Second, Redeliver: time.Minute, Cap: 64}
		f := Family{Gen: c.g, Client: "mobile", RotatedAt: noon.Add(-c.age), RotatedFrom: "203.0.113.0/24", Agent: "other/other", RotatedAgent: "other/other",
			ExpiresAt: noon.Add(time.Hour), IdleExpiresAt: noon.Add(time.Hour)}
		for word := range map[string]bool{"confirmed": true, "63": true, "64": true, "away": true, "there": true, "nowhere": true, "revoked": true,
			"expired": true, "idle": true, "swept": true, "other client": true, "bound": true, "proven": true,
			"other kind": true, "rotated so": true, "no kind": true, "of old": true} {
			if !contains(c.is, word) {
				continue
			}
			switch word {
			case "confirmed":
				f.Confirmed = true
			case "63":
				f.Redeliveries = 63
			case "64":
				f.Redeliveries = 64
			case "away":
				a.Network = "198.51.100.0/24"
			case "there":
				f.Networks = []string{"192.0.2.0/24", "198.51.100.0/24"}
			case "nowhere":
				a.Network = ""
			case "revoked":
				f.RevokedAt = noon
			case "expired":
				f.ExpiresAt = noon
			case "swept":
				f.RevokedAt, f.RevokeReason = noon, "idle"
			case "idle":
				f.IdleExpiresAt = noon
			case "other client":
				f.Client = "desktop"
			case "bound":
				f.Key = key
			case "other kind":
				a.Agent = "blink/windows"
			case "rotated so":
				f.RotatedAgent = "blink/windows"
			case "no kind":
				a.Agent = ""
			case "of old":
				f.Agent, f.RotatedAgent = "", ""
			case "proven":
				a.Key = key
			}
		}
		if got := a.Judge(f); got != c.want {
			t.Errorf("%d of %d after %v, %q: %v, want %v", c.p, c.g, c.age, c.is, got, c.want)
		}
	}
}

func contains(words, word string) bool {
	for i := range len(words) - len(word) + 1 {
		if words[i:i+len(word)] == word {
			return true
		}
	}
	return false
}

// Three windows with a retry a day are silent, the fourth is told, and then silence for
// eight hours.
func TestRetried(t *testing.T) {
	f, hour := Family{}, time.Hour
	for i, c := range []struct {
		at    time.Duration
		often bool
	}{
		{0, false}, {1, false}, {2, false}, {3, true}, {4, false}, {5, false}, {8 * hour, false}, {9 * hour, false}, {17 * hour, true}, {18 * hour, false},
		{100 * hour, false}, {108 * hour, false}, {116 * hour, false}, {124 * hour, false}, {124*hour + 1, false}, {124*hour + 2, false}, {124*hour + 3, true},
	} {
		var often bool
		f.RetryAt, often = Attempt{At: noon.Add(c.at)}.Retried(f)
		if often != c.often {
			t.Errorf("step %d at %v: %v", i, c.at, often)
		}
	}
}
