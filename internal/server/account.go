package server

import (
	"log/slog"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/internal/metrics"
	"github.com/sanmon-gate/sanmon/refusal"
)

// Lines takes whole log lines; internal/logline's Writer does.
type Lines interface {
	Lazy(line []byte)
	Write(line []byte) (int, error)
}

// Accountant writes the metrics, the log line and the aggregated audit of each
// request. It is safe for concurrent use.
type Accountant struct {
	Metrics  *metrics.Metrics
	Lines    Lines
	Scrub    func(line []byte) []byte // removes credentials; the last net
	Refusals *Refusals
	Level    slog.Leveler // lines below it are not written
	Text     bool         // lines for people instead of JSON

	// Unrouted, when set, hears of requests that no route took: method and decoded path.
	Unrouted func(method, path string, at time.Time)
}

// Account is called once for every request.
func (a *Accountant) Account(rec *Record) {
	route := rec.route()
	a.Metrics.Request(route, rec.Request.Method, rec.Status, rec.Took)
	p := rec.Passage
	if p.Verdict.Credential != p.Verdict.Principal {
		side := "principal"
		if p.Verdict.Credential {
			side = "credential"
		}
		a.Metrics.Disagreement(route, side)
	}
	for _, no := range p.Observed {
		a.Metrics.Observed(route, string(no.Code))
	}
	for _, f := range p.Findings {
		a.Metrics.Found(route, string(f))
	}
	for _, f := range p.Reflected {
		a.Metrics.Reflected(route, string(f.Context), string(f.Verdict))
	}
	a.injected(route, rec)
	if p.Landing && rec.Refusal == nil {
		a.Metrics.Landing(route)
	}
	if no := rec.Refusal; no != nil {
		a.Metrics.Refused(route, string(no.Code), string(no.Layer()))
		a.Refusals.Add(rec)
		if (no.Code == refusal.RouteUnknown || no.Code == refusal.MethodNotAllowed) && a.Unrouted != nil && !p.Reserved {
			a.Unrouted(rec.Request.Method, p.Target.Decoded, rec.Started)
		}
	}
	if a.Level != nil && rec.level() < a.Level.Level() {
		return
	}
	var buf [1024]byte
	line := rec.appendLine(buf[:0])
	if a.Text {
		line = forPeople(line)
	}
	if a.Scrub != nil {
		line = a.Scrub(line)
	}
	if rec.Refusal != nil && rec.Refusal.Status() >= 500 {
		_, _ = a.Lines.Write(line) // a log that cannot be written must not stop a request
		return
	}
	a.Lines.Lazy(line)
}

// route is the label of the request: the configured id, or what else answered.
func (rec *Record) route() string {
	switch p := rec.Passage; {
	case p.Route != nil:
		return p.Route.ID
	case p.Reserved:
		return "portal"
	}
	return "none"
}

// appendLine appends the request's log line. It has the path but never the query,
// which may carry what should not be kept.
func (rec *Record) appendLine(b []byte) []byte {
	r, p := rec.Request, rec.Passage
	b = append(b, `{"time":"`...)
	b = rec.Started.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","level":"`...)
	b = append(b, rec.level().String()...)
	b = append(b, `","msg":"`...)
	b = append(b, rec.message()...)
	b = append(b, '"')
	b = text(b, "request_id", r.ID)
	b = text(b, "method", methodWord(r.Method))
	b = text(b, "path", clip(p.Target.Path, 1024))
	b = text(b, "host", clip(p.Host, 256))
	b = text(b, "route", rec.route())
	if p.Unseen {
		b = text(b, "via", "forward-auth")
	}
	b = number(b, "status", int64(rec.Status))
	b = append(b, `,"duration_ms":`...)
	b = strconv.AppendFloat(b, float64(rec.Took.Microseconds())/1000, 'f', 3, 64)
	if p.Addr.IsValid() {
		b = append(b, `,"client":"`...)
		b = p.Addr.AppendTo(b)
		b = append(b, '"')
	}
	b = rec.appendCaller(b)
	for _, no := range p.Observed {
		b = text(b, "observed", string(no.Code))
		b = text(b, "observed_reason", no.Error())
	}
	b = rec.appendFound(b)
	if report, ok := p.Injection(); ok {
		b = text(b, "injection_ended", string(report.Reason))
	}
	if rec.Aborted != nil {
		b = text(b, "error", rec.Aborted.Error())
	}
	if no := rec.Refusal; no != nil {
		b = text(b, "code", string(no.Code))
		b = text(b, "layer", string(no.Layer()))
		b = text(b, "reason", no.Reason)
		if no.Err != nil {
			b = text(b, "error", no.Err.Error())
		}
	}
	return append(b, '}', '\n')
}

// appendCaller says who it was, and what both evaluations said.
func (rec *Record) appendCaller(b []byte) []byte {
	c, v := &rec.Passage.Caller, rec.Passage.Verdict
	if c.Kind == caller.Anonymous && v.Credential == v.Principal {
		return b
	}
	if c.Kind != caller.Anonymous { // else: a good token of a session that has ended
		b = text(b, "caller", c.Kind.String())
	}
	b = text(b, "subject", c.Subject)
	b = text(b, "sid", c.SID)
	b = text(b, "key_id", c.KeyID)
	b = text(b, "client_id", c.ClientID)
	b = append(b, `,"credential_grants":`...)
	b = strconv.AppendBool(b, v.Credential)
	b = append(b, `,"principal_grants":`...)
	return strconv.AppendBool(b, v.Principal)
}

func (rec *Record) message() string {
	switch {
	case rec.Refusal != nil:
		return "refused"
	case rec.Gone:
		return "client gone"
	case rec.Aborted != nil:
		return "answer cut"
	}
	return "request"
}

func (rec *Record) level() slog.Level {
	switch no := rec.Refusal; {
	case no == nil && len(rec.Passage.Observed) == 0 && !rec.live():
		return slog.LevelInfo
	case no != nil && no.Code == refusal.Internal:
		return slog.LevelError
	}
	return slog.LevelWarn
}

func number(b []byte, key string, n int64) []byte {
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return strconv.AppendInt(b, n, 10)
}

// text appends a string member, nothing when it is empty.
func text(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, key...)
	b = append(b, '"', ':', '"')
	b = quoted(b, value)
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"

// quoted escapes as RFC 8259, Section 7 asks, and everything that is not plain ASCII,
// so that a line is a line whatever a request contains.
func quoted(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			b = append(b, c)
			i++
			continue
		}
		if c == '"' || c == '\\' {
			b = append(b, '\\', c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r > 0xffff {
			r -= 0x10000
			b = escape(b, 0xd800+(r>>10))
			r = 0xdc00 + r&0x3ff
		}
		b = escape(b, r)
	}
	return b
}

func escape(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// methodWord is the method where it may be one: every registered method has at most 17
// letters (RFC 9110, Section 16.1), and what else a client writes first in its request may
// be anything, a credential too.
func methodWord(s string) string {
	if len(s) > 17 {
		return "?"
	}
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && c != '-' {
			return "?"
		}
	}
	return s
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
