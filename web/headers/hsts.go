package headers

import (
	"strconv"
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

const hstsName = "Strict-Transport-Security"

// hsts is the floor's Strict-Transport-Security (RFC 6797, Section 6.1).
type hsts struct {
	seconds    int64 // 0: send none
	subdomains bool
	text       string
}

func newHSTS(seconds int64, subdomains bool) hsts {
	return hsts{seconds, subdomains, hstsText(seconds, subdomains, false)}
}

func hstsText(seconds int64, subdomains, preload bool) string {
	s := "max-age=" + strconv.FormatInt(seconds, 10)
	if subdomains {
		s += "; includeSubDomains"
	}
	if preload {
		s += "; preload"
	}
	return s
}

// edit sends the longer lifetime and the wider scope of the backend's and ours. Over
// plain http the field must not be sent (RFC 6797, Section 7.2).
func (h *hsts) edit(res exchange.Fields, buf []Edit) []Edit {
	values := res.Values(hstsName)
	if h.seconds == 0 {
		if values != nil {
			buf = append(buf, Edit{Name: hstsName, Op: Remove})
		}
		return buf
	}
	if len(values) == 0 {
		return append(buf, Edit{hstsName, h.text, Set})
	}
	seconds, subdomains, preload := parseHSTS(values[0]) // browsers read the first, Section 8.1
	if len(values) == 1 && seconds >= h.seconds && (subdomains || !h.subdomains) {
		return buf
	}
	return append(buf, Edit{hstsName, hstsText(max(seconds, h.seconds), subdomains || h.subdomains, preload), Set})
}

// parseHSTS returns -1 seconds where the value has no max-age.
func parseHSTS(v string) (seconds int64, subdomains, preload bool) {
	seconds = -1
	for more := true; more; {
		var d string
		d, v, more = strings.Cut(v, ";")
		name, value, _ := strings.Cut(strings.Trim(d, " \t"), "=")
		switch name = strings.TrimRight(name, " \t"); {
		case strings.EqualFold(name, "max-age"):
			n, err := strconv.ParseInt(strings.Trim(value, " \t\""), 10, 64)
			if err != nil || n < 0 || seconds >= 0 { // a directive twice makes the field invalid
				return -1, false, false
			}
			seconds = n
		case strings.EqualFold(name, "includeSubDomains"):
			subdomains = true
		case strings.EqualFold(name, "preload"):
			preload = true
		}
	}
	if seconds < 0 {
		return -1, false, false
	}
	return seconds, subdomains, preload
}
