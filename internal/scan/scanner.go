// Package scan finds keys and misuses in source trees, logs and texts: Sanmon's own keys by
// their checksums, plain or encoded, private keys, secrets in literals, and places where protection is
// switched off in Python, JavaScript, templates and settings files. Nothing that it
// reports holds the credential that it found.
package scan

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// maxFile is how much of one file is read, in bytes; of a longer one the rest is noted.
const maxFile = 64 << 20

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
		readGo(name, b, report)
	case template:
		readTemplate(s.templates, name, b, report)
	case settings:
		s.readSettings(name, b, report)
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

// maxLine is how much of a line is looked at on either side of a finding: a file may be one
// line, and have a thousand of them.
const maxLine = 4 << 10

// lineAround is the line that has the byte at.
func lineAround(b []byte, at int) (start, end int) {
	start, end = bytes.LastIndexByte(b[:at], '\n')+1, len(b)
	if n := bytes.IndexByte(b[at:], '\n'); n >= 0 {
		end = at + n
	}
	return start, end
}

// excerpt is a line with every secret that was found in it masked, cut to 160 bytes.
func excerpt(b []byte, start, end int, hits []hit) string {
	var out strings.Builder
	at := start
	masks := make([][2]int, 0, 4)
	for _, h := range hits {
		if h.mask[1] > h.mask[0] && h.mask[1] > start && h.mask[0] < end {
			masks = append(masks, h.mask)
		}
	}
	slices.SortFunc(masks, func(x, y [2]int) int { return x[0] - y[0] })
	for _, m := range masks {
		if m[1] <= at {
			continue
		}
		if m[0] > at {
			out.Write(b[at:m[0]])
		}
		out.WriteString("****")
		at = min(m[1], end)
	}
	out.Write(b[at:end])
	text := strings.TrimSpace(strings.ToValidUTF8(strings.Map(printable, out.String()), "?"))
	if len(text) > 160 {
		text = strings.ToValidUTF8(text[:160], "") + "…"
	}
	return text
}

// shownPath is a path as it is printed. Whoever wrote the tree chose its names: they must
// not move a terminal's cursor, or begin a line of their own.
func shownPath(name string) string {
	return strings.Map(printable, filepath.ToSlash(name))
}

// note keeps what could not be read.
func (r *Report) note(err error) {
	r.Notes = append(r.Notes, strings.Map(printable, err.Error()))
}

// printable makes blanks of what moves the cursor or turns text around.
func printable(r rune) rune {
	if r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
		return ' '
	}
	if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
		return ' '
	}
	return r
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

// Path scans a file or a tree. Symbolic links within a tree are not followed.
func (s *Scanner) Path(ctx context.Context, r *Report, root string) error {
	if _, err := os.Stat(root); err != nil {
		return fmt.Errorf("scan %q: %w (name a file or directory that exists)", root, err)
	}
	names, parts := make(chan string), make([]Report, min(runtime.GOMAXPROCS(0), maxReaders))
	var readers sync.WaitGroup
	for i := range parts {
		readers.Go(func() {
			var room []byte // of the file before
			for name := range names {
				b, err := readFile(name, room)
				if err != nil {
					parts[i].note(err)
				}
				s.file(&parts[i], root, name, b)
				if cap(b) <= maxRoom {
					room = b[:0]
				}
			}
		})
	}
	err := s.walk(ctx, r, root, names)
	close(names)
	readers.Wait()
	for i := range parts {
		r.join(&parts[i])
	}
	slices.Sort(r.Notes)
	return err
}

// maxRoom is how much of a buffer is kept for the next file, in bytes.
const maxRoom = 1 << 20

// maxReaders is how many files are read at once: each may take the bound of one file.
const maxReaders = 8

// walk gives names the files of a tree.
func (s *Scanner) walk(ctx context.Context, r *Report, root string, names chan<- string) error {
	hidden := packed{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.note(err)
			return nil
		}
		if d.IsDir() {
			if name != root && s.skips(d.Name()) {
				r.Skipped = append(r.Skipped, shownPath(name))
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() && name != root {
			return nil
		}
		hidden.add(name)
		names <- name
		return nil
	})
	if note := hidden.note(root); note != "" {
		r.Notes = append(r.Notes, note)
	}
	return err
}

// join adds what another reader found.
func (r *Report) join(o *Report) {
	r.Findings, r.Allowed, r.Notes = append(r.Findings, o.Findings...), append(r.Allowed, o.Allowed...), append(r.Notes, o.Notes...)
	r.Files += o.Files
	r.Bytes += o.Bytes
}

// file scans under the name below the root, so that where a tree lies says nothing about
// what is in it, and reports the name as it was given.
func (s *Scanner) file(r *Report, root, name string, b []byte) {
	rel, err := filepath.Rel(root, name)
	if err != nil || rel == "." {
		rel = filepath.Base(name)
	}
	f, a := len(r.Findings), len(r.Allowed)
	s.Text(r, filepath.ToSlash(rel), b)
	for i := f; i < len(r.Findings); i++ {
		r.Findings[i].File = shownPath(name)
	}
	for i := a; i < len(r.Allowed); i++ {
		r.Allowed[i].File = shownPath(name)
	}
}

// skips names directories that others wrote, and the objects of git, which are compressed.
func (s *Scanner) skips(dir string) bool {
	switch dir {
	case ".git", ".hg", ".svn":
		return true
	case "node_modules", "vendor", "site-packages", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache", ".cache":
		return !s.all
	}
	return false
}

// readFile reads a file up to the bound of one, into room if that is large enough.
func readFile(name string, room []byte) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer must not hold us
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file, not read", name)
	}
	if unpacked(name) != "" {
		z, err := unpack(name, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w (not read)", name, err)
		}
		defer func() { _ = z.Close() }()
		return readInto(z, name, room)
	}
	if size := info.Size(); size < maxFile && int(size) >= cap(room) { // one byte more, to see the end
		room = make([]byte, 0, size+1)
	}
	return readInto(f, name, room)
}

// errLong says that a text was longer than what is read.
var errLong = errors.New("longer than 64 MiB: the rest was not read")

// Read reads a text up to the bound of one file. What was read is good beside an error.
func Read(in io.Reader, name string) ([]byte, error) {
	return readInto(in, name, make([]byte, 0, 64<<10))
}

// readInto is Read into b, which grows where it must.
func readInto(in io.Reader, name string, b []byte) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = slices.Grow(b, max(512, len(b)/4))
		}
		n, err := in.Read(b[len(b):min(cap(b), maxFile+1)])
		b = b[:len(b)+n]
		if len(b) > maxFile {
			b, err = b[:maxFile], errLong
		}
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, fmt.Errorf("%s: %w", name, err)
		}
	}
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
