package scan

import (
	"path"
	"regexp"
	"strings"
)

// settingForms are the lines of settings files.
type settingForms struct{ line, pair *regexp.Regexp }

func newSettingForms() *settingForms {
	return &settingForms{
		line: regexp.MustCompile(`^\s*(?:-\s+)?(?:export\s+|ENV\s+|ARG\s+)?["']?([A-Za-z_][A-Za-z0-9_.\-]*)["']?\s*[:=]\s*(.*)$`),
		pair: regexp.MustCompile(`"([A-Za-z_][A-Za-z0-9_.\-]*)"\s*:\s*"((?:[^"\\]|\\.)*)"`),
	}
}

// readSettings runs the rules for .env, YAML, TOML, JSON, INI: one setting a line, and in
// JSON wherever a pair stands.
func (s *Scanner) readSettings(name string, b []byte, report func(hit)) {
	dev := isDevelopment(name)
	env := strings.Contains(path.Base(name), ".env")
	json := strings.HasSuffix(name, ".json")
	s.settingLines(b, func(start, end int) {
		text := b[start:min(end, start+4096)]
		if json {
			for _, m := range s.settings.pair.FindAllSubmatchIndex(text, -1) {
				setting(string(text[m[2]:m[3]]), string(text[m[4]:m[5]]), start+m[2], start+m[4], report)
			}
		} else if m := s.settings.line.FindSubmatchIndex(text); m != nil {
			value, shift := settingValue(string(text[m[4]:m[5]]))
			key := string(text[m[2]:m[3]])
			setting(key, value, start+m[2], start+m[4]+shift, report)
			switchedOff(key, value, env, dev, start+m[2], report)
		}
	})
}

// settingLines visits the lines that have a word for which a rule asks.
func (s *Scanner) settingLines(b []byte, visit func(start, end int)) {
	done := 0
	line := func(w *word, at int) bool {
		if at >= done && w.bit == hasMisuse {
			start, end := lineAround(b[done:], at-done)
			visit(start+done, end+done)
			done += end
		}
		return true
	}
	if !s.every {
		s.skim[settings].each(b, line)
		return
	}
	for all := (&word{bit: hasMisuse}); done < len(b); done++ {
		line(all, done)
	}
}

// settingValue takes quotation marks and comments off.
func settingValue(v string) (string, int) {
	v = strings.TrimRight(v, " \t\r")
	if v != "" && (v[0] == '"' || v[0] == '\'') {
		if n := strings.IndexByte(v[1:], v[0]); n >= 0 {
			return v[1 : n+1], 1
		}
	}
	if n := strings.Index(v, " #"); n >= 0 {
		v = strings.TrimRight(v[:n], " \t")
	}
	return v, 0
}

func setting(key, value string, at, valueAt int, report func(hit)) {
	if literalSecret(classify(key), value) && !strings.ContainsAny(value, " \t") {
		report(hit{rule: hardcoded, at: at, mask: [2]int{valueAt, valueAt + len(value)}, label: key})
	} else if from, to, ok := urlPassword(value); ok {
		report(hit{rule: hardcoded, at: at, mask: [2]int{valueAt + from, valueAt + to}, label: key})
	}
}

// switchedOff judges settings that switch protection off.
func switchedOff(key, value string, env, dev bool, at int, report func(hit)) {
	low := strings.ToLower(value)
	off, up := low == "false" || low == "0" || low == "off" || low == "no", strings.ToUpper(key)
	switch {
	case up == "NODE_TLS_REJECT_UNAUTHORIZED" && value == "0", up == "PYTHONHTTPSVERIFY" && value == "0":
		report(hit{rule: tlsOff, at: at, label: key})
	case dev:
	case strings.HasSuffix(up, "COOKIE_SECURE") && off, strings.HasSuffix(up, "COOKIE_HTTPONLY") && !strings.Contains(up, "CSRF") && off, strings.HasSuffix(up, "COOKIE_SAMESITE") && (off || low == "none"):
		report(hit{rule: cookieWeak, at: at, label: key})
	case up == "WTF_CSRF_ENABLED" && off:
		report(hit{rule: csrfDisabled, at: at, label: key})
	case env && (up == "DEBUG" || up == "DJANGO_DEBUG" || up == "FLASK_DEBUG") && (low == "true" || low == "1"):
		report(hit{rule: debugOn, at: at})
	case env && strings.HasSuffix(up, "ALLOWED_HOSTS") && value == "*":
		report(hit{rule: hostsAny, at: at})
	default:
		if unit, ok := lifeUnit(key); ok {
			if s, ok := span(value, unit); ok && s > day {
				report(hit{rule: tokenLong, at: at, label: key})
			}
		}
	}
}
