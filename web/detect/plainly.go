package detect

// plainly undoes the escapes of a page: character references of the characters that
// escaping is about, and \u00XX of scripts. It gives out a byte for each character, as
// they would be without the escape.
type plainly struct {
	held [10]byte // "&" or "\", and what may follow
	n    int
}

// step takes a byte of the page and calls out with each byte of its plain form.
func (p *plainly) step(c byte, out func(byte)) {
	if p.n == 0 {
		if c != '&' && c != '\\' {
			out(c)
			return
		}
		p.held[0], p.n = c, 1
		return
	}
	if p.held[0] == '\\' {
		p.script(c, out)
		return
	}
	if c == ';' {
		if plain, ok := reference(p.held[1:p.n]); ok {
			p.n = 0
			out(plain)
			return
		}
	} else if p.n < len(p.held) && (letter(c) || c >= '0' && c <= '9' || c == '#') {
		p.held[p.n] = c
		p.n++
		return
	}
	p.flush(out)
	p.step(c, out)
}

// script goes on behind a backslash.
func (p *plainly) script(c byte, out func(byte)) {
	switch {
	case p.n == 1 && c == 'u', p.n > 1 && unhex(c) < 16:
		p.held[p.n] = c
		if p.n++; p.n < 6 {
			return
		}
		h := p.held[2:6]
		if unhex(h[0]) == 0 && unhex(h[1]) == 0 && unhex(h[2]) < 8 {
			p.n = 0
			out(unhex(h[2])<<4 | unhex(h[3]))
			return
		}
		p.flush(out)
	case p.n == 1 && (c == '"' || c == '\'' || c == '/' || c == '\\'):
		p.n = 0
		out(c)
	default:
		p.flush(out)
		p.step(c, out)
	}
}

// flush gives out what turned out to be no escape.
func (p *plainly) flush(out func(byte)) {
	n := p.n
	p.n = 0
	for _, c := range p.held[:n] {
		out(c)
	}
}

// reference knows what stands between "&" and ";" (HTML, Sections 13.2.5.72 to 80).
func reference(name []byte) (byte, bool) {
	switch string(name) {
	case "lt", "LT":
		return '<', true
	case "gt", "GT":
		return '>', true
	case "amp", "AMP":
		return '&', true
	case "quot", "QUOT":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	base, digits := 10, name[1:]
	if digits[0]|0x20 == 'x' {
		base, digits = 16, digits[1:]
	}
	n := 0
	for _, c := range digits {
		d := int(unhex(c))
		if d >= base || n > 0x7f {
			return 0, false
		}
		n = n*base + d
	}
	return byte(n), len(digits) > 0 && n > 0 && n <= 0x7f
}
