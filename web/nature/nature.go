package nature

import (
	"fmt"
	"strings"
)

// Nature is what a datum is when it is put out. The zero value is AsNever.
type Nature uint8

// The natures, from the strictest.
const (
	AsNever    Nature = iota // for processing only: never in an answer
	AsText                   // characters; every one of them stands for itself
	AsURL                    // an absolute address of http, https or mailto
	AsMarkdown               // source that a renderer makes HTML of, which is then sanitised
	AsHTML                   // markup, sanitised by a named policy
)

// String returns the word that declares n.
func (n Nature) String() string {
	switch n {
	case AsText:
		return "text"
	case AsURL:
		return "url"
	case AsMarkdown:
		return "markdown"
	case AsHTML:
		return "html"
	}
	return "never"
}

// Declaration is what is declared of one field.
type Declaration struct {
	Nature Nature
	Policy string // of HTML: the name of the policy that sanitises it
	Reason string // of HTML in a struct tag: why this field cannot be text
}

// String writes the declaration as a route's configuration does.
func (d Declaration) String() string {
	if d.Nature == AsHTML {
		return "html(" + d.Policy + ")"
	}
	return d.Nature.String()
}

// ParseTag reads the value of an `out` struct tag: never, text, url, markdown, or
// "html,policy=NAME,reason=WHY". The reason stands last and may contain commas.
func ParseTag(tag string) (Declaration, error) {
	word, rest, _ := strings.Cut(tag, ",")
	if word != "html" {
		d, err := plainWord(word)
		if err == nil && rest != "" {
			err = fmt.Errorf("%s takes nothing after it, and %q follows (remove it)", word, rest)
		}
		return d, err
	}
	d := Declaration{Nature: AsHTML}
	policy, reason, _ := strings.Cut(rest, ",")
	var named, explained bool
	d.Policy, named = strings.CutPrefix(policy, "policy=")
	d.Reason, explained = strings.CutPrefix(reason, "reason=")
	d.Reason = strings.TrimSpace(d.Reason)
	if !named || d.Policy == "" || !explained || d.Reason == "" {
		return Declaration{}, fmt.Errorf("%q does not say which policy and why (write html,policy=NAME,reason=WHY)", tag)
	}
	return d, nil
}

// ParseField reads the declaration of a route's field: never, text, url, markdown or
// "html(NAME)".
func ParseField(word string) (Declaration, error) {
	rest, markup := strings.CutPrefix(word, "html")
	if !markup {
		return plainWord(word)
	}
	policy, opened := strings.CutPrefix(rest, "(")
	policy, closed := strings.CutSuffix(policy, ")")
	if !opened || !closed || policy == "" {
		return Declaration{}, fmt.Errorf("%q names no policy (write html(ugc))", word)
	}
	return Declaration{Nature: AsHTML, Policy: policy}, nil
}

func plainWord(word string) (Declaration, error) {
	for _, n := range [...]Nature{AsNever, AsText, AsURL, AsMarkdown} {
		if n.String() == word {
			return Declaration{Nature: n}, nil
		}
	}
	return Declaration{}, fmt.Errorf("%q is no nature (write never, text, url, markdown or html with a policy)", word)
}
