package config

import (
	"fmt"
	"strings"
)

// KeyReference returns the key reference of docs/configuration.md in Markdown. The
// document contains it word for word, which a test holds.
func KeyReference() string {
	var b strings.Builder
	g := grammar()
	for i := range g.keys {
		k := &g.keys[i]
		fmt.Fprintf(&b, "### `%s`\n\n%s\n", k.name, k.doc)
		if k.later {
			b.WriteString("\nNot part of this version: leave it out, or write `off`.\n")
		}
		b.WriteString("\n| key | value | default | meaning |\n|---|---|---|---|\n")
		top := *k
		top.doc = "" // it stands above the table
		top.rows(&b, k.name)
		b.WriteByte('\n')
	}
	return b.String()
}

// rows writes a key and what is below it.
func (k *key) rows(b *strings.Builder, name string) {
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", name, k.shape.words(), k.defaultWord(), cell(k.meaning()))
	k.shape.rows(b, name)
}

func (s *shape) rows(b *strings.Builder, name string) {
	if s.item != nil && len(s.keys) == 0 { // else they are the same
		s.item.rows(b, name+"[]")
	}
	if s.named != nil {
		s.named.rows(b, name+".NAME")
	}
	for i := range s.keys {
		s.keys[i].rows(b, name+"."+s.keys[i].name)
	}
}

func (k *key) meaning() string {
	text := k.doc
	if k.later {
		text = "*Later version.* " + text
	}
	if k.example != "" {
		text += " Example: `" + k.example + "`."
	}
	if text = strings.TrimSpace(text); text == "" {
		return "–"
	}
	return text
}

func (k *key) defaultWord() string {
	switch {
	case k.required:
		return "**required**"
	case k.def != "":
		return "`" + cell(k.def) + "`"
	}
	return "–"
}

// words says what may stand as a value.
func (s *shape) words() string {
	var ways []string
	if s.scalar != nil {
		ways = append(ways, s.scalar.words())
	}
	if s.item != nil {
		if s.item.scalar != nil {
			ways = append(ways, "list of: "+s.item.scalar.words())
		} else {
			ways = append(ways, "list")
		}
	}
	if s.named != nil {
		ways = append(ways, "mapping of names")
	}
	if len(s.keys) > 0 {
		ways = append(ways, "mapping")
	}
	return strings.Join(ways, ", or ")
}

func (s *scalar) words() string {
	if s.form == boolean {
		return "`true` or `false`" + s.laterWords()
	}
	if len(s.values) == 0 || len(s.values) > 8 {
		return cell(s.name)
	}
	var now []string
	for _, v := range s.values {
		if !contains(s.later, v) {
			now = append(now, "`"+v+"`")
		}
	}
	return strings.Join(now, ", ") + s.laterWords()
}

func (s *scalar) laterWords() string {
	if len(s.later) == 0 {
		return ""
	}
	return " (later: `" + strings.Join(s.later, "`, `") + "`)"
}

// cell escapes a text for a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
