// Package scan finds keys and misuses in source trees, logs and texts: Sanmon's own keys by
// their checksums, plain or encoded, private keys, secrets in literals, and places where protection is
// switched off in Python, JavaScript, templates and settings files. Nothing that it
// reports holds the credential that it found.
package scan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/sanmon-gate/sanmon/internal/terminal"
)

// maxHits is how many findings of one file are kept.
const maxHits = 1000

// Scanner holds the rules. It is safe for concurrent use after New.
type Scanner struct {
	all       bool
	every     bool // read every file as its language, whatever words it has
	rules     map[string]Rule
	skim      [settings + 1]*skimmer // by language
	forms     []form
	templates *templateForms
	settings  *settingForms
}

// New returns a Scanner. all also reads what is installed, tests and examples.
func New(all bool) *Scanner {
	s := &Scanner{all: all, rules: map[string]Rule{}, forms: forms(), templates: newTemplateForms(), settings: newSettingForms()}
	for _, r := range Rules() {
		s.rules[r.ID] = r
	}
	for l, words := range map[language][]word{plain: nil, pythonCode: pythonWords(), scriptCode: scriptWords(), goCode: goWords(), template: templateWords(), settings: settingWords()} {
		s.skim[l] = newSkimmer(append(words, credentialWords()...))
	}
	return s
}

// Report is the result of a scan.
type Report struct {
	Findings []Finding `json:"findings"`
	Allowed  []Allowed `json:"allowed"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	Known    int       `json:"known"`   // findings that the baseline has
	Skipped  []string  `json:"skipped"` // directories that were not read, and why
	Notes    []string  `json:"notes"`   // what could not be read, and why
}

// Text scans one text under a name and adds to the report.
func (s *Scanner) Text(r *Report, name string, raw []byte) {
	r.Files++
	r.Bytes += int64(len(raw))
	b, text := decode(raw)
	lang := plain
	if text && len(b) <= 8<<20 && (s.all || !isExample(name)) && !isMinified(name, b) {
		lang = readAs(name)
	}
	seen := s.words(lang, b)
	if seen == 0 {
		return
	}
	var hits []hit
	report := func(h hit) {
		if len(hits) < maxHits {
			hits = append(hits, h)
		}
	}
	credentials(s.forms, b, seen, report)
	if mayMisuse(seen) {
		s.read(lang, name, b, report)
	}
	if len(hits) == maxHits {
		r.Notes = append(r.Notes, fmt.Sprintf("%s: only the first %d findings", name, maxHits))
	}
	s.resolve(r, name, b, hits)
}

// words says which groups of words stand in b.
func (s *Scanner) words(lang language, b []byte) (seen uint64) {
	if s.every {
		return ^uint64(0)
	}
	if percented(b) {
		seen = hasKey | hasRefresh
	}
	s.skim[lang].each(b, func(w *word, at int) bool {
		if seen&w.bit == 0 && w.counts(b, at) {
			seen |= w.bit
		}
		return true
	})
	return seen
}

// read runs the rules of a language.
func (s *Scanner) read(lang language, name string, b []byte, report func(hit)) {
	switch lang {
	case pythonCode:
		readPython(name, b, report)
	case scriptCode:
		readScript(name, b, 0, report)
	case goCode:
		readGo(name, b, s.wantedGo(b), report)
	case template:
		readTemplate(s.templates, name, b, report)
	case settings:
		s.readSettings(name, b, report)
	}
}

// wantedGo says which pieces of Go source have words that a rule looks for. A conversion
// of html/template needs no more than the name of the package.
func (s *Scanner) wantedGo(b []byte) func(from, to int) bool {
	if s.every {
		return nil
	}
	html := bytes.Contains(b, []byte(`"html/template"`))
	return func(from, to int) bool {
		if html && bytes.Contains(b[from:to], []byte("template")) {
			return true
		}
		seen := uint64(0)
		s.skim[goCode].each(b[from:to], func(w *word, at int) bool {
			if seen&w.bit == 0 && w.counts(b, from+at) {
				seen |= w.bit
			}
			return !mayMisuse(seen)
		})
		return mayMisuse(seen)
	}
}

// resolve makes findings of hits: places, masks, and what comments allow.
func (s *Scanner) resolve(r *Report, name string, b []byte, hits []hit) {
	slices.SortStableFunc(hits, func(x, y hit) int { return x.at - y.at })
	seen := map[string]int{}
	line, last := 1, 0
	for i, h := range hits {
		if i > 0 && hits[i-1].rule == h.rule && hits[i-1].at == h.at {
			continue
		}
		line += bytes.Count(b[last:h.at], []byte("\n"))
		last = h.at
		start, end := lineAround(b, h.at)
		column := h.at - start + 1
		start, end = max(start, h.at-maxLine), min(end, h.at+maxLine)
		rule := s.rules[h.rule]
		if reason, ok := allowed(b[start:end], h.rule); ok {
			r.Allowed = append(r.Allowed, Allowed{h.rule, name, line, reason})
			continue
		}
		why := strings.Replace(rule.Why, "%s", h.label, 1)
		shown := excerpt(b, start, end, hits)
		print := fmt.Sprintf("%s\x00%s\x00%s", h.rule, name, shown)
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", print, seen[print]))
		seen[print]++
		r.Findings = append(r.Findings, Finding{
			Rule: h.rule, Severity: rule.Severity.String(), File: name, Line: line, Column: column,
			Why: why, Remedy: rule.Remedy, Excerpt: shown, Fingerprint: hex.EncodeToString(sum[:16]),
		})
	}
}

// allowed reads "sanmon:allow RULE reason" in a comment of the line. Without a reason it
// allows nothing.
func allowed(line []byte, rule string) (reason string, ok bool) {
	before, rest, found := strings.Cut(string(line), "sanmon:allow ")
	if !found || !strings.Contains(before, "#") && !strings.Contains(before, "//") && !strings.Contains(before, "/*") && !strings.Contains(before, "<!--") {
		return "", false
	}
	name, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	for _, end := range []string{"*/", "#}", "-->"} {
		reason, _, _ = strings.Cut(reason, end)
	}
	reason = strings.TrimSpace(reason)
	return reason, name == rule && reason != ""
}

// note keeps what could not be read.
func (r *Report) note(err error) {
	r.Notes = append(r.Notes, strings.Map(terminal.Rune, err.Error()))
}

// join adds what another reader found.
func (r *Report) join(o *Report) {
	r.Findings, r.Allowed, r.Notes = append(r.Findings, o.Findings...), append(r.Allowed, o.Allowed...), append(r.Notes, o.Notes...)
	r.Files += o.Files
	r.Bytes += o.Bytes
}

// Finish sorts the findings and takes out what a baseline knows.
func (r *Report) Finish(baseline map[string]bool) {
	kept := []Finding{}
	for _, f := range r.Findings {
		if baseline[f.Fingerprint] {
			r.Known++
			continue
		}
		kept = append(kept, f)
	}
	sortFindings(kept)
	r.Findings = kept
}
