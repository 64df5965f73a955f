package limit

import (
	"strconv"
	"strings"
	"time"
)

// The canonical forms in which net/textproto gives the fields of a backend.
const (
	canonicalPolicy = "Ratelimit-Policy"
	canonicalState  = "Ratelimit"
	retryAfter      = "Retry-After"
)

// Merge adds where r's policies stand to the header of a backend's answer, which is in the
// shape of http.Header. What the backend says of limits of its own stays, as further items
// of the same lists: who forwards may tighten, never loosen or drop (the draft, Section 6).
// A list of the backend that is malformed would void ours with it (RFC 9651, Section 4.2):
// it goes. A Retry-After is raised to our own wait where we would not admit before.
func (r *Result) Merge(header map[string][]string, now time.Time) {
	if r.n == 0 {
		return
	}
	var buf [256]byte
	merge(header, PolicyField, canonicalPolicy, "q", r.AppendPolicy(buf[:0]))
	merge(header, StateField, canonicalState, "r", r.AppendState(buf[:0]))
	r.mergeWait(header, now)
}

func merge(header map[string][]string, name, canonical, needs string, ours []byte) {
	theirs := append(header[canonical], header[name]...)
	delete(header, canonical)
	if line := strings.Join(theirs, ", "); line != "" && wellFormed(line, needs) {
		ours = append(append(ours, ", "...), line...)
	}
	header[name] = []string{string(ours)}
}

// mergeWait raises a Retry-After of the backend that comes before ours would admit, and
// drops one that nobody can read (RFC 9110, Section 10.2.3).
func (r *Result) mergeWait(header map[string][]string, now time.Time) {
	lines := header[retryAfter]
	if len(lines) == 0 {
		return
	}
	theirs, ok := readWait(lines, now)
	if !ok {
		delete(header, retryAfter)
		return
	}
	ours := theirs
	for _, s := range r.States() {
		if s.Remaining == 0 && s.Reset > ours {
			ours = s.Reset
		}
	}
	if ours > theirs {
		header[retryAfter] = []string{strconv.FormatInt(Seconds(ours), 10)}
	}
}

// httpDate is the form of dates that servers send (RFC 9110, Section 5.6.7).
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

func readWait(lines []string, now time.Time) (time.Duration, bool) {
	if len(lines) != 1 {
		return 0, false
	}
	if s := lines[0]; s != "" && len(s) <= 9 && strings.Trim(s, "0123456789") == "" {
		n, err := strconv.Atoi(s)
		return time.Duration(n) * time.Second, err == nil
	}
	at, err := time.Parse(httpDate, lines[0])
	return at.Sub(now), err == nil
}
