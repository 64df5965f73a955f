package scan

import (
	"bytes"
	"path"
	"regexp"
	"strings"
)

// templateForms are the expressions of the template scanner.
type templateForms struct {
	tag, vhtml, script, offBlock, lifted, element *regexp.Regexp
}

func newTemplateForms() *templateForms {
	return &templateForms{
		tag:      regexp.MustCompile(`(?s)\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}`),
		vhtml:    regexp.MustCompile(`[\s"']v-html\s*=\s*("[^"]*"|'[^']*')`),
		script:   regexp.MustCompile(`(?is)<script\b([^>]*)>(.*?)</script`),
		offBlock: regexp.MustCompile(`^\{%-?\s*autoescape\s+(off|false|False)\s*-?%\}`),
		element:  regexp.MustCompile(`<[A-Za-z!]`),
		lifted:   regexp.MustCompile(`^\{%-?\s*(comment|verbatim|raw)\b`),
	}
}

// readTemplate runs the rules for pages and templates of Django, Jinja, Vue and Go.
func readTemplate(f *templateForms, name string, b []byte, report func(hit)) {
	skip, letter := "", isMessage(name) && !f.element.Match(b)
	for _, m := range f.tag.FindAllIndex(b, -1) {
		tag := string(b[m[0]:m[1]])
		switch {
		case skip != "":
			if strings.Contains(tag, "end"+skip) {
				skip = ""
			}
		case strings.HasPrefix(tag, "{#"):
		case f.lifted.MatchString(tag):
			skip = f.lifted.FindStringSubmatch(tag)[1]
		case f.offBlock.MatchString(tag) && letter: // text for people, not HTML
		case f.offBlock.MatchString(tag):
			report(hit{rule: autoescapeOff, at: m[0]})
		case !letter && unsafeFilter(tag):
			report(hit{rule: templateSafe, at: m[0]})
		}
	}
	for _, m := range f.vhtml.FindAllSubmatchIndex(b, -1) {
		value := strings.TrimSpace(string(b[m[2]+1 : m[3]-1]))
		l := newLexer(value)
		c := &code{toks: l.javascript(), script: true}
		if !c.constant(0, len(c.toks)) && !c.cleaned(0, len(c.toks)) {
			report(hit{rule: vHTML, at: m[0] + 1})
		}
		l.free()
	}
	for _, m := range f.script.FindAllSubmatchIndex(b, -1) {
		if kind := bytes.ToLower(b[m[2]:m[3]]); !bytes.Contains(kind, []byte("json")) && !bytes.Contains(kind, []byte("template")) {
			readScript(name, b[m[4]:m[5]], m[4], report)
		}
	}
}

// unsafeFilter reports whether a tag switches escaping off for a value: |safe, |safeseq,
// {% filter safe %}. A constant, and a value that a filter before has made safe, are fine.
func unsafeFilter(tag string) bool {
	parts := outsideQuotes(strings.TrimSuffix(strings.TrimSuffix(strings.Trim(tag, "{}%- \t\n"), "-"), "%"), '|')
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if strings.HasPrefix(tag, "{%") && i > 0 && constantText(parts[i-1]) {
			continue // an argument of the tag that is a constant
		}
		w, _, _ := strings.Cut(strings.Map(func(r rune) rune {
			if r == '(' || r == ')' || r == ':' || r == ',' || r == '\n' || r == '\t' {
				return ' '
			}
			return r
		}, p), " ")
		switch {
		case i == 0:
			if strings.HasPrefix(p, "filter ") && strings.TrimSpace(p[7:]) == "safe" {
				return true
			}
		case w == "safe" || w == "safeseq":
			first := strings.TrimSpace(parts[0])
			first = strings.TrimPrefix(first, "_(") // translated constants
			return i > 1 || first == "" || first[0] != '"' && first[0] != '\'' || strings.ContainsAny(first, "~+")
		case w == "tojson" || w == "escape" || w == "e" || w == "escapejs" || w == "force_escape" || w == "json_script" || w == "urlencode" || strings.Contains(w, "sanitize") || strings.Contains(w, "bleach"):
			return false
		}
	}
	return false
}

// isMessage tells templates that are named for the text of a message: of a mail, of an SMS.
func isMessage(name string) bool {
	base := strings.ToLower(path.Base(name))
	for _, w := range []string{"mail", "subject", "sms", "-text.", "_text.", "_title.", ".txt"} {
		if strings.Contains(base, w) {
			return true
		}
	}
	return false
}

// constantText reports whether what stands before a filter in a tag is text in quotes.
func constantText(operand string) bool {
	operand = strings.TrimSpace(operand)
	return operand != "" && (operand[len(operand)-1] == '"' || operand[len(operand)-1] == '\'')
}

// outsideQuotes cuts s at sep, but not within quotation marks.
func outsideQuotes(s string, sep byte) []string {
	var out []string
	quote, from := byte(0), 0
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == sep:
			out, from = append(out, s[from:i]), i+1
		}
	}
	return append(out, s[from:])
}
