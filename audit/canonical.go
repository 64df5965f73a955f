package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// stampLayout is how a time stands in a canonical line: UTC, always six digits.
const stampLayout = "2006-01-02T15:04:05.000000Z"

// AppendCanonical appends the one line of bytes that stands for the event: a JSON
// object with all eleven members, in the order of the struct, without white space.
// Strings are escaped as RFC 8785, Section 3.2.2.2 asks: only the quotation mark, the
// backslash and control characters, everything else is as it is. The time has
// microseconds; what is finer is cut off. The hash tree is made of these bytes, so they
// never change: a member that is added one day is left out where it is empty.
func (ev *Event) AppendCanonical(b []byte) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, ev.Seq, 10)
	b = append(b, `,"at":"`...)
	b = ev.At.UTC().Truncate(time.Microsecond).AppendFormat(b, stampLayout)
	b = append(b, '"')
	for _, m := range [...]struct{ name, value string }{
		{`,"event":"`, string(ev.Event)}, {`,"subject":"`, ev.Subject}, {`,"actor":"`, ev.Actor}, {`,"sid":"`, ev.SID},
		{`,"key_id":"`, ev.KeyID}, {`,"route":"`, ev.Route}, {`,"network":"`, ev.Network},
		{`,"request_id":"`, ev.RequestID}, {`,"detail":"`, ev.Detail},
	} {
		b = append(b, m.name...)
		b = appendEscaped(b, m.value)
		b = append(b, '"')
	}
	return append(b, '}')
}

const hexDigits = "0123456789abcdef"

// appendEscaped copies whole runs of plain bytes. Bytes that are no UTF-8 are copied
// too: two values never look alike.
func appendEscaped(b []byte, s string) []byte {
	plain := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[plain:i]...)
		plain = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(b, s[plain:]...)
}

// ErrNotCanonical is returned for a line that AppendCanonical did not make.
var ErrNotCanonical = errors.New("not the canonical line of an audit event (take the line of sanmon audit export as it is)")

// ParseCanonical reads a line of AppendCanonical, and nothing else.
func ParseCanonical(line []byte) (Event, error) {
	var ev Event
	if err := json.Unmarshal(line, &ev); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrNotCanonical, err)
	}
	if string(ev.AppendCanonical(nil)) != string(line) {
		return Event{}, ErrNotCanonical
	}
	return ev, nil
}
