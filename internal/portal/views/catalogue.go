package views

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"golang.org/x/text/language"
)

//go:embed assets/*.json
var catalogues embed.FS

// maxAccept is how much of an Accept-Language is read, in bytes.
const maxAccept = 256

// words is one language.
type words struct {
	lang  string
	texts map[string]string
}

// text returns the text of a key. A missing key shows itself; a test makes sure of none.
func (w words) text(key string, args ...any) string {
	s, ok := w.texts[key]
	if !ok {
		return key
	}
	for _, a := range args {
		s = strings.Replace(s, "{}", fmt.Sprint(a), 1)
	}
	return s
}

// has reports whether there is a text.
func (w words) has(key string) bool {
	_, ok := w.texts[key]
	return ok
}

// speakers chooses the language of a reader.
type speakers struct {
	matcher language.Matcher
	words   []words // in the order of the matcher's tags; the first is the fallback
}

func newSpeakers() (*speakers, error) {
	s := &speakers{matcher: language.NewMatcher([]language.Tag{language.English, language.Japanese})}
	for _, lang := range []string{"en", "ja"} {
		w := words{lang: lang}
		text, err := catalogues.ReadFile("assets/" + lang + ".json")
		if err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", lang, err)
		}
		if err := json.Unmarshal(text, &w.texts); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", lang, err)
		}
		s.words = append(s.words, w)
	}
	return s, nil
}

// of returns the words for an Accept-Language value (RFC 9110, Section 12.5.4); English for
// one that is absent, malformed or longer than maxAccept.
func (s *speakers) of(accept string) words {
	if accept == "" || len(accept) > maxAccept {
		return s.words[0]
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil {
		return s.words[0]
	}
	_, i, _ := s.matcher.Match(tags...)
	return s.words[i]
}
