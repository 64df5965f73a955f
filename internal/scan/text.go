package scan

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// language is how a text is read.
type language int

const (
	plain language = iota
	pythonCode
	scriptCode
	goCode
	template
	settings
)

// readAs tells a language by a file's name.
func readAs(name string) language {
	base := strings.ToLower(path.Base(name))
	base = strings.TrimSuffix(base, unpacked(base))
	if base == ".env" || strings.HasPrefix(base, ".env.") || strings.HasSuffix(base, ".env") || strings.HasPrefix(base, "dockerfile") {
		return settings
	}
	switch path.Ext(base) {
	case ".py", ".pyw":
		return pythonCode
	case ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts":
		return scriptCode
	case ".go":
		return goCode
	case ".html", ".htm", ".jinja", ".jinja2", ".j2", ".djhtml", ".vue", ".svelte", ".xhtml", ".tmpl", ".gohtml":
		return template
	case ".yaml", ".yml", ".toml", ".json", ".ini", ".cfg", ".conf", ".properties":
		if isTranslation(name) {
			return plain
		}
		return settings
	}
	return plain
}

// isTranslation tells files of texts for people, named for a language: their "password" is
// a word.
func isTranslation(name string) bool {
	base := path.Base(name)
	base = strings.TrimSuffix(base, path.Ext(base))
	lang, region, _ := strings.Cut(strings.ReplaceAll(base, "_", "-"), "-")
	letters := func(s string) bool { return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz") == "" }
	if len(lang) < 2 || len(lang) > 3 || !letters(lang) {
		return false
	}
	if lang == strings.ToLower(lang) && letters(region) && (len(region) == 2 && region == strings.ToUpper(region) || len(region) == 4 && region[0] < 'a') {
		return true // sv-SE, zh-Hant
	}
	if region != "" && (len(region) != 2 || !letters(region)) {
		return false
	}
	switch strings.ToLower(path.Base(path.Dir(name))) {
	case "lang", "langs", "language", "languages", "locale", "locales", "messages", "i18n", "translations":
		return true
	}
	return false
}

// isExample tells tests, examples and documentation, in which misuse is shown or tried.
func isExample(name string) bool {
	low := strings.ToLower(name)
	dirs := strings.Split(low, "/")
	base := dirs[len(dirs)-1]
	for _, d := range dirs[:len(dirs)-1] {
		switch d {
		case "test", "tests", "testing", "__tests__", "spec", "specs", "example", "examples", "docs", "doc", "docs_src", "testdata", "fixtures", "e2e", "cypress", "__mocks__", "mocks", "demo", "demos", "testproject", "locale", "locales", "i18n", "translations":
			return true
		}
		if strings.HasPrefix(d, "test_") || strings.HasSuffix(d, "_tests") || strings.HasSuffix(d, "_test") {
			return true
		}
	}
	for _, s := range []string{"test_", "conftest", "tests."} {
		if strings.HasPrefix(base, s) {
			return true
		}
	}
	for _, s := range []string{"_test.", ".test.", ".spec.", "_tests.", ".example", ".sample", ".template", "-lock.", ".dist", ".stories."} {
		if strings.Contains(base, s) {
			return true
		}
	}
	return isFor(base, "test", "testing", "tests", "example", "sample", "ci")
}

// isDevelopment tells settings that never run in production.
func isDevelopment(name string) bool {
	low := strings.ToLower(name)
	return isFor(path.Base(low), "dev", "devel", "development", "local", "test", "testing", "debug", "ci", "example", "sample") || strings.Contains(low, "/dev/") || strings.Contains(low, "/local/")
}

// isFor reports whether one of the words of a file's name is in list.
func isFor(base string, list ...string) bool {
	return slices.ContainsFunc(words(base), func(w string) bool { return slices.Contains(list, w) })
}

// isMinified tells scripts that nobody wrote as they stand.
func isMinified(name string, b []byte) bool {
	return strings.Contains(path.Base(name), ".min.") || len(b) > 4096 && len(b)/(1+bytes.Count(b, []byte("\n"))) > 400
}

// decode makes UTF-8 of UTF-16 with a byte order mark and drops the mark of UTF-8. text is
// false for what is no text: a NUL in its first 8 KiB.
func decode(b []byte) (out []byte, text bool) {
	switch {
	case bytes.HasPrefix(b, []byte{0xEF, 0xBB, 0xBF}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0xFF, 0xFE}):
		return fromUTF16(b[2:], binary.LittleEndian), true
	case bytes.HasPrefix(b, []byte{0xFE, 0xFF}):
		return fromUTF16(b[2:], binary.BigEndian), true
	}
	return b, bytes.IndexByte(b[:min(len(b), 8192)], 0) < 0
}

func fromUTF16(b []byte, order binary.ByteOrder) []byte {
	out := make([]byte, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		r := rune(order.Uint16(b))
		if utf16.IsSurrogate(r) && len(b) >= 4 {
			if r = utf16.DecodeRune(r, rune(order.Uint16(b[2:]))); r != utf8.RuneError {
				b = b[2:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}
