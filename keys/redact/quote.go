package redact

// Strings within strings: in JSON a quotation mark of the d-th level has 2^d-1
// backslashes before it (RFC 8259, Section 7). That number is what "level" means.

// slashes counts the backslashes before b[at].
func slashes(b []byte, at int) int {
	n := 0
	for n < at && b[at-1-n] == '\\' {
		n++
	}
	return n
}

// slashesAt counts the backslashes from b[at] on.
func slashesAt(b []byte, at int) int {
	n := 0
	for at+n < len(b) && b[at+n] == '\\' {
		n++
	}
	return n
}

// quoted returns the content of a string of that level that opens at b[at]. It ends
// before the mark that closes it, or, where that is missing, before one of an outer
// level or the end of the line.
func quoted(b []byte, at, level int) (start, end int, ok bool) {
	if at+level >= len(b) || slashesAt(b, at) != level || b[at+level] != '"' {
		return 0, 0, false
	}
	start = at + level + 1
	n := 0 // backslashes just before i
	for i := start; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			n++
			continue
		case b[i] == '"':
			if l := closing(n, level); l >= 0 {
				return start, i - l, true
			}
		case b[i] == '\n':
			return start, i, true
		}
		n = 0
	}
	return start, len(b), true
}

// closing returns the outermost level, up to level, at which a mark with n
// backslashes before it closes a string; -1 when it is content.
func closing(n, level int) int {
	for l := 0; l <= level; l = 2*l + 1 {
		if n%(2*(l+1)) == l {
			return l
		}
	}
	return -1
}

// closes reports whether the mark before b[start] in fact closes a string of JSON
// around it: the line is an object, and what follows can only stand after a string.
func closes(b []byte, start int) bool {
	if b[0] != '{' {
		return false
	}
	next := blanks(b, start)
	return next == len(b) || b[next] == ',' || b[next] == '}' || b[next] == ']' || b[next] == ':' || b[next] == '\n'
}

// blanks returns the position of the next byte at or after at that is no blank.
func blanks(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t') {
		at++
	}
	return at
}
