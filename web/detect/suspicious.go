package detect

// minLength is the least length of a value that is looked for: shorter ones occur in
// every page.
const minLength = 5

// Suspicious reports whether a decoded value could change the markup that it is written
// into without escaping: it has a <, a quote before what may follow an attribute's value
// or before a handler, or a javascript: URL.
func Suspicious(value string) bool {
	if len(value) < minLength {
		return false
	}
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '<':
			return true
		case '"', '\'':
			if boundary(value[i+1:]) {
				return true
			}
		case ':':
			if schemeBefore(value, i) {
				return true
			}
		}
	}
	return false
}

// boundary reports whether a quote before s would end a value and begin something else.
func boundary[T string | []byte](s T) bool {
	return len(s) > 0 && (blank(s[0]) || s[0] == '>' || s[0] == '/') || handler(s)
}

// handler reports whether s begins with the name of an event handler and "=".
func handler[T string | []byte](s T) bool {
	if len(s) < 4 || s[0]|0x20 != 'o' || s[1]|0x20 != 'n' {
		return false
	}
	i := 2
	for i < len(s) && letter(s[i]) {
		i++
	}
	for i < len(s) && blank(s[i]) {
		i++
	}
	return i > 2 && i < len(s) && s[i] == '='
}

// schemeBefore reports whether "javascript" stands before s[i]. Tabs and line ends do not
// count, as in browsers (URL, Section 4.4).
func schemeBefore(s string, i int) bool {
	const scheme = "javascript"
	n := len(scheme)
	for i--; i >= 0 && n > 0; i-- {
		if s[i] == '\t' || s[i] == '\n' || s[i] == '\r' {
			continue
		}
		if n--; s[i]|0x20 != scheme[n] {
			return false
		}
	}
	return n == 0
}

// runs reports whether a browser takes a value for a javascript: URL.
func runs(value string) bool {
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == ':':
			return schemeBefore(value, i)
		case c > ' ' && !letter(c):
			return false
		}
	}
	return false
}

// common reports whether a value may well stand in the page's own markup: nothing but tags
// without attributes, or the border between two attributes.
func common(value string) bool {
	tag := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '<':
			tag = true
		case handler(value[i:]) && i > 0 && !letter(value[i-1]), c == ':' && schemeBefore(value, i):
			return false
		}
	}
	return !tag || bare(value)
}

// bare reports whether value is tags without attributes, and white space.
func bare(value string) bool {
	for i := 0; i < len(value); i++ {
		if blank(value[i]) {
			continue
		}
		if value[i] != '<' {
			return false
		}
		if i++; i < len(value) && value[i] == '/' {
			i++
		}
		for i < len(value) && (letter(value[i]) || value[i] >= '0' && value[i] <= '9') {
			i++
		}
		for i < len(value) && (blank(value[i]) || value[i] == '/') {
			i++
		}
		if i == len(value) || value[i] != '>' {
			return false
		}
	}
	return true
}

func blank(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
