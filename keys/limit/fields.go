package limit

import (
	"strconv"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// The names of the fields. This file is the only one that knows their syntax, which
// may still move: draft-ietf-httpapi-ratelimit-headers-11, Sections 3 and 4.
const (
	PolicyField = "RateLimit-Policy"
	StateField  = "RateLimit"
)

// AppendPolicy appends the value of RateLimit-Policy: a structured-field List
// (RFC 9651, Section 3.1) of policy names with the quota q and its window w in
// seconds; of a concurrency limit with the quota unit qu instead of a window.
func (r *Result) AppendPolicy(b []byte) []byte {
	for i, s := range r.States() {
		b = appendName(b, i, s.Policy.name)
		b = append(b, ";q="...)
		switch p := s.Policy; {
		case p.places > 0:
			b = strconv.AppendInt(b, int64(p.places), 10)
			b = append(b, `;qu="concurrent-requests"`...)
		case p.window != 0:
			b = strconv.AppendInt(b, p.quota, 10)
			b = append(b, ";w="...)
			b = strconv.AppendInt(b, p.window.longest(), 10)
		default:
			b = strconv.AppendInt(b, int64(p.rate.Count), 10)
			b = append(b, ";w="...)
			b = strconv.AppendInt(b, Seconds(p.rate.Per), 10)
		}
	}
	return b
}

// AppendState appends the value of RateLimit: what remains (r) of each policy, and
// in how many seconds (t) there is more. With nothing left, t is what Retry-After
// says, as Section 5 of the draft wants it. Nobody knows when a concurrency limit has
// room again: it has no t.
func (r *Result) AppendState(b []byte) []byte {
	for i, s := range r.States() {
		b = appendName(b, i, s.Policy.name)
		b = append(b, ";r="...)
		b = strconv.AppendInt(b, int64(s.Remaining), 10)
		if s.Policy.places == 0 {
			b = append(b, ";t="...)
			b = strconv.AppendInt(b, Seconds(s.Reset), 10)
		}
	}
	return b
}

// appendName appends an sf-string (RFC 9651, Section 4.1.6).
func appendName(b []byte, i int, name string) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
	b = append(b, '"')
	for j := range len(name) {
		if c := name[j]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, name[j])
	}
	return append(b, '"')
}

// Seconds rounds up, so that nobody is told to come back too early: the form of
// Retry-After (RFC 9110, Section 10.2.3).
func Seconds(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64((d + time.Second - 1) / time.Second)
}

// Err returns the refusal of a request that was not admitted, nil of one that was.
func (r *Result) Err() error {
	if r.Allowed {
		return nil
	}
	refused := refusal.New(refusal.RateLimited, "limit %q of %s is used up (wait %d s, or raise the rate)",
		r.Refused.name, r.Refused, Seconds(r.RetryAfter))
	refused.RetryAfter = r.RetryAfter
	return refused
}
