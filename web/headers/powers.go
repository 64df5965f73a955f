package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/exchange"
)

// powers are the features that no page has unless its backend says so.
var powers = [...]string{"geolocation", "camera", "microphone"}

// permissions is the Permissions-Policy that denies the powers whose bits are set.
func permissions(denied int) string {
	var parts []string
	for i, p := range powers {
		if denied&(1<<i) != 0 {
			parts = append(parts, p+"=()")
		}
	}
	return strings.Join(parts, ", ")
}

// powers denies what the backend's own Permissions-Policy does not mention. The field is
// a structured dictionary: several lines are joined to one.
func (f *Floor) powers(res exchange.Fields, buf []Edit) []Edit {
	const name = "Permissions-Policy"
	lines := res.Values(name)
	missing := len(f.permission) - 1
	for _, l := range lines {
		missing &^= mentioned(l)
	}
	switch {
	case len(lines) == 0:
		return append(buf, Edit{name, f.permission[missing], Set})
	case len(lines) == 1 && missing == 0:
		return buf
	case missing == 0:
		return append(buf, Edit{name, strings.Join(lines, ", "), Set})
	}
	return append(buf, Edit{name, strings.Join(lines, ", ") + ", " + f.permission[missing], Set})
}

// mentioned returns the bits of the powers that are keys of the dictionary.
func mentioned(line string) (bits int) {
	for more := true; more; {
		var member string
		member, line, more = strings.Cut(line, ",")
		key, _, _ := strings.Cut(member, "=")
		key = strings.Trim(key, " \t")
		for i, p := range powers {
			if key == p {
				bits |= 1 << i
			}
		}
	}
	return bits
}
