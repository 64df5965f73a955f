package scan

import (
	"strconv"
	"strings"
)

// code is a file of Python or JavaScript, as tokens, while its rules look at it.
type code struct {
	toks   []tok
	name   string
	script bool // JavaScript
	report func(hit)
}

// assignment is name = value in one of its forms: a variable with or without a type, a
// keyword argument, an attribute, an element of a mapping.
type assignment struct {
	c     *code
	name  string
	at    int // token of the name
	value int // first token of the value
}

// end is the token after the value.
func (a assignment) end() int { return a.c.end(a.value) }

// each visits every assignment.
func (c *code) each(visit func(a assignment)) {
	for i := 0; i+1 < len(c.toks); i++ {
		t := &c.toks[i]
		if t.kind != ident && t.kind != str || len(t.text) > 80 {
			continue
		}
		if next := c.toks[i+1].text; next != "=" && next != ":" && next != "]" {
			continue
		}
		if v := c.valueAfter(i); v > 0 && v < len(c.toks) {
			visit(assignment{c: c, name: t.text, at: i, value: v})
		}
	}
}

// valueAfter is the token at which the value of the name at i begins, 0 for none.
func (c *code) valueAfter(i int) int {
	t, next := &c.toks[i], &c.toks[i+1]
	switch {
	case t.kind == str && next.is("]") && i > 0 && c.toks[i-1].is("[") && c.at(i+2).is("="):
		return i + 3 // config["NAME"] = value
	case next.is("=") && t.kind == ident:
		return i + 2
	case next.is(":") && t.kind == str, next.is(":") && c.script:
		if i > 0 && (c.toks[i-1].is("?") || c.toks[i-1].is("case")) {
			return 0
		}
		if v := c.typed(i + 2); v > 0 && t.kind == ident {
			return v
		}
		return i + 2
	case next.is(":") && t.fresh:
		return c.typed(i + 2)
	}
	return 0
}

// typed looks for the "=" behind a type, on the same line.
func (c *code) typed(i int) int {
	for n := 0; n < 12 && i < len(c.toks); i, n = i+1, n+1 {
		switch t := c.toks[i]; {
		case t.is("="):
			return i + 1
		case t.kind == line || t.is(",") || t.is("{") || t.is("}") || t.is(")") || t.is(";"):
			return 0
		}
	}
	return 0
}

// maxExpression is how many tokens of one expression are looked at: nested brackets must
// not cost their square.
const maxExpression = 1000

// at is the token at i, an empty one outside.
func (c *code) at(i int) tok {
	if i < 0 || i >= len(c.toks) {
		return tok{}
	}
	return c.toks[i]
}

// end is the token after the expression that begins at i: a comma, a closing bracket, a
// semicolon or the end of the line at the same depth.
func (c *code) end(i int) int {
	depth, most := 0, min(len(c.toks), i+maxExpression)
	for ; i < most; i++ {
		switch t := c.toks[i]; {
		case t.is("(") || t.is("[") || t.is("{"):
			depth++
		case t.is(")") || t.is("]") || t.is("}"):
			if depth--; depth < 0 {
				return i
			}
		case depth == 0 && (t.kind == line || t.is(",") || t.is(";")):
			return i
		}
	}
	return i
}

