package server

import "encoding/json"

// forPeople rewrites a JSON line in the manner of slog's text handler: key=value.
func forPeople(line []byte) []byte {
	var members []byte
	for rest := line[1:]; len(rest) > 0 && rest[0] != '}'; {
		key, value, after := member(rest)
		if key == nil {
			return line
		}
		if len(members) > 0 {
			members = append(members, ' ')
		}
		members = append(append(append(members, key...), '='), plain(value)...)
		rest = after
	}
	return append(members, '\n')
}

// member splits off the first member of what is left of a flat object; key is nil when
// there is none.
func member(b []byte) (key, value, rest []byte) {
	if b[0] == ',' {
		b = b[1:]
	}
	if len(b) < 2 || b[0] != '"' {
		return nil, nil, nil
	}
	end := stringEnd(b)
	key, b = b[1:end-1], b[end+1:] // past the colon
	end = 0
	if b[0] == '"' {
		end = stringEnd(b)
	} else {
		for end < len(b) && b[end] != ',' && b[end] != '}' {
			end++
		}
	}
	return key, b[:end], b[end:]
}

// stringEnd is the index after the closing quote of the string at the beginning of b.
func stringEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

// plain drops the quotes of a simple string.
func plain(value []byte) []byte {
	var s string
	if value[0] != '"' || json.Unmarshal(value, &s) != nil {
		return value
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c == '"' || c == '=' || c >= 0x7f {
			return value
		}
	}
	return []byte(s)
}
