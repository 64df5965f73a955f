package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// rank tells how strict a value is; 0 is a value that is invalid or weaker than the
// floor's. Values are compared as browsers do, without regard to case where they do.
type rank func(value string) int

// one sees to it that the single-valued field has exactly one line: the backend's where
// it is at least as strict as the floor's, the strictest where there are several, else
// the floor's.
func one(buf []Edit, res exchange.Fields, name, floor string, strict rank) []Edit {
	values := res.Values(name)
	if len(values) == 0 {
		return append(buf, Edit{name, floor, Set})
	}
	if len(values) == 1 && strict(values[0]) > 0 {
		return buf
	}
	best, most := floor, 1
	for _, line := range values {
		for more := true; more; {
			var v string
			v, line, more = strings.Cut(line, ",")
			v = strings.Trim(v, " \t")
			if r := strict(v); r > most {
				best, most = v, r
			}
		}
	}
	return append(buf, Edit{name, best, Set})
}

// among gives value its place in the list: the first, weakest, has rank 1. Any parameter
// (as COOP may have) does not count.
func among(value string, weakestFirst ...string) int {
	value, _, _ = strings.Cut(value, ";")
	value = strings.TrimRight(value, " \t")
	for i, w := range weakestFirst {
		if strings.EqualFold(value, w) {
			return i + 1
		}
	}
	return 0
}

func sniffRank(v string) int  { return among(v, "nosniff") }
func filterRank(v string) int { return among(v, "0") }
func agentRank(v string) int  { return among(v, "?1") }

// RFC 7034, Section 2.1. ALLOW-FROM is not supported by any browser and counts for nothing.
func frameRank(v string) int { return among(v, "SAMEORIGIN", "DENY") }

// Referrer Policy, Section 3: what says less to others.
func referrerRank(v string) int {
	return among(v, "strict-origin-when-cross-origin", "strict-origin", "same-origin", "no-referrer")
}

// exact is among with regard to case.
func exact(v string, weakestFirst ...string) int {
	if r := among(v, weakestFirst...); r > 0 && strings.HasPrefix(v, weakestFirst[r-1]) {
		return r
	}
	return 0
}
