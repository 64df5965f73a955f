package server

import (
	"strconv"

	"github.com/sanmon-gate/sanmon/web/detect"
)

// maxReflected is how many values a log line names, the worst first. There is one line to
// a request, so that nobody fills the log with findings.
const maxReflected = 4

// live reports whether a value of the request came back as live markup.
func (rec *Record) live() bool {
	for _, f := range rec.Passage.Reflected {
		if f.Verdict == detect.Live {
			return true
		}
	}
	return false
}

// appendFound says what was found out about the body of the answer: which parameter came
// back and in which place of the markup, never what it held.
func (rec *Record) appendFound(b []byte) []byte {
	p := rec.Passage
	for _, f := range p.Findings {
		b = text(b, "content", string(f))
	}
	var buf [256]byte
	told, line := 0, buf[:0]
	for _, verdict := range [...]detect.Verdict{detect.Live, detect.Suspect, detect.Inert, detect.Escaped} {
		for _, f := range p.Reflected {
			if f.Verdict == verdict && told < maxReflected {
				line, told = appendReflected(line, f), told+1
			}
		}
	}
	return text(b, "reflected", string(line))
}

// appendReflected appends "query q: live in text (1 raw, 0 escaped)".
func appendReflected(b []byte, f detect.Finding) []byte {
	if len(b) > 0 {
		b = append(b, "; "...)
	}
	b = append(b, f.Source...)
	if f.Name != "" {
		b = append(append(b, ' '), clip(f.Name, 64)...)
	}
	b = append(append(b, ": "...), f.Verdict...)
	if f.Context != "" {
		b = append(append(b, " in "...), f.Context...)
	}
	b = append(strconv.AppendInt(append(b, " ("...), int64(f.Raw), 10), " raw, "...)
	return append(strconv.AppendInt(b, int64(f.Escaped), 10), " escaped)"...)
}
