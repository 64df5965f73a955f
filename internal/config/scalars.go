package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// plain is text of a pattern.
func plain(name, pattern, want string) scalar {
	re := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }) // most files use few types
	return scalar{name: name, want: want, schema: map[string]any{"pattern": pattern}, parse: func(s string) (any, error) {
		if !re().MatchString(s) {
			return nil, wrong{show(s) + " is not " + article(name), want}
		}
		return s, nil
	}}
}

func article(noun string) string {
	if strings.ContainsRune("aeiouAEIOU", rune(noun[0])) && !strings.HasPrefix(noun, "URL") {
		return "an " + noun
	}
	return "a " + noun
}

// enum is one of a few words.
func enum(name string, values ...string) scalar {
	return scalar{name: name, want: "write one of: " + strings.Join(values, ", "), values: values, parse: func(s string) (any, error) {
		for _, v := range values {
			if s == v {
				return s, nil
			}
		}
		return nil, wrong{show(s) + " is not " + article(name), "write one of: " + strings.Join(values, ", ")}
	}}
}

// flag is true or false.
func flag() scalar {
	return scalar{name: "switch", want: "write true or false", form: boolean, parse: func(s string) (any, error) {
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, wrong{show(s) + " is not a switch", "write true or false"}
	}}
}

var decimal = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// whole is a whole number.
func whole(low, high int) scalar {
	want := fmt.Sprintf("write a whole number from %d to %d", low, high)
	if low == high {
		want = fmt.Sprintf("write %d", low)
	}
	return scalar{name: "number", want: want, form: number, schema: map[string]any{"minimum": low, "maximum": high}, parse: func(s string) (any, error) {
		if !decimal.MatchString(s) { // no sign, octal, hexadecimal, underscore, exponent
			return nil, wrong{show(s) + " is not a decimal number", want}
		}
		n, _ := strconv.Atoi(s)
		if n < low || n > high {
			return nil, wrong{fmt.Sprintf("%d is out of bounds", n), want}
		}
		return n, nil
	}}
}

const durationPattern = `([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?`

var durations = regexp.MustCompile(`^` + durationPattern + `$`)

// parseDuration reads days, hours, minutes and seconds, in this order.
func parseDuration(s string) (time.Duration, bool) {
	m := durations.FindStringSubmatch(s)
	if m == nil || s == "" {
		return 0, false
	}
	var d time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if m[i+1] == "" {
			continue
		}
		n, _ := strconv.Atoi(m[i+1][:len(m[i+1])-1])
		if n > int(longest/unit) {
			return 0, false
		}
		d += time.Duration(n) * unit // four times longest is far from overflow
	}
	return d, d <= longest
}

// longest is the longest duration that a key may have.
const longest = 20 * 365 * 24 * time.Hour

// span is a duration within bounds.
func span(low, high time.Duration) scalar {
	want := "write a duration such as 30s, 15m, 1h30m or 7d"
	return scalar{name: "duration", want: want, schema: map[string]any{"pattern": `^(?=.)` + durationPattern + `$`}, parse: func(s string) (any, error) {
		d, ok := parseDuration(s)
		switch {
		case !ok:
			return nil, wrong{show(s) + " is not a duration", want}
		case d < low:
			return nil, wrong{fmt.Sprintf("%s is too short", s), "at least " + brief(low)}
		case d > high:
			return nil, wrong{fmt.Sprintf("%s is too long", s), "at most " + brief(high)}
		}
		return d, nil
	}}
}

// brief writes a duration as the file does.
func brief(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, unit := range []struct {
		d    time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.d; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d -= n * unit.d
		}
	}
	return b.String()
}

var sizes = regexp.MustCompile(`^([0-9]{1,12})(B|KiB|MiB|GiB)$`)

// size is a number of bytes.
func size(low, high int64) scalar {
	want := "write a size such as 512B, 64KiB, 10MiB or 1GiB"
	return scalar{name: "size", want: want, schema: map[string]any{"pattern": sizes.String()}, parse: func(s string) (any, error) {
		m := sizes.FindStringSubmatch(s)
		if m == nil {
			return nil, wrong{show(s) + " is not a size", want}
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		unit := map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[m[2]]
		if n > high/unit || n*unit < low {
			return nil, wrong{s + " is out of bounds", fmt.Sprintf("%d to %d bytes", low, high)}
		}
		return n * unit, nil
	}}
}

// perTime is the value of a rate: count in each duration.
type perTime struct {
	count int
	per   time.Duration
}

const ratePattern = `^([1-9][0-9]{0,6})/((?:[0-9]{1,6}[dhms])+|[dhms])$`

var rates = regexp.MustCompile(ratePattern)

// rate is a count per time.
func rate() scalar {
	want := "write a rate such as 10/m, 100/s or 30/10m"
	return scalar{name: "rate", want: want, schema: map[string]any{"pattern": ratePattern}, parse: func(s string) (any, error) {
		m := rates.FindStringSubmatch(s)
		if m == nil {
			return nil, wrong{show(s) + " is not a rate", want}
		}
		if len(m[2]) == 1 {
			m[2] = "1" + m[2]
		}
		per, ok := parseDuration(m[2])
		if !ok || per <= 0 || per > 30*24*time.Hour {
			return nil, wrong{show(s) + " is not a rate over 1s to 30d", want}
		}
		n, _ := strconv.Atoi(m[1])
		return perTime{n, per}, nil
	}}
}

// date is a moment: a day (its beginning in UTC) or RFC 3339.
func date() scalar {
	want := "write a date such as 2027-01-31 or 2027-01-31T12:00:00Z"
	return scalar{name: "date", want: want, parse: func(s string) (any, error) {
		for _, layout := range []string{time.DateOnly, time.RFC3339} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UTC(), nil
			}
		}
		return nil, wrong{show(s) + " is not a date", want}
	}}
}

// reason is a sentence for the next reader.
func reason() scalar {
	want := "say in a sentence why this is right here"
	return scalar{name: "reason", want: want, schema: map[string]any{"minLength": 8, "maxLength": 500}, parse: func(s string) (any, error) {
		if n := len(strings.TrimSpace(s)); n < 8 || n > 500 {
			return nil, wrong{"the reason has to be 8 to 500 characters long", want}
		}
		return s, nil
	}}
}