// close is the token that closes the bracket at i.
func (c *code) close(i int) int {
	depth, most := 0, min(len(c.toks), i+maxExpression)
	for ; i < most; i++ {
		switch t := c.toks[i]; {
		case t.is("(") || t.is("[") || t.is("{"):
			depth++
		case t.is(")") || t.is("]") || t.is("}"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return i
}

// arguments are the beginnings of the arguments of the call whose "(" is at open.
func (c *code) arguments(open int) []int {
	var args []int
	for i := open + 1; i < c.close(open); i = c.end(i) + 1 {
		if c.toks[i].kind != line {
			args = append(args, i)
		}
	}
	return args
}

// keyword is the value of the argument name= (Python) or property name: within from and to.
func (c *code) keyword(from, to int, name string) (value int, ok bool) {
	for i := from; i+2 <= to && i+2 < len(c.toks); i++ {
		if t := c.toks[i]; t.text == name && (t.kind == ident || t.kind == str) && (c.toks[i+1].is("=") || c.toks[i+1].is(":")) {
			return i + 2, true
		}
	}
	return 0, false
}

// constant reports whether an expression is made of constant text alone, whatever chooses
// between the texts.
func (c *code) constant(from, to int) bool {
	from = c.choice(from, to)
	for i := from; i < to; i++ {
		switch t := c.toks[i]; {
		case !c.script && t.is("if"): // A if CONDITION else B
			for i < to && !c.toks[i].is("else") {
				i++
			}
			if i == to {
				return false
			}
		case c.script && from > 0 && t.is(":") && c.toks[from-1].is("?"):
		case t.kind == str && !t.dynamic, t.kind == number, t.kind == line:
		case t.is("(") || t.is(")") || t.is("+") || t.is("null") || t.is("None") || t.is("undefined"):
		case (t.is("_") || t.is("gettext") || t.is("gettext_lazy") || t.is("_lazy")) && c.at(i+1).is("("):
		default:
			return false
		}
	}
	return true
}

// choice is where the values of CONDITION ? A : B begin in JavaScript; from for all else.
func (c *code) choice(from, to int) int {
	if !c.script {
		return from
	}
	for i := from; i < to; i++ {
		switch t := c.toks[i]; {
		case t.is("?") && i > from && !c.at(i+1).is(".") && !c.at(i+1).is("?") && !c.toks[i-1].is("?"):
			return i + 1
		case t.is("(") || t.is("[") || t.is("{"):
			i = c.close(i)
		case t.is("=") && !c.at(i+1).is("=") && i > 0 && !c.toks[i-1].is("=") && !c.toks[i-1].is("!"):
			return from
		}
	}
	return from
}

// cleaned reports whether an expression is one call that escapes or sanitizes.
func (c *code) cleaned(from, to int) bool {
	open := from
	for open < to && (c.toks[open].kind == ident || c.toks[open].is(".") || c.toks[open].is("await")) {
		open++
	}
	if open >= to || open == from || !c.toks[open].is("(") || c.close(open) < to-1 {
		return false
	}
	low := strings.ToLower(c.toks[open-1].text)
	for _, w := range []string{"sanitiz", "sanitis", "escape", "format_html", "render_to_string", "clean", "purif", "createhtml"} {
		if strings.Contains(low, w) && !strings.HasPrefix(low, "unescape") {
			return true
		}
	}
	return false
}

// isOff reads False, false, 0 and None.
func (c *code) isOff(v int) bool {
	t := c.at(v)
	return t.is("False") || t.is("false") || t.is("0") || t.kind == str && strings.EqualFold(t.text, "false")
}

func (c *code) isOn(v int) bool { return c.at(v).is("True") || c.at(v).is("true") }

// seconds evaluates a length of time: 60 * 24, timedelta(days=30), "30d". unit is what a
// bare number counts.
func (c *code) seconds(from, to int, unit float64) (float64, bool) {
	if to == from+1 && c.at(from).kind == str {
		return span(c.at(from).text, unit)
	}
	product, expect := 1.0, true
	for i := from; i < to; i++ {
		t := c.toks[i]
		if t.is("timedelta") && c.at(i+1).is("(") {
			return c.timedelta(i + 1)
		}
		if expect != (t.kind == number) || !expect && !t.is("*") {
			return 0, false
		}
		if expect {
			n, err := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64)
			if err != nil {
				return 0, false
			}
			product *= n
		}
		expect = !expect
	}
	return product * unit, !expect
}

func (c *code) timedelta(open int) (total float64, ok bool) {
	units := map[string]float64{"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
	for n, arg := range c.arguments(open) {
		unit, v := units[c.toks[arg].text], arg+2
		if n == 0 && c.toks[arg].kind == number {
			unit, v = units["days"], arg
		}
		s, known := c.seconds(v, c.end(v), unit)
		if unit == 0 || !known {
			return 0, false
		}
		total, ok = total+s, true
	}
	return total, ok
}

// span reads "30d", "12 hours", "3600" as the ms package of JavaScript does.
func span(s string, unit float64) (float64, bool) {
	s = strings.TrimSpace(s)
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	v, err := strconv.ParseFloat(s[:n], 64)
	if err != nil {
		return 0, false
	}
	switch u := strings.TrimSpace(s[n:]); {
	case u == "":
		return v * unit, true
	case strings.HasPrefix(u, "ms"):
		return v / 1000, true
	case u[0] == 's':
		return v, true
	case u[0] == 'm':
		return v * 60, true
	case u[0] == 'h':
		return v * 3600, true
	case u[0] == 'd':
		return v * 86400, true
	case u[0] == 'w':
		return v * 604800, true
	case u[0] == 'y':
		return v * 31557600, true
	}
	return 0, false
}

const day = 86400

// hit reports a rule at token i.
func (c *code) hit(rule string, i int, label string) {
	c.report(hit{rule: rule, at: c.at(i).at, label: label})
}
